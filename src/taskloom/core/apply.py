"""Apply: the state a task has after an event. Pure; never refuses, never decides.

The argument is left as it was; the answer is a copy with the event's fields in it.
"""

from collections.abc import Callable
from typing import Any, Final

from taskloom.core import failures, retry
from taskloom.core.events import (
    AnyTaskEvent,
    LeaseLost,
    TaskAssigned,
    TaskCancelled,
    TaskClaimed,
    TaskCompleted,
    TaskCreated,
    TaskDiscarded,
    TaskExtended,
    TaskFailed,
    TaskReadied,
    TaskReleased,
    TaskReopened,
    TaskReported,
    TaskResumed,
    TaskRetried,
    TaskSuspended,
    TaskUpdated,
)
from taskloom.core.limits import NEVER_MS
from taskloom.core.task import (
    CANCELLED,
    COMPLETED,
    FAILED,
    LEASED,
    READY,
    SUSPENDED,
    WAITING,
    Task,
)

LEASE_LOST: Final = "lease_lost"
"""The code of a failure that is a lost lease."""


def apply(task: Task | None, event: AnyTaskEvent, at: int) -> Task:
    """The task after `event` happened at `at` (Unix ms). `task` is None for its creation only."""
    if task is None:
        assert type(event) is TaskCreated, "only a creation has no task before it"
        return created(event, at)
    after: Task = task.__copy__()  # type: ignore[attr-defined]  # copy.copy takes twice as long to find it
    _APPLIERS[type(event)](after, event, at)
    return after


def created(event: TaskCreated, at: int) -> Task:
    """The task as its creation describes it."""
    made = event.create
    budget = retry.read(made.retry).retries if made.retry else None
    ready_at = NEVER_MS if made.blocked else made.ready_at
    waits = ready_at > at
    return Task(
        key=event.key,
        tenant=made.tenant,
        queue=made.queue,
        level=made.level,
        lane=made.lane,
        priority=made.priority,
        state=WAITING if waits else READY,
        dialect=made.dialect,
        created_at=at,
        flow=made.flow,
        root=made.root or made.flow or event.key,
        callback=bool(made.callback),
        start_by=made.start_by,
        run_ms=made.run_ms,
        retry=made.retry,
        ready_at=ready_at if waits else 0,
        expires_at=made.expires_at,
        retries=made.retries if budget is None else budget,
        losses_max=made.losses_max if budget is None else -1,
        loss_backoff_ms=made.loss_backoff_ms,
        assignee=made.assignee,
    )


def _wait_or_ready(task: Task, ready_at: int, at: int) -> None:
    waits = ready_at > at
    task.state = WAITING if waits else READY
    task.ready_at = ready_at if waits else 0
    task.lease_until = 0


def _note_failure(task: Task, code: str, message: str, at: int, *, held: bool = True) -> None:
    """The attempt that came to nothing goes into the record; must run before the lease is forgotten."""
    number, worker, began = (task.attempt, task.worker, task.started_at) if held else (0, "", 0)
    failure = failures.Failure(number, worker, began, at, code, message)
    task.failures = failures.added(task.failures, failure)


def _forget_lease(task: Task) -> None:
    task.token = 0
    task.worker = ""
    task.holder = ""
    task.lease_until = 0
    task.fenced = False


def _readied(task: Task, _event: TaskReadied, _at: int) -> None:
    task.state = READY
    task.ready_at = 0


def _claimed(task: Task, event: TaskClaimed, at: int) -> None:
    task.state = LEASED
    task.attempt = event.attempt
    task.token = event.token
    task.worker = event.worker
    task.holder = event.holder
    task.lease_until = event.lease_until
    task.started_at = at
    task.losses_max = event.losses_max
    task.fenced = event.fenced


def _extended(task: Task, event: TaskExtended, _at: int) -> None:
    task.lease_until = event.lease_until


def _reported(_task: Task, _event: TaskReported, _at: int) -> None:
    """Progress changes nothing about the task itself."""


def _released(task: Task, event: TaskReleased, at: int) -> None:
    _forget_lease(task)
    _wait_or_ready(task, event.ready_at, at)
    task.assignee = ""
    task.denied = event.denied
    task.denied_until = event.denied_until


def _lost(task: Task, event: LeaseLost, at: int) -> None:
    _note_failure(task, LEASE_LOST, "the lease ran out", at)
    task.losses += 1
    if task.retry:
        task.retries -= 1
    task.assignee = ""
    _wait_or_ready(task, event.ready_at, at)


def _retried(task: Task, event: TaskRetried, at: int) -> None:
    _note_failure(task, event.code, event.message, at)
    _forget_lease(task)
    _wait_or_ready(task, event.ready_at, at)
    task.retries = event.retries
    task.error_code = event.code
    task.error = event.message


def _suspended(task: Task, event: TaskSuspended, _at: int) -> None:
    _forget_lease(task)
    task.state = SUSPENDED
    task.ready_at = 0
    task.retries = event.retries
    task.error_code = event.code
    task.error = event.message


def _resumed(task: Task, event: TaskResumed, _at: int) -> None:
    task.state = READY
    task.retries = event.retries


def _assigned(task: Task, event: TaskAssigned, _at: int) -> None:
    if event.worker:
        # Whoever let the lease run out may finish late only as long as nobody else is meant to.
        _forget_lease(task)
    task.assignee = event.worker


def _updated(task: Task, event: TaskUpdated, _at: int) -> None:
    if event.priority is not None:
        task.priority = event.priority
    if event.retries is not None:
        task.retries = event.retries
    if event.lease_until is not None:
        task.lease_until = event.lease_until


def _completed(task: Task, event: TaskCompleted, at: int) -> None:
    task.state = COMPLETED
    task.finished_at = at
    task.finished_by = event.by
    task.result_key = event.result_key


def _failed(task: Task, event: TaskFailed, at: int) -> None:
    held = task.state == LEASED or bool(event.by)
    _note_failure(task, event.code, event.message, at, held=held)
    task.state = FAILED
    task.finished_at = at
    task.finished_by = event.by
    task.error_code = event.code
    task.error = event.message
    task.result_key = event.result_key


def _cancelled(task: Task, event: TaskCancelled, at: int) -> None:
    task.state = CANCELLED
    task.finished_at = at
    task.finished_by = event.by
    task.error = event.reason


def _reopened(task: Task, _event: TaskReopened, _at: int) -> None:
    """All deadlines are over, and a policy's budget is whole again; the record of failures stays."""
    _forget_lease(task)
    task.start_by = 0
    if task.retry:
        task.retries = retry.read(task.retry).retries
    task.state = READY
    task.finished_at = 0
    task.finished_by = ""
    task.result_key = 0
    task.error_code = ""
    task.error = ""
    task.losses = 0
    task.expires_at = 0


def _discarded(task: Task, _event: TaskDiscarded, _at: int) -> None:
    task.failures = ""


_APPLIERS: Final[dict[type[AnyTaskEvent], Callable[[Task, Any, int], None]]] = {
    TaskReadied: _readied,
    TaskClaimed: _claimed,
    TaskExtended: _extended,
    TaskReported: _reported,
    TaskReleased: _released,
    LeaseLost: _lost,
    TaskRetried: _retried,
    TaskSuspended: _suspended,
    TaskResumed: _resumed,
    TaskAssigned: _assigned,
    TaskUpdated: _updated,
    TaskCompleted: _completed,
    TaskFailed: _failed,
    TaskCancelled: _cancelled,
    TaskReopened: _reopened,
    TaskDiscarded: _discarded,
}
