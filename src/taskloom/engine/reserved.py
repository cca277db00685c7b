"""Tasks reserved for a worker: looked for by name, and handed out within the same limits as all others."""

from collections.abc import Generator, Sequence
from copy import copy
from typing import Any

from taskloom.core.commands import Claim
from taskloom.core.lanes import LaneId, Offer
from taskloom.core.task import Task
from taskloom.core.terms import first_opening, gate_terms, let_through, terms_of
from taskloom.engine.batch import Batch
from taskloom.engine.choosing import Reserved
from taskloom.engine.shelves import lane_of, learn, turn
from taskloom.ports.store import Ready, Request, Shelf


def reserved_tasks(
    batch: Batch, claims: Sequence[tuple[int, Claim]], fresh: dict[LaneId, list[Task]]
) -> Generator[Request, Any, Reserved]:
    """What is ready and reserved for the workers of these claims."""
    own = _own_places(claims)
    if not own:
        return {}
    rows = yield Ready((), [(*place, count) for place, count in own.items()])
    reserved: dict[tuple[Shelf, str], list[Task]] = {}
    for (shelf, worker), found in zip(own, rows, strict=True):
        tasks = [learn(batch, task) for task in found if task.key not in batch.dirty]
        for lane, touched in fresh.items():
            if shelf.shows(*lane[:3]):
                tasks += [task for task in touched if task.assignee == worker]
        if tasks:
            tasks.sort(key=turn, reverse=True)
            reserved[(shelf, worker)] = tasks
    return reserved


def _own_places(claims: Sequence[tuple[int, Claim]]) -> dict[tuple[Shelf, str], int]:
    own: dict[tuple[Shelf, str], int] = {}
    for _, claim in claims:
        if claim.worker:
            for queue, level in claim.queues:
                place = (Shelf(queue, level, claim.tenant), claim.worker)
                own[place] = own.get(place, 0) + claim.size
    return own


def let_out(batch: Batch, reserved: Reserved, beside: Offer) -> tuple[Reserved, dict[LaneId, int]]:
    """Those of them that limits, rates and pauses let out now, and how many that are of each lane."""
    if not reserved:
        return reserved, {}
    offer = _as_now(batch, beside)
    tasks = {task.key: task for waiting in reserved.values() for task in reversed(waiting)}
    through = let_through(offer, [lane_of(task) for task in tasks.values()], batch.now)
    out = {key for key, may_go in zip(tasks, through, strict=True) if may_go}
    started: dict[LaneId, int] = {}
    for key, task in tasks.items():
        if key in out:
            started[lane_of(task)] = started.get(lane_of(task), 0) + 1
        else:
            lane = lane_of(task)
            batch.hold_back(lane[0], lane[2], first_opening(offer, lane, batch.now))
    _hold(batch, offer, started)
    left = {place: [task for task in waiting if task.key in out] for place, waiting in reserved.items()}
    return left, started


def _as_now(batch: Batch, beside: Offer) -> Offer:
    """The lanes and gates with what this batch has changed counted in."""
    lanes = {lane.id: copy(lane) for lane in beside.lanes}
    gates = {name: copy(gate) for name, gate in beside.gates.items()}
    for name, change in batch.lane_changes().items():
        for row in (lanes.get(name), gates.get((name[0], name[2]))):
            if row is not None:
                row.in_flight += change.in_flight
    return Offer(list(lanes.values()), {}, gates)


def _hold(batch: Batch, offer: Offer, started: dict[LaneId, int]) -> None:
    """They go out under the terms of their lanes and gates."""
    for lane in offer.lanes:
        if lane.id in started:
            gate = offer.gates[lane.queue, lane.tenant]
            batch.hold(lane.id, terms_of(lane, gate))
            batch.hold_gate(gate.id, gate_terms(gate))
