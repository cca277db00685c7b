"""The store port: the only thing that remembers.

A batch is a generator free of I/O. It yields requests (`Load`, `Ready`, `Save`, …) and is resumed with the
answers; the adapter drives it inside one transaction and commits when it ends. Nothing is acknowledged before
that commit. The store knows the nouns below and never a dialect, a document or BPMN.
"""

from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import Any, Protocol

from msgspec import Struct

from taskloom.core.lanes import Gate, GateId, Lane, LaneChange, LaneId, Share
from taskloom.core.records import Record
from taskloom.core.task import Task, TaskState
from taskloom.core.terms import Terms
from taskloom.core.usage import UsageCount, UsageId
from taskloom.views.view import Page, Query, RowChange, View

RecordId = tuple[str, str, str]
"""(kind, tenant, name)."""
IdempotencyId = tuple[str, str, str]
"""(tenant, scope, key)."""
SubscriptionId = tuple[str, str, str, str]
"""(tenant, kind, name, key)."""
TurnId = tuple[str, str]
"""("turn", queue): whose turn it is to claim from it in sequence."""
Slot = IdempotencyId | SubscriptionId | TurnId
"""What a command may need to itself without a row of its own to lock."""
CounterId = tuple[int, str]
"""(flow, name)."""


class FlowRow(Struct, gc=False):
    """A flow as stored: its state is bytes that only its kind reads."""

    key: int
    root: int
    kind: str
    tenant: str
    state: bytes


class IdempotencyRow(Struct, frozen=True, gc=False):
    """The answer to a command that carried an idempotency key."""

    tenant: str
    scope: str
    key: str
    digest: bytes
    answer: bytes
    created_at: int


class SubscriptionRow(Struct, frozen=True, gc=False):
    """A flow waits for (tenant, kind, name, key)."""

    tenant: str
    kind: str
    name: str
    key: str
    flow: int
    data: bytes


class TimerRow(Struct, frozen=True, gc=False):
    """At an instant the engine sends a flow the command `timer`."""

    flow: int
    name: str
    at: int


class OutboxRow(Struct, gc=False):
    """A call that must leave: the end of a task to the address the task names, or something announced.

    An announcement (`name` is not "") has no webhook at first; it is fanned out to one row for each webhook
    that wants it. `subject` is the task or flow that the call is about.
    """

    key: int
    tenant: str
    subject: int
    attempt: int
    next_at: int
    line: str = ""
    """The line it stands in: its tenant's, and later its receiver's if that has enough to do."""
    webhook: int = 0
    name: str = ""
    body: bytes = b""
    """Of an announcement; a task's end is rendered anew for every attempt."""
    log: bytes = b""
    """JSON: the latest attempts."""
    since: int = 0
    """When the first attempt was due."""


class FollowUpRow(Struct, frozen=True, gc=False):
    """A command that follows a committed one, on another root."""

    key: int
    body: bytes


class NewTask(Struct, gc=False):
    """A task with what is written once: attributes (JSON), callback address, input payload."""

    task: Task
    attributes: bytes
    callback: str
    input: bytes


class Details(Struct, frozen=True, gc=False):
    """What was written once with a task."""

    attributes: bytes
    callback: str


class JournalChunk(Struct, frozen=True, gc=False):
    """The journal entries of one transaction: events `first` .. `last`, encoded."""

    first: int
    last: int
    body: bytes


# What a batch may ask ------------------------------------------------------------------------------------


class Load(Struct, gc=False):
    """Lock and read what a batch names. The flows of tasks and the roots of flows are read too.

    Where others write to the same data, the locks are taken here in the one order (roots, tasks, records,
    slots); a second load of a batch does not wait for a lock but ends in a `TransientError`.
    """

    tasks: Sequence[int] = ()
    attributes: Sequence[int] = ()
    """Tasks whose attributes are wanted as well."""
    flows: Sequence[int] = ()
    records: Sequence[RecordId] = ()
    records_by_key: Sequence[int] = ()
    idempotency: Sequence[IdempotencyId] = ()
    subscriptions: Sequence[SubscriptionId] = ()
    turns: Sequence[TurnId] = ()
    """Had to itself or busy; there is nothing to read."""
    payloads: Sequence[int] = ()
    lanes: Sequence[LaneId] = ()
    follow_ups: Sequence[int] = ()
    outbox: Sequence[int] = ()
    timers: Sequence[tuple[int, str]] = ()


