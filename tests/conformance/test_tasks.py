"""Tasks as the stores keep them: hot while they live, history when they ended, details written once."""

import pytest
from msgspec import structs

from taskloom.core.task import CANCELLED, COMPLETED, FAILED, LEASED, READY, SUSPENDED, WAITING, Task
from taskloom.ports.store import Load, Read

FULL = Task(
    key=(1 << 62) + 5,
    tenant="tenant ü",
    queue="queue/1",
    level=9,
    lane="lane",
    priority=-3,
    state=LEASED,
    dialect="agents",
    created_at=1,
    flow=0,
    root=(1 << 62) + 5,
    callback=True,
    ready_at=2,
    expires_at=3,
    retries=4,
    losses=5,
    losses_max=-1,
    loss_backoff_ms=6,
    attempt=7,
    token=(1 << 63) - 1,
    worker="w",
    holder="h",
    lease_until=8,
    fenced=True,
    assignee="a",
    denied="d",
    denied_until=9,
    finished_at=10,
    finished_by="f",
    result_key=11,
    error_code="E",
    error="it broke\nüber",
)


async def loaded(rig, *keys):
    (answer,) = await rig.ask(Load(tasks=keys))
    return answer.tasks


async def test_a_task_comes_back_field_by_field_as_it_was_saved(rig):
    await rig.create(FULL)

    assert await loaded(rig, FULL.key) == {FULL.key: FULL}
    assert await rig.store.task(FULL.key) == FULL


async def test_a_loaded_task_has_the_types_of_the_core(rig):
    await rig.create(FULL)

    found = (await loaded(rig, FULL.key))[FULL.key]

    assert found.state is LEASED
    assert found.callback is True
    assert found.fenced is True


@pytest.mark.parametrize("state", [WAITING, READY, LEASED, SUSPENDED])
async def test_every_living_state_is_kept(rig, task, state):
    await rig.create(task(1, state=state))

    assert (await rig.store.task(1)).state is state


async def test_what_does_not_exist_is_missing_from_the_answer(rig, task):
    await rig.create(task(1))

    assert list(await loaded(rig, 1, 2)) == [1]
    assert await rig.store.task(2) is None
    assert await rig.store.tasks([]) == {}


async def test_many_tasks_load_at_once(rig, task):
    keys = range(1, 1501)
    await rig.create(*[task(key) for key in keys])

    assert sorted(await loaded(rig, *keys, 99_999)) == list(keys)
    assert len(await rig.store.tasks([*keys])) == 1500


async def test_a_change_replaces_every_field_that_may_change(rig):
    await rig.create(FULL)
    changed = structs.replace(
        FULL,
        priority=1,
        state=WAITING,
        ready_at=20,
        expires_at=21,
        retries=22,
        losses=23,
        losses_max=24,
        loss_backoff_ms=25,
        attempt=26,
        token=27,
        worker="w2",
        holder="h2",
        lease_until=28,
        fenced=False,
        assignee="",
        denied="",
        denied_until=0,
        finished_at=0,
        finished_by="",
        result_key=0,
        error_code="",
        error="",
    )

    await rig.save(changed=[changed])

    assert await rig.store.task(FULL.key) == changed


@pytest.mark.parametrize("state", [COMPLETED, FAILED, CANCELLED])
async def test_an_ended_task_leaves_the_hot_rows_and_stays_readable(rig, task, state):
    await rig.create(task(1, state=LEASED, lease_until=50))
    ended = task(1, state=state, lease_until=50, finished_at=2000, finished_by="w")

    await rig.finish(ended)

    assert await rig.store.task(1) == ended
    assert await loaded(rig, 1) == {1: ended}
    assert await rig.store.due_tasks(10**12, 10) == []


