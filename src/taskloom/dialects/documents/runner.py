"""The server as a worker: claims the steps it can do by itself, does them, completes them like anybody else.

Each queue of a step has one watcher, which waits until something is ready, takes a place among those who
work, claims one task and does it. When a lease was lost, somebody else has the task and the work is dropped.
"""

import asyncio
import contextlib
import logging
from typing import Final

import msgspec

from taskloom.core.limits import BATCH_COMMANDS, LEVEL_DEFAULT, STEP_LEASE_MS, WAIT_MS_MAX
from taskloom.core.records import Record
from taskloom.core.rejections import Rejection
from taskloom.core.retry import backoff_ms
from taskloom.core.task import Task
from taskloom.dialects.documents.step_work import PLACES, Outcome, StepWork
from taskloom.dialects.documents.steps.jobs import Done, Failed
from taskloom.dialects.documents.steps.pool import PoolClosed
from taskloom.dialects.own_worker import LeaseLostError, OwnWorker
from taskloom.engine.engine import Engine
from taskloom.engine.outcome import Handout
from taskloom.flows.document.carrying import DIALECT, queue_of
from taskloom.flows.document.commands import DOCUMENT
from taskloom.flows.document.schema import Schema
from taskloom.flows.document.state import Document
from taskloom.ports.faults import fault_point

log = logging.getLogger(__name__)

_DENY_MS: Final = 30 * 86_400_000
_RELOAD_S: Final = 5.0
_FIRST_PAUSE_MS: Final = 1_000
_LONGEST_PAUSE_MS: Final = 600_000


class StepRunner:
    """Does the steps of documents that this server can do."""

    def __init__(self, engine: Engine, steps: StepWork) -> None:
        self._engine = engine
        self._steps = steps
        self._worker = OwnWorker(engine, STEP_LEASE_MS)
        self._places = {kind: asyncio.Semaphore(count) for kind, count in PLACES.items()}
        self._watchers: dict[tuple[str, str], asyncio.Task[None]] = {}
        self._jobs: set[asyncio.Task[None]] = set()
        self._reloading: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Take back what was left behind, and watch the queues of all projects."""
        await self._worker.give_back(DIALECT)
        await self._learn_all()
        if self._engine.store.shared:
            self._reloading = asyncio.create_task(self._reload())

    async def stop(self) -> None:
        """End; what is being worked on is given back for whoever comes next."""
        duties = [*self._watchers.values(), *self._jobs, *filter(None, [self._reloading])]
        for duty in duties:
            duty.cancel()
        await asyncio.gather(*duties, return_exceptions=True)
        await self._steps.close()

    def learn(self, tenant: str, project: str, schema: Schema) -> None:
        """Watch the queues of a project's steps."""
        for step in schema.steps:
            slot = (tenant, queue_of(project, step.id))
            if step.type in PLACES and not step.external and slot not in self._watchers:
                self._watchers[slot] = asyncio.create_task(self._watch(*slot, self._places[step.type]))

    # Knowing the projects ------------------------------------------------------------------------------

    async def _learn_all(self) -> None:
        """Every schema that a document may still be under."""
        after, limit = "", BATCH_COMMANDS
        while True:
            records = await self._engine.store.records(DOCUMENT, None, after, limit)
            is_last = len(records) < limit
            # Tenants share names; of the last name some may be missing, so it is asked for again.
            whole = records if is_last else [one for one in records if one.name != records[-1].name]
            self._learn(whole)
            if is_last:
                return
            if whole:
                after = whole[-1].name
            else:
                limit *= 2

    def _learn(self, records: list[Record]) -> None:
        for record in records:
            project, _, _ = record.name.rpartition(":")
            self.learn(record.tenant, project, msgspec.json.decode(record.body, type=Schema))

    async def _reload(self) -> None:
        """Other servers make projects too."""
        while True:
            await asyncio.sleep(_RELOAD_S)
            with contextlib.suppress(Exception):
                await self._learn_all()

    # Working -------------------------------------------------------------------------------------------

    async def _watch(self, tenant: str, queue: str, places: asyncio.Semaphore) -> None:
        waiting = self._engine.waiting
        while not waiting.closed:
            with waiting.duty(("queue", queue, tenant)) as ticket:
                await places.acquire()
                try:
                    handout = await self._worker.claim(tenant, ((queue, LEVEL_DEFAULT),))
                except BaseException:
                    places.release()
                    raise
                if handout is not None:
                    self._begin(handout, places)
                    continue
                places.release()
                await ticket.wait(WAIT_MS_MAX)

    def _begin(self, handout: Handout, places: asyncio.Semaphore) -> None:
        """Work on a task beside the watcher, which goes on as soon as there is a place."""
        job = asyncio.create_task(self._see_through(handout))
        self._jobs.add(job)

        def ended(job: asyncio.Task[None]) -> None:
            self._jobs.discard(job)
            places.release()

        job.add_done_callback(ended)

    async def _see_through(self, handout: Handout) -> None:
        """Work on a task, and leave nobody waiting for a lease when that ends early."""
        try:
            await self._work(handout)
        except (asyncio.CancelledError, PoolClosed):
            await asyncio.shield(self._worker.release(handout.task))
        except Exception:
            log.exception("the step of task %d failed in an unforeseen way", handout.task.key)
            failed = Failed("STEP_CRASHED", "The step failed in an unforeseen way.")
            await self._settle(handout.task, failed)

    async def _work(self, handout: Handout) -> None:
        document = await self._document(handout.task)
        if document is None:
            await self._worker.release(handout.task, deny_ms=_DENY_MS)
            return
        try:
            outcome = await self._worker.under_lease(handout.task, self._steps.do(document, handout.input))
        except OSError as error:
            log.warning("a step of document %d met %s", document.key, error)
            await self._try_later(handout.task, error)
        except LeaseLostError:
            log.info("the lease of task %d was lost", handout.task.key)
        else:
            await self._settle(handout.task, outcome)

    async def _document(self, task: Task) -> Document | None:
        """The document whose step this is; None for what somebody else put into the queue."""
        if task.dialect != DIALECT or not task.flow:
            return None
        row = await self._engine.store.flow(task.flow)
        document = None if row is None else msgspec.msgpack.decode(row.state, type=Document)
        is_mine = document is not None and document.task == task.key and document.current.type in PLACES
        return document if is_mine and document is not None and not document.current.external else None

    async def _settle(self, task: Task, outcome: Outcome) -> None:
        fault_point("step_finished")
        if isinstance(outcome, Done):
            settled = await self._worker.complete(task, outcome.result)
        else:
            settled = await self._worker.fail(task, outcome.code, outcome.message, final=True)
        if isinstance(settled, Rejection):
            log.info("the outcome of task %d came too late: %s", task.key, settled.kind.value)

    async def _try_later(self, task: Task, error: OSError) -> None:
        pause_ms = backoff_ms(task.attempt, first_ms=_FIRST_PAUSE_MS, max_ms=_LONGEST_PAUSE_MS, seed=task.key)
        message = error.strerror or type(error).__name__
        await self._worker.fail(task, "STEP_UNAVAILABLE", message, backoff_ms=pause_ms)
