"""Lanes: (queue, level, tenant, lane) with depth, in flight, limit, pause and virtual time.

A claim picks among the open lanes of the most urgent level the one with the lowest virtual time; each task
handed out moves its lane's clock on by one divided by its weight. A lane that was empty starts at the lowest
clock of those that have work (none has: at the highest clock there is), so idleness earns no credit. That is
fair queueing by start time, and it makes fair share, limits, pauses and counters one piece.
"""

import heapq
from collections.abc import Iterable, Sequence

from msgspec import Struct

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
    """What a batch adds to a lane."""

    depth: int = 0
    in_flight: int = 0
    virtual_time: int = 0

    @property
    def fills(self) -> bool:
        """Whether work came in: where the lane was empty, it joins at the floor of its queue and level."""
        return self.depth > 0 or (self.depth == 0 and self.virtual_time > 0)


def room(lane: Lane, now: int) -> int:
    """How many tasks the lane may hand out now."""
    if lane.depth <= 0 or lane.paused_until > now:
        return 0
    if lane.limit == 0:
        return lane.depth
    return max(0, min(lane.depth, lane.limit - lane.in_flight))


def floor_of(lanes: Iterable[Lane]) -> int:
    """The virtual time at which an empty lane joins these lanes of its queue and level."""
    clocks = [(lane.depth <= 0, lane.virtual_time) for lane in lanes]
    with_work = [clock for empty, clock in clocks if not empty]
    return min(with_work) if with_work else max((clock for _, clock in clocks), default=0)


def share(lanes: Sequence[Lane], size: int, now: int) -> list[LaneId]:
    """The lanes of the next `size` hand-outs, in order: most urgent level first, then by virtual time."""
    rooms = {lane.id: free for lane in lanes if (free := room(lane, now)) > 0}
    if len(rooms) == 1:
        ((only, free),) = rooms.items()
        return [only] * min(size, free)
    heap = [(lane.level, lane.virtual_time, lane.id) for lane in lanes if lane.id in rooms]
    heapq.heapify(heap)
    picks: list[LaneId] = []
    while heap and len(picks) < size:
        level, clock, name = heap[0]
        picks.append(name)
        rooms[name] -= 1
        if rooms[name]:
            heapq.heapreplace(heap, (level, clock + TICK, name))
        else:
            heapq.heappop(heap)
    return picks
