"""Keeps step processes and hands them jobs: `await pool.run(job)`.

The first job starts the first process. Each process runs one job at a time, for PDFium is not safe to share.
A job whose process was lost (too slow, out of memory, crashed) is tried once more in a fresh process; then it
has failed, with the reason. The loop never waits for a file: all reading happens in the processes.
"""

import asyncio
from types import TracebackType
from typing import Self

from taskloom.dialects.documents.steps.jobs import Done, Failed, Job
from taskloom.dialects.documents.steps.process import ProcessLost, StepLimits, StepProcess

_TRIES = 2


class PoolClosed(Exception):  # noqa: N818  the end of the pool, not an error of the job
    """The pool was closed; the job has no outcome and may be run elsewhere."""


class StepPool:
    """At most `size` step processes, started when needed."""

    def __init__(self, size: int = 2, limits: StepLimits | None = None) -> None:
        self._limits = limits or StepLimits()
        self._places = asyncio.Semaphore(size)
        self._idle: list[StepProcess] = []
        self._busy: set[StepProcess] = set()
        self._is_closed = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @property
    def pids(self) -> tuple[int, ...]:
        """The ids of the processes that live, idle ones first."""
        return tuple(process.pid for process in (*self._idle, *self._busy))

    async def run(self, job: Job) -> Done | Failed:
        """The job's outcome; waits for a free process. Raises PoolClosed when the pool ends first."""
        async with self._places:
            for left in range(_TRIES - 1, -1, -1):
                try:
                    return await self._try(job)
                except ProcessLost as lost:
                    if self._is_closed:
                        raise PoolClosed from None
                    if not left:
                        return Failed(lost.code, lost.message)
        raise AssertionError("every try returns or raises")

    async def close(self) -> None:
        """End all processes; jobs under way raise PoolClosed."""
        self._is_closed = True
        idle, self._idle = self._idle, []
        await asyncio.gather(
            *(process.close() for process in idle), *(process.kill() for process in self._busy)
        )

    async def _try(self, job: Job) -> Done | Failed:
        process = await self._take()
        self._busy.add(process)
        try:
            outcome = await process.run(job)
        except BaseException:
            await asyncio.shield(self._drop(process))
            raise
        self._busy.discard(process)
        if not process.is_usable or self._is_closed or _ends_process(outcome):
            await process.close()
        else:
            self._idle.append(process)
        return outcome

    async def _take(self) -> StepProcess:
        if self._is_closed:
            raise PoolClosed
        while self._idle:
            process = self._idle.pop()
            if process.is_usable:
                return process
            await process.close()
        return await StepProcess.start(self._limits)

    async def _drop(self, process: StepProcess) -> None:
        self._busy.discard(process)
        await process.kill()


def _ends_process(outcome: Done | Failed) -> bool:
    return isinstance(outcome, Failed) and outcome.code == "STEP_OUT_OF_MEMORY"
