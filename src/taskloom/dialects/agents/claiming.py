"""task.claim: the next tasks for a worker, with the lease under which it may finish them."""

from typing import Final

from msgspec import UNSET, Raw

from taskloom.core.commands import Claim
from taskloom.core.rejections import Rejection
from taskloom.core.task import READY
from taskloom.dialects.agents import errors, translate
from taskloom.dialects.agents import wire_params as wp
from taskloom.dialects.agents import wire_results as wr
from taskloom.dialects.agents.errors import RpcError
from taskloom.dialects.agents.method import Context
from taskloom.dialects.presence import while_present
from taskloom.engine.outcome import Handout
from taskloom.views.view import And, Compare, Query, Sort

EVERY_LEVEL: Final = -1
ORIGINAL_LOOKS_AT: Final = 10


async def claim(context: Context, params: wp.ClaimParams) -> wr.ClaimResult | RpcError:
    """Hand out up to `maxTasks` tasks, own reservations first; with `waitMs`, wait for one."""
    worker = await _worker(context, params)
    if isinstance(worker, RpcError):
        return worker
    queue = (translate.BOARD, translate.BOARD_LEVEL) if params.queue is None else (params.queue, EVERY_LEVEL)
    command = Claim(
        tenant=context.wall,
        queues=(queue,),
        worker=worker,
        holder=context.principal.name,
        size=1 if context.shared.original else params.max_tasks,
        lease_ms=params.lease_ms or translate.LEASE_MS,
    )
    if context.shared.original and await _is_hidden(context, worker):
        return wr.ClaimResult(claimed=False)
    outcome = await _claimed(context, command, params.wait_ms)
    if isinstance(outcome, Rejection):
        return errors.of_rejection(outcome, "")
    if not outcome:
        return wr.ClaimResult(claimed=False)
    tasks = [_view(handout) for handout in outcome]
    first = tasks[0]
    return wr.ClaimResult(
        claimed=True,
        task_id=first.id,
        task=first,
        lease=first.lease,
        lease_token=first.lease_token,
        tasks=tasks if params.max_tasks > 1 else UNSET,
    )


async def _worker(context: Context, params: wp.ClaimParams) -> str | RpcError:
    """The worker that claims, who must have registered; a claim is a sign of life."""
    worker = params.worker_id or context.principal.worker
    if not worker:
        return errors.invalid_params("workerId is needed")
    if not context.may_act_as(worker):
        return errors.forbidden(f"The key may not act as worker {worker}", workerId=worker)
    if await context.shared.registry.touch(context.request.tenant, worker) is None:
        return errors.not_registered(worker)
    return worker


async def _is_hidden(context: Context, worker: str) -> bool:
    """The original looks at the ten most urgent tasks only, and finds nothing when all are reserved."""
    query = Query(
        view="tasks",
        tenants=None if context.wall is None else (context.wall,),
        filter=And((Compare("queue", "eq", translate.BOARD), Compare("state", "eq", int(READY)))),
        sort=(Sort("priority", descending=True),),
        limit=ORIGINAL_LOOKS_AT,
        total=False,
    )
    rows = (await context.engine.store.search(query)).rows
    return len(rows) == ORIGINAL_LOOKS_AT and all(row["assignee"] not in {"", worker} for row in rows)


async def _claimed(context: Context, command: Claim, wait_ms: int) -> list[Handout] | Rejection:
    if not wait_ms:
        return await context.engine.claim(command)
    waiting = context.engine.claim(command, wait_ms)
    return await while_present(context.request, waiting) or []


def _view(handout: Handout) -> wr.ClaimedTask:
    task = handout.task
    about = translate.attributes(task.dialect, task.queue, handout.attributes)
    return wr.ClaimedTask(
        id=translate.spelled(task.key),
        text=about.text,
        status=translate.status(task),
        priority=task.priority,
        assigned_to=translate.assigned_to(task),
        metadata=about.metadata,
        result=translate.NULL,
        error=task.error or None,
        created_at=translate.instant(task.created_at),
        updated_at=translate.instant(translate.updated_at(task, about)),
        completed_at=None,
        lease=translate.lease(task),
        lease_token=str(task.token),
        queue=task.queue,
        input=UNSET if task.dialect == translate.DIALECT_NAME else Raw(handout.input),
    )
