"""Commands: what somebody wants done, in the imperative. Values, built by dialects, flows and the sweeper.

`tenant` is the wall: None acts in every tenant (the administrator, the engine itself), any other value sees
only its own tasks; a foreign task looks like a missing one.
"""

import enum

from msgspec import Struct

from taskloom.core.limits import LEASE_LOSSES_DEFAULT, LEASE_MS_DEFAULT, LEVEL_DEFAULT, NEVER_MS
from taskloom.core.usage import Usage


class HolderRule(enum.IntEnum):
    """Who may finish an attempt when the call shows no lease token."""

    WORKER_OR_KEY = 0
    """The worker or the key, each compared where both sides name one."""
    WORKER = 1
    """The worker named in the call; a call that names none acts as whoever the task belongs to."""
    ANYONE = 2
    """Whoever comes first."""


class Strategy(enum.IntEnum):
    """How a claim over several queues picks."""

    FIFO = 0
    """The oldest over all queues."""
    ACTIVE_PASSIVE = 1
    """Drain the first queue, then the next."""
    ROUND_ROBIN = 2
    """One of each queue in turn, beginning with the one that was served least recently."""
    SEQUENTIAL = 3
    """At most one of each queue, and none where another one is under way; `size` does not count."""


class Create(Struct, frozen=True, gc=False, kw_only=True):
    """Make a task. `key` 0 lets the engine choose; a flow names the key it already recorded."""

    tenant: str
    queue: str
    dialect: str
    key: int = 0
    level: int = LEVEL_DEFAULT
    lane: str = ""
    priority: int = 0
    input: bytes = b"{}"
    attributes: bytes = b"{}"
    callback: str = ""
    ready_at: int = 0
    expires_at: int = 0
    retries: int = 0
    losses_max: int = LEASE_LOSSES_DEFAULT
    loss_backoff_ms: int = 0
    start_by: int = 0
    """When somebody must have begun with it; 0 for no such deadline."""
    run_ms: int = 0
    """How long one attempt may last; 0 for any time."""
    retry: str = ""
    """The policy by which it is tried again (`core.retry.written`); its count replaces `retries`."""
    blocked: bool = False
    """Wait for a condition: only `Unblock` makes it ready."""
    flow: int = 0
    root: int = 0
    assignee: str = ""
    by: str = ""
    queue_limit: int = 0
    """Refuse when this many tasks of the lane wait already; 0 for no limit."""


class Claim(Struct, frozen=True, gc=False, kw_only=True):
    """Hand out up to `size` tasks of these (queue, level) pairs; level -1 means every level."""

    tenant: str | None
    queues: tuple[tuple[str, int], ...]
    worker: str
    holder: str
    size: int = 1
    lease_ms: int = LEASE_MS_DEFAULT
    losses_max: int | None = None
    strategy: Strategy = Strategy.FIFO
    fenced: bool = False
    fetch: tuple[str, ...] = ()
    """Names a flow restricts the rendered input to; empty for all."""
    bytes_max: int = 0
    """Stop when the rendered inputs reach this size; 0 for no limit."""
    made_before: int = NEVER_MS
    """Only tasks made before this instant."""


class LaneSetting(Struct, frozen=True, gc=False):
    """New settings of one lane; names of `lanes.LANE_SETTINGS`."""

    level: int
    lane: str
    values: dict[str, int]


class Tune(Struct, frozen=True, gc=False, kw_only=True):
    """Set limits, rates, weights and pauses of a tenant's queue and its lanes; what is not named stays."""

    tenant: str
    queue: str
    gate: dict[str, int] = {}
    """Names of `lanes.GATE_SETTINGS`."""
    lanes: tuple[LaneSetting, ...] = ()
    by: str = ""


class Complete(Struct, frozen=True, gc=False, kw_only=True):
    """Finish an attempt with a result."""

    key: int
    tenant: str | None
    result: bytes = b"null"
    token: int | None = None
    attempt: int | None = None
    """The attempt the caller believes to hold; a stale one is refused."""
    worker: str = ""
    by: str = ""
    rule: HolderRule = HolderRule.WORKER_OR_KEY
    unclaimed: bool = False
    """Whether a task that nobody claimed may be finished."""
    supervisor: bool = False
    """Whether the caller may finish what others hold."""
    repeat: bool = True
    """Whether the same outcome from the same actor is answered again instead of refused."""
    usage: Usage | None = None
    """What the work used up, where somebody keeps account of it."""


