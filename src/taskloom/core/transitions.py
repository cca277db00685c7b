"""What may follow what: the life of a task as a table. The diagram in the docs is drawn from it.

Theory of operation. A task waits (for an instant or a condition), is ready, is leased to one worker, and ends
completed, failed or cancelled; suspended means that a person must act first. Only events move it. `decide`
produces an event only where this table has a row for it, and `apply` asserts so; a test walks every state and
every event. What is not in the table is refused and changes nothing.

A lease that ran out moves the task back but keeps the lost attempt's token: until somebody claims it anew,
the late worker may still finish. Giving back and failing forget the token.
"""

from typing import Final

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
from taskloom.core.task import (
    CANCELLED,
    COMPLETED,
    FAILED,
    LEASED,
    READY,
    SUSPENDED,
    WAITING,
    TaskState,
)

_SAME: Final[tuple[TaskState, ...]] = ()
"""Stands for "the state stays"."""

TRANSITIONS: Final[dict[type[AnyTaskEvent], dict[TaskState | None, tuple[TaskState, ...]]]] = {
    TaskCreated: {None: (READY, WAITING)},
    TaskReadied: {WAITING: (READY,)},
    TaskClaimed: {READY: (LEASED,)},
    TaskExtended: {LEASED: _SAME},
    TaskReported: {LEASED: _SAME, READY: _SAME, WAITING: _SAME},
    TaskReleased: {LEASED: (READY, WAITING)},
    LeaseLost: {LEASED: (READY, WAITING)},
    TaskRetried: {LEASED: (READY, WAITING), READY: (READY, WAITING), WAITING: (READY, WAITING)},
    TaskSuspended: {READY: (SUSPENDED,), WAITING: (SUSPENDED,), LEASED: (SUSPENDED,)},
    TaskResumed: {SUSPENDED: (READY,)},
    TaskAssigned: {READY: _SAME, WAITING: _SAME},
    TaskUpdated: {WAITING: _SAME, READY: _SAME, LEASED: _SAME, SUSPENDED: _SAME},
    TaskCompleted: {READY: (COMPLETED,), WAITING: (COMPLETED,), LEASED: (COMPLETED,)},
    TaskFailed: {
        READY: (FAILED,),
        WAITING: (FAILED,),
        LEASED: (FAILED,),
        SUSPENDED: (FAILED,),
    },
    TaskCancelled: {
        READY: (CANCELLED,),
        WAITING: (CANCELLED,),
        LEASED: (CANCELLED,),
        SUSPENDED: (CANCELLED,),
    },
    TaskReopened: {COMPLETED: (READY,), FAILED: (READY,), CANCELLED: (READY,)},
    TaskDiscarded: {FAILED: _SAME},
}
"""Event -> state before -> states it may lead to; an empty tuple leaves the state as it is."""


def successors(event: type[AnyTaskEvent], before: TaskState | None) -> tuple[TaskState, ...]:
    """The states an event may lead to from a state; empty when the event cannot happen there."""
    row = TRANSITIONS[event]
    if before not in row:
        return ()
    return row[before] or ((before,) if before is not None else ())
