"""The writer: gathers the commands that wait while the previous commit runs, and answers when theirs is done.

There is no timer: at low load a batch is one command, at high load it is all that queued up meanwhile. A
batch that cannot be saved is split in halves until the culprit stands alone; what is merely unlucky is tried
again.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from taskloom.core.commands import Claim
from taskloom.core.limits import BATCH_BYTES, BATCH_COMMANDS, BATCH_RESTARTS, WAITING_COMMANDS
from taskloom.core.rejections import Kind, Rejection
from taskloom.engine.batch import Environment
from taskloom.engine.outcome import Outcome
from taskloom.engine.submission import Submission
from taskloom.engine.transaction import PUT_BACK, BatchResult, run
from taskloom.ports.clock import Clock
from taskloom.ports.faults import fault_point
from taskloom.ports.store import (
    Load,
    Store,
    TransientError,
    UnavailableError,
    UnknownOutcomeError,
    Work,
)

log = logging.getLogger(__name__)

OVERLOADED = Rejection(Kind.OVERLOADED, detail="too many commands wait")
UNAVAILABLE = Rejection(Kind.OVERLOADED, detail="the store cannot write now")
UNKNOWN = Rejection(Kind.OVERLOADED, detail="the store was lost during the commit; it may have taken place")
FAULT = Rejection(Kind.FAULT, detail="the command could not be saved")

_PUT_BACK_MAX = 100
_PUT_BACK_S = 0.002
_PUT_BACK_MAX_S = 0.05


def _nobody(commands: int, seconds: float) -> None:
    """Nobody measures."""
    del commands, seconds


class Party:
    """Who waits for many outcomes at once."""

    __slots__ = ("future", "open", "outcomes")

    def __init__(self, future: "asyncio.Future[list[Outcome]]", size: int) -> None:
        self.future = future
        self.open = size
        self.outcomes: list[Outcome] = [FAULT] * size


class Seat:
    """The place of one submission in a party; to the writer it looks like a future."""

    __slots__ = ("_index", "_party")

    def __init__(self, party: Party, index: int) -> None:
        self._party = party
        self._index = index

    def done(self) -> bool:
        """Whether nobody waits any longer."""
        return self._party.future.done()

    def set_result(self, outcome: Outcome) -> None:
        """Take the outcome; the last one answers the party."""
        party = self._party
        party.outcomes[self._index] = outcome
        party.open -= 1
        if not party.open:
            party.future.set_result(party.outcomes)


class Ringing(asyncio.Future[Outcome]):
    """A future that rings somebody in the very moment it is resolved."""

    def __init__(self, ring: Callable[[], object]) -> None:
        super().__init__()
        self._ring = ring

    def set_result(self, outcome: Outcome) -> None:
        """Take the outcome, and ring."""
        super().set_result(outcome)
        self._ring()


class Group:
    """Submissions that share a transaction: how often it was restarted, what it needs, since when it runs."""

    __slots__ = ("begun", "known", "submissions", "tries")

    def __init__(
        self, submissions: list[Submission], tries: int = 0, known: list[Load] | None = None
    ) -> None:
        self.submissions = submissions
        self.tries = tries
        self.known = [] if known is None else known
        self.begun = 0.0

    def halves(self) -> tuple["Group", "Group"]:
        """Two groups that start afresh."""
        middle = len(self.submissions) // 2
        return Group(self.submissions[:middle]), Group(self.submissions[middle:])


class Writer:
    """The engine's side of the store's work loop; `next`, `done`, `failed` run in the store's thread."""

    def __init__(
        self,
        store: Store,
        environment: Environment,
        clock: Clock,
        publish: Callable[[BatchResult], None],
    ) -> None:
        self._store = store
        self._environment = environment
        self.standing = environment.standing
        self._clock = clock
        self._publish = publish
        self._loop = asyncio.get_running_loop()
        self._queue: deque[Submission] = deque()
        self._again: deque[Group] = deque()
        self._running: dict[int, Group] = {}
        self._idle = asyncio.Event()
        self._open = 0
        self.blocked = False
        """Whether the store could not write when it last tried."""
        self.observe: Callable[[int, float], None] = _nobody
        """Told of every commit, in the store's thread: how many commands, and how long in seconds."""
        self._kicking = False

    def submit(self, submission: Submission) -> "asyncio.Future[Outcome]":
        """Put a command in line; the future is resolved after its commit."""
        future: asyncio.Future[Outcome] = self._loop.create_future()
        if self._is_full(1):
            future.set_result(OVERLOADED)
            return future
        submission.waiter = future
        self._open += 1
        self._queue.append(submission)
        self._kick_soon()
        return future

    def submit_many(self, line: Sequence[Submission]) -> "asyncio.Future[list[Outcome]]":
        """Put many in line with one waiter for all; their outcomes come in order, after the last commit."""
        future: asyncio.Future[list[Outcome]] = self._loop.create_future()
        if not line or self._is_full(len(line)):
            future.set_result([OVERLOADED] * len(line))
            return future
        party = Party(future, len(line))
        for index, submission in enumerate(line):
            submission.waiter = Seat(party, index)
        self._open += len(line)
        self._queue.extend(line)
        self._kick_soon()
        return future

    def stand(self, claim: Claim, ring: Callable[[], object]) -> Submission:
        """Let a claim stand until a batch can serve it; after the commit its waiter is resolved and rings."""
        submission = Submission(claim, Ringing(ring))
        self._open += 1
        self.standing.add(submission)
        return submission

    def withdraw(self, submission: Submission) -> bool:
        """A claim stands no longer; False when a batch has taken it, which then brings its outcome."""
        withdrawn = self.standing.withdraw(submission)
        if withdrawn:
            self._close(1)
        return withdrawn

    def _is_full(self, more: int) -> bool:
        """Whether so many more would be too many in line; what stands is in no line."""
        return self._open - len(self.standing) + more > WAITING_COMMANDS

    def _close(self, count: int) -> None:
        self._open -= count
        if self._open == 0:
            self._idle.set()

    def _kick_soon(self) -> None:
        if not self._kicking:
            # After this turn of the loop, so that callers woken together share one batch.
            self._kicking = True
            self._loop.call_soon(self._kick)

    def _kick(self) -> None:
        self._kicking = False
        self._store.kick()

    async def drain(self) -> None:
        """Until every command in line is answered."""
        while self._open:
            self._idle.clear()
            await self._idle.wait()

    def next(self) -> Work | None:
        """The next batch: one that must be tried again, else all that waits, within the caps."""
        group = self._again.popleft() if self._again else self._gather()
        if group is None:
            return None
        group.begun = time.perf_counter()
        work = run(self._environment, group.submissions, self._clock.now_ms(), group.known)
        self._running[id(work)] = group
        return work

    def _gather(self) -> Group | None:
        queue = self._queue
        submissions: list[Submission] = []
        size = 0
        while queue and len(submissions) < BATCH_COMMANDS and size < BATCH_BYTES:
            submission = queue.popleft()
            size += submission.size
            submissions.append(submission)
        return Group(submissions) if submissions else None

    def done(self, work: Work, result: Any) -> None:
        """Committed: answer on the loop, once for the whole batch."""
        group = self._running.pop(id(work))
        fault_point("after_commit")
        self.blocked = False
        self.observe(len(group.submissions), time.perf_counter() - group.begun)
        self._loop.call_soon_threadsafe(self._answer, group.submissions, result)

    def failed(self, work: Work, error: Exception) -> None:
        """Rolled back: again, in halves, or refused. What may stand already is never run again."""
        group = self._running.pop(id(work))
        if isinstance(error, UnknownOutcomeError):
            self.blocked = True
            self._refuse(group, UNKNOWN)
        elif isinstance(error, UnavailableError):
            self.blocked = True
            self._refuse(group, UNAVAILABLE)
        elif isinstance(error, TransientError) and group.tries < BATCH_RESTARTS:
            self._again.append(Group(group.submissions, group.tries + 1, group.known))
        elif len(group.submissions) > 1:
            self._again.extend(group.halves())
        elif isinstance(error, TransientError):
            self._refuse(group, UNAVAILABLE)
        else:
            log.error("a command could not be saved", exc_info=error)
            self._refuse(group, FAULT)

    def _refuse(self, group: Group, refusal: Rejection) -> None:
        result = BatchResult([refusal] * len(group.submissions))
        self._loop.call_soon_threadsafe(self._answer, group.submissions, result)

    def _answer(self, submissions: list[Submission], result: BatchResult) -> None:
        fault_point("before_answer")
        answered = 0
        # Claims stand last: workers are told of their tasks before makers are told that these are made.
        for submission, outcome in zip(reversed(submissions), reversed(result.outcomes), strict=True):
            if outcome is PUT_BACK and submission.put_back < _PUT_BACK_MAX:
                self._put_back(submission)
                continue
            answered += 1
            future = submission.waiter
            if not future.done():
                future.set_result(outcome)
        self._close(answered)
        fault_point("before_wake")
        self._publish(result)

    def _put_back(self, submission: Submission) -> None:
        """Into a later batch, after a pause that grows while the slot stays busy."""
        submission.put_back += 1
        pause_s = min(_PUT_BACK_S * submission.put_back, _PUT_BACK_MAX_S)
        self._loop.call_later(pause_s, self._line_up, submission)

    def _line_up(self, submission: Submission) -> None:
        self._queue.append(submission)
        self._store.kick()
