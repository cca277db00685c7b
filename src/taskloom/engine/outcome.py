"""What comes back from the engine: acceptance with a reply, or a rejection."""

from collections.abc import Callable
from typing import Any

from msgspec import Struct

from taskloom.core.commands import Claim, Create, TaskCommand, Tune
from taskloom.core.records import PutRecords
from taskloom.core.rejections import Rejection
from taskloom.core.task import Task
from taskloom.flows.flow import FlowCommand
from taskloom.ports.store import OutboxRow


class Attempt(Struct, frozen=True, gc=False, omit_defaults=True):
    """One attempt at a call; `status` is 0 where nothing answered."""

    at: int
    took_ms: int
    status: int = 0
    reason: str = ""


class OutboxResult(Struct, frozen=True, gc=False):
    """What came of a call: delivered (`next_at` 0), to be tried again then, or given up (-1)."""

    key: int
    next_at: int
    reason: str = ""
    taken_from: int = 0
    """Not sent yet, only taken by one of several servers, or put off: refused unless it is still due at
    this instant."""
    line: str = ""
    """The line it stands in from now on; "" leaves it where it is."""
    url: str = ""
    """Where it goes; a call that is only taken is shown as a delivery when this is said."""
    attempt: Attempt | None = None


class Recipient(Struct, frozen=True, gc=False):
    """A webhook that is to be told."""

    webhook: int
    url: str


class FanOut(Struct, frozen=True, gc=False):
    """An announcement becomes one call for each webhook that wants it; `body` is what they get."""

    key: int
    body: bytes
    to: tuple[Recipient, ...]


class SendAgain(Struct, frozen=True, gc=False):
    """A call leaves now, whatever became of it before, and its schedule begins anew; or one that is new."""

    call: OutboxRow
    url: str


class ForgetDeliveries(Struct, frozen=True, gc=False):
    """Deliveries that ended long ago, as (key, tenant), are shown no more."""

    deliveries: tuple[tuple[int, str], ...]


class FireTimer(Struct, frozen=True, gc=False):
    """A flow's timer is due: send the flow the command `timer`, once."""

    flow: int
    name: str
    at: int


Command = (
    Create
    | Claim
    | TaskCommand
    | Tune
    | FlowCommand
    | PutRecords
    | OutboxResult
    | FanOut
    | SendAgain
    | ForgetDeliveries
    | FireTimer
)


class Accepted(Struct, frozen=True, gc=False):
    """The command is done and durable.

    The reply depends on the command: Create the key, Claim a list of `Handout`, commands on a task the task
    as it is now, FlowCommand what the flow says, PutRecords the new versions.
    """

    reply: Any
    repeated: bool = False
    """Nothing was done, because the same had been done before."""


Outcome = Accepted | Rejection


class Handout(Struct, gc=False):
    """A task as a worker receives it."""

    task: Task
    attributes: bytes
    input: bytes


class Replay(Struct, frozen=True, gc=False):
    """The stored answer to an earlier command with the same idempotency key."""

    answer: bytes


class Idempotency(Struct, frozen=True, gc=False):
    """Do it once per (tenant, scope, key). `answer` turns the reply into what is stored and replayed."""

    tenant: str
    scope: str
    key: str
    digest: bytes
    answer: Callable[[Any], bytes]
