"""Where a call goes: to the address its task names, or to the webhook it was fanned out to."""

from collections.abc import Sequence

from msgspec import Struct

from taskloom.core.task import Task
from taskloom.core.webhooks import Webhook
from taskloom.engine.receivers import receiver_of
from taskloom.engine.webhooks import Webhooks
from taskloom.ports.clock import Clock
from taskloom.ports.store import Details, OutboxRow, Store


class Target(Struct, frozen=True):
    """Where a row goes, or why it goes nowhere; `receiver` is the name of its line."""

    url: str = ""
    receiver: str = ""
    secrets: tuple[bytes, ...] = ()
    task: Task | None = None
    details: Details | None = None
    nowhere: str = ""


class Targets:
    """Looks up where rows go, as things are now."""

    def __init__(self, store: Store, clock: Clock, webhooks: Webhooks) -> None:
        self._store = store
        self._clock = clock
        self._webhooks = webhooks

    async def of(self, rows: Sequence[OutboxRow]) -> list[Target]:
        """Where each of the rows goes."""
        keys = [row.subject for row in rows if not row.webhook]
        tasks = await self._store.tasks(keys) if keys else {}
        details = await self._store.details(keys) if keys else {}
        webhooks = {
            key: await self._webhooks.one(key) for key in {row.webhook for row in rows if row.webhook}
        }
        now = self._clock.now_ms()
        return [
            _to_webhook(row, webhooks[row.webhook], now)
            if row.webhook
            else _to_own_address(row, tasks.get(row.subject), details.get(row.subject))
            for row in rows
        ]


def _to_webhook(row: OutboxRow, webhook: Webhook | None, now: int) -> Target:
    if webhook is None:
        return Target(nowhere="the webhook is gone")
    if not webhook.enabled:
        return Target(webhook.url, nowhere="the webhook is disabled")
    return Target(webhook.url, receiver_of(row.tenant, webhook.url), webhook.secrets(now))


def _to_own_address(row: OutboxRow, task: Task | None, details: Details | None) -> Target:
    if task is None or details is None or not details.callback:
        return Target(nowhere="nobody to call")
    url = details.callback
    if not task.is_final:
        return Target(url, nowhere="the task was reopened")
    return Target(url, receiver_of(row.tenant, url), (), task, details)
