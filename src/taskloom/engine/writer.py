"""The writer: gathers the commands that wait while the previous commit runs, and answers when theirs is done.

There is no timer: at low load a batch is one command, at high load it is all that queued up meanwhile. A
batch that cannot be saved is split in halves until the culprit stands alone; what is merely unlucky is tried
again.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from taskloom.core.limits import BATCH_BYTES, BATCH_COMMANDS, BATCH_RESTARTS, WAITING_COMMANDS
from taskloom.core.rejections import Kind, Rejection
from taskloom.engine.batch import Environment
from taskloom.engine.outcome import Outcome
from taskloom.engine.transaction import BatchResult, Submission, run
from taskloom.ports.clock import Clock
from taskloom.ports.faults import fault_point
from taskloom.ports.store import Store, TransientError, UnavailableError, Work

log = logging.getLogger(__name__)

OVERLOADED = Rejection(Kind.OVERLOADED, detail="too many commands wait")
UNAVAILABLE = Rejection(Kind.OVERLOADED, detail="the store cannot write now")
FAULT = Rejection(Kind.FAULT, detail="the command could not be saved")


def _nobody(commands: int, seconds: float) -> None:
    """Nobody measures."""
    del commands, seconds


class Group:
    """Submissions that share a transaction, how often it was restarted, and since when it runs."""

    __slots__ = ("begun", "submissions", "tries")

    def __init__(self, submissions: list[Submission], tries: int = 0) -> None:
        self.submissions = submissions
        self.tries = tries
        self.begun = 0.0


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
        if self._open >= WAITING_COMMANDS:
            future.set_result(OVERLOADED)
            return future
        submission.waiter = future
        self._open += 1
        self._queue.append(submission)
        if not self._kicking:
            # After this turn of the loop, so that callers woken together share one batch.
            self._kicking = True
            self._loop.call_soon(self._kick)
        return future

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
        work = run(self._environment, group.submissions, self._clock.now_ms())
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
        """Rolled back: again, in halves, or refused."""
        group = self._running.pop(id(work))
        if isinstance(error, TransientError) and group.tries < BATCH_RESTARTS:
            self._again.append(Group(group.submissions, group.tries + 1))
        elif isinstance(error, TransientError | UnavailableError):
            self.blocked = True
            self._refuse(group, UNAVAILABLE)
        elif len(group.submissions) > 1:
            middle = len(group.submissions) // 2
            self._again.append(Group(group.submissions[:middle]))
            self._again.append(Group(group.submissions[middle:]))
        else:
            log.error("a command could not be saved", exc_info=error)
            self._refuse(group, FAULT)

    def _refuse(self, group: Group, refusal: Rejection) -> None:
        result = BatchResult([refusal] * len(group.submissions))
        self._loop.call_soon_threadsafe(self._answer, group.submissions, result)

    def _answer(self, submissions: list[Submission], result: BatchResult) -> None:
        fault_point("before_answer")
        for submission, outcome in zip(submissions, result.outcomes, strict=True):
            future = submission.waiter
            if not future.done():
                future.set_result(outcome)
        self._open -= len(submissions)
        if self._open == 0:
            self._idle.set()
        fault_point("before_wake")
        self._publish(result)