class Loaded(Struct, gc=False):
    """The answer to `Load`; what does not exist is missing from the mappings."""

    tasks: dict[int, Task]
    attributes: dict[int, bytes]
    flows: dict[int, FlowRow]
    records: dict[RecordId, Record]
    idempotency: dict[IdempotencyId, IdempotencyRow]
    subscriptions: dict[SubscriptionId, list[SubscriptionRow]]
    payloads: dict[int, bytes]
    lanes: dict[LaneId, Lane]
    follow_ups: set[int]
    outbox: dict[int, OutboxRow]
    timers: dict[tuple[int, str], int]
    """(flow, name) -> instant."""
    busy: frozenset[Slot] = frozenset()
    """Slots another transaction holds: commands that need them go to a later batch."""


class HotCount(Struct, frozen=True, gc=False):
    """How many living tasks of a queue at a level are in a state, and when the oldest of them was made."""

    level: int
    state: TaskState
    count: int
    oldest_at: int


class UsageQuery(Struct, frozen=True, kw_only=True):
    """Which usage, and by what it is summed: some of `tenant submitter model queue day`."""

    tenant: str | None
    first_day: int
    last_day: int
    group_by: tuple[str, ...]
    submitter: str | None = None
    model: str | None = None
    queue: str | None = None
    limit: int = 10_000


UsageSum = tuple[tuple[str | int, ...], UsageCount]
"""The values of the columns that are grouped by, and the sum of the group."""


class Shelf(Struct, frozen=True, gc=False):
    """Where a claim looks: a queue, a level (-1: all) and a tenant (None: all)."""

    queue: str
    level: int
    tenant: str | None

    def shows(self, queue: str, level: int, tenant: str) -> bool:
        """Whether it shows what lies at this place."""
        return queue == self.queue and self.level in (-1, level) and self.tenant in (None, tenant)


class OpenLanes(Struct, gc=False):
    """What these shelves have to hand out now; answered with an `Offer` per shelf, in the order asked.

    Of each shelf the `limit` shares with work that come first by (level, virtual time), their gates, and of
    each share whose gate is open the `limit` open lanes that come first by virtual time. One `Offer` more
    holds the lanes named in `also`, their shares and gates, whatever they hold.
    """

    shelves: Sequence[Shelf]
    limit: int
    now: int
    also: Sequence[LaneId] = ()


class Openings(Struct, gc=False):
    """When what is closed opens: of each shelf the first instant at which a pause or a rate lets go.

    Answered with an instant per shelf, in the order asked; 0 when nothing with work waits for one.
    """

    shelves: Sequence[Shelf]
    now: int


class Ready(Struct, gc=False):
    """Lock and read the next ready, unreserved tasks of each lane, by (priority down, key up).

    `lanes` holds (lane, count). `assigned` holds (shelf, worker, count): ready tasks reserved for a worker.
    Answered with one list of tasks, lanes first. Rows another server holds are skipped.
    """

    lanes: Sequence[tuple[LaneId, int]]
    assigned: Sequence[tuple[Shelf, str, int]] = ()


class Read(Struct, gc=False):
    """Read without locks: details and input payloads of tasks being handed out, and their flows."""

    tasks: Sequence[int]
    flows: Sequence[int] = ()


class ReadAnswer(Struct, gc=False):
    """The answer to `Read`."""

    details: dict[int, Details]
    inputs: dict[int, bytes]
    flows: dict[int, FlowRow]


