"""Choosing: which tasks of what is on offer one claim gets, by its strategy."""

from collections.abc import Mapping

from taskloom.core.commands import Claim, Strategy
from taskloom.core.decide import is_claimable
from taskloom.core.lanes import LaneId, Offer
from taskloom.core.task import Task
from taskloom.ports.store import Shelf

Reserved = Mapping[tuple[Shelf, str], list[Task]]
"""(shelf, worker) -> tasks reserved for that worker, the next one last."""


class Board:
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


class Turns:
    """Whose turn it is among queues: when each was served last, and what this batch took from it."""

    def __init__(self, offers: dict[Shelf, Offer]) -> None:
        self._served = {
            shelf: max((row.served_at for row in offer.shares.values()), default=0)
            for shelf, offer in offers.items()
        }
        self._busy = {
            shelf: any(row.in_flight > 0 for row in offer.shares.values()) for shelf, offer in offers.items()
        }
        self._count = 0
        self._now = max(self._served.values(), default=0) + 1

    def next(self, shelves: list[Shelf]) -> list[Shelf]:
        """The queues, the one that was served least recently first."""
        return sorted(shelves, key=lambda shelf: self._served[shelf])

    def is_busy(self, shelf: Shelf) -> bool:
        """Whether a task of it is under way."""
        return self._busy[shelf]

    def took(self, shelf: Shelf) -> None:
        """A task of it was just handed out."""
        self._count += 1
        self._served[shelf] = self._now + self._count
        self._busy[shelf] = True


class Hand:
    """What one claim gets, while it is chosen. `taken` is shared by all claims of a batch."""

    def __init__(self, claim: Claim, now: int, taken: set[int]) -> None:
        self.claim = claim
        self.tasks: list[Task] = []
        self._now = now
        self._taken = taken

    def is_full(self) -> bool:
        """Whether it has as many as were asked for."""
        return len(self.tasks) >= self.claim.size

    def look(self, board: Board) -> Task | None:
        """The next task of a board that this claim may have; it is the claim's to keep or put back."""
        return board.take(self.claim, self._now, self._taken)

    def keep(self, task: Task) -> None:
        """Hand this one out."""
        self._taken.add(task.key)
        self.tasks.append(task)

    def take(self, board: Board) -> bool:
        """Keep the next task of a board, if there is one."""
        task = self.look(board)
        if task is None:
            return False
        self.keep(task)
        return True

    def take_reserved(self, tasks: list[Task]) -> None:
        """Keep what is reserved for the worker."""
        while tasks and not self.is_full():
            task = tasks.pop()
            if task.key not in self._taken and is_claimable(
                task, self.claim.worker, self._now, self.claim.made_before
            ):
                self.keep(task)


def choose(hand: Hand, boards: Mapping[Shelf, Board], reserved: Reserved, turns: Turns) -> list[Task]:
    """The tasks of one claim: those reserved for its worker, then by its strategy."""
    claim = hand.claim
    shelves = [Shelf(queue, level, claim.tenant) for queue, level in claim.queues]
    if reserved:
        for shelf in shelves:
            hand.take_reserved(reserved.get((shelf, claim.worker), []))
    if claim.strategy is Strategy.SEQUENTIAL:
        _one_each(hand, boards, shelves, turns)
    elif claim.strategy is Strategy.ROUND_ROBIN:
        _in_turn(hand, boards, turns.next(shelves), turns)
    elif len(shelves) == 1 or claim.strategy is Strategy.ACTIVE_PASSIVE:
        for shelf in shelves:
            while not hand.is_full() and hand.take(boards[shelf]):
                turns.took(shelf)
    else:
        _oldest_first(hand, [boards[shelf] for shelf in shelves])
    return hand.tasks


def _one_each(hand: Hand, boards: Mapping[Shelf, Board], shelves: list[Shelf], turns: Turns) -> None:
    """One task of each queue in which none is under way."""
    for shelf in shelves:
        if not turns.is_busy(shelf) and hand.take(boards[shelf]):
            turns.took(shelf)


def _in_turn(hand: Hand, boards: Mapping[Shelf, Board], left: list[Shelf], turns: Turns) -> None:
    """One task of each queue, round after round, until there are enough or no queue has more."""
    while left and not hand.is_full():
        for shelf in list(left):
            if not hand.take(boards[shelf]):
                left.remove(shelf)
                continue
            turns.took(shelf)
            if hand.is_full():
                break


def _oldest_first(hand: Hand, boards: list[Board]) -> None:
    """Of the next task of each queue always the oldest; what was looked at and not kept goes back."""
    heads: dict[int, Task] = {}
    while not hand.is_full():
        for place, board in enumerate(boards):
            if place not in heads:
                task = hand.look(board)
                if task is not None:
                    heads[place] = task
        if not heads:
            return
        hand.keep(heads.pop(min(heads, key=lambda place: heads[place].key)))
    for place, task in heads.items():
        boards[place].put_back(task)
