"""Jobs as they are listed: tasks, with the states of the original told from the task's own columns."""

from typing import Any

from taskloom.core.task import CANCELLED, COMPLETED, FAILED, LEASED, READY, SUSPENDED, WAITING
from taskloom.dialects.processes import answers
from taskloom.dialects.processes.filter_kinds import (
    DATE,
    INTEGER,
    KEY,
    KEY_IN_ATTRIBUTES,
    TENANT,
    TEXT,
    one_of,
)
from taskloom.dialects.processes.filters import NOTHING, Column, Fields, Flag, Words
from taskloom.dialects.processes.searching import Entity
from taskloom.dialects.processes.tasks import attributes_of
from taskloom.dialects.processes.translate import date_text, key_text, optional_date, tenant_text
from taskloom.dialects.processes.vocabulary import JOB_KIND, LISTENER
from taskloom.flows.bpmn.job_tasks import DIALECT
from taskloom.views.tasks import TASKS
from taskloom.views.view import EVERYTHING, And, Compare, Exists, Filter, In, Not, Or

_NEVER = Words({}, TEXT)


def _state(*states: int) -> Filter:
    return In("state", states)


FAILED_AND_OFFERED = Or(
    (
        _state(WAITING),
        And((_state(READY), Compare("attempt", "gt", 0), Not(Exists("losses")))),
    )
)
"""Failed and offered again, at once or after a pause."""
_JOB_STATES: dict[str, Filter] = {
    "CANCELED": _state(CANCELLED),
    "COMPLETED": _state(COMPLETED),
    "CREATED": Or((_state(LEASED), And((_state(READY), Not(Exists("attempt")))))),
    "ERROR_THROWN": And((_state(SUSPENDED), Exists("error_code"))),
    "FAILED": Or((_state(FAILED), And((_state(SUSPENDED), Not(Exists("error_code")))), FAILED_AND_OFFERED)),
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


def job_item(row: dict[str, Any]) -> answers.Job:
    """A job."""
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
        deadline=optional_date(row["lease_until"]),
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
            "hasFailedWithRetriesLeft": Flag(And((FAILED_AND_OFFERED, Exists("retries")))),
            "isDenied": Flag(NOTHING),
            "jobKey": Column("key", KEY),
            "kind": Words({"BPMN_ELEMENT": EVERYTHING}, JOB_KIND),
            "listenerEventType": Words({"UNSPECIFIED": EVERYTHING}, LISTENER),
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
    job_item,
    Compare("dialect", "eq", DIALECT),
)
