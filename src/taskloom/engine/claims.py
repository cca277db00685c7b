"""Handing out: the claims of a batch, served from common shelves.

All claims of a batch that look at the same shelf (queue, level, tenant) are served by one look at its lanes
and one read of its next tasks, so a hundred idle workers cost little more than one.
"""

from collections.abc import Generator, Mapping, Sequence
from copy import copy
from typing import Any, Final

from msgspec import Struct

from taskloom.core.apply import apply
from taskloom.core.commands import Claim, Strategy
from taskloom.core.decide import claimed
from taskloom.core.fairness import share
from taskloom.core.lanes import Lane, LaneId, Offer, floor_of
from taskloom.core.limits import LEVELS
from taskloom.core.task import READY, Task
from taskloom.core.terms import gate_terms, terms_of, with_started
from taskloom.engine.batch import Batch
from taskloom.engine.change import Change
from taskloom.engine.choosing import Board, Hand, Reserved, Turns, choose
from taskloom.engine.outcome import Accepted, Handout, Outcome
from taskloom.engine.reserved import let_out, reserved_tasks
from taskloom.engine.shelves import fresh_tasks, lane_of, learn, turn
from taskloom.ports.store import Openings, OpenLanes, Read, ReadAnswer, Ready, Request, Shelf

_SLACK: Final = LEVELS
"""What is read beyond the wanted number: tasks, when some were there that a worker may not be handed, and
shares, so that every level of a tenant is looked at, for the least urgent one may have waited longest."""

Steps = Generator[Request, Any, None]


class Wares(Struct, gc=False):
    """What there is to hand out: what each shelf offers, what this batch touched, what is reserved."""

    offers: dict[Shelf, Offer]
    fresh: dict[LaneId, list[Task]]
    reserved: Reserved


class Given(Struct, gc=False):
    """What one claim will hand out."""

    index: int
    claim: Claim
    tasks: list[Task]


def hand_out(batch: Batch, claims: Sequence[tuple[int, Claim]], outcomes: list[Outcome]) -> Steps:
    """Serve the claims, in order; each outcome is a list of `Handout`, maybe empty."""
    wanted = _wanted(claims)
    fresh = fresh_tasks(batch)
    reserved = yield from reserved_tasks(batch, claims, fresh)
    filled = [name for name in fresh if any(shelf.shows(*name[:3]) for shelf in wanted)]
    meant = [lane_of(task) for tasks in reserved.values() for task in tasks]
    also = list(dict.fromkeys([*filled, *meant]))
    *found, beside = yield OpenLanes(list(wanted), max(wanted.values()) + _SLACK, batch.now, also)
    batch.see([*found, beside])
    offers = {shelf: _offer(batch, shelf, offer, beside) for shelf, offer in zip(wanted, found, strict=True)}
    reserved, started = let_out(batch, reserved, beside)
    wares = Wares(offers, fresh, reserved)
    picks = _picks(batch, offers, wanted, started)
    given, passed_over = yield from _serve(batch, claims, picks, wares)
    if passed_over and any(len(one.tasks) < one.claim.size for one in given):
        more = {shelf: size + _SLACK for shelf, size in wanted.items()}
        picks = _picks(batch, offers, more, started)
        given, _ = yield from _serve(batch, claims, picks, wares)
    yield from _held_back(batch, offers, picks, wanted)
    read = yield from _read(batch, given)
    for one in given:
        outcomes[one.index] = Accepted(_lease(batch, one, read))


def made_ready(batch: Batch, claims: Sequence[tuple[int, Claim]]) -> dict[LaneId, int]:
    """How many tasks of each lane became ready in the batch that its own claims will not take."""
    wanted: dict[str, int] = {}
    for _, claim in claims:
        for queue in {queue for queue, _ in claim.queues}:
            wanted[queue] = wanted.get(queue, 0) + claim.size
    ready: dict[LaneId, int] = {}
    for lane, tasks in fresh_tasks(batch).items():
        count = sum(not task.assignee and _was_not_ready(batch, task) for task in tasks)
        count -= wanted.get(lane[0], 0)
        if count > 0:
            ready[lane] = count
    return ready


def _was_not_ready(batch: Batch, task: Task) -> bool:
    was = batch.before.get(task.key)
    return was is None or was.state != READY or was.assignee != ""


def _picks(
    batch: Batch, offers: dict[Shelf, Offer], wanted: dict[Shelf, int], started: dict[LaneId, int]
) -> dict[Shelf, list[LaneId]]:
    """What each shelf hands out. Shelves may share lanes: what one picked, the next one does not have.

    `started` is what goes out of these lanes beside, because it is reserved for somebody.
    """
    picks: dict[Shelf, list[LaneId]] = {}
    taken = dict(started)
    for shelf, size in wanted.items():
        offer = with_started(offers[shelf], taken, batch.now) if taken else offers[shelf]
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
            batch.hold_back(row.queue, row.tenant, at)


def _serve(
    batch: Batch,
    claims: Sequence[tuple[int, Claim]],
    picks: dict[Shelf, list[LaneId]],
    wares: Wares,
) -> Generator[Request, Any, tuple[list[Given], bool]]:
    """What each claim gets, and whether a task was passed over because its worker may not have it.

    No more rows are read than were picked, for what is read is kept from other servers until the commit.
    """
    asked = _lane_counts(batch, list(picks.values()))
    stored = {lane: count for lane, count in asked.items() if batch.stored_depths.get(lane, count)}
    rows = dict(zip(stored, (yield Ready(list(stored.items()))), strict=True)) if stored else {}
    for lane, tasks in rows.items():
        if len(tasks) < min(asked[lane], batch.stored_depths.get(lane, 0)):
            batch.contended.add((lane[0], lane[2]))
    stock = _stock(batch, list(asked), rows, wares.fresh)
    boards = {shelf: Board(stock, picked) for shelf, picked in picks.items()}
    own = {place: list(tasks) for place, tasks in wares.reserved.items()}
    taken: set[int] = set()
    turns = Turns(wares.offers)
    given = [
        Given(index, claim, choose(Hand(claim, batch.now, taken), boards, own, turns))
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


def _offer(batch: Batch, shelf: Shelf, offer: Offer, beside: Offer) -> Offer:
    """What a shelf has, the batch's own changes counted in; `beside` holds lanes that it filled itself."""
    changes = batch.lane_changes()
    if not changes:
        return offer
    known = {lane.id: lane for lane in offer.lanes}
    for lane in beside.lanes:
        if lane.id not in known and shelf.shows(*lane.id[:3]):
            _join(offer, known, copy(lane), beside)
    for name, change in changes.items():
        if not shelf.shows(*name[:3]):
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
            lane = lane_of(was)
            if lane in counts:
                counts[lane] += 1
    return counts


def _stock(
    batch: Batch,
    lanes: list[LaneId],
    rows: Mapping[LaneId, list[Task]],
    fresh: dict[LaneId, list[Task]],
) -> dict[LaneId, list[Task]]:
    """Each lane's next tasks, last one first, so that the next is popped from the end."""
    stock: dict[LaneId, list[Task]] = {}
    for lane in lanes:
        tasks = [learn(batch, task) for task in rows.get(lane, ()) if task.key not in batch.dirty]
        tasks += [task for task in fresh.get(lane, ()) if not task.assignee]
        tasks.sort(key=turn, reverse=True)
        stock[lane] = tasks
    return stock


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
