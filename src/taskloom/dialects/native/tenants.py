"""Tenants: which there are, and the switches of one."""

from typing import Final, Literal

import msgspec
from msgspec import Struct, structs

from taskloom.core.access import EVERY_TENANT
from taskloom.core.limits import NAME_LENGTH
from taskloom.core.records import PutRecords, Record, RecordChange
from taskloom.core.rejections import Rejection
from taskloom.core.tenants import TENANT, TenantBody, decoded
from taskloom.dialects.native import outcomes, wire
from taskloom.dialects.native.bodies import body_as
from taskloom.dialects.operation import Refusal, Reply, Request, Response

PAGE: Final = 100
_NO_TENANT: Final = Refusal(404, "not_found", "no such tenant")


class ChangeTenant(Struct, forbid_unknown_fields=True):
    """What is set for a tenant; what is left out stays."""

    partial_validation: bool | None = None
    bella_batch_times: Literal["s", "ms"] | None = None


async def listing(request: Request) -> Reply:
    """The tenants there are; whoever lives in one sees that one."""
    store = request.engine.store
    if request.wall is not None:
        own = await store.record(TENANT, EVERY_TENANT, request.wall)
        records = [own] if own is not None else []
    else:
        after = request.query.get("after", [""])[-1][:NAME_LENGTH]
        records = await store.records(TENANT, EVERY_TENANT, after, PAGE + 1)
    items = [_shown(record.name, decoded(record.body)) for record in records[:PAGE]]
    page = wire.Tenants(items, items[-1].name if len(records) > PAGE else None)
    return Response(body=msgspec.json.encode(page))


async def read(request: Request) -> Reply:
    """One tenant."""
    record = await _record(request)
    if record is None:
        return _NO_TENANT
    return Response(body=msgspec.json.encode(_shown(record.name, decoded(record.body))))


async def change(request: Request) -> Reply:
    """Set switches; they hold from the next call on."""
    wanted = body_as(ChangeTenant, request.body)
    if isinstance(wanted, Refusal):
        return wanted
    record = await _record(request)
    if record is None:
        return _NO_TENANT
    new = {name: value for name, value in structs.asdict(wanted).items() if value is not None}
    body = structs.replace(decoded(record.body), **new)
    put = RecordChange(TENANT, EVERY_TENANT, record.name, msgspec.json.encode(body), record.version)
    outcome = await request.engine.submit(PutRecords((put,)))
    if isinstance(outcome, Rejection):
        return outcomes.refused(outcome)
    return Response(body=msgspec.json.encode(_shown(record.name, body)))


async def _record(request: Request) -> Record | None:
    return await request.engine.store.record(TENANT, EVERY_TENANT, request.tenant)


def _shown(name: str, body: TenantBody) -> wire.Tenant:
    created_at = wire.instant(body.created_at)
    assert created_at is not None
    return wire.Tenant(name, created_at, body.partial_validation, body.bella_batch_times)
