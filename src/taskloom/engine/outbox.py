"""The outbox: calls leave at least once, in order per subject and webhook; a slow receiver delays itself.

A row is written with the change that caused it. It is read here, sent, and struck off by an ordinary command;
a crash between sending and striking off sends it again under the same key. A row begins in the line of its
tenant; from there it is sent at once, or, where its receiver has enough to do, put in that receiver's line.
Lines are read in turn, so a long one hides nobody.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Final

from taskloom.core.limits import (
    CALLBACK_LARGE_BYTES,
    CALLBACK_LARGE_BYTES_AT_ONCE,
    CALLBACK_PAUSES_MS,
    CALLBACK_REASON_LENGTH,
    CALLBACK_REST_MS_MAX,
    CALLBACK_TIMEOUT_MS,
    CALLBACK_WINDOW_MS,
    CALLBACKS_AT_ONCE,
    POLL_MS,
)
from taskloom.core.rejections import Kind, Rejection
from taskloom.core.retry import planned_ms
from taskloom.core.task import Task
from taskloom.engine.outcome import Attempt, OutboxResult
from taskloom.engine.receivers import Receivers
from taskloom.engine.sweeper import Submit
from taskloom.engine.targets import Target, Targets
from taskloom.engine.webhooks import Webhooks
from taskloom.ports.callbacks import Call, Deliverer, Delivery
from taskloom.ports.clock import Clock
from taskloom.ports.faults import fault_point
from taskloom.ports.store import OutboxRow, Store, UnavailableError

log = logging.getLogger(__name__)

Render = Callable[[Task, bytes, bytes | None], tuple[bytes, dict[str, str]]]
"""(ended task, attributes, result) -> body and headers of the call, in the task's own dialect."""

_OF_A_LINE: Final = 64
_FORGET_EVERY_MS: Final = 60_000
_PAGE: Final = 2 * CALLBACKS_AT_ONCE
_JSON: Final = {"content-type": "application/json; charset=utf-8"}


