"""Between tasks and the wire of the native API: states, keys, and one table from reasons to errors."""

from collections.abc import Sequence
from typing import Any, Final, get_args

import msgspec
from msgspec import UNSET, Raw

from taskloom.core.keys import KEY_LIMIT
from taskloom.core.rejections import Kind, Rejection
from taskloom.core.task import Task, TaskState
from taskloom.dialects.native.wire import instant
from taskloom.dialects.native.wire_tasks import (
    ClaimedTask,
    ItemError,
    ItemOutcome,
    Outcomes,
    TaskStateName,
    TaskSummary,
    TaskView,
)
from taskloom.dialects.operation import Refusal, Reply, Response
from taskloom.engine.outcome import Handout, Outcome

_STATES: Final[tuple[TaskStateName, ...]] = get_args(TaskStateName)
"""In the order of `TaskState`."""
_OVER: Final = frozenset({TaskState.CANCELLED, TaskState.FAILED})
_DIGITS: Final = 19
_NO_KEY: Final = 0
_NO_TOKEN: Final = -1

_ERRORS: Final[dict[Kind, ItemError]] = {
    Kind.NOT_FOUND: ItemError("not_found", "there is no such task"),
    Kind.FINAL: ItemError("already_final", "the task has ended, and this changes nothing"),
    Kind.WRONG_STATE: ItemError("wrong_state", "the task cannot do this now"),
    Kind.NOT_CLAIMED: ItemError("not_claimed", "nobody has claimed the task"),
    Kind.STALE_LEASE: ItemError("stale_lease", "the lease is over, or another worker claimed the task"),
    Kind.TOKEN_MISSING: ItemError("lease_token_required", "the lease_token is needed for this task"),
    Kind.NOT_HOLDER: ItemError("not_holder", "another worker has claimed the task"),
    Kind.ALREADY_ASSIGNED: ItemError("reserved", "the task is reserved for another worker"),
    Kind.CONSUMED: ItemError("consumed", "others have gone on with the outcome"),
    Kind.INVALID: ItemError("invalid", "this cannot be carried out"),
    Kind.ALREADY_EXISTS: ItemError("conflict", "it is there already"),
    Kind.VERSION_CONFLICT: ItemError("conflict", "somebody else changed it at the same time"),
    Kind.KEY_REUSED: ItemError("idempotency_key_reused", "the Idempotency-Key came with another body before"),
    Kind.QUEUE_FULL: ItemError("queue_full", "the queue is full"),
    Kind.OVERLOADED: ItemError("overloaded", "the server cannot store more now"),
    Kind.FAULT: ItemError("internal", "an unexpected fault"),
}


def key_of(text: str) -> int:
    """The key a string spells, else one that nothing has."""
    number = _number(text)
    return number if 0 < number < KEY_LIMIT else _NO_KEY


def token_of(text: str | None) -> int | None:
    """The lease token a string spells, else one that fits nothing; None where none was sent."""
    return None if text is None else _number(text)


def _number(text: str) -> int:
    return int(text) if len(text) <= _DIGITS and text.isascii() and text.isdigit() else _NO_TOKEN


def error(rejection: Rejection) -> ItemError:
    """Why an item was refused; a flow's own code and sentence win over the table's."""
    plain = _ERRORS[rejection.kind]
    if not rejection.code:
        return plain
    return ItemError(rejection.code, rejection.detail or plain.detail)


def refused(rejection: Rejection) -> Refusal:
    """The refusal of a whole call, which only an overload or a fault brings about."""
    if rejection.kind is Kind.OVERLOADED:
        return Refusal(503, "overloaded", _ERRORS[Kind.OVERLOADED].detail, retry_after_s=1)
    plain = error(rejection)
    return Refusal(500 if rejection.kind is Kind.FAULT else 409, plain.code, plain.detail)


def refused_task(rejection: Rejection) -> Refusal:
    """The refusal of a call about one task."""
    if rejection.kind is Kind.NOT_FOUND:
        return Refusal(404, "not_found", _ERRORS[Kind.NOT_FOUND].detail)
    return refused(rejection)


def told(items: list[ItemOutcome], outcomes: Sequence[Outcome]) -> Reply:
    """The answer to a call with items; one that overload kept from doing anything is refused whole."""
    if outcomes and all(isinstance(one, Rejection) and one.kind is Kind.OVERLOADED for one in outcomes):
        return refused(Rejection(Kind.OVERLOADED))
    return Response(body=msgspec.json.encode(Outcomes(items)))


def finished(keys: Sequence[str], outcomes: Sequence[Outcome]) -> Reply:
    """The answer to commands on tasks: each task's state, or the error."""
    items = [
        ItemOutcome(key, error=error(outcome))
        if isinstance(outcome, Rejection)
        else ItemOutcome(key, _STATES[outcome.reply.state])
        for key, outcome in zip(keys, outcomes, strict=True)
    ]
    return told(items, outcomes)


def gone_on(keys: Sequence[str], outcomes: Sequence[Outcome]) -> Reply:
    """The answer to workers that go on: each task's state, and whether its worker may stop."""
    items = []
    for key, outcome in zip(keys, outcomes, strict=True):
        if isinstance(outcome, Rejection):
            ended = outcome.task is not None and outcome.task.state in _OVER
            items.append(ItemOutcome(key, cancelled=ended or UNSET, error=error(outcome)))
        else:
            items.append(ItemOutcome(key, _STATES[outcome.reply.state], outcome.reply.state in _OVER))
    return told(items, outcomes)


def handed_out(handout: Handout) -> ClaimedTask:
    """A task as its worker receives it."""
    task = handout.task
    return ClaimedTask(
        key=str(task.key),
        queue=task.queue,
        level=task.level,
        attempt=task.attempt,
        lease_token=str(task.token),
        lease_until=instant(task.lease_until),
        attributes=Raw(handout.attributes),
        input=Raw(handout.input),
    )


def state_name(state: TaskState) -> TaskStateName:
    """A state as the wire spells it."""
    return _STATES[state]


def _plain(task: Task) -> dict[str, Any]:
    """What a list shows of a task."""
    failed = task.error_code or task.error
    return {
        "key": str(task.key),
        "tenant": task.tenant,
        "queue": task.queue,
        "level": task.level,
        "priority": task.priority,
        "state": _STATES[task.state],
        "dialect": task.dialect,
        "attempt": task.attempt,
        "retries": task.retries,
        "worker": task.worker,
        "created_at": instant(task.created_at),
        "ready_at": instant(task.ready_at),
        "expires_at": instant(task.expires_at),
        "lease_until": instant(task.lease_until),
        "finished_at": instant(task.finished_at),
        "finished_by": task.finished_by,
        "error": ItemError(task.error_code, task.error) if failed else None,
    }


def summary(task: Task) -> TaskSummary:
    """A task as a list shows it."""
    return TaskSummary(**_plain(task))


def view(task: Task, attributes: bytes, data: bytes, result: bytes | None) -> TaskView:
    """A task as it is now."""
    return TaskView(
        **_plain(task),
        attributes=Raw(attributes),
        input=Raw(data),
        result=UNSET if not task.is_final else Raw(b"null" if result is None else result),
    )
