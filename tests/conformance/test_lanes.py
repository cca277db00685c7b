"""Lanes are counted by relative changes, and claims find the next tasks through them."""

import asyncio

import pytest

from taskloom.core.lanes import TICK, Lane, LaneChange
from taskloom.core.task import LEASED, WAITING
from taskloom.core.terms import Terms
from taskloom.ports.store import Load, OpenLanes, Ready, Shelf

LANE = ("q", 1, "t", "a")


async def fill(rig, *names, **change):
    await rig.save(lanes={name: LaneChange(**(change or {"depth": 1})) for name in names})


async def lanes(rig, queue="q"):
    return {lane.id: lane for lane in await rig.store.lanes(queue, None, 1000)}


async def open_lanes(rig, *shelves, limit=100, now=10**12):
    (answer,) = await rig.ask(OpenLanes(shelves, limit, now))
    return answer[:-1]


async def test_changes_add_up(rig):
    await fill(rig, LANE, depth=3)
    await fill(rig, LANE, depth=-1, in_flight=1, virtual_time=TICK)
    await fill(rig, LANE, depth=0, in_flight=-1)

    assert await lanes(rig) == {LANE: Lane(*LANE, depth=2, in_flight=0, virtual_time=TICK)}


async def test_a_lane_or_gate_without_settings_stays_as_it_is(rig):
    await rig.save(gates=[(("q", "t"), {"limit": 3})], tuned=[(LANE, {"weight": 2})])

    await rig.save(
        gates=[(("q", "t"), {}), (("new", "t"), {})], tuned=[(LANE, {}), (("new", 1, "t", "a"), {})]
    )

    assert (await rig.store.gate("q", "t")).limit == 3
    assert await lanes(rig) == {LANE: Lane(*LANE, weight=2)}
    assert await rig.store.lanes("new", None, 1000) == []


async def test_what_an_undone_batch_did_to_a_lane_is_not_seen(rig):
    await fill(rig, LANE, depth=2)

    def work():
        yield OpenLanes([Shelf("q", 1, "t")], 10, 10**12)
        yield rig.saving(lanes={LANE: LaneChange(depth=5)}, gates=[(("q", "t"), {"limit": 1})])
        raise ValueError("on the way")

    with pytest.raises(ValueError, match="on the way"):
        await rig.begin(work())

    (found,) = await open_lanes(rig, Shelf("q", 1, "t"))
    assert (found.lanes[0].depth, found.shares["q", 1, "t"].depth, found.gates["q", "t"].limit) == (2, 2, 0)


async def test_a_store_that_was_opened_again_knows_its_lanes(rig):
    await fill(rig, LANE, depth=2)
    await rig.save(gates=[(("q", "t"), {"key_limit": 7})])

    await rig.reopen()

    (found,) = await open_lanes(rig, Shelf("q", 1, "t"))
    assert found.lanes == [Lane(*LANE, depth=2)]
    assert found.gates["q", "t"].key_limit == 7


async def test_changes_from_many_batches_at_once_all_count(rig):
    await asyncio.gather(*[fill(rig, LANE, ("q", 2, "t", "b"), depth=1) for _ in range(30)])

    assert {lane.depth for lane in (await lanes(rig)).values()} == {30}


async def test_a_new_lane_starts_at_the_lowest_clock_of_those_with_work(rig):
    await fill(rig, LANE, depth=5, virtual_time=7 * TICK)
    await fill(rig, ("q", 1, "t", "b"), depth=5, virtual_time=9 * TICK)

    await fill(rig, ("q", 1, "t", "c"))

    found = await lanes(rig)
    assert found[("q", 1, "t", "b")].virtual_time == 16 * TICK
    assert found[("q", 1, "t", "c")].virtual_time == 7 * TICK


async def test_a_lane_that_was_empty_earned_no_credit(rig):
    idle = ("q", 1, "t", "idle")
    await fill(rig, idle, depth=1)
    await fill(rig, idle, depth=-1, virtual_time=TICK)
    await fill(rig, LANE, depth=9, virtual_time=50 * TICK)

    await fill(rig, idle, depth=1)

    assert (await lanes(rig))[idle].virtual_time == (await lanes(rig))[LANE].virtual_time


async def test_idleness_earns_no_credit_either_when_every_lane_has_run_empty(rig):
    await fill(rig, LANE, depth=1)
    await fill(rig, LANE, depth=-1, virtual_time=80 * TICK)

    await fill(rig, ("q", 1, "t", "newcomer"))

    assert (await lanes(rig))[("q", 1, "t", "newcomer")].virtual_time == 80 * TICK


async def test_the_clocks_of_other_queues_and_levels_do_not_matter(rig):
    await fill(rig, ("q", 2, "t", ""), ("other", 1, "t", ""), depth=1, virtual_time=30 * TICK)

    await fill(rig, LANE)

    assert (await lanes(rig))[LANE].virtual_time == 0


async def test_lanes_that_fill_in_one_batch_start_at_the_same_clock(rig):
    await fill(rig, LANE, depth=1, virtual_time=5 * TICK)

    await fill(rig, *[("q", 1, "t", name) for name in "bcd"])

    found = await lanes(rig)
    assert {found[("q", 1, "t", name)].virtual_time for name in "bcd"} == {5 * TICK}


async def test_a_lane_with_work_keeps_its_own_clock(rig):
    await fill(rig, LANE, depth=2, virtual_time=3 * TICK)
    await fill(rig, ("q", 1, "t", "b"), depth=2, virtual_time=9 * TICK)

    await fill(rig, LANE, depth=1, virtual_time=TICK)

    assert (await lanes(rig))[LANE].virtual_time == 4 * TICK