class Outbox:
    """One background duty; `ring` when a batch wrote rows."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        submit: Submit,
        *,
        deliverer: Deliverer,
        renders: Mapping[str, Render],
        webhooks: Webhooks,
    ) -> None:
        self._store = store
        self._clock = clock
        self._submit = submit
        self._deliverer = deliverer
        self._renders = renders
        self._webhooks = webhooks
        self._targets = Targets(store, clock, webhooks)
        self._bell = asyncio.Event()
        self._sending: dict[int, asyncio.Task[None]] = {}
        self._receivers = Receivers()
        self._large: dict[int, int] = {}
        """Rows whose bodies are large, and how large."""
        self._large_sending: set[int] = set()
        self._forgets_at = clock.monotonic_ms() + _FORGET_EVERY_MS
        self._reading = asyncio.Semaphore(2)

    def ring(self) -> None:
        """New rows are there."""
        self._bell.set()

    async def run(self) -> None:
        """Send until cancelled; what is under way then is sent again at the next start."""
        try:
            while True:
                self._bell.clear()
                try:
                    await self._webhooks.refresh()
                    await self._round()
                    await self._forget_old()
                except UnavailableError:
                    log.warning("the store cannot be read; sending again later")
                try:
                    async with asyncio.timeout(POLL_MS / 1000):  # wait_for of 3.11 may swallow a cancellation
                        await self._bell.wait()
                except TimeoutError:
                    continue
        finally:
            for sending in self._sending.values():
                sending.cancel()
            await asyncio.gather(*self._sending.values(), return_exceptions=True)

    async def _forget_old(self) -> None:
        now = self._clock.monotonic_ms()
        if now >= self._forgets_at:
            self._forgets_at = now + _FORGET_EVERY_MS
            await self._webhooks.forget_old()

    async def _round(self) -> None:
        if len(self._sending) >= CALLBACKS_AT_ONCE:
            return
        now = self._clock.now_ms()
        receivers = self._receivers
        under_way = set(self._sending)  # what is struck off while the page is read may still stand in it
        page = await self._store.due_outbox(
            now, _PAGE, _OF_A_LINE, receivers.busy(now), receivers.busy_tenants()
        )
        rows = [row for row in page if row.key not in under_way]
        if rows:
            fault_point("outbox_read")
        announced = [row for row in rows if row.name and not row.webhook]
        calls = [row for row in rows if row.webhook or not row.name]
        if announced and await self._webhooks.fan_out(announced):
            self._bell.set()
        put_off = []
        for row, target in zip(calls, await self._targets.of(calls), strict=True):
            later = self._begin(row, target, now)
            if later is not None:
                put_off.append(self._submit(later))
        if put_off and not any(isinstance(one, Rejection) for one in await asyncio.gather(*put_off)):
            self._bell.set()

    def _begin(self, row: OutboxRow, target: Target, now: int) -> OutboxResult | None:
        """Start sending, or say what becomes of the row instead."""
        if target.nowhere:
            return OutboxResult(row.key, -1, target.nowhere, url=target.url)
        in_trouble = self._receivers.is_in_trouble(target.receiver)
        if in_trouble and now - row.since > CALLBACK_WINDOW_MS:
            reason = "its receiver has been in trouble for too long"
            return OutboxResult(row.key, -1, reason, line=target.receiver, url=target.url)
        if len(self._sending) >= CALLBACKS_AT_ONCE:
            return None
        is_busy = self._receivers.is_busy(target.receiver, row.tenant, now)
        has_room = not (is_busy or self._is_too_large(row.key))
        if has_room and self._receivers.admit(target.receiver, row.tenant):
            self._sending[row.key] = asyncio.create_task(self._send(row, target))
            return None
        if row.line != target.receiver:  # into its receiver's line
            return OutboxResult(
                row.key, row.next_at, taken_from=row.next_at, line=target.receiver, url=target.url
            )
        if is_busy:  # the next page leaves that line out
            return None
        until = now + CALLBACK_REST_MS_MAX + row.key % CALLBACK_REST_MS_MAX
        return OutboxResult(row.key, until, taken_from=row.next_at)

    async def _send(self, row: OutboxRow, target: Target) -> None:
        delivery: Delivery | None = None
        try:
            if self._store.shared:
                until = self._clock.now_ms() + 2 * CALLBACK_TIMEOUT_MS
                taken = await self._submit(OutboxResult(row.key, until, taken_from=row.next_at))
                if isinstance(taken, Rejection):
                    return
            call = await self._call(row, target)
            if call is not None:
                delivery = await self._attempt(row, target, call)
        except UnavailableError:
            log.warning("the store cannot be read; sending again later")
        except Exception:
            log.exception("a call could not be made")
            delivery = Delivery(delivered=False, reason="the call could not be made")
            await self._submit(self._result(row, target, delivery, None))
        finally:
            self._sending.pop(row.key, None)
            self._large_sending.discard(row.key)
            failed = None if delivery is None else not delivery.delivered
            pause_ms = 0 if delivery is None else delivery.retry_after_ms
            self._receivers.release(target.receiver, self._clock.now_ms(), failed=failed, pause_ms=pause_ms)
            self._bell.set()

    async def _attempt(self, row: OutboxRow, target: Target, call: Call) -> Delivery:
        """Make the call and write down what came of it."""
        at, began = self._clock.now_ms(), self._clock.monotonic_ms()
        delivery = await self._deliverer.deliver(call)
        fault_point("outbox_sent")
        took_ms = self._clock.monotonic_ms() - began
        reason = delivery.reason[:CALLBACK_REASON_LENGTH]
        attempt = Attempt(at, took_ms, delivery.status, reason)
        marked = await self._submit(self._result(row, target, delivery, attempt))
        fault_point("outbox_marked")
        if delivery.gone and row.webhook:
            await self._webhooks.disable(row.webhook, f"it answered {delivery.status}")
        if isinstance(marked, Rejection) and marked.kind is not Kind.NOT_FOUND:
            return Delivery(
                delivered=False, reason="not written down"
            )  # the receiver rests before it comes again
        return delivery

    def _result(
        self, row: OutboxRow, target: Target, delivery: Delivery, attempt: Attempt | None
    ) -> OutboxResult:
        reason = delivery.reason[:CALLBACK_REASON_LENGTH]
        next_at = self._next_at(row, delivery)
        return OutboxResult(row.key, next_at, reason, 0, target.receiver, target.url, attempt)

    async def _call(self, row: OutboxRow, target: Target) -> Call | None:
        """The call as it leaves; None when its body is too large to leave beside others."""
        body, headers = await self._content(row, target)
        if len(body) > CALLBACK_LARGE_BYTES:
            self._large[row.key] = len(body)
            if self._is_too_large(row.key):
                return None
            self._large_sending.add(row.key)
        return Call(row.key, row.tenant, target.url, row.attempt + 1, headers, body, target.secrets)

    async def _content(self, row: OutboxRow, target: Target) -> tuple[bytes, dict[str, str]]:
        if target.task is None or target.details is None:
            return row.body, _JSON
        task = target.task
        async with self._reading:
            results = await self._store.payloads([task.result_key]) if task.result_key else {}
            result = results.get(task.result_key)
            return self._renders[task.dialect](task, target.details.attributes, result)

    def _is_too_large(self, key: int) -> bool:
        """Whether a large body has to wait until others of its kind have left."""
        size = self._large.get(key, 0)
        if not size or not self._large_sending:
            return False
        return sum(self._large[other] for other in self._large_sending) + size > CALLBACK_LARGE_BYTES_AT_ONCE

    def _next_at(self, row: OutboxRow, delivery: Delivery) -> int:
        """0 when delivered, -1 when given up, else the instant of the next attempt."""
        if delivery.delivered:
            return 0
        now = self._clock.now_ms()
        pause = planned_ms(row.attempt + 1, CALLBACK_PAUSES_MS, row.key)
        if delivery.gone or pause is None or now - row.since > CALLBACK_WINDOW_MS:
            return -1
        return now + max(pause, delivery.retry_after_ms)
