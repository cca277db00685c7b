"""What can be listed: process instances, element instances, incidents, jobs, process definitions.

One table per entity says which field of the wire is which column; a new entity is a new table.
"""

from typing import Any

from taskloom.core.task import CANCELLED, COMPLETED, FAILED, LEASED, READY, SUSPENDED, WAITING
from taskloom.dialects.processes import answers
from taskloom.dialects.processes.filters import (
    DATE,
    INTEGER,
    KEY,
    KEY_IN_ATTRIBUTES,
    NOTHING,
    TENANT,
    TEXT,
    Column,
    Fields,
    Flag,
    Relation,
    Tags,
    Words,
    one_of,
)
from taskloom.dialects.processes.searching import Entity
from taskloom.dialects.processes.tasks import attributes_of
from taskloom.dialects.processes.translate import (
    date_text,
    key_text,
    optional_date,
    optional_key,
    tenant_text,
)
from taskloom.flows.bpmn.flow import DIALECT
from taskloom.views import processes as views
from taskloom.views.tasks import TASKS
from taskloom.views.view import EVERYTHING, And, Compare, Exists, Filter, In, Not, Or

_INSTANCE_STATE = one_of("ACTIVE", "COMPLETED", "SUSPENDED", "TERMINATED")
_ELEMENT_STATE = one_of("ACTIVE", "COMPLETED", "TERMINATED")
_ELEMENT_TYPE = one_of(
    "UNSPECIFIED",
    "PROCESS",
    "SUB_PROCESS",
    "EVENT_SUB_PROCESS",
    "AD_HOC_SUB_PROCESS",
    "AD_HOC_SUB_PROCESS_INNER_INSTANCE",
    "START_EVENT",
    "INTERMEDIATE_CATCH_EVENT",
    "INTERMEDIATE_THROW_EVENT",
    "BOUNDARY_EVENT",
    "END_EVENT",
    "SERVICE_TASK",
    "RECEIVE_TASK",
    "USER_TASK",
    "MANUAL_TASK",
    "TASK",
    "EXCLUSIVE_GATEWAY",
    "INCLUSIVE_GATEWAY",
    "PARALLEL_GATEWAY",
    "EVENT_BASED_GATEWAY",
    "SEQUENCE_FLOW",
    "MULTI_INSTANCE_BODY",
    "CALL_ACTIVITY",
    "BUSINESS_RULE_TASK",
    "SCRIPT_TASK",
    "SEND_TASK",
    "UNKNOWN",
)
_INCIDENT_STATE = one_of("ACTIVE", "MIGRATED", "PENDING", "RESOLVED", "UNKNOWN")
_INCIDENT_TYPE = one_of(
    "AD_HOC_SUB_PROCESS_NO_RETRIES",
    "CALLED_DECISION_ERROR",
    "CALLED_ELEMENT_ERROR",
    "CONDITION_ERROR",
    "DECISION_EVALUATION_ERROR",
    "EXECUTION_LISTENER_NO_RETRIES",
    "EXTRACT_VALUE_ERROR",
    "FORM_NOT_FOUND",
    "IO_MAPPING_ERROR",
    "JOB_NO_RETRIES",
    "MESSAGE_SIZE_EXCEEDED",
    "RESOURCE_NOT_FOUND",
    "SECRET_RESOLUTION_ERROR",
    "TASK_LISTENER_NO_RETRIES",
    "UNHANDLED_ERROR_EVENT",
    "UNKNOWN",
    "UNSPECIFIED",
)
_JOB_KIND = one_of("BPMN_ELEMENT", "EXECUTION_LISTENER", "TASK_LISTENER", "AD_HOC_SUB_PROCESS")
_LISTENER = one_of(
    "ASSIGNING",
    "BEFORE_ALL",
    "CANCEL",
    "CANCELING",
    "COMPLETING",
    "CREATING",
    "END",
    "START",
    "UNSPECIFIED",
    "UPDATING",
)
_DEFINITION_STATE = one_of("ACTIVE", "DRAINING", "DELETED")


def _state(*states: int) -> Filter:
    return In("state", states)


