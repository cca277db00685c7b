"""Clearing a queue: all that waits in it is cancelled, each task with its call, in steps of bounded size.

The work is itself a task, so it is seen to its end whoever dies: who takes it up again goes on where the
other one stopped, for what was cancelled waits no longer.
"""

import asyncio
from typing import Final

from msgspec import Struct, json

from taskloom.core.commands import Cancel, Create
from taskloom.core.limits import CLEARED_AT_ONCE
from taskloom.core.rejections import Rejection
from taskloom.core.task import Task
from taskloom.dialects.own_worker import OwnWorker
from taskloom.engine.engine import Engine
from taskloom.ports.store import Shelf

QUEUE: Final = "queue:clear"
REASON: Final = "cleared"
EVERY_LEVEL: Final = -1
_LEVEL: Final = 1
_LEASE_MS: Final = 15_000


class Clearing(Struct, frozen=True):
    """What is to be cleared: tasks of a queue with keys up to one made when it was asked for.

    At `EVERY_LEVEL` or at one.
    """

    queue: str
    level: int
    upto: int
    by: str


async def order(engine: Engine, tenant: str, queue: str, level: int, by: str) -> int | Rejection:
    """Have a queue cleared; answers the key of the task that does it."""
    work = Clearing(queue, level, engine.new_key(), by)
    outcome = await engine.submit(
        Create(
            tenant=tenant, queue=QUEUE, dialect=QUEUE, level=_LEVEL, input=json.encode(work), losses_max=-1
        )
    )
    return outcome if isinstance(outcome, Rejection) else int(outcome.reply)


class Clearer:
    """Does the clearing; one duty for each server."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._worker = OwnWorker(engine, _LEASE_MS, losses_max=-1)
        self._duty: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Take back what was left behind, and begin."""
        await self._worker.give_back(QUEUE)
        self._duty = asyncio.create_task(self._worker.serve(((QUEUE, _LEVEL),), self._clear))

    async def stop(self) -> None:
        """End; what is half done is left to whoever comes next."""
        if self._duty is not None:
            self._duty.cancel()
            await asyncio.gather(self._duty, return_exceptions=True)

    async def _clear(self, task: Task, body: bytes) -> bytes:
        """Step by step until nothing is left, or what is left may not be cancelled."""
        work = json.decode(body, type=Clearing)
        shelf = Shelf(work.queue, work.level, task.tenant)
        while keys := await self._engine.store.unheld(shelf, work.upto, CLEARED_AT_ONCE):
            done = await self._engine.submit_many(
                [Cancel(key=key, tenant=task.tenant, reason=REASON, by=work.by, unheld=True) for key in keys]
            )
            if all(isinstance(one, Rejection) for one in done):
                break
        return b"null"
