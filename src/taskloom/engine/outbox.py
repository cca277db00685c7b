"""The outbox: calls leave at least once, in order per receiver, and one slow receiver delays only itself.

A row is written with the change that caused it. It is read here, sent, and struck off by an ordinary command;
a crash between sending and striking off sends it again under the same key.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import urlsplit

from taskloom.core.limits import CALLBACK_ATTEMPTS, CALLBACK_TIMEOUT_MS, POLL_MS
from taskloom.core.rejections import Rejection
from taskloom.core.retry import backoff_ms
from taskloom.core.task import Task
from taskloom.engine.outcome import OutboxResult
from taskloom.engine.sweeper import Submit
from taskloom.ports.callbacks import Call, Deliverer, Delivery
from taskloom.ports.clock import Clock
from taskloom.ports.faults import fault_point
from taskloom.ports.store import Details, OutboxRow, Store, UnavailableError

log = logging.getLogger(__name__)

Render = Callable[[Task, bytes, bytes | None], tuple[bytes, dict[str, str]]]
"""(ended task, attributes, result) -> body and headers of the call, in the task's own dialect."""

_FIRST_PAUSE_MS: Final = 5_000
_LONGEST_PAUSE_MS: Final = 8 * 3_600_000
_AT_ONCE: Final = 64
_PER_RECEIVER: Final = 4


class Outbox:
    """One background duty; `ring` when a batch wrote rows."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        submit: Submit,
        deliverer: Deliverer,
        renders: Mapping[str, Render],
    ) -> None:
        self._store = store
        self._clock = clock
        self._submit = submit
        self._deliverer = deliverer
        self._renders = renders
        self._bell = asyncio.Event()
        self._sending: dict[int, asyncio.Task[None]] = {}
        self._receivers: dict[str, int] = {}

    def ring(self) -> None:
        """New rows are there."""
        self._bell.set()

    async def run(self) -> None:
        """Send until cancelled; what is under way then is sent again at the next start."""
        try:
            while True:
                await self._round()
                self._bell.clear()
                try:
                    async with asyncio.timeout(POLL_MS / 1000):  # wait_for of 3.11 may swallow a cancellation
                        await self._bell.wait()
                except TimeoutError:
                    continue
        finally:
            for sending in self._sending.values():
                sending.cancel()
            await asyncio.gather(*self._sending.values(), return_exceptions=True)

    async def _round(self) -> None:
        free = _AT_ONCE - len(self._sending)
        if free <= 0:
            return
        try:
            rows = await self._store.due_outbox(self._clock.now_ms(), _AT_ONCE * 8)
            rows = [row for row in rows if row.key not in self._sending]
            keys = [row.task for row in rows]
            tasks, details = await self._store.tasks(keys), await self._store.details(keys)
            results = await self._store.payloads([t.result_key for t in tasks.values() if t.result_key])
        except UnavailableError:
            log.warning("the store cannot be read; sending again later")
            return
        if rows:
            fault_point("outbox_read")
        for row in rows:
            if len(self._sending) >= _AT_ONCE:
                return
            task, detail = tasks.get(row.task), details.get(row.task)
            if task is None or detail is None or not detail.callback:
                self._submit(OutboxResult(row.key, -1, "nobody to call"))
                continue
            receiver = urlsplit(detail.callback).netloc
            if self._receivers.get(receiver, 0) >= _PER_RECEIVER:
                continue
            await self._begin(row, task, detail, results.get(task.result_key), receiver)

    async def _begin(
        self, row: OutboxRow, task: Task, detail: Details, result: bytes | None, receiver: str
    ) -> None:
        if self._store.shared:
            until = self._clock.now_ms() + 2 * CALLBACK_TIMEOUT_MS
            taken = await self._submit(OutboxResult(row.key, until, taken_from=row.next_at))
            if isinstance(taken, Rejection):
                return
        self._receivers[receiver] = self._receivers.get(receiver, 0) + 1
        body, headers = self._renders[task.dialect](task, detail.attributes, result)
        call = Call(row.key, row.tenant, detail.callback, row.attempt + 1, headers, body)
        self._sending[row.key] = asyncio.create_task(self._send(row, call, receiver))

    async def _send(self, row: OutboxRow, call: Call, receiver: str) -> None:
        try:
            delivery = await self._deliverer.deliver(call)
            fault_point("outbox_sent")
            await self._submit(OutboxResult(row.key, self._next_at(row, delivery), delivery.reason))
            fault_point("outbox_marked")
        finally:
            self._sending.pop(row.key, None)
            left = self._receivers.get(receiver, 1) - 1
            if left:
                self._receivers[receiver] = left
            else:
                self._receivers.pop(receiver, None)
            self._bell.set()

    def _next_at(self, row: OutboxRow, delivery: Delivery) -> int:
        """0 when delivered, -1 when given up, else the instant of the next attempt."""
        if delivery.delivered:
            return 0
        attempt = row.attempt + 1
        if delivery.gone or attempt >= CALLBACK_ATTEMPTS:
            return -1
        pause = backoff_ms(attempt, first_ms=_FIRST_PAUSE_MS, max_ms=_LONGEST_PAUSE_MS, seed=row.key)
        return self._clock.now_ms() + max(pause, delivery.retry_after_ms)
