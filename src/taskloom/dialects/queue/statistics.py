"""What is known of a queue at a level in numbers: totals since it is there, and how it stands now."""

import asyncio
from datetime import UTC, datetime
from typing import Any, Final

from msgspec import Struct

from taskloom.core.decide import TIMED_OUT_CODES
from taskloom.core.limits import LEVELS
from taskloom.core.registry import QueueBody
from taskloom.core.task import CANCELLED, COMPLETED, FAILED, LEASED, TaskState
from taskloom.dialects.queue.wire_queues import QueueDetails, QueueHead
from taskloom.engine.engine import Engine
from taskloom.views.tasks import TASKS
from taskloom.views.view import And, Compare, Filter, In, Query

OFFLINE_LEVEL: Final = 1
"""The level at which a queue is shown even where it never had a task."""
_RATE_MS: Final = 60_000


class Totals(Struct):
    """Of all tasks there ever were: how many, how many nobody has begun with, how many ended."""

    put: int = 0
    untouched: int = 0
    ended: int = 0


async def totals(engine: Engine, tenant: str, queue: str) -> dict[int, Totals]:
    """The totals of a queue by level, as its shares count them."""
    return {
        share.level: Totals(share.entered, max(0, share.entered - share.ended - share.in_flight), share.ended)
        for share in await engine.store.shares(queue, tenant, LEVELS)
    }


def head(name: str, level: int, queue: QueueBody, counted: Totals) -> QueueHead:
    """A queue at a level in the shape of the original; places in its log are those of one without shards."""
    made = datetime.fromtimestamp(queue.created_at / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return QueueHead(
        id=queue.id,
        queue=name,
        level=level,
        last_wrote_id=counted.put,
        last_scanned_id=counted.put - counted.untouched,
        total_put_cnt=counted.put,
        total_loaded_cnt=counted.put - counted.untouched,
        total_completed_cnt=counted.ended,
        cu_name=queue.by,
        mu_name=queue.by,
        ctime=made,
        mtime=made,
    )


async def details(engine: Engine, tenant: str, name: str, level: int) -> QueueDetails:
    """How a queue at a level stands now."""
    now = engine.clock.now_ms()
    place = (Compare("queue", "eq", name), Compare("level", "eq", level))
    late = (In("error_code", tuple(sorted(TIMED_OUT_CODES))), Compare("state", "eq", int(FAILED)))
    recent = Compare("finished_at", "gt", now - _RATE_MS)
    hot, by_state, timeouts, lately = await asyncio.gather(
        engine.store.hot_counts(name, tenant),
        _counts(engine, tenant, place, ("state",)),
        _counts(engine, tenant, (*place, *late), ("level",)),
        _counts(engine, tenant, (*place, recent), ("level",)),
    )
    living = [one for one in hot if one.level == level]
    waiting = [one for one in living if one.state != LEASED]
    ended = {TaskState(state): count for (state,), count in by_state}
    timeout = sum(count for _, count in timeouts)
    oldest_at = min((one.oldest_at for one in waiting), default=now)
    return QueueDetails(
        queue=name,
        level=level,
        waiting=sum(one.count for one in waiting),
        queued=sum(one.count for one in living if one.state == LEASED),
        succeeded=ended.get(COMPLETED, 0),
        failed=ended.get(FAILED, 0) - timeout,
        timeout=timeout,
        cancelled=ended.get(CANCELLED, 0),
        oldest_age_seconds=max(0, now - oldest_at) // 1000,
        rate=round(sum(count for _, count in lately) * 1000 / _RATE_MS, 3),
    )


async def _counts(
    engine: Engine, tenant: str, parts: tuple[Filter, ...], group_by: tuple[str, ...]
) -> list[tuple[tuple[Any, ...], int]]:
    query = Query(view=TASKS.name, tenants=(tenant,), filter=And(parts), total=False)
    return await engine.store.aggregate(query, group_by)
