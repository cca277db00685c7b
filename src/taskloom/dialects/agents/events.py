"""Events of the core as this wire tells them: type, payload, metadata. One row of a table per event."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec
from msgspec import Struct

from taskloom.core import events as core
from taskloom.core.task import Task
from taskloom.dialects.agents import translate


class Moment(Struct, gc=False):
    """What a translation may know beside the event: when, of which task, what the task says about itself."""

    at: int
    task: Task
    about: translate.Attributes

    @property
    def id(self) -> str:
        """The task on the wire."""
        return translate.spelled(self.task.key)


Told = tuple[str, dict[str, Any], dict[str, Any]]
"""(type, payload, metadata)."""


def _created(event: core.TaskCreated, moment: Moment) -> Told:
    made = event.create
    about = translate.attributes(made.dialect, made.queue, made.attributes)
    payload = {
        "id": moment.id,
        "text": about.text,
        "status": "pending",
        "priority": made.priority,
        "createdAt": translate.instant(moment.at),
    }
    return "task.created", payload, {"createdBy": made.by}


def _claimed(event: core.TaskClaimed, moment: Moment) -> Told:
    metadata = {"claimedAt": translate.instant(moment.at), "claimEpoch": event.attempt}
    return "task.claimed", {"taskId": moment.id, "workerId": event.worker}, metadata


def _released(event: core.TaskReleased, moment: Moment) -> Told:
    if event.by == event.previous:
        return "task.released", {"taskId": moment.id, "workerId": event.by}, {"releasedBy": event.by}
    return _unassigned(event.previous, event.by, moment)


def _unassigned(previous: str, by: str, moment: Moment) -> Told:
    payload = {"taskId": moment.id, "previousAssignment": previous or None}
    return "task.unassigned", payload, {"unassignedBy": by, "unassignedAt": translate.instant(moment.at)}


def _reclaimed(event: core.LeaseLost, moment: Moment) -> Told:
    payload = {"taskId": moment.id, "previousAssignment": event.previous or None, "reason": "lease expired"}
    return "task.reclaimed", payload, {}


def _assigned(event: core.TaskAssigned, moment: Moment) -> Told:
    if not event.worker:
        return _unassigned(event.previous, event.by, moment)
    payload = {
        "taskId": moment.id,
        "instanceId": event.worker,
        "previousAssignment": event.previous or None,
    }
    return "task.assigned", payload, {"assignedBy": event.by}


def _updated(event: core.TaskUpdated, moment: Moment) -> Told:
    laid = {} if event.attributes is None else msgspec.json.decode(event.attributes, type=dict[str, Any])
    changes: list[str] = [name for name in ("text", "metadata") if name in laid]
    if event.priority is not None:
        changes.append("priority")
    payload = {
        "id": moment.id,
        "text": laid.get("text", moment.about.text),
        "status": translate.status(moment.task),
        "priority": moment.task.priority if event.priority is None else event.priority,
        "createdAt": translate.instant(moment.task.created_at),
        "updatedAt": translate.instant(moment.at),
    }
    return "task.updated", payload, {"updatedBy": event.by, "changes": changes}


def _ended(status: str, by: str, moment: Moment, **more: Any) -> Told:
    payload = {"id": moment.id, "status": status, "duration": moment.at - moment.task.created_at}
    return "task.completed", payload, {"completedBy": by or None, **more}


def _completed(event: core.TaskCompleted, moment: Moment) -> Told:
    return _ended("completed", event.by, moment)


def _failed(event: core.TaskFailed, moment: Moment) -> Told:
    return _ended("failed", event.by, moment, error=event.message)


def _cancelled(event: core.TaskCancelled, moment: Moment) -> Told:
    return _ended("failed", event.by, moment, error=event.reason, cancelled=True)


def _retried(event: core.TaskRetried, moment: Moment) -> Told:
    payload = {"taskId": moment.id, "retries": event.retries, "error": event.message}
    return "task.retried", payload, {}


def _suspended(event: core.TaskSuspended, moment: Moment) -> Told:
    return "task.suspended", {"taskId": moment.id, "error": event.message}, {}


def _resumed(_event: core.TaskResumed, moment: Moment) -> Told:
    return "task.resumed", {"taskId": moment.id}, {}


def _reopened(event: core.TaskReopened, moment: Moment) -> Told:
    return "task.reopened", {"id": moment.id, "status": "pending"}, {"reopenedBy": event.by}


TOLD: Final[Mapping[type[Any], Callable[[Any, Moment], Told]]] = {
    core.TaskCreated: _created,
    core.TaskClaimed: _claimed,
    core.TaskReleased: _released,
    core.LeaseLost: _reclaimed,
    core.TaskAssigned: _assigned,
    core.TaskUpdated: _updated,
    core.TaskCompleted: _completed,
    core.TaskFailed: _failed,
    core.TaskCancelled: _cancelled,
    core.TaskRetried: _retried,
    core.TaskSuspended: _suspended,
    core.TaskResumed: _resumed,
    core.TaskReopened: _reopened,
}
"""Event of the core -> how it is told. What is not here (a lease that was extended) is nobody's news."""

TYPES: Final = (
    "task.created",
    "task.assigned",
    "task.unassigned",
    "task.claimed",
    "task.released",
    "task.reclaimed",
    "task.updated",
    "task.retried",
    "task.suspended",
    "task.resumed",
    "task.completed",
    "task.reopened",
)


def before_a_claim(event: core.TaskClaimed, moment: Moment) -> tuple[Told, Told]:
    """The original tells a claim three times: as an assignment, as an update, and as what it is."""
    assigned = core.TaskAssigned(event.key, event.worker, "", event.worker)
    kind, payload, _ = _updated(core.TaskUpdated(event.key, by=event.worker), moment)
    metadata = {"updatedBy": event.worker, "changes": ["status"]}
    return _assigned(assigned, moment), (kind, payload | {"status": "in_progress"}, metadata)