_FAILED_AND_OFFERED = Or(
    (
        _state(WAITING),
        And((_state(READY), Compare("attempt", "gt", 0), Not(Exists("losses")))),
    )
)
_JOB_STATES = {
    "CANCELED": _state(CANCELLED),
    "COMPLETED": _state(COMPLETED),
    "CREATED": Or((_state(LEASED), And((_state(READY), Not(Exists("attempt")))))),
    "ERROR_THROWN": And((_state(SUSPENDED), Exists("error_code"))),
    "FAILED": Or((_state(FAILED), And((_state(SUSPENDED), Not(Exists("error_code")))), _FAILED_AND_OFFERED)),
    "MIGRATED": NOTHING,
    "PRIORITY_UPDATED": NOTHING,
    "RETRIES_UPDATED": NOTHING,
    "TIMEOUT_UPDATED": NOTHING,
    "TIMED_OUT": And((_state(READY), Exists("losses"), Compare("attempt", "gt", 0))),
}
"""The states of the original's job history as far as a task tells them apart."""


def job_state(row: dict[str, Any]) -> str:
    """The word of `_JOB_STATES` whose filter a row fulfils."""
    state = row["state"]
    if state == READY and row["attempt"]:
        return "TIMED_OUT" if row["losses"] else "FAILED"
    if state == SUSPENDED:
        return "ERROR_THROWN" if row["error_code"] else "FAILED"
    return _PLAIN_STATES[state]


_PLAIN_STATES = {
    WAITING: "FAILED",
    READY: "CREATED",
    LEASED: "CREATED",
    COMPLETED: "COMPLETED",
    FAILED: "FAILED",
    CANCELLED: "CANCELED",
}


def _instance(row: dict[str, Any]) -> answers.ProcessInstance:
    return answers.ProcessInstance(
        process_instance_key=key_text(row["key"]),
        process_definition_key=key_text(row["definition"]),
        process_definition_id=row["process"],
        process_definition_name=row["name"] or None,
        process_definition_version=row["version"],
        process_definition_version_tag=row["version_tag"] or None,
        start_date=date_text(row["started_at"]),
        end_date=optional_date(row["ended_at"]),
        state=row["state"],
        has_incident=bool(row["has_incident"]),
        tenant_id=tenant_text(row["tenant"]),
        parent_process_instance_key=optional_key(row["parent"]),
        parent_element_instance_key=optional_key(row["parent_element"]),
        root_process_instance_key=key_text(row["key"]),
        tags=[tag for tag in row["tags"].split(views.TAG_MARK) if tag],
        business_id=row["business_id"] or None,
    )


def _element(row: dict[str, Any]) -> answers.ElementInstance:
    instance = key_text(row["instance"])
    return answers.ElementInstance(
        element_instance_key=key_text(row["key"]),
        process_instance_key=instance,
        root_process_instance_key=instance,
        process_definition_key=key_text(row["definition"]),
        process_definition_id=row["process"],
        element_id=row["element"],
        element_name=row["name"] or row["element"],
        type=row["type"],
        state=row["state"],
        start_date=date_text(row["started_at"]),
        end_date=optional_date(row["ended_at"]),
        has_incident=bool(row["incident"]),
        incident_key=optional_key(row["incident"]),
        tenant_id=tenant_text(row["tenant"]),
    )


def _incident(row: dict[str, Any]) -> answers.Incident:
    instance = key_text(row["instance"])
    return answers.Incident(
        incident_key=key_text(row["key"]),
        error_type=row["kind"],
        error_message=row["message"],
        state=row["state"],
        creation_time=date_text(row["created_at"]),
        element_id=row["element"],
        element_instance_key=key_text(row["element_instance"]),
        job_key=optional_key(row["job"]),
        process_instance_key=instance,
        root_process_instance_key=instance,
        process_definition_key=key_text(row["definition"]),
        process_definition_id=row["process"],
        tenant_id=tenant_text(row["tenant"]),
    )


def _job(row: dict[str, Any]) -> answers.Job:
    where = attributes_of(row["key"], row["attributes"])
    state = job_state(row)
    is_open = row["state"] in (WAITING, READY)
    return answers.Job(
        job_key=key_text(row["key"]),
        type=row["queue"],
        worker=row["worker"],
        state=state,
        retries=row["retries"],
        priority=row["priority"],
        custom_headers=where.headers,
        deadline=optional_date(row["lease_until"] if row["state"] == LEASED else 0),
        creation_time=date_text(row["created_at"]),
        end_time=optional_date(row["finished_at"]),
        last_update_time=date_text(row["finished_at"] or row["created_at"]),
        error_code=row["error_code"] or None,
        error_message=row["error"] or None,
        has_failed_with_retries_left=state == "FAILED" and is_open and row["retries"] > 0,
        element_id=where.element,
        element_instance_key=where.element_instance,
        process_instance_key=key_text(row["flow"]),
        root_process_instance_key=key_text(row["root"]),
        process_definition_id=where.process,
        process_definition_key=where.definition,
        business_id=where.business_id or None,
        tenant_id=tenant_text(row["tenant"]),
    )


