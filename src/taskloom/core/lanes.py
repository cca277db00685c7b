"""Lanes: who gets the next task, and how many at once.

Three kinds of rows say it. A *lane* is (queue, level, tenant, key): what waits and what is under way for one
submitter. A *share* is (queue, level, tenant): the lanes of a tenant together. A *gate* is (queue, tenant):
the limits that hold for a tenant's queue as a whole, and those each of its lanes has unless it has its own.

A claim takes the most urgent level first, there the tenant with the lowest virtual time, of that tenant the
lane with the lowest. Each task handed out moves the clock of its share on by one, and that of its lane by one
divided by the lane's weight. Who was empty starts at the lowest clock of those that have work (none has: at
the highest there is), so idleness earns no credit. That is fair queueing by start time on two levels: a
tenant that floods a queue, through one key or ten thousand, delays another's single task by at most one.

A share that nobody served for `aging_ms` counts as one level more urgent, and again for each further one, so
a less urgent level waits long but not for ever.

Rates are kept as one instant: how far the tasks started so far reach, at the rate, from when they started.
"""

import heapq
from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from typing import Any, Final, TypeVar

from msgspec import Struct, structs

from taskloom.core.limits import AGING_MS_DEFAULT

LaneId = tuple[str, int, str, str]
"""(queue, level, tenant, lane)."""
ShareId = tuple[str, int, str]
"""(queue, level, tenant)."""
GateId = tuple[str, str]
"""(queue, tenant)."""

TICK = 1_000_000
"""Virtual time that one task costs a lane of weight 1."""
BATCH_SUFFIX: Final = "/batch"
"""Ends the lanes of rows of batches, which have limits apart from what their submitter asks for at once."""
ANY_NUMBER: Final = 1 << 40
_MINUTE_US: Final = 60_000_000


class Lane(Struct, gc=False):
    """One lane as stored. Counters change by relative amounts only; 0 in a setting takes the gate's."""

    queue: str
    level: int
    tenant: str
    lane: str
    depth: int = 0
    """Tasks that are ready."""
    in_flight: int = 0
    limit: int = 0
    """Tasks that may be leased at once."""
    paused_until: int = 0
    virtual_time: int = 0
    rate: int = 0
    """Tasks that may be started in a minute."""
    burst: int = 0
    """How many of them at once; 0 for a second's worth."""
    rate_at_us: int = 0
    weight: int = 0
    """How many turns it gets where others get one; 0 means one."""
    entered: int = 0
    """Tasks it ever had."""
    ended: int = 0
    """Those of them that came to an end."""

    @property
    def id(self) -> LaneId:
        """What names it."""
        return (self.queue, self.level, self.tenant, self.lane)


class Share(Struct, gc=False):
    """The lanes of a tenant at one level of a queue."""

    queue: str
    level: int
    tenant: str
    depth: int = 0
    in_flight: int = 0
    virtual_time: int = 0
    served_at: int = 0
    """When it was last handed out from, or began to wait."""
    entered: int = 0
    """Tasks it ever had."""
    ended: int = 0
    """Those of them that came to an end."""

    @property
    def id(self) -> ShareId:
        """What names it."""
        return (self.queue, self.level, self.tenant)


class Gate(Struct, gc=False):
    """The limits of a tenant's queue; 0 stands for no limit, `key_` and `batch_` are those of each lane."""

    queue: str
    tenant: str
    in_flight: int = 0
    limit: int = 0
    rate: int = 0
    burst: int = 0
    rate_at_us: int = 0
    paused_until: int = 0
    key_limit: int = 0
    key_rate: int = 0
    batch_limit: int = 0
    batch_rate: int = 0
    aging_ms: int = AGING_MS_DEFAULT

    @property
    def id(self) -> GateId:
        """What names it."""
        return (self.queue, self.tenant)


LANE_SETTINGS: Final = ("limit", "rate", "burst", "weight", "paused_until")
GATE_SETTINGS: Final = (
    "limit",
    "rate",
    "burst",
    "paused_until",
    "key_limit",
    "key_rate",
    "batch_limit",
    "batch_rate",
    "aging_ms",
)


