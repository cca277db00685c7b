"""Standing claims: workers that wait for tasks, where the writer finds them.

A batch that makes a task ready takes along a claim that waits for such a task, so that one commit makes the
task and hands it out. Who stands here also waits to be rung, as whoever waits for anything: what no batch
served is found that way.
"""

import threading
from collections.abc import Mapping

from taskloom.core.lanes import LaneId
from taskloom.engine.submission import Submission

Place = tuple[str, int, str | None]
"""(queue, level, tenant): -1 is every level, None every tenant."""


class Standing:
    """The standing claims of a server, first come first served; for the loop's thread and the store's."""

    def __init__(self) -> None:
        self._lines: dict[Place, dict[int, Submission]] = {}
        self._count = 0
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """How many stand."""
        return self._count

    def add(self, submission: Submission) -> None:
        """Let a claim stand."""
        with self._lock:
            self._count += 1
            for place in _places(submission):
                self._lines.setdefault(place, {})[id(submission)] = submission

    def withdraw(self, submission: Submission) -> bool:
        """It stands no longer; False when a batch has taken it, which then brings its outcome."""
        with self._lock:
            return self._remove(submission)

    def take(self, ready: Mapping[LaneId, int]) -> list[Submission]:
        """The claims for which so many tasks of these lanes are enough; they stand no longer."""
        with self._lock:
            taken: list[Submission] = []
            for lane, count in ready.items():
                taken += self._take(lane, count)
            return taken

    def _take(self, lane: LaneId, count: int) -> list[Submission]:
        queue, level, tenant, _ = lane
        taken: list[Submission] = []
        for place in ((queue, level, tenant), (queue, -1, tenant), (queue, level, None), (queue, -1, None)):
            while count > 0 and (line := self._lines.get(place)):
                submission = next(iter(line.values()))
                self._remove(submission)
                taken.append(submission)
                count -= submission.claim.size
        return taken

    def _remove(self, submission: Submission) -> bool:
        was_there = False
        for place in _places(submission):
            line = self._lines.get(place)
            if line is not None and line.pop(id(submission), None) is not None:
                was_there = True
                if not line:
                    del self._lines[place]
        self._count -= was_there
        return was_there


def _places(submission: Submission) -> list[Place]:
    claim = submission.claim
    return [(queue, level, claim.tenant) for queue, level in claim.queues]