async def test_lanes_load_by_name(rig):
    await fill(rig, LANE)

    (answer,) = await rig.ask(Load(lanes=[LANE, ("q", 1, "t", "none")]))

    assert answer.lanes == {LANE: Lane(*LANE, depth=1)}


async def test_open_lanes_come_by_level_and_then_by_virtual_time(rig):
    await fill(rig, ("q", 3, "t", ""), depth=1)
    await fill(rig, ("q", 1, "t", "slow"), depth=1, virtual_time=2 * TICK)
    await fill(rig, ("q", 1, "t", "fast"), depth=1, virtual_time=TICK)
    await fill(rig, ("q", 1, "t", "empty"), depth=0, in_flight=1)

    (found,) = await open_lanes(rig, Shelf("q", -1, None))

    assert [lane.lane or lane.level for lane in found.lanes] == ["slow", "fast", 3]


async def test_a_shelf_sees_only_its_queue_level_and_tenant(rig):
    await fill(rig, ("q", 1, "t", ""), ("q", 2, "t", ""), ("q", 1, "u", ""), ("p", 1, "t", ""))

    found = await open_lanes(
        rig, Shelf("q", 1, "t"), Shelf("q", -1, "t"), Shelf("q", -1, None), Shelf("x", 1, "t")
    )

    assert [len(part.lanes) for part in found] == [1, 2, 3, 0]


async def test_an_answer_has_at_most_as_many_lanes_as_asked(rig):
    await fill(rig, *[("q", 1, "t", str(number)) for number in range(9)])

    (found,) = await open_lanes(rig, Shelf("q", 1, "t"), limit=4)

    assert len(found.lanes) == 4


async def test_ready_tasks_come_by_priority_and_then_by_age(rig, task):
    await rig.create(
        task(3, lane="a"),
        task(1, lane="a"),
        task(2, lane="a", priority=5),
        task(4, lane="a", priority=-1),
        task(5, lane="b"),
        task(6, lane="a", state=WAITING),
        task(7, lane="a", state=LEASED),
        task(8, lane="a", assignee="w"),
    )

    (found,) = await rig.ask(Ready([(LANE, 10)]))

    assert [[one.key for one in part] for part in found] == [[2, 1, 3, 4]]


async def test_each_lane_answers_in_the_order_asked_and_up_to_its_count(rig, task):
    await rig.create(*[task(key, lane="ab"[key % 2]) for key in range(1, 9)])

    (found,) = await rig.ask(Ready([(("q", 1, "t", "b"), 2), (LANE, 3), (("q", 1, "t", "none"), 3)]))

    assert [[one.key for one in part] for part in found] == [[1, 3], [2, 4, 6], []]


async def test_reserved_tasks_are_found_by_worker_and_only_so(rig, task):
    await rig.create(
        task(1, assignee="w"),
        task(2, assignee="w", level=2),
        task(3, assignee="v"),
        task(4, assignee="w", tenant="u"),
        task(5, assignee="w", priority=1),
        task(6, assignee="w", state=LEASED),
    )

    (found,) = await rig.ask(
        Ready(
            [],
            [(Shelf("q", 1, "t"), "w", 9), (Shelf("q", -1, "t"), "w", 9), (Shelf("q", -1, None), "w", 2)],
        )
    )

    assert [[one.key for one in part] for part in found] == [[5, 1], [5, 1, 2], [5, 1]]


async def test_lanes_come_before_reserved_tasks_in_the_answer(rig, task):
    await rig.create(task(1, lane="a"), task(2, assignee="w"))

    (found,) = await rig.ask(Ready([(LANE, 5)], [(Shelf("q", 1, "t"), "w", 5)]))

    assert [[one.key for one in part] for part in found] == [[1], [2]]


async def test_ready_queues_say_where_something_is_ready(rig):
    await fill(rig, ("q", 1, "t", "a"), ("q", 2, "t", "b"), ("q", 1, "u", ""), depth=2)
    await fill(rig, ("p", 1, "t", ""), depth=0, in_flight=1)

    assert sorted(await rig.store.ready_queues(10)) == [("q", "t", 4), ("q", "u", 2)]
    assert len(await rig.store.ready_queues(1)) == 1


async def test_the_lanes_of_a_queue_can_be_asked_for_one_tenant(rig):
    await fill(rig, ("q", 1, "t", ""), ("q", 1, "u", ""))

    assert [lane.tenant for lane in await rig.store.lanes("q", "u", 1000)] == ["u"]
    assert len(await rig.store.lanes("q", None, 1000)) == 2


async def test_a_burst_of_a_lane_counts_at_the_rate_of_its_gate_too(rig):
    await rig.save(gates=[(("q", "t"), {"key_rate": 60})], tuned=[(LANE, {"burst": 3})])
    await fill(rig, LANE, depth=9)
    for _ in range(2):
        await rig.save(lanes={LANE: LaneChange(started=1)}, terms={LANE: Terms(rate=60, burst=3)}, now=5_000)

    (found,) = await open_lanes(rig, Shelf("q", 1, "t"), now=5_000)

    assert [lane.id for lane in found.lanes] == [LANE]


async def test_a_rate_that_was_taken_away_holds_nothing_back(rig):
    await fill(rig, LANE, depth=9)
    await rig.save(lanes={LANE: LaneChange(started=1)}, terms={LANE: Terms(rate=1)}, now=5_000)

    (found,) = await open_lanes(rig, Shelf("q", 1, "t"), now=5_000)

    assert [lane.id for lane in found.lanes] == [LANE]