class Terms(Struct, frozen=True, gc=False):
    """What holds for a lane or a gate now: its own settings over the gate's."""

    limit: int = 0
    rate: int = 0
    burst: int = 0
    weight: int = 1
    seen_in_flight: int = 0
    """What was under way when it was looked at, and how far its starts reached."""
    seen_rate_at_us: int = 0

    @property
    def interval_us(self) -> int:
        """What one start takes of the rate; 0 without one."""
        return _MINUTE_US // self.rate if self.rate else 0

    @property
    def tolerance_us(self) -> int:
        """How far ahead of now the starts may reach."""
        return (max(1, self.burst or self.rate // 60) - 1) * self.interval_us


class LaneChange(Struct, gc=False):
    """What a batch adds to a lane, and what that must not exceed."""

    depth: int = 0
    in_flight: int = 0
    virtual_time: int = 0
    started: int = 0
    entered: int = 0
    ended: int = 0

    @property
    def fills(self) -> bool:
        """Whether work came in: where the lane was empty, it joins at the floor of its queue and level."""
        return self.depth > 0 or (self.depth == 0 and self.virtual_time > 0)


class Offer(Struct, gc=False):
    """What a shelf has to hand out: lanes that are open, and the shares and gates they belong to."""

    lanes: list[Lane]
    shares: dict[ShareId, Share]
    gates: dict[GateId, Gate]

    def terms(self, lane: LaneId) -> Terms:
        """The terms of one of its lanes."""
        found = next((one for one in self.lanes if one.id == lane), None)
        return Terms() if found is None else terms_of(found, self.gates.get((lane[0], lane[2])))


def gate_terms(gate: Gate) -> Terms:
    """What holds for the queue as a whole."""
    return Terms(gate.limit, gate.rate, gate.burst)


def terms_of(lane: Lane, gate: Gate | None) -> Terms:
    """What holds for a lane: its own settings, else those its gate has for lanes of its kind."""
    limit, rate = lane.limit, lane.rate
    if gate is not None:
        is_batch = lane.lane.endswith(BATCH_SUFFIX)
        limit = limit or (gate.batch_limit if is_batch else gate.key_limit)
        rate = rate or (gate.batch_rate if is_batch else gate.key_rate)
    return Terms(limit, rate, lane.burst, lane.weight or 1)


def free(terms: Terms, in_flight: int, rate_at_us: int, paused_until: int, now: int) -> int:
    """How many more may be started now, whatever waits."""
    if paused_until > now:
        return 0
    count = max(0, terms.limit - in_flight) if terms.limit else ANY_NUMBER
    if terms.rate:
        interval = terms.interval_us
        ahead_us = max(rate_at_us, now * 1000) - now * 1000
        count = min(count, max(0, (terms.tolerance_us - ahead_us) // interval + 1))
    return count


def opens_at(terms: Terms, rate_at_us: int, paused_until: int, now: int) -> int:
    """When a pause or a rate lets one more start, 0 when they do already."""
    at = paused_until if paused_until > now else 0
    if terms.rate:
        rate_opens = -(-(rate_at_us - terms.tolerance_us) // 1000)
        if rate_opens > now:
            at = max(at, rate_opens)
    return at


def started_us(rate_at_us: int, started: int, interval_us: int, now: int) -> int:
    """How far the starts reach after `started` more."""
    return max(rate_at_us, now * 1000) + started * interval_us if started and interval_us else rate_at_us


def room(lane: Lane, now: int, gate: Gate | None = None) -> int:
    """How many tasks the lane may hand out now."""
    if lane.depth <= 0:
        return 0
    return min(lane.depth, _free_in(lane, gate, now))


def is_open(lane: Lane, now: int, gate: Gate) -> bool:
    """Whether the lane has `room`, found out without counting how much."""
    if lane.depth <= 0 or lane.paused_until > now:
        return False
    limit = lane.limit or (gate.batch_limit if lane.lane.endswith(BATCH_SUFFIX) else gate.key_limit)
    if limit and lane.in_flight >= limit:
        return False
    return lane.rate_at_us <= now * 1000 or room(lane, now, gate) > 0


def _free_in(lane: Lane, gate: Gate | None, now: int) -> int:
    """How many tasks of a lane may be started now, whatever waits in it."""
    return free(terms_of(lane, gate), lane.in_flight, lane.rate_at_us, lane.paused_until, now)


def gate_room(gate: Gate, now: int) -> int:
    """How many tasks may be started through a gate now."""
    return free(gate_terms(gate), gate.in_flight, gate.rate_at_us, gate.paused_until, now)


def let_through(offer: Offer, tasks: Sequence[LaneId], now: int) -> list[bool]:
    """Of tasks that stand in these lanes, one after another: which ones may be started now."""
    gates = {name: gate_room(gate, now) for name, gate in offer.gates.items()}
    rooms = {lane.id: _free_in(lane, offer.gates.get((lane.queue, lane.tenant)), now) for lane in offer.lanes}
    through = []
    for name in tasks:
        gate = (name[0], name[2])
        may_go = rooms[name] > 0 and gates[gate] > 0
        if may_go:
            rooms[name] -= 1
            gates[gate] -= 1
        through.append(may_go)
    return through


def first_opening(offer: Offer, name: LaneId, now: int) -> int:
    """When a pause or a rate lets a task of a lane start, 0 when none holds it back."""
    lane = next(row for row in offer.lanes if row.id == name)
    gate = offer.gates[lane.queue, lane.tenant]
    return max(
        opens_at(gate_terms(gate), gate.rate_at_us, gate.paused_until, now),
        opens_at(terms_of(lane, gate), lane.rate_at_us, lane.paused_until, now),
    )


def with_started(offer: Offer, started: Mapping[LaneId, int], now: int) -> Offer:
    """The offer as if so many tasks of these lanes had been started."""
    gates = {name: copy(gate) for name, gate in offer.gates.items()}
    lanes = []
    for row in offer.lanes:
        count = started.get(row.id, 0)
        lanes.append(_started(copy(row), terms_of(row, gates.get((row.queue, row.tenant))), count, now))
    for (queue, _, tenant, _), count in started.items():
        gate = gates.get((queue, tenant))
        if gate is not None:
            _started(gate, gate_terms(gate), count, now)
    return Offer(lanes, offer.shares, gates)


Row = TypeVar("Row", Lane, Gate)


def _started(row: Row, terms: Terms, count: int, now: int) -> Row:
    row.in_flight += count
    row.rate_at_us = started_us(row.rate_at_us, count, terms.interval_us, now)
    return row


def floor_of(rows: Iterable[Lane | Share]) -> int:
    """The virtual time at which an empty lane joins these of its share, or a share those of its level."""
    clocks = [(row.depth <= 0, row.virtual_time) for row in rows]
    with_work = [clock for empty, clock in clocks if not empty]
    return min(with_work) if with_work else max((clock for _, clock in clocks), default=0)


def urgency(share: Share, aging_ms: int, now: int) -> int:
    """The level a share counts at: its own, less one for each `aging_ms` that nobody served it."""
    if not aging_ms or not share.served_at:
        return share.level
    return share.level - max(0, now - share.served_at) // aging_ms


def share(offer: Offer, size: int, now: int) -> list[LaneId]:
    """The lanes of the next `size` hand-outs, in order: most urgent level, then tenant, then lane."""
    gates = {name: gate_room(gate, now) for name, gate in offer.gates.items()}
    rooms: dict[LaneId, int] = {}
    queues: dict[ShareId, list[tuple[int, LaneId, int]]] = {}
    for lane in offer.lanes:
        gate = offer.gates.get((lane.queue, lane.tenant))
        free_now = room(lane, now, gate)
        if free_now > 0 and gates.get((lane.queue, lane.tenant), 1) > 0:
            rooms[lane.id] = free_now
            step = TICK // (lane.weight or 1)
            queues.setdefault(lane.id[:3], []).append((lane.virtual_time, lane.id, step))
    if len(rooms) == 1:
        ((only, free_now),) = rooms.items()
        return [only] * min(size, free_now, gates.get((only[0], only[2]), ANY_NUMBER))
    for waiting in queues.values():
        heapq.heapify(waiting)
    return _taken(_shares(offer, queues, now), queues, rooms, gates, size)


def _shares(
    offer: Offer, queues: Mapping[ShareId, Sequence[object]], now: int
) -> list[tuple[int, int, ShareId]]:
    heap = []
    for name in queues:
        row = offer.shares.get(name) or Share(*name)
        gate = offer.gates.get((name[0], name[2]))
        aging_ms = gate.aging_ms if gate is not None else AGING_MS_DEFAULT
        heap.append((urgency(row, aging_ms, now), row.virtual_time, name))
    heapq.heapify(heap)
    return heap


def _taken(
    shares: list[tuple[int, int, ShareId]],
    queues: dict[ShareId, list[tuple[int, LaneId, int]]],
    rooms: dict[LaneId, int],
    gates: dict[GateId, int],
    size: int,
) -> list[LaneId]:
    picks: list[LaneId] = []
    while shares and len(picks) < size:
        level, clock, name = shares[0]
        gate = (name[0], name[2])
        waiting = queues[name]
        if not waiting or gates.get(gate, 1) <= 0:
            heapq.heappop(shares)
            continue
        at, lane, step = waiting[0]
        picks.append(lane)
        rooms[lane] -= 1
        if gate in gates:
            gates[gate] -= 1
        if rooms[lane]:
            heapq.heapreplace(waiting, (at + step, lane, step))
        else:
            heapq.heappop(waiting)
        heapq.heapreplace(shares, (level, clock + TICK, name))
    return picks


def by_share(changes: Mapping[LaneId, LaneChange]) -> dict[ShareId, LaneChange]:
    """What changes of lanes add to their shares."""
    return _summed((name[:3], change) for name, change in changes.items())


def by_gate(changes: Mapping[LaneId, LaneChange]) -> dict[GateId, LaneChange]:
    """What changes of lanes add to their gates."""
    return _summed(((name[0], name[2]), change) for name, change in changes.items())


def _summed(named: Iterable[tuple[tuple[str, ...] | ShareId, LaneChange]]) -> dict[Any, LaneChange]:
    sums: dict[Any, LaneChange] = {}
    for name, change in named:
        total = sums.get(name)
        if total is None:
            sums[name] = structs.replace(change, virtual_time=change.started * TICK)
            continue
        total.depth += change.depth
        total.in_flight += change.in_flight
        total.started += change.started
        total.virtual_time += change.started * TICK
        total.entered += change.entered
        total.ended += change.ended
    return sums