class Save(Struct, gc=False):
    """All that a batch changes. Lanes, counters and the event head are relative and written last."""

    created: list[NewTask]
    changed: list[Task]
    finished: list[Task]
    """Leave the hot table for history."""
    finished_again: list[Task]
    """Ended before the batch, reopened and ended again within it: the history row changes."""
    created_ended: list[NewTask]
    """Created and ended within the batch: straight to history."""
    reopened: list[Task]
    """Come back from history."""
    attributes: list[tuple[int, bytes]]
    payloads: list[tuple[int, bytes]]
    flows: list[FlowRow]
    flows_ended: list[int]
    records: list[Record]
    records_removed: list[RecordId]
    idempotency: list[IdempotencyRow]
    timers: list[TimerRow]
    timers_cleared: list[tuple[int, str]]
    subscriptions: list[SubscriptionRow]
    subscriptions_ended: list[tuple[SubscriptionId, int]]
    counters: list[tuple[CounterId, int, int, bytes]]
    """(counter, by, key, follow-up): when it reaches zero, the follow-up is stored under the key."""
    outbox: list[OutboxRow]
    outbox_done: list[int]
    follow_ups: list[FollowUpRow]
    follow_ups_done: list[int]
    rows: list[RowChange]
    gates: list[tuple[GateId, dict[str, int]]]
    """New settings of gates: (gate, name of `lanes.GATE_SETTINGS` -> value); without any it stays as is."""
    tuned: list[tuple[LaneId, dict[str, int]]]
    """New settings of lanes: (lane, name of `lanes.LANE_SETTINGS` -> value); without any it stays as is."""
    lanes: dict[LaneId, LaneChange]
    usage: dict[UsageId, UsageCount]
    terms: dict[LaneId, Terms]
    """What the lanes that hand out must not exceed: where others write too, a save that would is refused
    with a `TransientError`. Absent: nothing."""
    gate_terms: dict[GateId, Terms]
    now: int
    journal: bytes
    events: int
    """How many events the journal holds."""
    last_key: int
    node: int


class Saved(Struct, frozen=True, gc=False):
    """The answer to `Save`: the number of the last event, and the follow-ups that counters released."""

    sequence: int
    released: list[FollowUpRow]


Request = Load | OpenLanes | Openings | Ready | Read | Save
Work = Generator[Request, Any, Any]
"""A batch: yields requests, is resumed with answers, returns what the engine wants to know."""


class TransientError(Exception):
    """The transaction could not be had this time (locks, serialization, lost connection): try again."""


class UnavailableError(Exception):
    """The store cannot work now (no connection, disk full); nothing was written."""


class UnknownOutcomeError(Exception):
    """The connection was lost during the commit, and whether it took place could not be found out.

    The batch must not be run again: it may stand already.
    """


class NotCopiedError(Exception):
    """There is no copy; the message says why, and what to do instead."""


class Standing(Struct, frozen=True):
    """How the stored schema stands to the one this version works with, by the names of migrations."""

    applied: tuple[str, ...]
    pending: tuple[str, ...]
    strange: tuple[str, ...] = ()
    """Applied, and not known to this version or not with this content: a newer version wrote the data."""


Tell = Callable[[str, int, int], None]
"""(what is being done, how much of it is done, how much there is): for whoever waits for something long."""


class WorkSource(Protocol):
    """Where a store gets its batches from: the engine's writer. Called from the store's own thread."""

    def next(self) -> Work | None:
        """The next batch, or None when nothing waits."""

    def done(self, work: Work, result: Any) -> None:
        """The batch was committed; `result` is what the generator returned."""

    def failed(self, work: Work, error: Exception) -> None:
        """The batch was rolled back, whole."""


