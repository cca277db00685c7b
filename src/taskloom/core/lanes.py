"""Lanes, shares and gates: the three kinds of rows that say who gets the next task, and how many at once.

A *lane* is (queue, level, tenant, key): what waits and what is under way for one submitter. A *share* is
(queue, level, tenant): the lanes of a tenant together. A *gate* is (queue, tenant): the limits that hold for
a tenant's queue as a whole, and those each of its lanes has unless it has its own. `fairness` says whose turn
it is, `terms` how many may start.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

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


def floor_of(rows: Iterable[Lane | Share]) -> int:
    """The virtual time at which an empty lane joins these of its share, or a share those of its level."""
    clocks = [(row.depth <= 0, row.virtual_time) for row in rows]
    with_work = [clock for empty, clock in clocks if not empty]
    return min(with_work) if with_work else max((clock for _, clock in clocks), default=0)


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