def _definition(row: dict[str, Any]) -> answers.ProcessDefinition:
    return answers.ProcessDefinition(
        process_definition_key=key_text(row["key"]),
        process_definition_id=row["process"],
        name=row["name"] or None,
        version=row["version"],
        version_tag=row["version_tag"] or None,
        resource_name=row["resource_name"],
        tenant_id=tenant_text(row["tenant"]),
    )


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
            "state": Column("state", _INSTANCE_STATE),
            "hasIncident": Flag(Exists("has_incident")),
            "suspendedDate": Words({}, DATE),
            "tenantId": Column("tenant", TENANT),
            "processInstanceKey": Column("key", KEY),
            "parentProcessInstanceKey": Column("parent", KEY),
            "parentElementInstanceKey": Column("parent_element", KEY),
            "batchOperationId": _NEVER,
            "batchOperationKey": _NEVER,
            "errorMessage": Column("message", TEXT, "incidents"),
            "hasRetriesLeft": Flag(And((_FAILED_AND_OFFERED, Exists("retries"))), "jobs"),
            "elementId": Column("element", TEXT, "elements"),
            "elementInstanceState": Column("state", _ELEMENT_STATE, "elements"),
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
    _instance,
)

ELEMENTS = Entity(
    "Element Instance",
    views.ELEMENTS.name,
    Fields(
        {
            "processDefinitionId": Column("process", TEXT),
            "state": Column("state", _ELEMENT_STATE),
            "type": Column("type", _ELEMENT_TYPE),
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
    _element,
)

INCIDENTS = Entity(
    "Incident",
    views.INCIDENTS.name,
    Fields(
        {
            "processDefinitionId": Column("process", TEXT),
            "errorType": Column("kind", _INCIDENT_TYPE),
            "errorMessage": Column("message", TEXT),
            "elementId": Column("element", TEXT),
            "creationTime": Column("created_at", DATE),
            "state": Column("state", _INCIDENT_STATE),
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
    _incident,
)

JOBS = Entity(
    "Job",
    TASKS.name,
    Fields(
        {
            "deadline": Column("lease_until", DATE),
            "deniedReason": _NEVER,
            "elementId": Column("attributes.element", TEXT),
            "elementInstanceKey": Column("attributes.element_instance", KEY_IN_ATTRIBUTES),
            "endTime": Column("finished_at", DATE),
            "errorCode": Column("error_code", TEXT),
            "errorMessage": Column("error", TEXT),
            "hasFailedWithRetriesLeft": Flag(And((_FAILED_AND_OFFERED, Exists("retries")))),
            "isDenied": Flag(NOTHING),
            "jobKey": Column("key", KEY),
            "kind": Words({"BPMN_ELEMENT": EVERYTHING}, _JOB_KIND),
            "listenerEventType": Words({"UNSPECIFIED": EVERYTHING}, _LISTENER),
            "priority": Column("priority", INTEGER),
            "processDefinitionId": Column("attributes.process", TEXT),
            "processDefinitionKey": Column("attributes.definition", KEY_IN_ATTRIBUTES),
            "processInstanceKey": Column("flow", KEY),
            "retries": Column("retries", INTEGER),
            "state": Words(_JOB_STATES, one_of(*_JOB_STATES)),
            "tenantId": Column("tenant", TENANT),
            "type": Column("queue", TEXT),
            "worker": Column("worker", TEXT),
            "creationTime": Column("created_at", DATE),
        },
        unsupported=frozenset({"lastUpdateTime"}),
    ),
    {
        "creationTime": "created_at",
        "deadline": "lease_until",
        "deniedReason": "",
        "elementId": "attributes.element",
        "elementInstanceKey": "attributes.element_instance",
        "endTime": "finished_at",
        "errorCode": "error_code",
        "errorMessage": "error",
        "hasFailedWithRetriesLeft": "",
        "isDenied": "",
        "jobKey": "key",
        "kind": "",
        "listenerEventType": "",
        "priority": "priority",
        "processDefinitionId": "attributes.process",
        "processDefinitionKey": "attributes.definition",
        "processInstanceKey": "flow",
        "retries": "retries",
        "state": "state",
        "tenantId": "tenant",
        "type": "queue",
        "worker": "worker",
    },
    _job,
    Compare("dialect", "eq", DIALECT),
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
            "state": Words({"ACTIVE": EVERYTHING}, _DEFINITION_STATE),
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
    _definition,
)
