"""Webhooks: addresses of a tenant that want to be told of what happens there, by the names of events."""

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec
from msgspec import Struct

from taskloom.core.access import EVERY_TENANT
from taskloom.core.keys import split
from taskloom.core.records import Record, RecordChange

WEBHOOK: Final = "webhook"
"""Kind of the records that hold a `Webhook`, named by tenant and the digits of its key."""
LISTENER: Final = "webhook_listener"
"""Kind of the records that say whether a tenant hears of every task's end: tenant `*`, name the tenant."""
TASK_ENDS: Final = ("task.completed", "task.failed", "task.cancelled")
TEST: Final = "webhook.test"
PATTERN: Final = r"^(\*|[a-z0-9_]+(\.[a-z0-9_]+)*(\.\*)?)$(?!\n)"
_HEARS: Final = b"\xc3"
_DOES_NOT: Final = b"\xc2"


class Webhook(Struct, frozen=True, kw_only=True):
    """One address. `events` are names, `batch.*` for all that begin so, `*` for all."""

    key: int
    url: str
    events: tuple[str, ...]
    queues: tuple[str, ...] = ()
    """Of the ends of tasks only those of these queues; none means every queue."""
    description: str = ""
    enabled: bool = True
    disabled_because: str = ""
    secret: bytes
    older: bytes = b""
    """The secret before it, which signs too until `older_until`."""
    older_until: int = 0
    created_at: int = 0
    created_by: str = ""

    def wants(self, event: str, queue: str = "") -> bool:
        """Whether it is to be told of an event, `queue` being that of the task it is about, if any."""
        if not self.enabled or (event in TASK_ENDS and self.queues and queue not in self.queues):
            return False
        return any(matches(pattern, event) for pattern in self.events)

    def secrets(self, now: int) -> tuple[bytes, ...]:
        """What signs now, the newest first."""
        return (self.secret, self.older) if self.older_until > now else (self.secret,)


def event_body(key: int, name: str, about: Mapping[str, str]) -> bytes:
    """What is told of an event that has no shape of its own yet; `key` is the event's and tells its time."""
    event = {
        "id": f"evt_{key}",
        "object": "event",
        "created_at": split(key).second,
        "type": name,
        "data": about,
    }
    return msgspec.json.encode(event)


def matches(pattern: str, event: str) -> bool:
    """Whether an event has a name that a pattern means."""
    if pattern.endswith("*"):
        return event.startswith(pattern[:-1])
    return pattern == event


def name_of(key: int) -> str:
    """What a webhook's record is called; names sort as keys do."""
    return f"{key:019}"


def webhook_of(record: Record) -> Webhook:
    """The webhook a record holds."""
    return msgspec.msgpack.decode(record.body, type=Webhook)


def webhook_changes(
    tenant: str, changed: Webhook, others: Iterable[Webhook], listener: Record | None, expected: int
) -> tuple[RecordChange, ...]:
    """The record changes that store a webhook and say whether its tenant hears of tasks.

    All changes of the webhooks of a tenant change its listener, so none is made beside another.
    """
    body = msgspec.msgpack.encode(changed)
    stays = [*(one for one in others if one.key != changed.key), changed]
    return (
        RecordChange(WEBHOOK, tenant, name_of(changed.key), body, expected, changed.key),
        _listener_change(tenant, stays, listener),
    )


def removal(
    tenant: str, gone: Webhook, others: Iterable[Webhook], listener: Record | None, expected: int
) -> tuple[RecordChange, ...]:
    """The record changes that forget a webhook."""
    stays = [one for one in others if one.key != gone.key]
    return (
        RecordChange(WEBHOOK, tenant, name_of(gone.key), None, expected),
        _listener_change(tenant, stays, listener),
    )


def hears_of_tasks(listener: Record) -> bool:
    """Whether the tenant a listener is named after wants to hear of the end of every task."""
    return listener.body == _HEARS


def _listener_change(tenant: str, webhooks: Iterable[Webhook], listener: Record | None) -> RecordChange:
    hears = any(one.enabled and any(map(_means_a_task, one.events)) for one in webhooks)
    version = 0 if listener is None else listener.version
    return RecordChange(LISTENER, EVERY_TENANT, tenant, _HEARS if hears else _DOES_NOT, version)


def _means_a_task(pattern: str) -> bool:
    return any(matches(pattern, event) for event in TASK_ENDS)
