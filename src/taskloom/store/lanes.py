"""What lanes, shares and gates kept in memory say to a batch, and what a batch makes of them."""

from collections.abc import Iterable, Sequence
from copy import copy
from itertools import islice
from typing import Protocol

from msgspec import Struct, structs

from taskloom.core.lanes import Gate, GateId, Lane, LaneId, Offer, Share, ShareId, by_gate, by_share
from taskloom.core.terms import gate_room, gate_terms, is_open, opens_at, started_us, terms_of
from taskloom.ports.store import Save, Shelf


class LaneRows(Protocol):
    """Where the rows are kept. They belong to it: who wants to change one changes a copy."""

    def lane(self, name: LaneId) -> Lane | None:
        """A lane, if there is one of that name."""

    def share(self, name: ShareId) -> Share | None:
        """A share, if there is one of that name."""

    def gate(self, name: GateId) -> Gate | None:
        """A gate, if there is one of that name."""

    def shares_on(self, shelf: Shelf) -> Iterable[Share]:
        """The shares of a shelf that have work, by level, virtual time and tenant."""

    def lanes_of(self, share: ShareId) -> Iterable[Lane]:
        """The lanes of a share that have work, by virtual time and name."""

    def lane_floor(self, share: ShareId) -> int:
        """`floor_of` the lanes of a share."""

    def share_floor(self, queue: str, level: int) -> int:
        """`floor_of` the shares of a level."""


class Changed(Struct, gc=False):
    """Rows as they are after a save, those alone that it touched."""

    lanes: dict[LaneId, Lane]
    shares: dict[ShareId, Share]
    gates: dict[GateId, Gate]


# Reading ---------------------------------------------------------------------------------------------------


def by_id(rows: LaneRows, names: Iterable[LaneId]) -> dict[LaneId, Lane]:
    """Lanes by name, those that there are."""
    return {name: copy(lane) for name in names if (lane := rows.lane(name)) is not None}


def offer(rows: LaneRows, shelf: Shelf, limit: int, now: int) -> Offer:
    """What a shelf has to hand out."""
    found = Offer([], {}, {})
    for share in islice(rows.shares_on(shelf), limit):
        gate = _gate(rows, share)
        found.shares[share.id] = copy(share)
        found.gates[gate.id] = copy(gate)
        if gate_room(gate, now) > 0:
            open_ones = (lane for lane in rows.lanes_of(share.id) if is_open(lane, now, gate))
            found.lanes += map(copy, islice(open_ones, limit))
    return found


def named(rows: LaneRows, lanes: Sequence[LaneId]) -> Offer:
    """Lanes by name with their shares and gates, whether they hold anything or not."""
    found = Offer([copy(rows.lane(name) or Lane(*name)) for name in lanes], {}, {})
    for queue, level, tenant, _ in lanes:
        share, gate = (queue, level, tenant), (queue, tenant)
        found.shares[share] = copy(rows.share(share) or Share(*share))
        found.gates[gate] = copy(rows.gate(gate) or Gate(*gate))
    return found


def opening(rows: LaneRows, shelf: Shelf, now: int) -> int:
    """The first instant at which a pause or a rate lets go of something on a shelf; 0 for none."""
    instants = []
    for share in rows.shares_on(shelf):
        gate = _gate(rows, share)
        instants.append(opens_at(gate_terms(gate), gate.rate_at_us, gate.paused_until, now))
        instants += [
            opens_at(terms_of(lane, gate), lane.rate_at_us, lane.paused_until, now)
            for lane in rows.lanes_of(share.id)
            if lane.paused_until > now or lane.rate_at_us > now * 1000
        ]
    return min((at for at in instants if at), default=0)


def _gate(rows: LaneRows, share: Share) -> Gate:
    name = (share.queue, share.tenant)
    return rows.gate(name) or Gate(*name)


# Changing --------------------------------------------------------------------------------------------------


def changed(rows: LaneRows, save: Save) -> Changed:
    """The rows as a save leaves them: settings first, then the relative changes."""
    found = Changed({}, {}, {})
    for place, values in save.gates:
        if values:
            gate = found.gates.get(place) or rows.gate(place) or Gate(*place)
            found.gates[place] = structs.replace(gate, **values)
    for name, values in save.tuned:
        if values:
            lane = found.lanes.get(name) or rows.lane(name) or Lane(*name)
            found.lanes[name] = structs.replace(lane, **values)
    _add_to_lanes(rows, save, found.lanes)
    _add_to_shares(rows, save, found.shares)
    _add_to_gates(rows, save, found.gates)
    return found


def _add_to_lanes(rows: LaneRows, save: Save, lanes: dict[LaneId, Lane]) -> None:
    floors: dict[ShareId, int] = {}
    for name, change in save.lanes.items():
        lane = lanes[name] = lanes.get(name) or copy(rows.lane(name) or Lane(*name))
        if change.fills and lane.depth <= 0:
            place = name[:3]
            if place not in floors:
                floors[place] = rows.lane_floor(place)
            lane.virtual_time = max(lane.virtual_time, floors[place])
        lane.depth += change.depth
        lane.in_flight += change.in_flight
        lane.virtual_time += change.virtual_time
        lane.entered += change.entered
        lane.ended += change.ended
        if change.started and name in save.terms:
            interval_us = save.terms[name].interval_us
            lane.rate_at_us = started_us(lane.rate_at_us, change.started, interval_us, save.now)


def _add_to_shares(rows: LaneRows, save: Save, shares: dict[ShareId, Share]) -> None:
    for name, change in by_share(save.lanes).items():
        share = shares[name] = copy(rows.share(name) or Share(*name))
        if change.fills and share.depth <= 0:
            share.virtual_time = max(share.virtual_time, rows.share_floor(*name[:2]))
        if change.started > 0 or (share.depth <= 0 < share.depth + change.depth):
            share.served_at = save.now
        share.depth += change.depth
        share.in_flight += change.in_flight
        share.virtual_time += change.virtual_time
        share.entered += change.entered
        share.ended += change.ended


def _add_to_gates(rows: LaneRows, save: Save, gates: dict[GateId, Gate]) -> None:
    for name, change in by_gate(save.lanes).items():
        terms = save.gate_terms.get(name) if change.started else None
        if not change.in_flight and terms is None:
            continue
        gate = gates[name] = gates.get(name) or copy(rows.gate(name) or Gate(*name))
        gate.in_flight += change.in_flight
        if terms is not None:
            gate.rate_at_us = started_us(gate.rate_at_us, change.started, terms.interval_us, save.now)
