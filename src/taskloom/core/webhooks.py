"""Webhooks: addresses of a tenant that want to be told of what happens there, by the names of events."""

import re
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec
from msgspec import Struct

from taskloom.core.access import EVERY_TENANT
from taskloom.core.records import Record, RecordChange

WEBHOOK: Final = "webhook"
"""Kind of the records that hold a `Webhook`, named by tenant and the digits of its key."""
LISTENER: Final = "webhook_listener"
"""Kind of the records of tenants that want to hear of every task's end: tenant `*`, name the tenant."""
TASK_ENDS: Final = ("task.completed", "task.failed", "task.cancelled")
TEST: Final = "webhook.test"
PATTERN: Final = r"^(\*|[a-z0-9_]+(\.[a-z0-9_]+)*(\.\*)?)$(?!\n)"
_PATTERN: Final = re.compile(PATTERN)


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


def matches(pattern: str, event: str) -> bool:
    """Whether an event has a name that a pattern means."""
    if pattern.endswith("*"):
        return event.startswith(pattern[:-1])
    return pattern == event


def is_pattern(text: str) -> bool:
    """Whether it is a name of events, or the beginning of one with a star after its dot, or the star."""
    return _PATTERN.fullmatch(text) is not None


def name_of(key: int) -> str:
    """What a webhook's record is called; names sort as keys do."""
    return f"{key:019}"


def webhook_of(record: Record) -> Webhook:
    """The webhook a record holds."""
    return msgspec.msgpack.decode(record.body, type=Webhook)


def webhook_changes(
    tenant: str, changed: Webhook, others: Iterable[Webhook], *, expected: int | None, gone: bool = False
) -> tuple[RecordChange, ...]:
    """The record changes that store a webhook, or forget it, and say whether the tenant hears of tasks."""
    body = None if gone else msgspec.msgpack.encode(changed)
    stays: Sequence[Webhook] = [one for one in others if one.key != changed.key]
    if not gone:
        stays = [*stays, changed]
    hears = any(one.enabled and any(_means_a_task(pattern) for pattern in one.events) for one in stays)
    return (
        RecordChange(WEBHOOK, tenant, name_of(changed.key), body, expected, changed.key),
        RecordChange(LISTENER, EVERY_TENANT, tenant, b"\xc3" if hears else None),
    )


def _means_a_task(pattern: str) -> bool:
    return any(matches(pattern, event) for event in TASK_ENDS)
