"""A task: a unit of work somebody outside must finish, once."""

import enum
from typing import Final

from msgspec import Struct

from taskloom.core.limits import LEASE_LOSSES_DEFAULT, NEVER_MS


class TaskState(enum.IntEnum):
    """Where a task is in its life; the numbers are stored."""

    WAITING = 0
    READY = 1
    LEASED = 2
    SUSPENDED = 3
    COMPLETED = 4
    FAILED = 5
    CANCELLED = 6


# Plain names: an attribute look-up on an enum class costs more than the comparison it serves.
WAITING: Final = TaskState.WAITING
READY: Final = TaskState.READY
LEASED: Final = TaskState.LEASED
SUSPENDED: Final = TaskState.SUSPENDED
COMPLETED: Final = TaskState.COMPLETED
FAILED: Final = TaskState.FAILED
CANCELLED: Final = TaskState.CANCELLED

FINAL_STATES: Final = frozenset({COMPLETED, FAILED, CANCELLED})


class Task(Struct, gc=False, array_like=True):
    """One task as the rules see it. Never changed once published: `apply` works on a copy.

    Instants are Unix milliseconds, 0 means "none". The field order is the column order of the stores, and the
    order of a stored task itself: a new field goes to the end.
    """

    key: int
    tenant: str
    queue: str
    level: int
    """0..9, smaller is more urgent."""
    lane: str
    """Who shares the queue with whom: the submitting key, or "" where the dialect has one common line."""
    priority: int
    """Within a lane, higher first; then older first."""
    state: TaskState
    dialect: str
    """The dialect it was born in, and nothing a rule may ask for."""
    created_at: int
    flow: int = 0
    """The flow that owns it, 0 for none."""
    root: int = 0
    """The outermost flow; the task's own key when it has none."""
    callback: bool = False
    """Whether somebody asked to be called when it ends."""
    start_by: int = 0
    """When somebody must have begun with it; it counts until the first hand-out."""
    run_ms: int = 0
    """How long one attempt may last, however often its lease is extended."""
    retry: str = ""
    """The policy by which it is tried again, as `core.retry` writes it; "" for none."""
    ready_at: int = 0
    expires_at: int = 0
    retries: int = 0
    """Failures that are still forgiven."""
    losses: int = 0
    """Leases that ran out so far."""
    losses_max: int = LEASE_LOSSES_DEFAULT
    """Leases that may run out before the task fails; -1 for any number."""
    loss_backoff_ms: int = 0
    """Pause before it is offered again after a lease ran out."""
    attempt: int = 0
    """How often it was handed out; numbers are never used again."""
    token: int = 0
    """The lease token of the last attempt; kept after the lease ran out, 0 once given back or failed."""
    worker: str = ""
    holder: str = ""
    """The principal that claimed it."""
    started_at: int = 0
    """When the last attempt began."""
    lease_until: int = 0
    fenced: bool = False
    """Whether only the lease token opens it."""
    assignee: str = ""
    """A worker it is reserved for."""
    denied: str = ""
    """The worker that gave it back last and is not offered it before `denied_until`."""
    denied_until: int = 0
    finished_at: int = 0
    finished_by: str = ""
    result_key: int = 0
    """The payload that holds the result, 0 for none."""
    error_code: str = ""
    error: str = ""
    failures: str = ""
    """The last attempts that came to nothing, as `core.failures` writes them; "" for none."""

    @property
    def is_final(self) -> bool:
        """Whether the outcome is there, once and for all."""
        return self.state >= COMPLETED

    @property
    def is_dead(self) -> bool:
        """Whether it is a dead letter: failed for good, and neither replayed nor discarded."""
        return self.state == FAILED and self.failures != ""

    @property
    def due_at(self) -> int:
        """When the engine must look at it by itself: lease end, waking or a deadline, whichever is first."""
        if self.state == LEASED:
            first = self.lease_until
            if self.run_ms and self.started_at + self.run_ms < first:
                first = self.started_at + self.run_ms
        elif self.state == WAITING:
            first = self.ready_at
        else:
            first = NEVER_MS
        if self.attempt == 0 and 0 < self.start_by < first:
            first = self.start_by
        return self.expires_at if 0 < self.expires_at < first else first
