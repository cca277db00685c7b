"""Clearing a queue: all that waits in it is cancelled, each task with its call, in steps of bounded size.

The work is itself a task, so it is seen to its end whoever dies: who takes it up again goes on where the
other one stopped, for what was cancelled waits no longer.
"""

import asyncio
import logging
from typing import Final

from msgspec import Struct, json

from taskloom.core.commands import Cancel, Claim, Complete, Create, Extend, Release
from taskloom.core.limits import CLEARED_AT_ONCE, WAIT_MS_MAX
from taskloom.core.rejections import Rejection
from taskloom.engine.engine import Engine
from taskloom.engine.outcome import Handout
from taskloom.ports.store import Shelf

log = logging.getLogger(__name__)

QUEUE: Final = "queue:clear"
REASON: Final = "cleared"
EVERY_LEVEL: Final = -1
_LEVEL: Final = 1
_LEASE_MS: Final = 15_000
_PAUSE_MS: Final = 5_000


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
        self._worker = f"server-{engine.node}"
        self._duty: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin."""
        self._duty = asyncio.create_task(self._work())

    async def stop(self) -> None:
        """End; what is half done is taken up again after its lease."""
        if self._duty is not None:
            self._duty.cancel()
            await asyncio.gather(self._duty, return_exceptions=True)

    async def _work(self) -> None:
        waiting = self._engine.waiting
        claim = Claim(
            tenant=None,
            queues=((QUEUE, _LEVEL),),
            worker=self._worker,
            holder=self._worker,
            lease_ms=_LEASE_MS,
        )
        while not waiting.closed:
            with waiting.duty(("queue", QUEUE, None)) as ticket:
                handouts = await self._engine.claim(claim)
                if isinstance(handouts, Rejection) or not handouts:
                    await ticket.wait(WAIT_MS_MAX)
                    continue
            for handout in handouts:
                await self._see_through(handout)

    async def _see_through(self, handout: Handout) -> None:
        task, engine = handout.task, self._engine
        try:
            await self._clear(handout)
            await engine.submit(Complete(key=task.key, tenant=None, token=task.token, worker=self._worker))
        except Exception:
            log.exception("clearing %d broke off; it goes on later", task.key)
            await engine.submit(
                Release(
                    key=task.key,
                    tenant=None,
                    token=task.token,
                    worker=self._worker,
                    pause_ms=_PAUSE_MS,
                )
            )

    async def _clear(self, handout: Handout) -> None:
        """Step by step until nothing is left, or what is left may not be cancelled."""
        task, engine = handout.task, self._engine
        work = json.decode(handout.input, type=Clearing)
        shelf = Shelf(work.queue, work.level, task.tenant)
        renewal = Extend(key=task.key, tenant=None, lease_ms=_LEASE_MS, token=task.token, worker=self._worker)
        while keys := await engine.store.unheld(shelf, work.upto, CLEARED_AT_ONCE):
            done = await engine.submit_many(
                [Cancel(key=key, tenant=task.tenant, reason=REASON, by=work.by, unheld=True) for key in keys]
            )
            held = await engine.submit(renewal)
            if isinstance(held, Rejection) or all(isinstance(one, Rejection) for one in done):
                return
