"""Terms: how many tasks a lane or a queue may start now, by its limits, rates and pauses.

Rates are kept as one instant: how far the tasks started so far reach, at the rate, from when they started.
"""

from collections.abc import Mapping, Sequence
from copy import copy
from typing import Final, TypeVar

from msgspec import Struct

from taskloom.core.lanes import BATCH_SUFFIX, Gate, Lane, LaneId, Offer

ANY_NUMBER: Final = 1 << 40
_MINUTE_US: Final = 60_000_000


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
