"""The shapes of webhooks and deliveries in the native API. Keys are strings of digits."""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from taskloom.core.limits import (
    BULK_ITEMS,
    CALLBACK_URL_LENGTH,
    WEBHOOK_DESCRIPTION_LENGTH,
    WEBHOOK_EVENT_LENGTH,
    WEBHOOK_EVENTS,
    WEBHOOK_QUEUES,
)
from taskloom.core.webhooks import PATTERN
from taskloom.dialects.native.wire_tasks import Instant, Number, QueueName

Url = Annotated[str, Meta(min_length=1, max_length=CALLBACK_URL_LENGTH)]
Event = Annotated[str, Meta(max_length=WEBHOOK_EVENT_LENGTH, pattern=PATTERN)]
Events = Annotated[list[Event], Meta(min_length=1, max_length=WEBHOOK_EVENTS)]
Queues = Annotated[list[QueueName], Meta(max_length=WEBHOOK_QUEUES)]
Description = Annotated[str, Meta(max_length=WEBHOOK_DESCRIPTION_LENGTH)]
DeliveryStateName = Literal["pending", "delivered", "failed"]


class NewWebhook(Struct, forbid_unknown_fields=True):
    """A webhook to be made. `events` are names, `batch.*` for all that begin so, `*` for all."""

    url: Url
    events: Events
    queues: Queues = []
    """Of the ends of tasks only those of these queues; none means every queue."""
    description: Description = ""
    enabled: bool = True


class WebhookChange(Struct, forbid_unknown_fields=True):
    """What is to be another; what is absent stays."""

    url: Url | UnsetType = UNSET
    events: Events | UnsetType = UNSET
    queues: Queues | UnsetType = UNSET
    description: Description | UnsetType = UNSET
    enabled: bool | UnsetType = UNSET


class Webhook(Struct):
    """A webhook, without its secret."""

    key: str
    tenant: str
    url: str
    events: list[str]
    queues: list[str]
    description: str
    enabled: bool
    disabled_because: str
    created_at: datetime | None
    created_by: str
    secret: str | UnsetType = UNSET
    """Only in the answer that made it."""


class Webhooks(Struct):
    """The webhooks of the tenant."""

    items: list[Webhook]


class DeliveryKey(Struct):
    """The delivery that was begun."""

    key: str


class Delivery(Struct):
    """A call that leaves, or has left."""

    key: str
    tenant: str
    state: DeliveryStateName
    message_id: str
    """What its receiver sees as `webhook-id`, the same at every attempt."""
    event: str
    """"" where a task's own address is told of the task's end."""
    subject: str
    """The task or flow it is about."""
    webhook: str
    url: str
    attempts: int
    """Since it was last begun."""
    created_at: datetime | None
    next_at: datetime | None
    ended_at: datetime | None
    reason: str


class Attempt(Struct):
    """One attempt; `status` is 0 where nothing answered."""

    at: datetime | None
    took_ms: int
    status: int
    reason: str


class DeliveryDetail(Delivery):
    """A delivery with its latest attempts, the oldest first, and the body of an announcement."""

    log: list[Attempt]
    body: Raw


class Deliveries(Struct):
    """A page of deliveries; `next` is what `after` must be to see more, null at the end."""

    items: list[Delivery]
    next: str | None


class SendFailed(Struct, forbid_unknown_fields=True):
    """Which failed deliveries are to be sent again: those that ended within this time."""

    failed_after: Instant
    failed_before: Instant
    webhook: Number = ""
    task: Number = ""
    after: Number = ""
    limit: Annotated[int, Meta(ge=1, le=BULK_ITEMS)] = BULK_ITEMS


class SentAgain(Struct):
    """How many were begun again; `next` is what `after` must be for the rest, null when there is none."""

    count: int
    next: str | None
