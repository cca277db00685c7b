"""Fairness: the lanes of the next tasks, in order.

A claim takes the most urgent level first, there the tenant with the lowest virtual time, of that tenant the
lane with the lowest. Each task handed out moves the clock of its share on by one, and that of its lane by one
divided by the lane's weight. Who was empty starts at the lowest clock of those that have work (none has: at
the highest there is), so idleness earns no credit. That is fair queueing by start time on two levels: a
tenant that floods a queue, through one key or ten thousand, delays another's single task by at most one.

A share that nobody served for `aging_ms` counts as one level more urgent, and again for each further one, so
a less urgent level waits long but not for ever.
"""

import heapq
from collections.abc import Mapping, Sequence

from taskloom.core.lanes import TICK, GateId, LaneId, Offer, Share, ShareId
from taskloom.core.limits import AGING_MS_DEFAULT
from taskloom.core.terms import ANY_NUMBER, gate_room, room


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
