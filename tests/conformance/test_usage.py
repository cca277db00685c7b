"""Usage adds up by relative changes, and is summed by the columns that are asked for."""

import asyncio

import pytest

from taskloom.core.task import LEASED, WAITING
from taskloom.core.usage import UsageCount
from taskloom.ports.store import HotCount, Shelf, UsageQuery
from tests.conformance.conftest import make_task

ONE = ("t", "key", "m", "q", 20_000)
OTHER = ("t", "key", "n", "q", 20_001)
FOREIGN = ("u", "key", "m", "q", 20_000)


async def sums(rig, *group_by, **asked):
    query = {"tenant": "t", "first_day": 0, "last_day": 99_999, "group_by": group_by, **asked}
    return await rig.store.usage(UsageQuery(**query))


async def test_changes_add_up_whoever_makes_them(rig):
    await asyncio.gather(*[rig.save(usage={ONE: UsageCount(1, 5, 10, 2, 1, 0, 12)}) for _ in range(20)])

    assert await sums(rig, "submitter") == [(("key",), UsageCount(20, 100, 200, 40, 20, 0, 240))]


async def test_groups_filters_days_and_the_wall(rig):
    await rig.save(usage={ONE: UsageCount(1), OTHER: UsageCount(2), FOREIGN: UsageCount(4)})

    assert await sums(rig, "model", "day") == [(("m", 20_000), UsageCount(1)), (("n", 20_001), UsageCount(2))]
    assert await sums(rig, "tenant", tenant=None) == [(("t",), UsageCount(3)), (("u",), UsageCount(4))]
    assert await sums(rig, "day", model="n") == [((20_001,), UsageCount(2))]
    assert await sums(rig, "day", first_day=20_001) == [((20_001,), UsageCount(2))]
    assert await sums(rig, "day", last_day=20_000, limit=1) == [((20_000,), UsageCount(1))]
    assert await sums(rig, submitter="key") == [((), UsageCount(3))]
    assert await sums(rig, submitter="nobody") == [((), UsageCount())]


async def test_a_column_that_there_is_not_is_refused(rig):
    with pytest.raises(KeyError):
        await sums(rig, "worker")


async def test_usage_is_there_after_a_restart(rig):
    await rig.save(usage={ONE: UsageCount(1)})

    await rig.reopen()

    assert await sums(rig, "submitter") == [(("key",), UsageCount(1))]


async def test_living_tasks_are_counted_by_level_and_state_with_the_oldest(rig):
    await rig.create(
        make_task(1, created_at=50),
        make_task(2, created_at=40, state=WAITING),
        make_task(3, created_at=30),
        make_task(4, created_at=20, level=2),
        make_task(5, created_at=10, tenant="u"),
    )

    assert await rig.store.hot_counts("q", "t") == [
        HotCount(1, WAITING, 1, 40),
        HotCount(1, make_task(1).state, 2, 30),
        HotCount(2, make_task(1).state, 1, 20),
    ]


async def test_what_nobody_holds_is_found_up_to_a_key_the_oldest_first(rig):
    await rig.create(
        *[make_task(key) for key in (9, 3, 5)], make_task(4, state=LEASED), make_task(6, level=2)
    )

    assert await rig.store.unheld(Shelf("q", 1, "t"), 8, 10) == [3, 5]
    assert await rig.store.unheld(Shelf("q", 1, "t"), 9, 1) == [3]
    assert await rig.store.unheld(Shelf("q", -1, None), 9, 10) == [3, 5, 6, 9]
