"""Webhooks: made, changed, tried out, ended. Their secrets are shown to administrators only."""

import secrets
from typing import Final

import msgspec
from msgspec import UNSET, UnsetType

from taskloom.callbacks.address import AddressError, Guard
from taskloom.callbacks.signature import spelled
from taskloom.core.limits import SECRET_OVERLAP_MS, WEBHOOKS_PER_TENANT
from taskloom.core.records import Record
from taskloom.core.rejections import Rejection
from taskloom.core.webhooks import TEST, WEBHOOK, Webhook, event_body, webhook_of
from taskloom.dialects.native import wire, wire_webhooks
from taskloom.dialects.native.bodies import body_as
from taskloom.dialects.native.homes import refused
from taskloom.dialects.native.outcomes import key_of
from taskloom.dialects.operation import Refusal, Reply, Request, Response
from taskloom.engine.outcome import Outcome, SendAgain
from taskloom.ports.store import OutboxRow

GUARD: Final = "guard"
"""The resource that says where calls may go."""

_NO_WEBHOOK: Final = Refusal(404, "not_found", "there is no such webhook")
_TOO_MANY: Final = Refusal(409, "conflict", f"a tenant has at most {WEBHOOKS_PER_TENANT} webhooks")
_DISABLED: Final = Refusal(409, "conflict", "the webhook is disabled")


async def create(request: Request) -> Reply:
    """Make a webhook; the answer shows the secret its calls are signed with."""
    asked = body_as(wire_webhooks.NewWebhook, request.body)
    if isinstance(asked, Refusal):
        return asked
    wrong = _wrong_url(request, asked.url)
    if wrong is not None:
        return wrong
    if len(await request.engine.webhooks.of(request.tenant)) >= WEBHOOKS_PER_TENANT:
        return _TOO_MANY
    made = Webhook(
        key=request.engine.new_key(),
        url=asked.url,
        events=tuple(asked.events),
        queues=tuple(asked.queues),
        description=asked.description,
        enabled=asked.enabled,
        secret=secrets.token_bytes(32),
        created_at=request.engine.clock.now_ms(),
        created_by=request.principal.name,
    )
    outcome = await request.engine.webhooks.put(request.tenant, made, 0)
    return _answer(outcome, request.tenant, made, 201, secret=spelled(made.secret))


async def listing(request: Request) -> Reply:
    """The webhooks of the tenant, the oldest first."""
    found = await request.engine.webhooks.of(request.tenant)
    items = [_shown(request.tenant, webhook) for webhook in found]
    return Response(body=msgspec.json.encode(wire_webhooks.Webhooks(items)))


async def read(request: Request) -> Reply:
    """One webhook."""
    record = await _named(request)
    if isinstance(record, Refusal):
        return record
    return Response(body=msgspec.json.encode(_shown(record.tenant, webhook_of(record))))


async def change(request: Request) -> Reply:
    """Change what is named; to enable a webhook again forgets why it was disabled."""
    asked = body_as(wire_webhooks.WebhookChange, request.body)
    if isinstance(asked, Refusal):
        return asked
    if asked.url is not UNSET:
        wrong = _wrong_url(request, asked.url)
        if wrong is not None:
            return wrong
    record = await _named(request)
    if isinstance(record, Refusal):
        return record
    changes = {name: value for name, value in msgspec.structs.asdict(asked).items() if value is not UNSET}
    for name in ("events", "queues"):
        if name in changes:
            changes[name] = tuple(changes[name])
    if asked.enabled is True:
        changes["disabled_because"] = ""
    changed = msgspec.structs.replace(webhook_of(record), **changes)
    webhooks = request.engine.webhooks
    outcome = await webhooks.put(record.tenant, changed, record.version)
    if not changed.enabled and not isinstance(outcome, Rejection):
        await webhooks.end_waiting(record.tenant, changed.key, "the webhook is disabled")
    return _answer(outcome, record.tenant, changed)


async def delete(request: Request) -> Reply:
    """End a webhook for good; what waits for it ends too."""
    record = await _named(request)
    if isinstance(record, Refusal):
        return record
    outcome = await request.engine.webhooks.remove(record.tenant, webhook_of(record), record.version)
    return refused(outcome) if isinstance(outcome, Rejection) else Response(204)


async def secret(request: Request) -> Reply:
    """What its calls are signed with, the newest first."""
    record = await _named(request)
    if isinstance(record, Refusal):
        return record
    return _secrets(request, webhook_of(record))


async def new_secret(request: Request) -> Reply:
    """A new secret; the one before it signs too for a day."""
    record = await _named(request)
    if isinstance(record, Refusal):
        return record
    webhook = webhook_of(record)
    renewed = msgspec.structs.replace(
        webhook,
        secret=secrets.token_bytes(32),
        older=webhook.secret,
        older_until=request.engine.clock.now_ms() + SECRET_OVERLAP_MS,
    )
    outcome = await request.engine.webhooks.put(record.tenant, renewed, record.version)
    return refused(outcome) if isinstance(outcome, Rejection) else _secrets(request, renewed)


async def test(request: Request) -> Reply:
    """Send it an event `webhook.test`, whichever events it wants; answered with the delivery to look at."""
    record = await _named(request)
    if isinstance(record, Refusal):
        return record
    webhook = webhook_of(record)
    if not webhook.enabled:
        return _DISABLED
    key = request.engine.new_key()
    body = event_body(key, TEST, {"id": str(webhook.key)})
    call = OutboxRow(key, record.tenant, webhook.key, 0, 0, webhook=webhook.key, name=TEST, body=body)
    outcome = await request.engine.submit(SendAgain(call, webhook.url))
    if isinstance(outcome, Rejection):
        return refused(outcome)
    return Response(202, msgspec.json.encode(wire_webhooks.DeliveryKey(str(key))))


def _wrong_url(request: Request, url: str) -> Refusal | None:
    """Why calls may not go there; where its name leads is looked at again at each attempt."""
    guard: Guard = request.services.resources[GUARD]
    try:
        guard.url(url)
    except AddressError as error:
        return Refusal(400, "invalid", f"{error} - at `$.url`")
    return None


async def _named(request: Request) -> Record | Refusal:
    """The record of the webhook in the path."""
    record = await request.engine.store.record_by_key(key_of(request.parameters["key"]))
    if record is None or record.kind != WEBHOOK or request.wall not in {None, record.tenant}:
        return _NO_WEBHOOK
    return record


def _shown(tenant: str, webhook: Webhook, secret: str | UnsetType = UNSET) -> wire_webhooks.Webhook:
    return wire_webhooks.Webhook(
        key=str(webhook.key),
        tenant=tenant,
        url=webhook.url,
        events=list(webhook.events),
        queues=list(webhook.queues),
        description=webhook.description,
        enabled=webhook.enabled,
        disabled_because=webhook.disabled_because,
        created_at=wire.instant(webhook.created_at),
        created_by=webhook.created_by,
        secret=secret,
    )


def _secrets(request: Request, webhook: Webhook) -> Response:
    signing = webhook.secrets(request.engine.clock.now_ms())
    return Response(body=msgspec.json.encode(wire.CallbackSecrets([spelled(one) for one in signing])))


def _answer(
    outcome: Outcome, tenant: str, webhook: Webhook, status: int = 200, *, secret: str | UnsetType = UNSET
) -> Reply:
    if isinstance(outcome, Rejection):
        return refused(outcome)
    return Response(status, msgspec.json.encode(_shown(tenant, webhook, secret)))
