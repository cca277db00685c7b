"""Webhooks as the outbox needs them: who wants to be told of what, and who wants no more."""

import asyncio
from collections.abc import Sequence

import msgspec

from taskloom.core.access import EVERY_TENANT
from taskloom.core.keys import KeyParts, join
from taskloom.core.limits import BATCH_COMMANDS, DELIVERY_KEPT_S, POLL_MS, WEBHOOKS_PER_TENANT
from taskloom.core.records import PutRecords
from taskloom.core.task import Task
from taskloom.core.webhooks import (
    LISTENER,
    TASK_ENDS,
    WEBHOOK,
    Webhook,
    event_body,
    hears_of_tasks,
    removal,
    webhook_changes,
    webhook_of,
)
from taskloom.engine.outcome import Accepted, FanOut, ForgetDeliveries, OutboxResult, Outcome, Recipient
from taskloom.engine.sweeper import Submit
from taskloom.ports.clock import Clock
from taskloom.ports.faults import fault_point
from taskloom.ports.store import OutboxRow, Store
from taskloom.views.deliveries import DELIVERIES, PENDING
from taskloom.views.view import And, Compare, Not, Query


class Webhooks:
    """Reads the records of webhooks; `listeners` are the tenants that hear of the end of every task."""

    def __init__(self, store: Store, clock: Clock, submit: Submit, listeners: set[str]) -> None:
        self._store = store
        self._clock = clock
        self._submit = submit
        self._listeners = listeners
        self._fresh_until = 0

    async def refresh(self, *, now: bool = False) -> None:
        """Learn which tenants hear of tasks, if that is not known freshly or somebody insists."""
        at = self._clock.monotonic_ms()
        if not now and at < self._fresh_until:
            return
        self._fresh_until = at + POLL_MS
        found: set[str] = set()
        after = ""
        while True:
            records = await self._store.records(LISTENER, EVERY_TENANT, after, BATCH_COMMANDS)
            found.update(record.name for record in records if hears_of_tasks(record))
            if len(records) < BATCH_COMMANDS:
                break
            after = records[-1].name
        self._listeners.update(found)
        self._listeners.intersection_update(found)

    async def of(self, tenant: str) -> list[Webhook]:
        """The webhooks of a tenant."""
        records = await self._store.records(WEBHOOK, tenant, "", WEBHOOKS_PER_TENANT)
        return [webhook_of(record) for record in records]

    async def one(self, key: int) -> Webhook | None:
        """A webhook, if it is still there."""
        record = await self._store.record_by_key(key)
        return webhook_of(record) if record is not None and record.kind == WEBHOOK else None

    async def fan_out(self, rows: Sequence[OutboxRow]) -> bool:
        """Each announcement becomes one call for each webhook of its tenant that wants it.

        Answers whether all did; those that did not wait for another time.
        """
        webhooks = {tenant: await self.of(tenant) for tenant in {row.tenant for row in rows}}
        keys = [row.subject for row in rows if row.name in TASK_ENDS]
        tasks = await self._store.tasks(keys) if keys else {}
        done = []
        for row in rows:
            task = tasks.get(row.subject)
            queue = task.queue if task is not None else ""
            wanting = [one for one in webhooks[row.tenant] if one.wants(row.name, queue)]
            body = row.body or _event(row, task)
            to = tuple(Recipient(webhook.key, webhook.url) for webhook in wanting)
            done.append(self._submit(FanOut(row.key, body, to)))
        outcomes = await asyncio.gather(*done)
        fault_point("outbox_fanned")
        return all(isinstance(outcome, Accepted) for outcome in outcomes)

    async def put(self, tenant: str, webhook: Webhook, expected: int) -> Outcome:
        """Store a webhook in place of the version the caller saw, 0 for a new one."""
        listener = await self._store.record(LISTENER, EVERY_TENANT, tenant)
        changes = webhook_changes(tenant, webhook, await self.of(tenant), listener, expected)
        outcome = await self._submit(PutRecords(changes))
        await self.refresh(now=True)
        return outcome

    async def remove(self, tenant: str, webhook: Webhook, expected: int) -> Outcome:
        """Forget a webhook; what waits for it ends."""
        listener = await self._store.record(LISTENER, EVERY_TENANT, tenant)
        changes = removal(tenant, webhook, await self.of(tenant), listener, expected)
        outcome = await self._submit(PutRecords(changes))
        await self.refresh(now=True)
        if isinstance(outcome, Accepted):
            await self.end_waiting(tenant, webhook.key, "the webhook is gone")
        return outcome

    async def disable(self, key: int, because: str) -> None:
        """Call it no more; what waits for it ends."""
        record = await self._store.record_by_key(key)
        if record is None:
            return
        webhook = webhook_of(record)
        if webhook.enabled:
            disabled = msgspec.structs.replace(webhook, enabled=False, disabled_because=because)
            await self.put(record.tenant, disabled, record.version)
        await self.end_waiting(record.tenant, key, "the webhook is disabled")

    async def end_waiting(self, tenant: str, key: int, because: str) -> None:
        """End every delivery to a webhook that has not arrived."""
        waiting = And((Compare("webhook", "eq", key), Compare("state", "eq", PENDING)))
        after: tuple[int, ...] | None = None
        while True:
            page = await self._store.search(
                Query(
                    view=DELIVERIES.name,
                    tenants=(tenant,),
                    filter=waiting,
                    limit=BATCH_COMMANDS,
                    after=after,
                    total=False,
                )
            )
            await asyncio.gather(*(self._submit(OutboxResult(row["key"], -1, because)) for row in page.rows))
            if len(page.rows) < BATCH_COMMANDS:
                return
            after = (page.rows[-1]["key"],)

    async def forget_old(self) -> None:
        """Forget the deliveries that ended and were kept long enough."""
        second = self._clock.now_ms() // 1000 - DELIVERY_KEPT_S
        old = Compare("key", "lt", join(KeyParts(second, 0, 0)))
        ended = Not(Compare("state", "eq", PENDING))
        while True:
            page = await self._store.search(
                Query(
                    view=DELIVERIES.name,
                    tenants=None,
                    filter=And((old, ended)),
                    limit=BATCH_COMMANDS,
                    total=False,
                )
            )
            if page.rows:
                gone = tuple((row["key"], row["tenant"]) for row in page.rows)
                await self._submit(ForgetDeliveries(gone))
            if len(page.rows) < BATCH_COMMANDS:
                return


def _event(row: OutboxRow, task: Task | None) -> bytes:
    """What is told of a task's end, in the shape of every event."""
    about = {"id": str(row.subject)}
    if task is not None:
        about |= {"queue": task.queue, "protocol": task.dialect}
    return event_body(row.key, row.name, about)
