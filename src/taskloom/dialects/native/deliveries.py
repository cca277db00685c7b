"""Deliveries: what was told to whom, how the attempts went, and once more."""

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta, Raw, Struct

from taskloom.core.keys import split
from taskloom.core.limits import BULK_ITEMS, TASKS_LISTED, TENANT_NAME_LENGTH
from taskloom.core.rejections import Rejection
from taskloom.dialects.native.bodies import body_as
from taskloom.dialects.native.homes import refused
from taskloom.dialects.native.listing import whose
from taskloom.dialects.native.outcomes import key_of
from taskloom.dialects.native.wire import instant, milliseconds
from taskloom.dialects.native.wire_tasks import Number
from taskloom.dialects.native.wire_webhooks import (
    Attempt,
    Deliveries,
    Delivery,
    DeliveryDetail,
    DeliveryKey,
    DeliveryStateName,
    Event,
    SendFailed,
    SentAgain,
)
from taskloom.dialects.operation import Refusal, Reply, Request, Response
from taskloom.engine import outcome as engine
from taskloom.ports.store import OutboxRow
from taskloom.views.deliveries import DELIVERIES, FAILED
from taskloom.views.view import And, Compare, Filter, Query, Sort

PAGE: Final = 100

_LOG: Final = msgspec.json.Decoder(list[engine.Attempt])
_NO_DELIVERY: Final = Refusal(404, "not_found", "there is no such delivery")


class Asked(Struct, forbid_unknown_fields=True):
    """The query string of a list, as it is understood; what is absent does not matter."""

    state: DeliveryStateName | None = None
    task: Number = ""
    webhook: Number = ""
    event: Event = ""
    tenant: Annotated[str, Meta(max_length=TENANT_NAME_LENGTH)] = ""
    after: Number = ""
    limit: Annotated[int, Meta(ge=1, le=TASKS_LISTED)] = PAGE


async def listing(request: Request) -> Reply:
    """A page of deliveries, the newest first."""
    try:
        given = {name: values[-1] for name, values in request.query.items() if values[-1]}
        asked = msgspec.convert(given, Asked, strict=False)
    except msgspec.ValidationError as problem:
        return Refusal(400, "invalid", str(problem))
    tenants = whose(request, asked.tenant)
    if isinstance(tenants, Refusal):
        return tenants
    query = Query(
        view=DELIVERIES.name,
        tenants=tenants,
        filter=And(tuple(_parts(asked))),
        sort=(Sort("key", descending=True),),
        limit=asked.limit + 1,
        after=(key_of(asked.after),) if asked.after else None,
        total=False,
    )
    rows = (await request.engine.store.search(query)).rows
    items = [Delivery(**_shown(row)) for row in rows[: asked.limit]]
    page = Deliveries(items, items[-1].key if len(rows) > asked.limit else None)
    return Response(body=msgspec.json.encode(page))


async def read(request: Request) -> Reply:
    """One delivery with its latest attempts."""
    row = await _named(request)
    if isinstance(row, Refusal):
        return row
    log = [Attempt(instant(one.at), one.took_ms, one.status, one.reason) for one in _LOG.decode(row["log"])]
    detail = DeliveryDetail(**_shown(row), log=log, body=Raw(row["body"] or b"null"))
    return Response(body=msgspec.json.encode(detail))


async def send(request: Request) -> Reply:
    """Begin a delivery again, whatever became of it; its receiver sees the same id and body."""
    row = await _named(request)
    if isinstance(row, Refusal):
        return row
    outcome = await request.engine.submit(_again(row))
    if isinstance(outcome, Rejection):
        return refused(outcome)
    return Response(202, msgspec.json.encode(DeliveryKey(str(row["key"]))))


async def send_failed(request: Request) -> Reply:
    """Begin those again that failed within a time, the oldest first."""
    asked = body_as(SendFailed, request.body)
    if isinstance(asked, Refusal):
        return asked
    within = (
        Compare("state", "eq", FAILED),
        Compare("ended_at", "gte", milliseconds(asked.failed_after)),
        Compare("ended_at", "lt", milliseconds(asked.failed_before)),
    )
    query = Query(
        view=DELIVERIES.name,
        tenants=(request.tenant,),
        filter=And((*within, *_about(asked.webhook, asked.task))),
        limit=min(asked.limit, BULK_ITEMS) + 1,
        after=(key_of(asked.after),) if asked.after else None,
        total=False,
    )
    rows = (await request.engine.store.search(query)).rows
    begun = rows[: asked.limit]
    outcomes = await asyncio.gather(*(request.engine.submit(_again(row)) for row in begun))
    for outcome in outcomes:
        if isinstance(outcome, Rejection):
            return refused(outcome)
    answer = SentAgain(len(begun), str(begun[-1]["key"]) if len(rows) > asked.limit else None)
    return Response(body=msgspec.json.encode(answer))


def _again(row: Mapping[str, Any]) -> engine.SendAgain:
    call = OutboxRow(
        key=row["key"],
        tenant=row["tenant"],
        subject=row["subject"],
        attempt=0,
        next_at=0,
        webhook=row["webhook"],
        name=row["event"],
        body=row["body"],
        log=row["log"],
    )
    return engine.SendAgain(call, row["url"])


async def _named(request: Request) -> Mapping[str, Any] | Refusal:
    """The delivery in the path."""
    query = Query(
        view=DELIVERIES.name,
        tenants=None if request.wall is None else (request.wall,),
        filter=Compare("key", "eq", key_of(request.parameters["key"])),
        limit=1,
        total=False,
    )
    rows = (await request.engine.store.search(query)).rows
    return rows[0] if rows else _NO_DELIVERY


def _parts(asked: Asked) -> list[Filter]:
    parts: list[Filter] = [
        Compare(column, "eq", value)
        for column, value in (("state", asked.state), ("event", asked.event))
        if value
    ]
    return [*parts, *_about(asked.webhook, asked.task)]


def _about(webhook: str, task: str) -> list[Filter]:
    return [
        Compare(column, "eq", key_of(text))
        for column, text in (("webhook", webhook), ("subject", task))
        if text
    ]


def _shown(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row as the wire has it."""
    return {
        "key": str(row["key"]),
        "tenant": row["tenant"],
        "state": row["state"],
        "message_id": f"msg_{row['key']}",
        "event": row["event"],
        "subject": str(row["subject"]),
        "webhook": str(row["webhook"]) if row["webhook"] else "",
        "url": row["url"],
        "attempts": row["attempts"],
        "created_at": instant(split(row["key"]).second * 1000),
        "next_at": instant(row["next_at"]),
        "ended_at": instant(row["ended_at"]),
        "reason": row["reason"],
    }
