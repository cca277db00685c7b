"""system.register, heartbeat, unregister: workers come, stay and go."""

from typing import Final

from taskloom.core.commands import Assign
from taskloom.core.rejections import Rejection
from taskloom.core.task import LEASED, READY, WAITING
from taskloom.dialects.agents import errors
from taskloom.dialects.agents import wire_params as wp
from taskloom.dialects.agents import wire_results as wr
from taskloom.dialects.agents.errors import RpcError
from taskloom.dialects.agents.method import Context
from taskloom.dialects.agents.registry import Worker
from taskloom.dialects.agents.translate import BOARD
from taskloom.views.view import And, Compare, In, Or, Query

PAGE: Final = 100
ROUNDS: Final = 20


async def register(context: Context, params: wp.RegisterParams) -> wr.RegisterResult | RpcError:
    """A worker is there, for the time a registration lives."""
    refused = _may_name(context, params.id)
    if refused is not None:
        return refused
    worker = Worker(
        roles=params.roles,
        working_directory=params.metadata.working_directory if params.metadata else None,
        seen_at=context.engine.clock.now_ms(),
        registered_by=context.principal.name,
    )
    rejection = await context.shared.registry.register(context.request.tenant, params.id, worker)
    return errors.of_rejection(rejection, "") if rejection else wr.RegisterResult(registered=True)


async def heartbeat(context: Context, params: wp.InstanceParams) -> wr.AliveResult | RpcError:
    """A sign of life. It keeps the registration, not the leases of tasks."""
    refused = _may_name(context, params.instance_id)
    if refused is not None:
        return refused
    worker = await context.shared.registry.touch(context.request.tenant, params.instance_id)
    return wr.AliveResult(alive=worker is not None)


async def unregister(context: Context, params: wp.InstanceParams) -> wr.UnregisterResult | RpcError:
    """A worker leaves; what it held is free for others. One that is unknown has left already."""
    refused = _may_name(context, params.instance_id)
    if refused is not None:
        return refused
    rejection = await context.shared.registry.unregister(context.request.tenant, params.instance_id)
    if rejection is not None:
        return errors.of_rejection(rejection, "")
    freed = await _free(context, params.instance_id)
    return wr.UnregisterResult(unregistered=True, tasks_reassigned=freed)


def _may_name(context: Context, worker: str) -> RpcError | None:
    if context.may_act_as(worker):
        return None
    return errors.forbidden(f"The key may not act as worker {worker}", workerId=worker)


async def _free(context: Context, worker: str) -> int:
    """Take back every task of the board that the worker holds or has reserved, in the tenant of the call."""
    tenant = context.request.tenant
    held = And((Compare("state", "eq", int(LEASED)), Compare("worker", "eq", worker)))
    reserved = And((In("state", (int(WAITING), int(READY))), Compare("assignee", "eq", worker)))
    of_worker = And((Compare("queue", "eq", BOARD), Or((held, reserved))))
    query = Query(view="tasks", tenants=(tenant,), filter=of_worker, limit=PAGE, total=False)
    freed = 0
    for _ in range(ROUNDS):
        page = await context.engine.store.search(query)
        for row in page.rows:
            command = Assign(
                key=row["key"], tenant=tenant, worker="", by=context.principal.name, held_by=worker
            )
            freed += not isinstance(await context.engine.submit(command), Rejection)
        if len(page.rows) < PAGE:
            break
    return freed
