"""Who calls, which tenants there are, and what signs their callbacks."""

from typing import Final

import msgspec
from msgspec import Struct

from taskloom.callbacks.signature import spelled
from taskloom.core.access import EVERY_TENANT
from taskloom.core.limits import NAME_LENGTH
from taskloom.core.records import Record
from taskloom.dialects.native import wire
from taskloom.dialects.native.secrets import callback_secrets, rotate
from taskloom.dialects.operation import Reply, Request, Response

TENANT: Final = "tenant"
"""Kind of the records of tenants: tenant `*`, name the tenant, body a `TenantBody`."""
PAGE: Final = 100


class TenantBody(Struct, frozen=True):
    """What the record of a tenant holds."""

    created_at: int


async def me(request: Request) -> Reply:
    """The key that calls, as the server sees it."""
    principal = request.principal
    answer = wire.Me(
        name=principal.name,
        tenant=principal.tenant,
        acts_in=request.tenant,
        scopes=sorted(principal.scopes),
        worker=principal.worker,
        expires_at=wire.instant(principal.expires_at),
    )
    return Response(body=msgspec.json.encode(answer))


async def tenants(request: Request) -> Reply:
    """The tenants there are; whoever lives in one sees that one."""
    store = request.engine.store
    if request.wall is not None:
        own = await store.record(TENANT, EVERY_TENANT, request.wall)
        records = [own] if own is not None else []
    else:
        after = request.query.get("after", [""])[-1][:NAME_LENGTH]
        records = await store.records(TENANT, EVERY_TENANT, after, PAGE + 1)
    items = [_tenant(record) for record in records[:PAGE]]
    page = wire.Tenants(items, items[-1].name if len(records) > PAGE else None)
    return Response(body=msgspec.json.encode(page))


def _tenant(record: Record) -> wire.Tenant:
    body = msgspec.json.decode(record.body, type=TenantBody)
    created_at = wire.instant(body.created_at)
    assert created_at is not None
    return wire.Tenant(record.name, created_at)


async def secret(request: Request) -> Reply:
    """What the tenant's callbacks are signed with."""
    found = await callback_secrets(request.engine, request.tenant)
    return Response(body=msgspec.json.encode(wire.CallbackSecrets([spelled(one) for one in found])))


async def new_secret(request: Request) -> Reply:
    """A new secret; the one before it signs too for a day."""
    await rotate(request.engine, request.tenant)
    return await secret(request)
