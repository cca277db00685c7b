"""task.get and task.list: tasks as they stand."""

from collections.abc import Mapping
from typing import Any, Final

from msgspec import UNSET, Raw

from taskloom.core.limits import LIST_RESULT_BYTES
from taskloom.core.task import FINAL_STATES, LEASED, READY, TaskState
from taskloom.dialects.agents import errors, translate
from taskloom.dialects.agents import wire_params as wp
from taskloom.dialects.agents import wire_results as wr
from taskloom.dialects.agents.errors import RpcError
from taskloom.dialects.agents.method import Context
from taskloom.dialects.agents.tasks import key_of
from taskloom.engine.engine import Engine
from taskloom.views.tasks import task_of
from taskloom.views.view import And, Compare, Filter, In, Or, Query, Sort

PAYLOADS_AT_ONCE: Final = 4
"""Results read together: each may be as large as a payload may be."""

_HELD: Final = tuple(int(state) for state in (LEASED, *sorted(FINAL_STATES)))
_COLUMNS: Final[Mapping[str, str]] = {
    "createdAt": "created_at",
    "updatedAt": "finished_at",
    "completedAt": "finished_at",
    "priority": "priority",
    "status": "state",
    "assignedTo": "worker",
}
"""What may be ordered by -> the column. The end of a task is the only change that is searchable."""


async def get(context: Context, params: wp.GetParams) -> wr.GetResult | RpcError:
    """One task, whole; those of other dialects too."""
    key = key_of(params)
    if isinstance(key, RpcError):
        return key
    store = context.engine.store
    task = await store.task(key)
    if task is None or context.wall not in {None, task.tenant}:
        return errors.not_found(translate.spelled(key))
    details = await store.details([key])
    results = await store.payloads([task.result_key]) if task.result_key else {}
    about = translate.attributes(task.dialect, task.queue, details[key].attributes)
    return wr.GetResult(
        id=translate.spelled(key),
        text=about.text,
        status=translate.status(task),
        priority=task.priority,
        assigned_to=translate.assigned_to(task),
        metadata=about.metadata,
        result=Raw(results.get(task.result_key, b"null")),
        error=task.error or None,
        created_at=translate.instant(task.created_at),
        updated_at=translate.instant(translate.updated_at(task, about)),
        completed_at=translate.instant_or_none(task.finished_at),
        lease=translate.lease(task) if task.state == LEASED else UNSET,
    )


async def list_tasks(context: Context, params: wp.ListParams) -> wr.ListResult:
    """A page of the board."""
    page = await context.engine.store.search(
        Query(
            view="tasks",
            tenants=None if context.wall is None else (context.wall,),
            filter=_filter(params),
            sort=(Sort(_COLUMNS[params.order_by], descending=params.order == "desc"),),
            limit=params.limit,
            offset=params.offset,
        )
    )
    results = await _results(context.engine, [row["result_key"] for row in page.rows])
    return wr.ListResult(
        tasks=[_listed(row, results) for row in page.rows],
        total_count=page.total,
        has_more=page.has_more or params.offset + len(page.rows) < page.total,
    )


def _filter(params: wp.ListParams) -> Filter:
    parts: list[Filter] = [Compare("queue", "eq", translate.BOARD)]
    if params.status is not None:
        states = [int(state) for state, word in translate.STATUS.items() if word == params.status]
        parts.append(In("state", tuple(states)))
    if params.priority is not None:
        parts.append(Compare("priority", "eq", params.priority))
    if params.ready:
        parts += [Compare("state", "eq", int(READY)), Compare("assignee", "eq", "")]
    if params.assigned_to is not None:
        parts.append(_assigned(params.assigned_to))
    return And(tuple(parts))


def _assigned(worker: str) -> Filter:
    """`translate.assigned_to` as a filter."""
    held = In("state", _HELD)
    reserved = Compare("assignee", "eq", worker)
    by_worker = And((held, Compare("worker", "eq", worker)))
    not_held = In("state", tuple(int(s) for s in TaskState if int(s) not in _HELD))
    by_reservation = Or((not_held, Compare("worker", "eq", "")))
    return Or((by_worker, And((reserved, by_reservation))))


async def _results(engine: Engine, keys: list[int]) -> dict[int, bytes]:
    """The results of a page, in its order, as long as they are not too much together."""
    wanted = [key for key in keys if key]
    found: dict[int, bytes] = {0: b"null"}
    size = 0
    for start in range(0, len(wanted), PAYLOADS_AT_ONCE):
        read = await engine.store.payloads(wanted[start : start + PAYLOADS_AT_ONCE])
        size += sum(map(len, read.values()))
        if size > LIST_RESULT_BYTES:
            break
        found |= read
    return found


def _listed(row: Mapping[str, Any], results: Mapping[int, bytes]) -> wr.ListedTask:
    task = task_of(row)
    about = translate.attributes(task.dialect, task.queue, bytes(row["attributes"]))
    result = results.get(task.result_key)
    return wr.ListedTask(
        id=translate.spelled(task.key),
        text=about.text,
        status=translate.status(task),
        priority=task.priority,
        assigned_to=translate.assigned_to(task),
        metadata=about.metadata,
        result=Raw(b"null" if result is None else result),
        error=task.error or None,
        created_at=translate.instant(task.created_at),
        updated_at=translate.instant(translate.updated_at(task, about)),
        completed_at=translate.instant_or_none(task.finished_at),
        lease=translate.lease(task) if task.state == LEASED else UNSET,
        result_excluded=True if result is None else UNSET,
    )