class Store(Protocol):
    """The promises every adapter keeps; one conformance suite holds them to it."""

    shared: bool
    """Whether other servers may work on the same data."""

    async def open(self, views: Sequence[View]) -> None:
        """Open or create the data, migrate it, make the tables of the views and that of dead letters."""

    async def close(self) -> None:
        """Finish the running batch, write what must be written, let go of the data."""

    async def standing(self) -> Standing:
        """Which migrations are applied and which not; may be asked without opening, and changes nothing."""

    async def complaints(self, *, thorough: bool) -> list[str]:
        """What is wrong with the database, by its own word; may be asked without opening.

        `thorough` lets it read everything.
        """

    async def copy_to(self, target: Path, tell: Tell) -> dict[str, int]:
        """Write a verified copy of all that is committed now to a new file; answers the rows of each table.

        May be asked without opening, while a server works on the data. Raises `NotCopiedError`.
        """

    async def hold(self, *, held: bool) -> bool:
        """While held, the files may be copied as they are; False where no copy of files is a backup."""

    async def lease_node(self, now: int) -> tuple[int, int]:
        """A node number nobody else has, and the last key it recorded."""

    async def keep_node(self, node: int, now: int) -> bool:
        """Renew the node's lease; False when it was lost, and then no key may be made any more."""

    def start(self, source: WorkSource) -> None:
        """Begin to drive batches; each is one transaction, committed durably before `done`."""

    def kick(self) -> None:
        """Something waits in the source. May be called from any thread, as often as one likes."""

    async def task(self, key: int) -> Task | None:
        """A task, hot or ended."""

    async def tasks(self, keys: Sequence[int]) -> dict[int, Task]:
        """Several tasks, hot or ended."""

    async def details(self, keys: Sequence[int]) -> dict[int, Details]:
        """What was written once with these tasks (attributes may have been updated since)."""

    async def inputs(self, keys: Sequence[int]) -> dict[int, bytes]:
        """The inputs these tasks were made with."""

    async def payloads(self, keys: Sequence[int]) -> dict[int, bytes]:
        """Payloads (results) by their own key."""

    async def flow(self, key: int) -> FlowRow | None:
        """A flow as it stands."""

    async def record(self, kind: str, tenant: str, name: str) -> Record | None:
        """One record."""

    async def record_by_key(self, key: int) -> Record | None:
        """The record that was given this key."""

    async def records(self, kind: str, tenant: str | None, after: str, limit: int) -> list[Record]:
        """Records of a kind by (tenant, name), names above `after`."""

    async def search(self, query: Query) -> Page:
        """A page of a view."""

    async def aggregate(self, query: Query, group_by: tuple[str, ...]) -> list[tuple[tuple[Any, ...], int]]:
        """How many rows of the query's filter there are for each combination of these columns."""

    async def usage(self, query: UsageQuery) -> list[UsageSum]:
        """Sums of usage, ordered by the columns that are grouped by; at most `limit` groups."""

    async def hot_counts(self, queue: str, tenant: str | None) -> list[HotCount]:
        """The living tasks of a queue by level and state."""

    async def unheld(self, shelf: Shelf, upto: int, limit: int) -> list[int]:
        """The oldest living tasks of a shelf that no worker holds, of keys up to `upto`."""

    async def journal(self, after: int, limit: int) -> list[JournalChunk]:
        """Chunks that hold events numbered above `after`, in order, at most `limit` chunks."""

    async def sequence(self) -> int:
        """The number of the last event, 0 for none."""

    async def due_tasks(self, now: int, limit: int) -> list[int]:
        """Tasks whose instant has come, the longest due first."""

    async def due_timers(self, now: int, limit: int) -> list[TimerRow]:
        """Timers whose instant has come."""

    async def due_outbox(
        self, now: int, limit: int, each: int = 1, busy: Sequence[str] = (), busy_tenants: Sequence[str] = ()
    ) -> list[OutboxRow]:
        """Calls that may leave now, at most `limit`: the first of every line, then the second, to `each`.

        Within a line the longest due comes first. Lines that are busy or belong to busy tenants are left
        out. A call is not due before every earlier one about the same subject to the same webhook has ended.
        """

    async def follow_ups(self, limit: int) -> list[FollowUpRow]:
        """Follow-up commands not yet done."""

    async def next_due(self) -> int | None:
        """The earliest instant at which a task or timer is due, None for none; calls have their own duty."""

    async def ready_queues(self, limit: int) -> list[tuple[str, str, int]]:
        """(queue, tenant, ready tasks) where something is ready, for those who wait."""

    async def lanes(self, queue: str, tenant: str | None, limit: int) -> list[Lane]:
        """The first lanes of a queue as counted, by level, tenant and name."""

    async def gate(self, queue: str, tenant: str) -> Gate:
        """The limits of a tenant's queue, and what is under way in it."""

    async def shares(self, queue: str | None, tenant: str | None, limit: int) -> list[Share]:
        """What waits, is under way and was, by queue, level and tenant."""
