"""Handing out: the claims of a batch, served from common shelves.

All claims of a batch that look at the same shelf (queue, level, tenant) are served by one look at its lanes
and one read of its next tasks, so a hundred idle workers cost little more than one.
"""

from collections.abc import Generator, Sequence
from copy import copy
from typing import Any, Final

from msgspec import Struct, structs

from taskloom.core.apply import apply
from taskloom.core.commands import Claim, Strategy
from taskloom.core.decide import claimed
from taskloom.core.lanes import (
    Lane,
    LaneId,
    Offer,
    floor_of,
    gate_terms,
    share,
    terms_of,
)
from taskloom.core.task import READY, Task
from taskloom.engine.batch import Batch, lane_changes
from taskloom.engine.change import Change
from taskloom.engine.choosing import Board, Hand, Turns, choose
from taskloom.engine.outcome import Accepted, Handout, Outcome
from taskloom.ports.store import Openings, OpenLanes, Read, ReadAnswer, Ready, Request, Shelf

_SLACK: Final = 8
"""Tasks read beyond the wanted number when some were there that a worker may not be handed."""

Steps = Generator[Request, Any, None]


class Given(Struct, gc=False):
    """What one claim will hand out."""

    index: int
    claim: Claim
    tasks: list[Task]


def hand_out(batch: Batch, claims: Sequence[tuple[int, Claim]], outcomes: list[Outcome]) -> Steps:
    """Serve the claims, in order; each outcome is a list of `Handout`, maybe empty."""
    wanted = _wanted(claims)
    fresh = _fresh(batch)
    filled = [name for name in fresh if any(_matches(shelf, name) for shelf in wanted)]
    *found, beside = yield OpenLanes(list(wanted), max(wanted.values()) + _SLACK, batch.now, filled)
    batch.see([*found, beside])
    offers = {shelf: _offer(batch, shelf, offer, beside) for shelf, offer in zip(wanted, found, strict=True)}
    picks = _picks(batch, offers, wanted)
    given, passed_over = yield from _serve(batch, claims, picks, fresh, offers)
    if passed_over and any(len(one.tasks) < one.claim.size for one in given):
        more = {shelf: size + _SLACK for shelf, size in wanted.items()}
        picks = _picks(batch, offers, more)
        given, _ = yield from _serve(batch, claims, picks, fresh, offers)
    yield from _held_back(batch, offers, picks, wanted)
    read = yield from _read(batch, given)
    for one in given:
        outcomes[one.index] = Accepted(_lease(batch, one, read))


def made_ready(batch: Batch, claims: Sequence[tuple[int, Claim]]) -> dict[LaneId, int]:
    """How many tasks of each lane became ready in the batch that its own claims will not take."""
    ready: dict[LaneId, int] = {}
    for lane, tasks in _fresh(batch).items():
        count = sum(not task.assignee and _was_not_ready(batch, task) for task in tasks)
        count -= sum(claim.size for _, claim in claims if any(queue == lane[0] for queue, _ in claim.queues))
        if count > 0:
            ready[lane] = count
    return ready


def _was_not_ready(batch: Batch, task: Task) -> bool:
    was = batch.before.get(task.key)
    return was is None or was.state != READY or was.assignee != ""


def _picks(batch: Batch, offers: dict[Shelf, Offer], wanted: dict[Shelf, int]) -> dict[Shelf, list[LaneId]]:
    """What each shelf hands out. Shelves may share lanes: what one picked, the next one does not have."""
    picks: dict[Shelf, list[LaneId]] = {}
    taken: dict[LaneId, int] = {}
    for shelf, size in wanted.items():
        offer = _without(offers[shelf], taken) if taken else offers[shelf]
        picks[shelf] = share(offer, size, batch.now)
        for lane in picks[shelf]:
            taken[lane] = taken.get(lane, 0) + 1
    for offer in offers.values():
        for row in offer.lanes:
            gate = offer.gates.get((row.queue, row.tenant))
            if row.id in taken:
                batch.hold(row.id, terms_of(row, gate))
            if gate is not None:
                batch.hold_gate(gate.id, gate_terms(gate))
    return picks


def _without(offer: Offer, taken: dict[LaneId, int]) -> Offer:
    """The offer as if what was picked from its lanes were under way."""
    lanes = []
    gates = {name: copy(gate) for name, gate in offer.gates.items()}
    for row in offer.lanes:
        count = taken.get(row.id, 0)
        lanes.append(structs.replace(row, in_flight=row.in_flight + count) if count else row)
    for (queue, _, tenant, _), count in taken.items():
        gate = gates.get((queue, tenant))
        if gate is not None:
            gate.in_flight += count
    return Offer(lanes, offer.shares, gates)


