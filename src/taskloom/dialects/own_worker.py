"""The server as a worker: it claims tasks of its own like anybody else, and holds them while it works.

So its work is seen to its end whoever dies: a lease that is not renewed lets another server begin anew. What
a killed process of this very server still holds is given back at the start; its lease would only delay it.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final, TypeVar

from taskloom.core.commands import Claim, Complete, Extend, Fail, Release
from taskloom.core.limits import BATCH_COMMANDS, WAIT_MS_MAX
from taskloom.core.rejections import Rejection
from taskloom.core.task import LEASED, Task
from taskloom.engine.engine import Engine
from taskloom.engine.outcome import Handout, Outcome

log = logging.getLogger(__name__)

Answer = TypeVar("Answer")
Queues = tuple[tuple[str, int], ...]

_RENEWALS: Final = 3
"""How often a lease is renewed before it would run out."""
_AGAIN_MS: Final = 5_000
"""When work that broke off is tried again."""
_HELD_MAX: Final = 10 * BATCH_COMMANDS


class LeaseLostError(Exception):
    """Somebody else has the task now."""


class OwnWorker:
    """One name and one length of leases for all the work of a kind.

    `losses_max` is how many leases may run out before a task fails; -1 where a loss is never its fault.
    """

    def __init__(self, engine: Engine, lease_ms: int, *, losses_max: int | None = None) -> None:
        self.name = f"server-{engine.node}"
        self._engine = engine
        self._lease_ms = lease_ms
        self._losses_max = losses_max

    async def give_back(self, dialect: str) -> None:
        """Release what a killed process of this server still holds of the tasks of a dialect."""
        engine = self._engine
        keys = await engine.store.due_tasks(engine.clock.now_ms() + self._lease_ms, _HELD_MAX)
        for start in range(0, len(keys), BATCH_COMMANDS):
            found = await engine.store.tasks(keys[start : start + BATCH_COMMANDS])
            mine = [task for task in found.values() if task.dialect == dialect and self._holds(task)]
            await asyncio.gather(*(self.release(task) for task in mine))

    def _holds(self, task: Task) -> bool:
        return task.state == LEASED and task.worker == self.name

    async def serve(self, queues: Queues, work: Callable[[Task, bytes], Awaitable[bytes]]) -> None:
        """See to the tasks of some queues, of all tenants, one after another, as long as the server lives."""
        waiting = self._engine.waiting
        topics = tuple(("queue", queue, None) for queue, _ in queues)
        while not waiting.closed:
            with waiting.duty(*topics) as ticket:
                handout = await self.claim(None, queues)
                if handout is None:
                    await ticket.wait(WAIT_MS_MAX)
                    continue
            await self._see_through(handout, work)

    async def claim(self, tenant: str | None, queues: Queues) -> Handout | None:
        """The next task, if there is one."""
        claim = Claim(
            tenant=tenant,
            queues=queues,
            worker=self.name,
            holder=self.name,
            lease_ms=self._lease_ms,
            losses_max=self._losses_max,
        )
        handouts = await self._engine.claim(claim)
        return None if isinstance(handouts, Rejection) or not handouts else handouts[0]

    async def _see_through(self, handout: Handout, work: Callable[[Task, bytes], Awaitable[bytes]]) -> None:
        """Do it and complete it; whatever ends it early leaves it to the next."""
        task = handout.task
        try:
            result = await self.under_lease(task, _run(work, handout))
            await self.complete(task, result)
        except LeaseLostError:
            log.info("the lease of task %d was lost", task.key)
        except asyncio.CancelledError:
            await asyncio.shield(self.release(task))
            raise
        except Exception:
            log.exception("work on task %d of %s failed; it is tried again", task.key, task.queue)
            await self.release(task, pause_ms=_AGAIN_MS)

    async def under_lease(self, task: Task, work: Coroutine[Any, Any, Answer]) -> Answer:
        """What the work gives; the lease is renewed meanwhile, and the work cancelled when it is lost."""
        own = asyncio.current_task()
        assert own is not None
        doing = asyncio.create_task(work)
        keeping = asyncio.create_task(self._keep(task, doing))
        try:
            return await doing
        except asyncio.CancelledError:
            if keeping.done() and not own.cancelling():
                raise LeaseLostError from None
            raise
        finally:
            keeping.cancel()

    async def _keep(self, task: Task, doing: "asyncio.Task[Any]") -> None:
        renewal = Extend(
            key=task.key, tenant=None, lease_ms=self._lease_ms, token=task.token, worker=self.name
        )
        while True:
            await asyncio.sleep(self._lease_ms / _RENEWALS / 1_000)
            if isinstance(await self._engine.submit(renewal), Rejection):
                doing.cancel()
                return

    async def complete(self, task: Task, result: bytes) -> Outcome:
        """End it with a result."""
        done = Complete(key=task.key, tenant=None, result=result, token=task.token, worker=self.name)
        return await self._engine.submit(done)

    async def fail(
        self, task: Task, code: str, message: str, *, final: bool = False, backoff_ms: int | None = None
    ) -> Outcome:
        """End the attempt without a result."""
        failed = Fail(
            key=task.key,
            tenant=None,
            code=code,
            message=message,
            final=final,
            backoff_ms=backoff_ms,
            token=task.token,
            worker=self.name,
        )
        return await self._engine.submit(failed)

    async def release(self, task: Task, *, deny_ms: int = 0, pause_ms: int = 0) -> None:
        """Give it back: to everybody after a pause, to this server not before `deny_ms`."""
        given = Release(
            key=task.key,
            tenant=None,
            token=task.token,
            worker=self.name,
            deny_ms=deny_ms,
            pause_ms=pause_ms,
        )
        await self._engine.submit(given)


async def _run(work: Callable[[Task, bytes], Awaitable[bytes]], handout: Handout) -> bytes:
    return await work(handout.task, handout.input)
