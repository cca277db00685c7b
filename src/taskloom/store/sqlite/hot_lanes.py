"""The lanes, shares and gates of queues that are not too large, kept in memory as the database has them.

As with tasks (`hot.py`), what the writer wrote last is what a read would give. A queue is kept whole or not
at all, for the order in which its lanes are served needs all of them. What is asked of a kept queue reads
nothing, and a change writes the rows as they are from then on; a queue that is too large is left to SQL.
The database stays the record: this begins empty, is emptied when it is full, and forgets everything when a
transaction is undone.
"""

from collections.abc import Iterable, Sequence

from msgspec import structs

from taskloom.core.lanes import Lane, LaneId, Offer
from taskloom.core.limits import LANES_CACHED, LANES_CACHED_PER_QUEUE
from taskloom.ports.store import Openings, OpenLanes, Save
from taskloom.store import lanes as in_memory
from taskloom.store.lanes import Changed
from taskloom.store.sqlite import lanes as sql
from taskloom.store.sqlite.kept import KeptQueue
from taskloom.store.sqlite.statements import Connection


class HotLanes:
    """Answers what concerns lanes, from memory or by SQL. What a running transaction saves counts at once."""

    def __init__(self) -> None:
        self._queues: dict[str, KeptQueue | None] = {}
        self._rows = 0

    def by_id(self, connection: Connection, names: Sequence[LaneId]) -> dict[LaneId, Lane]:
        """Lanes by name, those that there are."""
        found: dict[LaneId, Lane] = {}
        for queue, part in _by_queue(names).items():
            kept = self._kept(connection, queue)
            found |= sql.by_id(connection, part) if kept is None else in_memory.by_id(kept, part)
        return found

    def open_lanes(self, connection: Connection, request: OpenLanes) -> list[Offer]:
        """What each shelf has to hand out, and the lanes that were named."""
        limit, now = request.limit, request.now
        offers = []
        for shelf in request.shelves:
            kept = self._kept(connection, shelf.queue)
            if kept is None:
                offers.append(sql.offer(connection, shelf, limit, now))
            else:
                offers.append(in_memory.offer(kept, shelf, limit, now))
        return [*offers, self._named(connection, request.also)]

    def _named(self, connection: Connection, names: Sequence[LaneId]) -> Offer:
        found = Offer([], {}, {})
        for queue, part in _by_queue(names).items():
            kept = self._kept(connection, queue)
            one = sql.named(connection, part) if kept is None else in_memory.named(kept, part)
            found.lanes += one.lanes
            found.shares |= one.shares
            found.gates |= one.gates
        return found

    def openings(self, connection: Connection, request: Openings) -> list[int]:
        """When what is closed opens, of each shelf."""
        now = request.now
        instants = []
        for shelf in request.shelves:
            kept = self._kept(connection, shelf.queue)
            if kept is None:
                instants.append(sql.opening(connection, shelf, now))
            else:
                instants.append(in_memory.opening(kept, shelf, now))
        return instants

    def save(self, connection: Connection, save: Save) -> None:
        """Settings and changes of lanes and gates."""
        for queue, part in _parts(save).items():
            kept = self._kept(connection, queue)
            if kept is None:
                sql.save(connection, part)
                continue
            rows = in_memory.changed(kept, part)
            sql.put(connection, rows)
            self._learn(queue, kept, rows)

    def forget(self) -> None:
        """A transaction was undone: nothing here can be trusted."""
        self._queues.clear()
        self._rows = 0

    def _kept(self, connection: Connection, name: str) -> KeptQueue | None:
        """A queue as it is kept, which it is from the first look on; nothing if it is too large for that."""
        if name not in self._queues:
            if self._is_full():
                self.forget()
            rows = sql.whole(connection, name, LANES_CACHED_PER_QUEUE)
            kept = self._queues[name] = None if rows is None else KeptQueue(rows)
            self._rows += 0 if kept is None else kept.size
        return self._queues[name]

    def _learn(self, name: str, kept: KeptQueue, rows: Changed) -> None:
        self._rows -= kept.size
        kept.put(rows)
        if kept.size > LANES_CACHED_PER_QUEUE:
            self._queues[name] = None
        else:
            self._rows += kept.size
        if self._is_full():
            self.forget()

    def _is_full(self) -> bool:
        return self._rows + len(self._queues) > LANES_CACHED


def _by_queue(names: Iterable[LaneId]) -> dict[str, list[LaneId]]:
    parts: dict[str, list[LaneId]] = {}
    for name in names:
        parts.setdefault(name[0], []).append(name)
    return parts


def _parts(save: Save) -> dict[str, Save]:
    """What a save changes of lanes and gates, by queue."""
    parts: dict[str, Save] = {}

    def part(queue: str) -> Save:
        if queue not in parts:
            parts[queue] = structs.replace(save, lanes={}, gates=[], tuned=[])
        return parts[queue]

    for name, change in save.lanes.items():
        part(name[0]).lanes[name] = change
    for gate in save.gates:
        part(gate[0][0]).gates.append(gate)
    for lane in save.tuned:
        part(lane[0][0]).tuned.append(lane)
    return parts