def _held_back(
    batch: Batch, offers: dict[Shelf, Offer], picks: dict[Shelf, list[LaneId]], wanted: dict[Shelf, int]
) -> Steps:
    """Note where a shelf that has work could not hand out as much as it was asked for, and when it can."""
    short = [
        shelf
        for shelf, size in wanted.items()
        if len(picks[shelf]) < size
        and sum(row.depth for row in offers[shelf].shares.values()) > len(picks[shelf])
    ]
    if not short:
        return
    opens = yield Openings(short, batch.now)
    for shelf, at in zip(short, opens, strict=True):
        for row in offers[shelf].shares.values():
            place = (row.queue, row.tenant)
            known = batch.held_back.get(place, 0)
            batch.held_back[place] = min(at, known) if at and known else at or known


def _serve(
    batch: Batch,
    claims: Sequence[tuple[int, Claim]],
    picks: dict[Shelf, list[LaneId]],
    fresh: dict[LaneId, list[Task]],
    offers: dict[Shelf, Offer],
) -> Generator[Request, Any, tuple[list[Given], bool]]:
    """What each claim gets, and whether a task was passed over because its worker may not have it.

    No more rows are read than were picked, for what is read is kept from other servers until the commit.
    """
    asked = _lane_counts(batch, list(picks.values()))
    own = _own_requests(claims)
    rows = yield Ready(list(asked.items()), own)
    for (lane, count), tasks in zip(asked.items(), rows, strict=False):
        if len(tasks) < min(count, batch.stored_depths.get(lane, 0)):
            batch.contended.add((lane[0], lane[2]))
    stock = _stock(batch, list(asked), rows, fresh)
    boards = {shelf: Board(stock, picked) for shelf, picked in picks.items()}
    reserved = _reserved(batch, own, rows[len(asked) :], fresh)
    taken: set[int] = set()
    turns = Turns(offers)
    given = [
        Given(index, claim, choose(Hand(claim, batch.now, taken), boards, reserved, turns))
        for index, claim in claims
    ]
    return given, any(board.passed_over for board in boards.values())


def _wanted(claims: Sequence[tuple[int, Claim]]) -> dict[Shelf, int]:
    wanted: dict[Shelf, int] = {}
    for _, claim in claims:
        size = 1 if claim.strategy is Strategy.SEQUENTIAL else claim.size
        for queue, level in claim.queues:
            shelf = Shelf(queue, level, claim.tenant)
            wanted[shelf] = wanted.get(shelf, 0) + size
    return wanted


def _fresh(batch: Batch) -> dict[LaneId, list[Task]]:
    """The tasks this batch itself has touched and that are ready now, by lane; unreserved or not."""
    fresh: dict[LaneId, list[Task]] = {}
    for task in batch.dirty.values():
        if task.state == READY:
            fresh.setdefault((task.queue, task.level, task.tenant, task.lane), []).append(task)
    return fresh


def _matches(shelf: Shelf, lane: LaneId) -> bool:
    queue, level, tenant, _ = lane
    return (
        queue == shelf.queue
        and shelf.level in (-1, level)
        and (shelf.tenant is None or shelf.tenant == tenant)
    )


def _offer(batch: Batch, shelf: Shelf, offer: Offer, beside: Offer) -> Offer:
    """What a shelf has, the batch's own changes counted in; `beside` holds lanes that it filled itself."""
    changes = lane_changes(batch.before, batch.dirty)
    if not changes:
        return offer
    known = {lane.id: lane for lane in offer.lanes}
    for lane in beside.lanes:
        if lane.id not in known and _matches(shelf, lane.id):
            _join(offer, known, copy(lane), beside)
    for name, change in changes.items():
        if not _matches(shelf, name):
            continue
        gate = offer.gates.get((name[0], name[2]))
        for row in (known.get(name), offer.shares.get(name[:3])):
            if row is not None:
                row.depth += change.depth
                row.in_flight += change.in_flight
        if gate is not None:
            gate.in_flight += change.in_flight
    return Offer(list(known.values()), offer.shares, offer.gates)


def _join(offer: Offer, known: dict[LaneId, Lane], lane: Lane, beside: Offer) -> None:
    """A lane that held nothing, and perhaps its share, begin at the floor of the others."""
    place, gate = lane.id[:3], (lane.queue, lane.tenant)
    if lane.depth <= 0:
        peers = [other for other in offer.lanes if other.id[:3] == place]
        lane.virtual_time = max(lane.virtual_time, floor_of(peers))
    known[lane.id] = lane
    if place not in offer.shares:
        row = offer.shares[place] = copy(beside.shares[place])
        rivals = [other for other in offer.shares.values() if other.level == lane.level and other is not row]
        row.virtual_time = max(row.virtual_time, floor_of(rivals))
    if gate not in offer.gates:
        offer.gates[gate] = copy(beside.gates[gate])