async def test_a_reopened_task_is_hot_again_and_can_end_again(rig, task):
    await rig.create(task(1))
    await rig.finish(task(1, state=COMPLETED))

    await rig.save(reopened=[task(1, state=READY, expires_at=70)])

    assert (await rig.store.task(1)).state is READY
    assert await rig.store.due_tasks(10**12, 10) == [1]
    await rig.finish(task(1, state=FAILED))
    assert (await rig.store.task(1)).state is FAILED


async def test_a_task_that_ended_reopened_and_ended_in_one_batch_has_one_history_row(rig, task):
    await rig.create(task(1))
    await rig.finish(task(1, state=COMPLETED))

    await rig.save(finished_again=[task(1, state=CANCELLED, attempt=2)])

    assert await rig.store.task(1) == task(1, state=CANCELLED, attempt=2)
    page = await rig.store.search(query())
    assert page.total == 1


async def test_a_task_created_and_ended_in_one_batch_goes_straight_to_history(rig, task, new_task):
    await rig.save(created_ended=[new_task(task(1, state=COMPLETED), b'{"a":1}', "http://x", b"7")])

    assert (await rig.store.task(1)).state is COMPLETED
    assert (await rig.store.details([1]))[1].callback == "http://x"
    assert await rig.store.inputs([1]) == {1: b"7"}
    await rig.save(reopened=[task(1)])
    assert (await rig.store.task(1)).state is READY


async def test_a_key_cannot_be_made_twice(rig, task):
    await rig.create(task(1, queue="first"))

    with pytest.raises(Exception):  # noqa: B017  each database has its own; that it fails whole is the promise
        await rig.create(task(1, queue="second"))

    assert (await rig.store.task(1)).queue == "first"


async def test_details_are_kept_as_written_and_attributes_can_change(rig, task):
    await rig.create(task(1), attributes=b'{"a": 1}', callback="https://x/y")
    await rig.save(attributes=[(1, b'{"a":2}')])

    details = (await rig.store.details([1, 2]))[1]

    assert (details.attributes, details.callback) == (b'{"a":2}', "https://x/y")
    (answer,) = await rig.ask(Load(tasks=[1], attributes=[1]))
    assert answer.attributes == {1: b'{"a":2}'}


@pytest.mark.parametrize(
    "body",
    [
        b"null",
        b'"a\x00b"',
        b'{"b":1,"a":2,"b":3}',
        b'{"n":123456789012345678901234567890, "e":1.0e5}',
        b"  [1 ,\n2]  ",
        '"ü\U0001f600"'.encode(),
        b'"\\ud800"',
        bytes(range(256)),
        b"x" * 5_000_000,
    ],
    ids=["null", "nul", "duplicates", "big-number", "spaces", "unicode", "surrogate", "every-byte", "5-MB"],
)
async def test_payloads_are_kept_byte_for_byte(rig, task, body):
    await rig.create(task(1), body=body)
    await rig.save(payloads=[(77, body)])

    assert await rig.store.inputs([1]) == {1: body}
    assert await rig.store.payloads([77, 78]) == {77: body}
    load, read = await rig.ask(Load(payloads=[77, 78]), Read([1]))
    assert load.payloads == {77: body}
    assert read.inputs == {1: body}


async def test_text_fields_keep_what_a_text_type_may_not_hold(rig, task):
    odd = task(1, error="a\x00b\x01c", error_code="\x00", worker="\x01\x01")

    await rig.create(odd)

    assert await rig.store.task(1) == odd
    assert await loaded(rig, 1) == {1: odd}


async def test_a_read_gives_details_inputs_and_flows_of_tasks_to_be_handed_out(rig, task):
    await rig.create(task(1), attributes=b'{"x":1}', callback="c", body=b"5")

    (answer,) = await rig.ask(Read([1, 2], [9]))

    assert answer.details[1].attributes == b'{"x":1}'
    assert answer.inputs == {1: b"5"}
    assert answer.flows == {}


def query():
    from taskloom.views.view import Query

    return Query(view="tasks", tenants=None)
