"""Who calls, and what signs the callbacks of a tenant."""

import msgspec

from taskloom.callbacks.signature import spelled
from taskloom.dialects.native import wire
from taskloom.dialects.native.secrets import callback_secrets, rotate
from taskloom.dialects.operation import Reply, Request, Response


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


async def secret(request: Request) -> Reply:
    """What the tenant's callbacks are signed with."""
    found = await callback_secrets(request.engine, request.tenant)
    return Response(body=msgspec.json.encode(wire.CallbackSecrets([spelled(one) for one in found])))


async def new_secret(request: Request) -> Reply:
    """A new secret; the one before it signs too for a day."""
    await rotate(request.engine, request.tenant)
    return await secret(request)
