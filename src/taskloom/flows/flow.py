"""The flow contract: what follows a completion.

A flow owns tasks and other flows of its root. It is a value (its state) and pure functions over it: `decide`
for commands sent to the flow, `react` for what happened to one of its tasks. Both answer with a `Step`: the
state afterwards, and effects, which the engine carries out in the same transaction. Effects on the own root
happen at once; an effect on another root leaves as a durable follow-up command.

Time, keys, definitions and budgets come through the context, so the same inputs always give the same step:
a crash, a replay and a second server all reach the same state.
"""

from collections.abc import Callable, Sequence
from typing import Any, Generic, Protocol, TypeVar

from msgspec import Struct

from taskloom.core.commands import Create, TaskCommand
from taskloom.core.events import AnyTaskEvent
from taskloom.core.limits import EXPRESSION_STEPS, FLOW_MOVES
from taskloom.core.rejections import Rejection
from taskloom.core.task import Task

TIMER = "timer"
"""The command a due timer sends; its body is the timer's name."""


class FlowCommand(Struct, frozen=True, gc=False, tag=True, kw_only=True):
    """A command to a flow. `flow` 0 makes a new one; `root` 0 makes it its own root.

    `body` is encoded by whoever knows the flow's kind (msgpack of one of its command structs).
    """

    kind: str
    name: str
    tenant: str | None
    flow: int = 0
    root: int = 0
    body: bytes = b""
    by: str = ""
    inputs: tuple[bytes, ...] = ()
    """Inputs of tasks that the command makes: stored with them, and not in the journal as well."""


class Emit(Struct, frozen=True, gc=False):
    """Tell views and listeners: `name` is past tense with a dot, `body` JSON."""

    name: str
    body: bytes


class Announce(Struct, frozen=True, gc=False):
    """Tell the webhooks of the tenant that want events of this name (`batch.completed`).

    `body` is JSON, sent as it is; it leaves from the outbox, at least once, if the transaction stands.
    """

    name: str
    body: bytes


class Say(Struct, frozen=True, gc=False):
    """Say a numbered part of a stream to those who read along now, on whichever server, after the commit.

    It may be lost, so the same must stand in a view, where whoever misses a number reads on.
    """

    stream: str
    number: int
    body: bytes


class SetTimer(Struct, frozen=True, gc=False):
    """Send the flow the command `timer` with this name at an instant (ms); setting it again moves it."""

    name: str
    at: int


class ClearTimer(Struct, frozen=True, gc=False):
    """Forget a timer."""

    name: str


class Subscribe(Struct, frozen=True, gc=False):
    """Wait for (kind, name, key) of the flow's tenant."""

    kind: str
    name: str
    key: str
    data: bytes = b""


class Unsubscribe(Struct, frozen=True, gc=False):
    """No longer wait for it."""

    kind: str
    name: str
    key: str


class Count(Struct, frozen=True, gc=False):
    """Change a counter of some flow by a relative amount, without locking that flow.

    When the counter reaches zero, `then` is sent to the flow that owns it, once, as a follow-up.
    """

    flow: int
    name: str
    by: int
    then: FlowCommand


class FollowUp(Struct, frozen=True, gc=False):
    """Do this in a transaction of its own, after this one, at least once tried and once done."""

    command: "FlowCommand | TaskCommand | Create"


Effect = (
    Create
    | TaskCommand
    | FlowCommand
    | Emit
    | Announce
    | Say
    | SetTimer
    | ClearTimer
    | Subscribe
    | Unsubscribe
    | Count
    | FollowUp
)

State = TypeVar("State")


class Step(Struct, Generic[State]):
    """What a flow does next. `state` None ends the flow and forgets it."""

    state: State | None
    effects: list[Effect]
    reply: Any = None


class FlowContext(Struct):
    """What a flow may know beside its state. Instants are Unix ms; budgets are per command."""

    flow: int
    root: int
    tenant: str
    now: int
    new_key: Callable[[], int]
    definition: Callable[[int], Any]
    """The compiled definition of a key, as `Flow.compile` made it."""
    subscribers: Callable[[str, str, str], Sequence[int]]
    """The flows of the own tenant that wait for (kind, name, key), oldest first."""
    moves: int = FLOW_MOVES
    steps: int = EXPRESSION_STEPS


class Flow(Protocol[State]):
    """One kind of flow. Everything here is pure and may be called again with the same arguments."""

    kind: str
    state_type: type[State]

    def compile(self, key: int, body: bytes) -> Any:
        """The executable form of a definition record of this flow; cached by key."""

    def decide(
        self, state: State | None, command: FlowCommand, context: FlowContext
    ) -> Step[State] | Rejection:
        """A command to the flow; `state` is None when it does not exist (yet)."""

    def admit(self, state: State, task: Task, command: TaskCommand, context: FlowContext) -> Rejection | None:
        """A say before one of its tasks changes: None lets the command pass to the core's own rules."""

    def react(
        self, state: State, task: Task, event: AnyTaskEvent, payload: bytes | None, context: FlowContext
    ) -> Step[State]:
        """What follows an event of one of its tasks; `payload` is the result, if there is one."""

    def render(self, state: State, task: Task, body: bytes, fetch: tuple[str, ...]) -> bytes:
        """The input a worker is shown now; `body` is what was stored when the task was made."""
