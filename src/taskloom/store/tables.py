"""The tables of the memory store: dictionaries that remember how to undo a batch."""

from collections.abc import Callable, Iterator
from typing import Any, Final, Generic, TypeVar

from taskloom.core.lanes import Gate, GateId, Lane, LaneId, Share, ShareId, floor_of
from taskloom.core.records import Record
from taskloom.core.task import READY, Task
from taskloom.core.usage import UsageCount, UsageId
from taskloom.ports.store import (
    CounterId,
    FlowRow,
    IdempotencyId,
    IdempotencyRow,
    JournalChunk,
    NewTask,
    OutboxRow,
    RecordId,
    Shelf,
    SubscriptionId,
    SubscriptionRow,
)

K = TypeVar("K")
V = TypeVar("V")
_NOTHING: Final[Any] = object()
Undo = list[Callable[[], None]]


class ExistsError(Exception):
    """A row that may be written once was written twice; the batch fails whole."""


class Table(Generic[K, V]):
    """Rows by key; each change first notes in the undo list how to take it back."""

    def __init__(self, undo: Undo) -> None:
        self._undo = undo
        self._rows: dict[K, V] = {}

    def __getitem__(self, key: K) -> V:
        return self._rows[key]

    def __contains__(self, key: K) -> bool:
        return key in self._rows

    def __iter__(self) -> Iterator[K]:
        return iter(self._rows)

    def get(self, key: K) -> V | None:
        """The row of a key."""
        return self._rows.get(key)

    def values(self) -> list[V]:
        """All rows."""
        return list(self._rows.values())

    def items(self) -> list[tuple[K, V]]:
        """All rows with their keys."""
        return list(self._rows.items())

    def put(self, key: K, row: V) -> None:
        """Insert or replace."""
        before = self._rows.get(key, _NOTHING)
        self._undo.append(lambda: self._set(key, before))
        self._set(key, row)

    def insert(self, key: K, row: V) -> None:
        """Insert what must not be there yet."""
        if key in self._rows:
            raise ExistsError(f"{key} is there already")
        self.put(key, row)

    def drop(self, key: K) -> None:
        """Remove, if it is there."""
        before = self._rows.get(key, _NOTHING)
        if before is not _NOTHING:
            self._undo.append(lambda: self._set(key, before))
            self._set(key, _NOTHING)

    def _set(self, key: K, row: V) -> None:
        if row is _NOTHING:
            self._rows.pop(key, None)
        else:
            self._rows[key] = row


class HotTasks(Table[int, Task]):
    """Living tasks, with an index of what is ready and of what is due."""

    def __init__(self, undo: Undo) -> None:
        super().__init__(undo)
        self.ready: dict[LaneId, dict[int, Task]] = {}

    def _set(self, key: int, row: Task) -> None:
        before = self._rows.get(key)
        if before is not None and before.state == READY:
            lane = self.ready[(before.queue, before.level, before.tenant, before.lane)]
            del lane[key]
        super()._set(key, row)
        if row is not _NOTHING and row.state == READY:
            self.ready.setdefault((row.queue, row.level, row.tenant, row.lane), {})[key] = row


class MemoryData:
    """What a memory store remembers; it outlives the store, as files outlive a process."""

    def __init__(self) -> None:
        undo: Undo = []
        self.undo = undo
        self.tasks = HotTasks(undo)
        self.history: Table[int, Task] = Table(undo)
        self.details: Table[int, NewTask] = Table(undo)
        self.payloads: Table[int, bytes] = Table(undo)
        self.lanes: Table[LaneId, Lane] = Table(undo)
        self.shares: Table[ShareId, Share] = Table(undo)
        self.gates: Table[GateId, Gate] = Table(undo)
        self.flows: Table[int, FlowRow] = Table(undo)
        self.records: Table[RecordId, Record] = Table(undo)
        self.idempotency: Table[IdempotencyId, IdempotencyRow] = Table(undo)
        self.timers: Table[tuple[int, str], int] = Table(undo)
        self.subscriptions: Table[tuple[SubscriptionId, int], SubscriptionRow] = Table(undo)
        self.counters: Table[CounterId, int] = Table(undo)
        self.outbox: Table[int, OutboxRow] = Table(undo)
        self.follow_ups: Table[int, bytes] = Table(undo)
        self.journal: Table[int, JournalChunk] = Table(undo)
        self.head: Table[str, int] = Table(undo)
        self.usage: Table[UsageId, UsageCount] = Table(undo)
        self.rows: dict[str, Table[int, dict[str, Any]]] = {}

    def view(self, name: str) -> Table[int, dict[str, Any]]:
        """The rows of a declared view."""
        return self.rows[name]

    def declare(self, name: str) -> None:
        """Make the table of a view, if it is new."""
        self.rows.setdefault(name, Table(self.undo))

    def lane(self, name: LaneId) -> Lane | None:
        """A lane, if there is one of that name."""
        return self.lanes.get(name)

    def share(self, name: ShareId) -> Share | None:
        """A share, if there is one of that name."""
        return self.shares.get(name)

    def gate(self, name: GateId) -> Gate | None:
        """A gate, if there is one of that name."""
        return self.gates.get(name)

    def shares_on(self, shelf: Shelf) -> list[Share]:
        """The shares of a shelf that have work, by level, virtual time and tenant."""
        found = [
            share
            for share in self.shares.values()
            if share.depth > 0 and shelf.shows(share.queue, share.level, share.tenant)
        ]
        return sorted(found, key=lambda share: (share.level, share.virtual_time, share.tenant))

    def lanes_of(self, share: ShareId) -> list[Lane]:
        """The lanes of a share that have work, by virtual time and name."""
        found = [lane for lane in self.lanes.values() if lane.depth > 0 and lane.id[:3] == share]
        return sorted(found, key=lambda lane: (lane.virtual_time, lane.lane))

    def lane_floor(self, share: ShareId) -> int:
        """`floor_of` the lanes of a share."""
        return floor_of(lane for lane in self.lanes.values() if lane.id[:3] == share)

    def share_floor(self, queue: str, level: int) -> int:
        """`floor_of` the shares of a level."""
        return floor_of(share for share in self.shares.values() if share.id[:2] == (queue, level))

    def roll_back(self) -> None:
        """Take back every change since the last commit, newest first."""
        while self.undo:
            self.undo.pop()()

    def commit(self) -> None:
        """The changes stand."""
        self.undo.clear()
