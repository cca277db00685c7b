"""task.update, task.assign and task.unassign: what supervisors and planners do to tasks."""

from collections.abc import Mapping
from typing import Final

from msgspec import UNSET

from taskloom.core.commands import Assign, Complete, Fail, Reopen, TaskCommand, Update
from taskloom.core.rejections import Kind, Rejection
from taskloom.core.task import Task
from taskloom.dialects.agents import errors, translate
from taskloom.dialects.agents import wire_params as wp
from taskloom.dialects.agents import wire_results as wr
from taskloom.dialects.agents.errors import RpcError
from taskloom.dialects.agents.method import Context
from taskloom.dialects.agents.tasks import key_of

NOT_BY_UPDATE: Final = {
    "in_progress": "a task is in progress once a worker claims it",
}


async def update(context: Context, params: wp.UpdateParams) -> wr.UpdateResult | RpcError:
    """Change a task's text, priority and metadata; or, alone and by a supervisor, its status."""
    key = key_of(params)
    if isinstance(key, RpcError):
        return key
    command = _command(context, key, params.updates)
    if isinstance(command, RpcError):
        return command
    outcome = await context.engine.submit(command)
    if isinstance(outcome, Rejection):
        return _refused(outcome, command, translate.spelled(key))
    return await _updated(context, outcome.reply)


def _command(context: Context, key: int, updates: wp.Updates) -> TaskCommand | RpcError:
    given = [
        name for name in ("text", "status", "priority", "metadata") if getattr(updates, name) is not UNSET
    ]
    if not given:
        return errors.invalid_params("updates is empty")
    if "status" in given:
        if len(given) > 1:
            return errors.invalid_params("status is changed in a call of its own")
        return _status(context, key, updates)
    text = None if updates.text is UNSET else updates.text
    metadata = None if updates.metadata is UNSET else updates.metadata
    return Update(
        key=key,
        tenant=context.wall,
        priority=None if updates.priority is UNSET else updates.priority,
        attributes=translate.laid_attributes(text, metadata, context.engine.clock.now_ms()),
        by=context.principal.name,
    )


def _status(context: Context, key: int, updates: wp.Updates) -> TaskCommand | RpcError:
    """The command that leads to a status. Whoever ends or reopens the work of others has rank."""
    if not (context.principal.may("task.supervise") or context.shared.original):
        return errors.forbidden("The key has not the scope task.supervise", scope="task.supervise")
    wall, by = context.wall, context.principal.name
    commands: Mapping[object, TaskCommand] = {
        "pending": Reopen(key=key, tenant=wall, by=by),
        "completed": Complete(key=key, tenant=wall, by=by, supervisor=True, unclaimed=True),
        "failed": Fail(key=key, tenant=wall, by=by, supervisor=True, unclaimed=True, final=True),
    }
    return commands.get(updates.status) or errors.invalid_params(NOT_BY_UPDATE[str(updates.status)])


def _refused(rejection: Rejection, command: TaskCommand, task_id: str) -> RpcError:
    if rejection.kind is Kind.INVALID:
        return errors.invalid_params(rejection.detail)
    if rejection.kind is Kind.WRONG_STATE and isinstance(command, Reopen):
        return errors.invalid_params(
            "only an ended task becomes pending again; others are released or unassigned"
        )
    return errors.of_rejection(rejection, task_id)


async def _updated(context: Context, task: Task) -> wr.UpdateResult | RpcError:
    details = await context.engine.store.details([task.key])
    if task.key not in details:
        return errors.not_found(translate.spelled(task.key))
    about = translate.attributes(task.dialect, task.queue, details[task.key].attributes)
    return wr.UpdateResult(
        id=translate.spelled(task.key),
        text=about.text,
        status=translate.status(task),
        priority=task.priority,
        created_at=translate.instant(task.created_at),
        updated_at=translate.instant(translate.updated_at(task, about)),
    )


async def assign(context: Context, params: wp.AssignParams) -> wr.AssignResult | RpcError:
    """Reserve a task for a worker that is there; the same one again changes nothing."""
    key = key_of(params)
    if isinstance(key, RpcError):
        return key
    now = context.engine.clock.now_ms()
    worker = await context.shared.registry.read(context.request.tenant, params.instance_id)
    if worker is None or not worker.alive(now):
        return errors.not_registered(params.instance_id)
    command = Assign(key=key, tenant=context.wall, worker=params.instance_id, by=context.principal.name)
    outcome = await context.engine.submit(command)
    if isinstance(outcome, Rejection):
        return errors.of_rejection(outcome, translate.spelled(key))
    return wr.AssignResult(
        task_id=translate.spelled(key),
        instance_id=params.instance_id,
        assigned_at=translate.instant(now),
    )


async def unassign(context: Context, params: wp.UnassignParams) -> wr.UnassignResult | RpcError:
    """Take a task back from whoever holds it or has it reserved."""
    key = key_of(params)
    if isinstance(key, RpcError):
        return key
    before = await context.engine.store.task(key)
    if before is None or context.wall not in {None, before.tenant}:
        return errors.not_found(translate.spelled(key))
    holder = translate.assigned_to(before)
    command = Assign(key=key, tenant=context.wall, worker="", by=context.principal.name, held_by=holder or "")
    outcome = await context.engine.submit(command)
    if isinstance(outcome, Rejection):
        return errors.of_rejection(outcome, translate.spelled(key))
    return wr.UnassignResult(
        task_id=translate.spelled(key),
        previous_assignment=holder,
        unassigned_at=translate.instant(context.engine.clock.now_ms()),
    )
