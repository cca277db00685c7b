"""Queues in numbers, and clearing them."""

from typing import Final

from taskloom.core.limits import CLEAR_WAIT_MS, LETTERS_PAGE_MAX, LEVELS
from taskloom.core.registry import QueueBody
from taskloom.core.rejections import Rejection
from taskloom.dialects import clearing
from taskloom.dialects.operation import Refusal, Reply, Request, Response
from taskloom.dialects.queue import errors, registry, statistics
from taskloom.dialects.queue.errors import NO_CACHE, invalid
from taskloom.dialects.queue.routes_tasks import shown_id
from taskloom.dialects.queue.spelling import read
from taskloom.dialects.queue.translate import dead_letter
from taskloom.dialects.queue.wire import encode
from taskloom.dialects.queue.wire_queues import DeadLetterList, QueueHead
from taskloom.views.dead_letters import DEAD_LETTERS
from taskloom.views.view import And, Compare, Query, Sort

_PAGE: Final = 20
NO_QUEUE: Final = Refusal(404, "queue_not_found", "no such queue", {"param": "queue"})


async def place(request: Request) -> tuple[str, int, QueueBody] | Refusal:
    """The queue and the level that the path names."""
    name, _, level = request.parameters["full_name"].rpartition(":")
    if not level.isascii() or not level.isdigit() or len(level) != 1 or int(level) >= LEVELS:
        return invalid("a full queue name ends with its level", "full_name")
    known = registry.is_base_name(name)
    queue = await registry.find(request.services, request.tenant, name) if known else None
    return NO_QUEUE if queue is None else (name, int(level), queue)


async def backlog(request: Request) -> Reply:
    """How many tasks wait in a queue at a level."""
    found = await place(request)
    if isinstance(found, Refusal):
        return found
    name, level, _ = found
    shares = await request.engine.store.shares(name, request.tenant, LEVELS)
    return _json(sum(share.depth for share in shares if share.level == level))


async def stats(request: Request) -> Reply:
    """The totals of a queue at a level."""
    found = await place(request)
    if isinstance(found, Refusal):
        return found
    name, level, queue = found
    counted = await statistics.totals(request.engine, request.tenant, name)
    return _json(statistics.head(name, level, queue, counted.get(level, statistics.Totals())))


async def details(request: Request) -> Reply:
    """How a queue at a level stands now."""
    found = await place(request)
    if isinstance(found, Refusal):
        return found
    name, level, _ = found
    return _json(await statistics.details(request.engine, request.tenant, name, level))


async def all_stats(request: Request) -> Reply:
    """The totals of every queue, at each level it has or had tasks at."""
    heads: list[QueueHead] = []
    for name, queue in await registry.queues(request.engine, request.tenant):
        counted = await statistics.totals(request.engine, request.tenant, name)
        counted.setdefault(statistics.OFFLINE_LEVEL, statistics.Totals())
        heads += [statistics.head(name, level, queue, counted[level]) for level in sorted(counted)]
    return _json(heads)


async def dead_letters(request: Request) -> Reply:
    """The dead letters of a queue at a level, the newest first."""
    found = await place(request)
    if isinstance(found, Refusal):
        return found
    name, level, _ = found
    limit = request.query.get("limit", [str(_PAGE)])[-1]
    if not (limit.isascii() and limit.isdigit() and len(limit) < 10 and 1 <= int(limit) <= LETTERS_PAGE_MAX):
        return invalid(f"limit must be from 1 to {LETTERS_PAGE_MAX}", "limit")
    after = request.query.get("after", [""])[-1]
    after_key = read(after) if after else None
    if after and after_key is None:
        return invalid("after is no id of a task", "after")
    query = Query(
        view=DEAD_LETTERS.name,
        tenants=(request.tenant,),
        filter=And((Compare("queue", "eq", name), Compare("level", "eq", level))),
        sort=(Sort("key", descending=True),),
        limit=int(limit) + 1,
        after=None if after_key is None else (after_key,),
        total=False,
    )
    store = request.engine.store
    keys = [row["key"] for row in (await store.search(query)).rows]
    tasks = await store.tasks(keys[: int(limit)])
    data = [dead_letter(task, await shown_id(request, task)) for task in tasks.values() if task.is_dead]
    data.sort(key=lambda one: keys.index(read(one.task_id)))
    last_id = data[-1].task_id if data else None
    return _json(DeadLetterList(data=data, last_id=last_id, has_more=len(keys) > int(limit)))


async def clear(request: Request) -> Reply:
    """Cancel all that waits in a queue at a level; only for who registered it, and for an administrator."""
    found = await place(request)
    if isinstance(found, Refusal):
        return found
    name, level, queue = found
    principal = request.principal
    if queue.by != principal.name and not principal.may("admin"):
        return invalid("only who registered a queue may clear it", "full_name", "not_creator")
    work = await clearing.order(request.engine, request.tenant, name, level, principal.name)
    if isinstance(work, Rejection):
        return errors.refused(work)
    await request.engine.outcome(work, CLEAR_WAIT_MS)
    return _json(request.parameters["full_name"])


def _json(value: object) -> Response:
    return Response(body=encode(value), headers=NO_CACHE)
