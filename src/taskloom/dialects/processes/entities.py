"""What can be listed: process instances, element instances, incidents, process definitions.

One table per entity says which field of the wire is which column; a new entity is a new table.
"""

from taskloom.dialects.processes.entity_jobs import FAILED_AND_OFFERED
from taskloom.dialects.processes.filter_kinds import DATE, INTEGER, KEY, TENANT, TEXT
from taskloom.dialects.processes.filters import NOTHING, Column, Fields, Flag, Relation, Tags, Words
from taskloom.dialects.processes.items import definition_item, element_item, incident_item, instance_item
from taskloom.dialects.processes.searching import Entity
from taskloom.dialects.processes.vocabulary import (
    DEFINITION_STATE,
    ELEMENT_STATE,
    ELEMENT_TYPE,
    INCIDENT_STATE,
    INCIDENT_TYPE,
    INSTANCE_STATE,
)
from taskloom.views import processes as views
from taskloom.views.tasks import TASKS
from taskloom.views.view import EVERYTHING, And, Compare, Exists, Not

_NEVER = Words({}, TEXT)

INSTANCES = Entity(
    "Process Instance",
    views.INSTANCES.name,
    Fields(
        {
            "processDefinitionId": Column("process", TEXT),
            "processDefinitionName": Column("name", TEXT),
            "processDefinitionVersion": Column("version", INTEGER),
            "processDefinitionVersionTag": Column("version_tag", TEXT),
            "processDefinitionKey": Column("definition", KEY),
            "startDate": Column("started_at", DATE),
            "endDate": Column("ended_at", DATE),
            "state": Column("state", INSTANCE_STATE),
            "hasIncident": Flag(Exists("has_incident")),
            "suspendedDate": Words({}, DATE),
            "tenantId": Column("tenant", TENANT),
            "processInstanceKey": Column("key", KEY),
            "parentProcessInstanceKey": Column("parent", KEY),
            "parentElementInstanceKey": Column("parent_element", KEY),
            "batchOperationId": _NEVER,
            "batchOperationKey": _NEVER,
            "errorMessage": Column("message", TEXT, "incidents"),
            "hasRetriesLeft": Flag(And((FAILED_AND_OFFERED, Exists("retries"))), "jobs"),
            "elementId": Column("element", TEXT, "elements"),
            "elementInstanceState": Column("state", ELEMENT_STATE, "elements"),
            "hasElementInstanceIncident": Flag(Exists("incident"), "elements"),
            "tags": Tags("tags", views.TAG_MARK),
            "businessId": Column("business_id", TEXT),
        },
        {
            "elements": Relation(
                views.ELEMENTS.name, "instance", "key", Not(Compare("type", "eq", "PROCESS"))
            ),
            "incidents": Relation(
                views.INCIDENTS.name, "instance", "key", Compare("state", "eq", views.ACTIVE)
            ),
            "jobs": Relation(TASKS.name, "flow", "key"),
        },
        has_alternatives=True,
        unsupported=frozenset({"variables", "incidentErrorHashCode"}),
    ),
    {
        "processInstanceKey": "key",
        "processDefinitionId": "process",
        "processDefinitionName": "name",
        "processDefinitionVersion": "version",
        "processDefinitionVersionTag": "version_tag",
        "processDefinitionKey": "definition",
        "parentProcessInstanceKey": "parent",
        "parentElementInstanceKey": "parent_element",
        "startDate": "started_at",
        "endDate": "ended_at",
        "suspendedDate": "",
        "state": "state",
        "hasIncident": "has_incident",
        "tenantId": "tenant",
        "businessId": "business_id",
    },
    instance_item,
)

ELEMENTS = Entity(
    "Element Instance",
    views.ELEMENTS.name,
    Fields(
        {
            "processDefinitionId": Column("process", TEXT),
            "state": Column("state", ELEMENT_STATE),
            "type": Column("type", ELEMENT_TYPE),
            "elementId": Column("element", TEXT),
            "elementName": Column("name", TEXT),
            "hasIncident": Flag(Exists("incident")),
            "tenantId": Column("tenant", TENANT),
            "elementInstanceKey": Column("key", KEY),
            "processInstanceKey": Column("instance", KEY),
            "processDefinitionKey": Column("definition", KEY),
            "incidentKey": Column("incident", KEY),
            "startDate": Column("started_at", DATE),
            "endDate": Column("ended_at", DATE),
            "elementInstanceScopeKey": Column("scope", KEY),
        },
        has_alternatives=True,
    ),
    {
        "elementInstanceKey": "key",
        "processInstanceKey": "instance",
        "processDefinitionKey": "definition",
        "processDefinitionId": "process",
        "startDate": "started_at",
        "endDate": "ended_at",
        "elementId": "element",
        "elementName": "name",
        "type": "type",
        "state": "state",
        "incidentKey": "incident",
        "tenantId": "tenant",
    },
    element_item,
)

INCIDENTS = Entity(
    "Incident",
    views.INCIDENTS.name,
    Fields(
        {
            "processDefinitionId": Column("process", TEXT),
            "errorType": Column("kind", INCIDENT_TYPE),
            "errorMessage": Column("message", TEXT),
            "elementId": Column("element", TEXT),
            "creationTime": Column("created_at", DATE),
            "state": Column("state", INCIDENT_STATE),
            "tenantId": Column("tenant", TENANT),
            "incidentKey": Column("key", KEY),
            "processDefinitionKey": Column("definition", KEY),
            "processInstanceKey": Column("instance", KEY),
            "elementInstanceKey": Column("element_instance", KEY),
            "jobKey": Column("job", KEY),
        }
    ),
    {
        "incidentKey": "key",
        "processDefinitionKey": "definition",
        "processDefinitionId": "process",
        "processInstanceKey": "instance",
        "errorType": "kind",
        "elementId": "element",
        "elementInstanceKey": "element_instance",
        "creationTime": "created_at",
        "state": "state",
        "jobKey": "job",
        "tenantId": "tenant",
    },
    incident_item,
)

DEFINITIONS = Entity(
    "Process Definition",
    views.DEFINITIONS.name,
    Fields(
        {
            "name": Column("name", TEXT),
            "isLatestVersion": Flag(Exists("is_latest")),
            "resourceName": Column("resource_name", TEXT),
            "version": Column("version", INTEGER),
            "versionTag": Column("version_tag", TEXT),
            "processDefinitionId": Column("process", TEXT),
            "tenantId": Column("tenant", TENANT),
            "processDefinitionKey": Column("key", KEY),
            "hasStartForm": Flag(NOTHING),
            "state": Words({"ACTIVE": EVERYTHING}, DEFINITION_STATE),
        }
    ),
    {
        "processDefinitionKey": "key",
        "name": "name",
        "resourceName": "resource_name",
        "version": "version",
        "versionTag": "version_tag",
        "processDefinitionId": "process",
        "tenantId": "tenant",
    },
    definition_item,
)