def _lane_counts(batch: Batch, picks: list[list[LaneId]]) -> dict[LaneId, int]:
    """How many rows to read of each lane: those picked, and those the batch has already touched."""
    counts: dict[LaneId, int] = {}
    for picked in picks:
        for lane in picked:
            counts[lane] = counts.get(lane, 0) + 1
    for key in batch.dirty:
        was = batch.before.get(key)
        if was is not None and was.state == READY:
            lane = (was.queue, was.level, was.tenant, was.lane)
            if lane in counts:
                counts[lane] += 1
    return counts


def _own_requests(claims: Sequence[tuple[int, Claim]]) -> list[tuple[Shelf, str, int]]:
    """Tasks reserved for a worker are looked for by name."""
    own: dict[tuple[Shelf, str], int] = {}
    for _, claim in claims:
        if claim.worker:
            for queue, level in claim.queues:
                place = (Shelf(queue, level, claim.tenant), claim.worker)
                own[place] = own.get(place, 0) + claim.size
    return [(shelf, worker, count) for (shelf, worker), count in own.items()]


def _stock(
    batch: Batch, lanes: list[LaneId], rows: list[list[Task]], fresh: dict[LaneId, list[Task]]
) -> dict[LaneId, list[Task]]:
    """Each lane's next tasks, last one first, so that the next is popped from the end."""
    stock: dict[LaneId, list[Task]] = {}
    for lane, found in zip(lanes, rows, strict=False):
        tasks = [_learn(batch, task) for task in found if task.key not in batch.dirty]
        tasks += [task for task in fresh.get(lane, ()) if not task.assignee]
        tasks.sort(key=_order, reverse=True)
        stock[lane] = tasks
    return stock


def _order(task: Task) -> tuple[int, int]:
    return (-task.priority, task.key)


def _learn(batch: Batch, task: Task) -> Task:
    """A row read by a claim is known to the batch from now on."""
    if task.key not in batch.tasks:
        batch.tasks[task.key] = task
        batch.before[task.key] = task
    return task


def _reserved(
    batch: Batch,
    own: list[tuple[Shelf, str, int]],
    rows: list[list[Task]],
    fresh: dict[LaneId, list[Task]],
) -> dict[tuple[Shelf, str], list[Task]]:
    reserved: dict[tuple[Shelf, str], list[Task]] = {}
    for (shelf, worker, _), found in zip(own, rows, strict=True):
        tasks = [_learn(batch, task) for task in found if task.key not in batch.dirty]
        for lane, touched in fresh.items():
            if _matches(shelf, lane):
                tasks += [task for task in touched if task.assignee == worker]
        if tasks:
            tasks.sort(key=_order, reverse=True)
            reserved[(shelf, worker)] = tasks
    return reserved


def _read(batch: Batch, given: list[Given]) -> Generator[Request, Any, ReadAnswer]:
    keys = [task.key for one in given for task in one.tasks if task.key not in batch.new]
    flows = {task.flow for one in given for task in one.tasks if task.flow and task.flow not in batch.flows}
    if not keys and not flows:
        return ReadAnswer({}, {}, {})
    answer: ReadAnswer = yield Read(keys, list(flows))
    for key, row in answer.flows.items():
        batch.learn_flow(key, row)
    return answer


def _lease(batch: Batch, one: Given, read: ReadAnswer) -> list[Handout]:
    claim = one.claim
    change = Change(batch)
    handouts: list[Handout] = []
    size = 0
    for task in one.tasks:
        handout = _handout(batch, task, claim.fetch, read)
        size += len(handout.input)
        if claim.bytes_max and size > claim.bytes_max and handouts:
            break
        event = claimed(task, claim, batch.environment.tokens.token(), batch.now)
        after = apply(task, event, batch.now)
        change.tasks[task.key] = after
        change.events.append(event)
        handout.task = after
        handouts.append(handout)
    change.merge()
    return handouts


def _handout(batch: Batch, task: Task, fetch: tuple[str, ...], read: ReadAnswer) -> Handout:
    new = batch.new.get(task.key)
    if new is not None:
        attributes, body = new.attributes, new.input
    else:
        details = read.details.get(task.key)
        attributes = details.attributes if details is not None else b"{}"
        body = read.inputs.get(task.key, b"{}")
    attributes = batch.attributes.get(task.key, attributes)
    flow = batch.flows.get(task.flow) if task.flow else None
    if flow is not None and flow.state is not None:
        body = flow.kind.render(flow.state, task, body, fetch)
    return Handout(task, attributes, body)
