"""Events: what has happened to a task, in the past tense.

An event holds all that `apply` needs, so the state of a task is the fold of its events. The instant stands
once in the journal entry that carries the event. The tags are stored: never reuse one.
"""

from msgspec import Struct

from taskloom.core.commands import Create, LaneSetting


class TaskEvent(Struct, frozen=True, gc=False, tag_field="e", array_like=True):
    """What every event of a task begins with."""

    key: int


class TaskCreated(TaskEvent, frozen=True, gc=False, tag="created", array_like=True):
    """A task is there: ready, or waiting for an instant."""

    create: Create
    input_key: int = 0


class TaskReadied(TaskEvent, frozen=True, gc=False, tag="readied", array_like=True):
    """Its instant or its condition has come; workers may claim it."""


class TaskClaimed(TaskEvent, frozen=True, gc=False, tag="claimed", array_like=True):
    """A worker holds it until the lease ends."""

    attempt: int
    token: int
    worker: str
    holder: str
    lease_until: int
    losses_max: int
    fenced: bool = False


class TaskExtended(TaskEvent, frozen=True, gc=False, tag="extended", array_like=True):
    """The lease ends at another instant."""

    lease_until: int


class TaskReported(TaskEvent, frozen=True, gc=False, tag="reported", array_like=True):
    """The worker told of progress, `size` bytes of it; what it said is with the flow that owns the task."""

    attempt: int
    mark: int
    size: int


class TaskReleased(TaskEvent, frozen=True, gc=False, tag="released", array_like=True):
    """The worker gave it back; it is offered again, to that worker only after `denied_until`."""

    by: str
    denied: str = ""
    denied_until: int = 0
    previous: str = ""
    """The worker that held it; another than `by` means that it was taken back."""
    ready_at: int = 0
    """When it is offered again; 0 for now."""


class LeaseLost(TaskEvent, frozen=True, gc=False, tag="lost", array_like=True):
    """The lease ran out; it is offered again at `ready_at` (0: now)."""

    ready_at: int = 0
    previous: str = ""
    """The worker that held it."""


class TaskRetried(TaskEvent, frozen=True, gc=False, tag="retried", array_like=True):
    """An attempt failed and is forgiven; it is offered again at `ready_at` (0: now)."""

    retries: int
    ready_at: int
    code: str
    message: str


class TaskSuspended(TaskEvent, frozen=True, gc=False, tag="suspended", array_like=True):
    """A person, or the flow that owns it, must act before it goes on."""

    retries: int
    code: str
    message: str
    thrown: bool = False


class TaskResumed(TaskEvent, frozen=True, gc=False, tag="resumed", array_like=True):
    """A person acted; it is ready again."""

    retries: int


class TaskAssigned(TaskEvent, frozen=True, gc=False, tag="assigned", array_like=True):
    """It is reserved for one worker, or for nobody any more."""

    worker: str
    previous: str
    by: str


class TaskUpdated(TaskEvent, frozen=True, gc=False, tag="updated", array_like=True):
    """Fields changed that may change while it lives; None where one did not.

    `attributes` is what is laid over the stored ones.
    """

    priority: int | None = None
    retries: int | None = None
    lease_until: int | None = None
    attributes: bytes | None = None
    by: str = ""


class TaskCompleted(TaskEvent, frozen=True, gc=False, tag="completed", array_like=True):
    """Final: there is a result."""

    result_key: int
    by: str


class TaskFailed(TaskEvent, frozen=True, gc=False, tag="failed", array_like=True):
    """Final: there is no result, and an error says why."""

    code: str
    message: str
    by: str
    result_key: int = 0


class TaskCancelled(TaskEvent, frozen=True, gc=False, tag="cancelled", array_like=True):
    """Final: it is no longer wanted."""

    reason: str
    by: str


class TaskReopened(TaskEvent, frozen=True, gc=False, tag="reopened", array_like=True):
    """An ended task starts again as a new attempt of the same key."""

    by: str


class TaskDiscarded(TaskEvent, frozen=True, gc=False, tag="discarded", array_like=True):
    """A dead letter was struck off; `anew` is the task that took its place, 0 for none."""

    by: str
    anew: int = 0


class FlowCommanded(Struct, frozen=True, gc=False, tag_field="e", tag="commanded", array_like=True):
    """A flow accepted a command; what it changed follows from replaying the command."""

    flow: int
    root: int
    kind: str
    tenant: str
    name: str
    body: bytes
    by: str


class FlowEvent(Struct, frozen=True, gc=False, tag_field="e", tag="flow", array_like=True):
    """Something that happened in a flow and that views or listeners want to know; the body is JSON."""

    flow: int
    root: int
    kind: str
    tenant: str
    name: str
    body: bytes


class RecordPut(Struct, frozen=True, gc=False, tag_field="e", tag="record", array_like=True):
    """A record has a new version, or (version 0) is gone."""

    kind: str
    tenant: str
    name: str
    version: int


class QueueTuned(Struct, frozen=True, gc=False, tag_field="e", tag="tuned", array_like=True):
    """A tenant's queue has other limits, rates, weights or pauses."""

    tenant: str
    queue: str
    gate: dict[str, int]
    lanes: tuple[LaneSetting, ...]
    by: str


AnyTaskEvent = (
    TaskCreated
    | TaskReadied
    | TaskClaimed
    | TaskExtended
    | TaskReported
    | TaskReleased
    | LeaseLost
    | TaskRetried
    | TaskSuspended
    | TaskResumed
    | TaskAssigned
    | TaskUpdated
    | TaskCompleted
    | TaskFailed
    | TaskCancelled
    | TaskReopened
    | TaskDiscarded
)

AnyEvent = AnyTaskEvent | FlowCommanded | FlowEvent | RecordPut | QueueTuned


class Entry(Struct, frozen=True, gc=False, array_like=True):
    """One accepted command in the journal: when, which keys it used, what happened, in order.

    With the keys a replay of the pure rules makes the same keys again.
    """

    at: int
    keys: list[int]
    events: list[AnyEvent]
