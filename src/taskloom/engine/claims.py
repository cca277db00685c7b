"""Handing out: the claims of a batch, served from common shelves.

All claims of a batch that look at the same shelf (queue, level, tenant) are served by one look at its lanes
and one read of its next tasks, so a hundred idle workers cost little more than one.
"""

from collections.abc import Generator, Sequence
from typing import Any, Final

from msgspec import Struct

from taskloom.core.apply import apply
from taskloom.core.commands import Claim, Strategy
from taskloom.core.decide import claimed, is_claimable
from taskloom.core.lanes import Lane, LaneId, floor_of, share
from taskloom.core.task import READY, Task
from taskloom.engine.batch import Batch, lane_changes
from taskloom.engine.change import Change
from taskloom.engine.outcome import Accepted, Handout, Outcome
from taskloom.ports.store import OpenLanes, Read, ReadAnswer, Ready, Request, Shelf

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
    found = yield OpenLanes(list(wanted), max(wanted.values()) + _SLACK, batch.now)
    depths = {lane.id: lane.depth for lanes in found for lane in lanes}
    fresh = _fresh(batch)
    offers = {shelf: _offer(batch, shelf, lanes, fresh) for shelf, lanes in zip(wanted, found, strict=True)}
    picks = {shelf: share(offers[shelf], size, batch.now) for shelf, size in wanted.items()}
    given, passed_over = yield from _serve(batch, claims, picks, fresh, depths)
    if passed_over and any(len(one.tasks) < one.claim.size for one in given):
        picks = {shelf: share(offers[shelf], size + _SLACK, batch.now) for shelf, size in wanted.items()}
        given, _ = yield from _serve(batch, claims, picks, fresh, depths)
    read = yield from _read(batch, given)
    for one in given:
        outcomes[one.index] = Accepted(_lease(batch, one, read))


def _serve(
    batch: Batch,
    claims: Sequence[tuple[int, Claim]],
    picks: dict[Shelf, list[LaneId]],
    fresh: dict[LaneId, list[Task]],
    depths: dict[LaneId, int],
) -> Generator[Request, Any, tuple[list[Given], bool]]:
    """What each claim gets, and whether a task was passed over because its worker may not have it.

    No more rows are read than were picked, for what is read is kept from other servers until the commit.
    """
    asked = _lane_counts(batch, list(picks.values()))
    own = _own_requests(claims)
    rows = yield Ready(list(asked.items()), own)
    for (lane, count), tasks in zip(asked.items(), rows, strict=False):
        if len(tasks) < min(count, depths.get(lane, 0)):
            batch.contended.add((lane[0], lane[2]))
    stock = _stock(batch, list(asked), rows, fresh)
    boards = {shelf: _Board(stock, picked) for shelf, picked in picks.items()}
    reserved = _reserved(batch, own, rows[len(asked) :], fresh)
    taken: set[int] = set()
    given = [Given(index, claim, _choose(batch, claim, boards, reserved, taken)) for index, claim in claims]
    return given, any(board.passed_over for board in boards.values())


def _wanted(claims: Sequence[tuple[int, Claim]]) -> dict[Shelf, int]:
    wanted: dict[Shelf, int] = {}
    for _, claim in claims:
        for queue, level in claim.queues:
            shelf = Shelf(queue, level, claim.tenant)
            wanted[shelf] = wanted.get(shelf, 0) + claim.size
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


def _offer(batch: Batch, shelf: Shelf, lanes: list[Lane], fresh: dict[LaneId, list[Task]]) -> list[Lane]:
    """The lanes of a shelf, with the batch's own changes counted in."""
    changes = lane_changes(batch.before, batch.dirty)
    known = {lane.id: lane for lane in lanes}
    for name in fresh:
        if name not in known and _matches(shelf, name):
            joined = floor_of(lane for lane in lanes if lane.level == name[1])
            known[name] = Lane(*name, virtual_time=joined)
    for name, change in changes.items():
        if name in known:
            known[name].depth += change.depth
            known[name].in_flight += change.in_flight
    return list(known.values())


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


class _Board:
    """What a shelf offers, in the order of its picks; lanes are shared with other shelves."""

    def __init__(self, stock: dict[LaneId, list[Task]], picks: list[LaneId]) -> None:
        self._stock = stock
        self._picks = picks
        self._at = 0
        self._skipped: list[Task] = []

    @property
    def passed_over(self) -> bool:
        """Whether it still holds a task that some worker may not be handed."""
        return bool(self._skipped)

    def take(self, claim: Claim, now: int, taken: set[int]) -> Task | None:
        """The next task for this claim's worker, or None."""
        for place, task in enumerate(self._skipped):
            if task.key not in taken and is_claimable(task, claim.worker, now, claim.made_before):
                return self._skipped.pop(place)
        while self._at < len(self._picks):
            tasks = self._stock.get(self._picks[self._at])
            self._at += 1
            if not tasks:
                continue
            task = tasks.pop()
            if task.key in taken:
                continue
            if is_claimable(task, claim.worker, now, claim.made_before):
                return task
            self._skipped.append(task)
        return None

    def put_back(self, task: Task) -> None:
        """It was not handed out after all."""
        self._skipped.append(task)


def _choose(
    batch: Batch,
    claim: Claim,
    boards: dict[Shelf, _Board],
    reserved: dict[tuple[Shelf, str], list[Task]],
    taken: set[int],
) -> list[Task]:
    shelves = [Shelf(queue, level, claim.tenant) for queue, level in claim.queues]
    chosen: list[Task] = []
    if reserved:
        for shelf in shelves:
            tasks = reserved.get((shelf, claim.worker), [])
            while tasks and len(chosen) < claim.size:
                task = tasks.pop()
                if task.key not in taken:
                    taken.add(task.key)
                    chosen.append(task)
    if len(shelves) == 1 or claim.strategy is Strategy.ACTIVE_PASSIVE:
        for shelf in shelves:
            _drain(boards[shelf], claim, batch.now, taken, chosen)
    else:
        _oldest_first([boards[shelf] for shelf in shelves], claim, batch.now, taken, chosen)
    return chosen


def _drain(board: _Board, claim: Claim, now: int, taken: set[int], chosen: list[Task]) -> None:
    while len(chosen) < claim.size:
        task = board.take(claim, now, taken)
        if task is None:
            return
        taken.add(task.key)
        chosen.append(task)


def _oldest_first(boards: list[_Board], claim: Claim, now: int, taken: set[int], chosen: list[Task]) -> None:
    """Of the next task of each queue always the oldest; what was looked at and not taken goes back."""
    heads: dict[int, Task] = {}
    while len(chosen) < claim.size:
        for place, board in enumerate(boards):
            if place not in heads:
                task = board.take(claim, now, taken)
                if task is not None:
                    heads[place] = task
        if not heads:
            return
        oldest = min(heads, key=lambda place: heads[place].key)
        task = heads.pop(oldest)
        taken.add(task.key)
        chosen.append(task)
    for place, task in heads.items():
        boards[place].put_back(task)


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