class Fail(Struct, frozen=True, gc=False, kw_only=True):
    """End an attempt without a result: try again later, suspend, or fail for good."""

    key: int
    tenant: str | None
    code: str = ""
    message: str = ""
    retries: int | None = None
    """Replaces the stored count; None takes one off."""
    backoff_ms: int | None = None
    """Pause before it is offered again; None leaves it to the task's policy, which may have none."""
    suspend: bool = False
    """Without retries left: suspend (a person must act) instead of failing."""
    final: bool = False
    """Fail for good whatever retries are left."""
    answered: bool = False
    """The worker did come to an answer, if to a bad one: a policy of retries does not apply to it."""
    thrown: bool = False
    """A business error: the retries stay; a flow's task is suspended until the flow or a person decides."""
    result: bytes | None = None
    token: int | None = None
    attempt: int | None = None
    worker: str = ""
    by: str = ""
    rule: HolderRule = HolderRule.WORKER_OR_KEY
    unclaimed: bool = False
    supervisor: bool = False
    repeat: bool = True


class Release(Struct, frozen=True, gc=False, kw_only=True):
    """Give an attempt back unfinished; it does not count against the task."""

    key: int
    tenant: str | None
    token: int | None = None
    attempt: int | None = None
    worker: str = ""
    by: str = ""
    rule: HolderRule = HolderRule.WORKER_OR_KEY
    supervisor: bool = False
    deny_ms: int = 0
    pause_ms: int = 0
    """How long nobody is offered it."""


class Extend(Struct, frozen=True, gc=False, kw_only=True):
    """Let the lease end `lease_ms` from now."""

    key: int
    tenant: str | None
    lease_ms: int
    token: int | None = None
    attempt: int | None = None
    worker: str = ""
    by: str = ""
    rule: HolderRule = HolderRule.WORKER_OR_KEY
    supervisor: bool = False


class Report(Struct, frozen=True, gc=False, kw_only=True):
    """Tell of progress within an attempt; the flow that owns the task makes of it what it likes.

    `mark` is the worker's own number for it, -1 for none; `result` is an interim result in a form that the
    flow reads. As with a completion, a lease that ran out does not matter until somebody claims anew.
    """

    key: int
    tenant: str | None
    mark: int = -1
    result: bytes = b""
    token: int | None = None
    attempt: int | None = None
    worker: str = ""
    by: str = ""
    rule: HolderRule = HolderRule.WORKER_OR_KEY
    supervisor: bool = False


class Cancel(Struct, frozen=True, gc=False, kw_only=True):
    """End a task that is no longer wanted."""

    key: int
    tenant: str | None
    reason: str = ""
    by: str = ""
    unheld: bool = False
    """Only a task that no worker holds now."""


class Assign(Struct, frozen=True, gc=False, kw_only=True):
    """Reserve an unstarted task for one worker; an empty worker takes the reservation or the attempt back."""

    key: int
    tenant: str | None
    worker: str
    by: str = ""
    held_by: str | None = None
    """Only if this worker holds it, or it is reserved for this one."""


class Update(Struct, frozen=True, gc=False, kw_only=True):
    """Change what may change while a task lives; None leaves a field as it is.

    `attributes` is a JSON object laid over the stored one: its members replace, and a member that is an
    object on both sides is merged member by member, one level deep.
    """

    key: int
    tenant: str | None
    priority: int | None = None
    retries: int | None = None
    lease_ms: int | None = None
    attributes: bytes | None = None
    token: int | None = None
    by: str = ""


class Suspend(Struct, frozen=True, gc=False, kw_only=True):
    """Take a task out of hand-out until a person resumes it."""

    key: int
    tenant: str | None
    reason: str = ""
    by: str = ""


class Resume(Struct, frozen=True, gc=False, kw_only=True):
    """Let a suspended task be handed out again; `retries` replaces the stored count when given."""

    key: int
    tenant: str | None
    retries: int | None = None
    by: str = ""


class Reopen(Struct, frozen=True, gc=False, kw_only=True):
    """Start a new attempt of an ended task, as long as no flow has consumed its outcome."""

    key: int
    tenant: str | None
    by: str = ""


class Discard(Struct, frozen=True, gc=False, kw_only=True):
    """Strike off a dead letter: nobody will replay it. The task stays failed."""

    key: int
    tenant: str | None
    by: str = ""


class Replay(Struct, frozen=True, gc=False, kw_only=True):
    """Begin anew with a dead letter, once.

    Where no flow has consumed the outcome the task itself is reopened; else a new task is made as `anew`
    says, and the letter is struck off. The reply is the key of the task that lives.
    """

    key: int
    tenant: str | None
    by: str = ""
    anew: Create | None = None


class Wake(Struct, frozen=True, gc=False, kw_only=True):
    """Look at a task whose instant has come: lease end, waking or deadline. The sweeper's command."""

    key: int
    tenant: str | None = None


class Unblock(Struct, frozen=True, gc=False, kw_only=True):
    """Make a task ready that waited for a condition. A flow's command."""

    key: int
    tenant: str | None = None


TaskCommand = (
    Complete
    | Fail
    | Release
    | Extend
    | Report
    | Cancel
    | Assign
    | Update
    | Suspend
    | Resume
    | Reopen
    | Discard
    | Replay
    | Wake
    | Unblock
)
"""A command on one existing task, named by its key."""
