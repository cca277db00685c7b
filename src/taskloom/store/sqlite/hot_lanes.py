"""The lanes, shares and gates of queues that are not too large, kept in memory as the database has them.

As with tasks (`hot.py`), what the writer wrote last is what a read would give. Of a queue all is kept but its
idle lanes, for the order in which it is served needs all that have work; of idle ones those are known that
were asked for. What is known is not read again, and a change writes the rows as they are from then on; a
queue that is too large is left to SQL for a while. The database stays the record: this begins empty, a queue
or all is forgotten when it is full, and everything when a transaction is undone.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from msgspec import structs

from taskloom.core.lanes import Lane, LaneId, Offer
from taskloom.core.limits import LANES_CACHED, LANES_CACHED_PER_QUEUE, LANES_LEFT_FOR
from taskloom.ports.store import Openings, OpenLanes, Save
from taskloom.store import lanes as in_memory
from taskloom.store.sqlite import lanes as sql
from taskloom.store.sqlite.kept import KeptQueue
from taskloom.store.sqlite.statements import Connection


class HotLanes:
    """Answers what concerns lanes, from memory or by SQL. What a running transaction saves counts at once."""

    def __init__(self) -> None:
        self._queues: dict[str, KeptQueue] = {}
        self._too_large: dict[str, int] = {}
        """Queues that are left to SQL: how often before they are looked at again."""
        self._rows = 0

    def by_id(self, connection: Connection, names: Sequence[LaneId]) -> dict[LaneId, Lane]:
        """Lanes by name, those that there are."""
        found: dict[LaneId, Lane] = {}
        for queue, part in _by_queue(names).items():
            kept = self._knowing(connection, queue, part)
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
            kept = self._knowing(connection, queue, part)
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
            kept = self._knowing(connection, queue, [*part.lanes, *(name for name, _ in part.tuned)])
            if kept is None:
                sql.save(connection, part)
                continue
            rows = in_memory.changed(kept, part)
            sql.put(connection, rows)
            with self._counted(queue, kept):
                kept.put(rows)

    def forget(self) -> None:
        """A transaction was undone: nothing here can be trusted."""
        self._queues.clear()
        self._too_large.clear()
        self._rows = 0

    def _kept(self, connection: Connection, name: str) -> KeptQueue | None:
        """A queue as it is kept, which it is from the first look on; nothing if it is too large for that."""
        kept = self._queues.get(name)
        if kept is not None or self._is_left_to_sql(name):
            return kept
        if self._is_full():
            self.forget()
        # Half of the room is for idle lanes that come to be known, or it would soon be read anew.
        kept = sql.kept(connection, name, LANES_CACHED_PER_QUEUE // 2)
        if kept is None:
            self._too_large[name] = LANES_LEFT_FOR
        else:
            self._queues[name] = kept
            self._rows += kept.size
        return kept

    def _is_left_to_sql(self, name: str) -> bool:
        left = self._too_large.get(name, 0)
        if left > 1:
            self._too_large[name] = left - 1
        else:
            self._too_large.pop(name, None)
        return left > 0

    def _knowing(self, connection: Connection, name: str, lanes: Sequence[LaneId]) -> KeptQueue | None:
        """A kept queue that knows these lanes too."""
        kept = self._kept(connection, name)
        if kept is not None and (unknown := kept.unknown(lanes)):
            with self._counted(name, kept):
                kept.learn(unknown, sql.by_id(connection, unknown))
        return kept

    @contextmanager
    def _counted(self, name: str, kept: KeptQueue) -> Iterator[None]:
        """Rows are added to a queue; if they are too many it is forgotten, and read anew when it is used."""
        before = kept.size
        yield
        if self._queues.get(name) is not kept:
            return  # it was forgotten while it was at work
        self._rows += kept.size - before
        if kept.size > LANES_CACHED_PER_QUEUE:
            del self._queues[name]
            self._rows -= kept.size
        if self._is_full():
            self.forget()

    def _is_full(self) -> bool:
        return self._rows + len(self._queues) + len(self._too_large) > LANES_CACHED


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
