"""Lanes: (queue, level, tenant, lane) with depth, in flight, limit, pause and virtual time.

A claim picks among the open lanes of the most urgent level the one with the lowest virtual time; each task
handed out moves its lane's clock on by one divided by its weight. A lane that was empty starts at the lowest
clock of its queue, so idleness earns no credit. That is fair queueing by start time, and it makes fair share,
limits, pauses and counters one piece.
"""

import heapq
from collections.abc import Iterable, Sequence

from msgspec import Struct

from taskloom.core.commands import Strategy

LaneId = tuple[str, int, str, str]
"""(queue, level, tenant, lane)."""

TICK = 1_000_000
"""Virtual time that one task costs a lane of weight 1."""


class Lane(Struct, gc=False):
    """One lane as stored. Counters change by relative amounts only."""

    queue: str
    level: int
    tenant: str
    lane: str
    depth: int = 0
    """Tasks that are ready."""
    in_flight: int = 0
    limit: int = 0
    """Tasks that may be leased at once; 0 for any number."""
    paused_until: int = 0
    virtual_time: int = 0

    @property
    def id(self) -> LaneId:
        """What names it."""
        return (self.queue, self.level, self.tenant, self.lane)


class LaneChange(Struct, gc=False):
    """What a batch adds to a lane; `floor` is the least virtual time of a lane that fills again."""

    depth: int = 0
    in_flight: int = 0
    virtual_time: int = 0
    floor: int = 0


def room(lane: Lane, now: int) -> int:
    """How many tasks the lane may hand out now."""
    if lane.depth <= 0 or lane.paused_until > now:
        return 0
    if lane.limit == 0:
        return lane.depth
    return max(0, min(lane.depth, lane.limit - lane.in_flight))


def floor_of(lanes: Iterable[Lane]) -> int:
    """The virtual time at which a lane that was empty joins: the lowest of those that have work."""
    return min((lane.virtual_time for lane in lanes if lane.depth > 0), default=0)


def share(lanes: Sequence[Lane], size: int, now: int) -> list[tuple[Lane, int]]:
    """How many of `size` tasks each lane hands out: most urgent level first, then by virtual time."""
    open_lanes = [
        (lane.level, lane.virtual_time, lane.tenant, lane.lane, index)
        for index, lane in enumerate(lanes)
        if room(lane, now) > 0
    ]
    if len(open_lanes) == 1:
        lane = lanes[open_lanes[0][4]]
        return [(lane, min(size, room(lane, now)))]
    heapq.heapify(open_lanes)
    taken: dict[int, int] = {}
    while open_lanes and size > 0:
        level, clock, tenant, name, index = open_lanes[0]
        taken[index] = taken.get(index, 0) + 1
        size -= 1
        if taken[index] < room(lanes[index], now):
            heapq.heapreplace(open_lanes, (level, clock + TICK, tenant, name, index))
        else:
            heapq.heappop(open_lanes)
    return [(lanes[index], count) for index, count in taken.items()]


def orders(
    queues: Sequence[tuple[str, int]], strategy: Strategy, cursor: int
) -> list[tuple[tuple[str, int], ...]]:
    """The groups of queues a claim tries one after another, by strategy.

    FIFO looks at all at once, active-passive drains them in order, round robin starts one further each
    time (`cursor`), sequential takes at most one task from each.
    """
    if strategy is Strategy.FIFO or len(queues) <= 1:
        return [tuple(queues)]
    if strategy is Strategy.ROUND_ROBIN:
        start = cursor % len(queues)
        return [(pair,) for pair in [*queues[start:], *queues[:start]]]
    return [(pair,) for pair in queues]
