"""A batch is a transaction: whole or not at all."""

import asyncio

import pytest

from taskloom.core.lanes import LaneChange
from taskloom.ports.store import FlowRow, FollowUpRow, Load, OutboxRow, TimerRow
from taskloom.views.view import Query, RowChange


async def test_a_batch_that_fails_after_saving_leaves_nothing(rig, task, new_task):
    save = rig.saving(
        created=[new_task(task(1))],
        created_ended=[new_task(task(2, state=4))],
        payloads=[(5, b"1")],
        flows=[FlowRow(7, 7, "k", "t", b"s")],
        timers=[TimerRow(7, "x", 5)],
        counters=[((7, "n"), 0, 91, b"c")],
        outbox=[OutboxRow(8, "t", 2, 0, 5)],
        follow_ups=[FollowUpRow(9, b"f")],
        rows=[RowChange("notes", 3, "t", {"topic": "a"})],
        lanes={("q", 1, "t", ""): LaneChange(depth=1)},
        journal=b"j",
        events=4,
    )

    def work():
        yield save
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await rig.begin(work())

    store = rig.store
    assert await store.tasks([1, 2]) == {}
    assert await store.details([1, 2]) == {}
    assert await store.payloads([5]) == {}
    assert await store.flow(7) is None
    assert await store.next_due() is None
    assert await store.follow_ups(10) == []
    assert await store.lanes("q", None, 1000) == []
    assert (await store.search(Query(view="notes", tenants=None))).rows == []
    assert (await store.sequence(), await store.journal(0, 10)) == (0, [])


async def test_changes_of_a_failed_batch_are_taken_back(rig, task):
    await rig.create(task(1), task(2))
    await rig.save(flows=[FlowRow(7, 7, "k", "t", b"old")], lanes={("q", 1, "t", ""): LaneChange(depth=2)})

    def work():
        yield rig.saving(
            changed=[task(1, queue="q", attempt=3)],
            finished=[task(2, state=4)],
            flows_ended=[7],
            lanes={("q", 1, "t", ""): LaneChange(depth=-2, in_flight=1)},
        )
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await rig.begin(work())

    assert await rig.store.tasks([1, 2]) == {1: task(1), 2: task(2)}
    assert (await rig.store.flow(7)).state == b"old"
    (lane,) = await rig.store.lanes("q", None, 1000)
    assert (lane.depth, lane.in_flight) == (2, 0)


async def test_a_save_that_cannot_be_done_fails_whole_and_the_next_batch_works(rig, task, new_task):
    await rig.create(task(1))

    with pytest.raises(Exception):  # noqa: B017  each database has its own
        await rig.save(payloads=[(5, b"x")], created=[new_task(task(2)), new_task(task(1))])

    assert await rig.store.payloads([5]) == {}
    await rig.create(task(2))
    assert sorted(await rig.store.tasks([1, 2])) == [1, 2]


async def test_an_error_before_any_request_fails_the_batch(rig):
    def work():
        raise ZeroDivisionError
        yield

    with pytest.raises(ZeroDivisionError):
        await rig.begin(work())


async def test_a_batch_answers_with_what_the_generator_returns(rig):
    def work():
        yield Load(tasks=[1])
        return "said"

    assert await rig.begin(work()) == "said"


async def test_a_batch_sees_its_own_save(rig, task, new_task):
    _, loaded = await rig.ask(rig.saving(created=[new_task(task(1))]), Load(tasks=[1]))

    assert loaded.tasks == {1: task(1)}


async def test_nothing_of_an_unfinished_batch_is_seen_outside(rig, task, new_task):
    def work():
        yield rig.saving(created=[new_task(task(1))])
        return "done"

    future = rig.begin(work())
    seen_before = [] if future.done() else await rig.store.tasks([1])
    await future

    assert len(seen_before) <= 1
    assert sorted(await rig.store.tasks([1])) == [1]


async def test_batches_in_line_are_all_driven(rig, task, new_task):
    def work(key):
        yield rig.saving(created=[new_task(task(key))])
        return key

    answers = await asyncio.gather(*[rig.begin(work(key)) for key in range(1, 41)])

    assert sorted(answers) == list(range(1, 41))
    assert len(await rig.store.tasks(range(1, 41))) == 40
