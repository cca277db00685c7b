"""Two servers meet at one flow: messages and subscribers, ends and cancellations, blockers and dependants."""

import asyncio

import pytest

from taskloom.core.commands import Cancel, Complete
from taskloom.core.task import READY, WAITING
from taskloom.engine import followups
from taskloom.engine.outcome import Accepted, FireTimer
from taskloom.engine.submission import Submission
from taskloom.ports.store import Save
from taskloom.views.view import Compare, Query
from tests.model.toyflow import Start, publish, start, tell
from tests.races.conftest import NOW, WAIT_S


def finish(key):
    return Complete(key=key, tenant="t", result=b"1", unclaimed=True)


async def tasks_of(server, flow):
    page = await server.store.search(Query(view="tasks", tenants=None, filter=Compare("flow", "eq", flow)))
    return [row["key"] for row in page.rows]


async def follow(server):
    """Carry out every follow-up that waits."""
    done = 0
    while rows := await server.store.follow_ups(100):
        await server.batch(*[Submission(followups.decode(row.body), follow_up=row.key) for row in rows])
        done += len(rows)
    return done


@pytest.fixture
def meet(servers, waits_for_lock):
    """`first` is held before it saves until `second` is done, waits for a lock or was turned away."""

    async def arranged(first, second):
        one, two = servers
        one.held.before(Save)
        running = asyncio.create_task(one.batch(first))
        async with asyncio.timeout(WAIT_S):
            await one.held.reached.wait()
        meeting = asyncio.create_task(two.batch(second))
        signs = [meeting, asyncio.create_task(waits_for_lock()), asyncio.create_task(two.turned_away.wait())]
        await asyncio.wait(signs, return_when=asyncio.FIRST_COMPLETED)
        was_done = meeting.done()
        for sign in signs[1:]:
            sign.cancel()
        await asyncio.gather(*signs[1:], return_exceptions=True)
        one.held.go.set()
        return await running, await meeting, was_done

    return arranged


async def test_two_tasks_of_one_flow_ending_at_once_both_count(servers, race):
    flow = await servers[0].reply(start(Start(tasks=2)))
    first_task, second_task = await tasks_of(servers[0], flow)

    await race(finish(first_task), finish(second_task), blocks=True)

    assert await servers[0].store.flow(flow) is None
    page = await servers[0].store.search(Query(view="toys", tenants=None))
    assert [(row["status"], row["results"]) for row in page.rows] == [("ended", 2)]


async def test_a_subscriber_that_came_first_gets_the_message(servers, meet):
    subscribe = start(Start(tasks=0, message="m"))

    first, second, second_was_done = await meet(subscribe, publish("m"))

    flow, heard = first.outcomes[0].reply, second.outcomes[0].reply
    assert (heard, second_was_done) == (1, False)
    assert await follow(servers[1]) == 1
    assert await servers[0].store.flow(flow) is None


async def test_a_message_that_came_first_does_not_wait_for_a_subscriber(servers, meet):
    first, second, _ = await meet(publish("m"), start(Start(tasks=0, message="m")))

    assert first.outcomes[0].reply == 0
    assert await servers[0].store.flow(second.outcomes[0].reply) is not None


async def test_one_message_carried_out_by_two_servers_arrives_once(servers, meet):
    flow = await servers[0].reply(start(Start(tasks=1, message="m")))
    await servers[0].reply(publish("m"))
    (row,) = await servers[0].store.follow_ups(10)

    def again():
        return Submission(followups.decode(row.body), follow_up=row.key)

    first, second, _ = await meet(again(), again())

    assert isinstance(first.outcomes[0], Accepted)
    assert second.outcomes[0].repeated
    assert await servers[0].store.follow_ups(10) == []
    assert await servers[0].store.flow(flow) is not None


async def test_a_cancellation_against_the_end_of_a_child(servers, race):
    parent = await servers[0].reply(start(Start(tasks=1, child=1)))
    page = await servers[0].store.search(
        Query(view="tasks", tenants=None, filter=Compare("root", "eq", parent))
    )
    (child_task,) = [row["key"] for row in page.rows if row["flow"] != parent]

    cancelled, ended = await race(tell(parent, "cancel"), finish(child_task), blocks=True)

    assert isinstance(cancelled, Accepted)
    assert not isinstance(ended, Accepted)
    assert await servers[0].store.flow(parent) is None


async def test_the_end_of_a_child_against_a_cancellation(servers, race):
    parent = await servers[0].reply(start(Start(tasks=1, child=1)))
    page = await servers[0].store.search(
        Query(view="tasks", tenants=None, filter=Compare("root", "eq", parent))
    )
    (child_task,) = [row["key"] for row in page.rows if row["flow"] != parent]

    ended, cancelled = await race(finish(child_task), tell(parent, "cancel"), blocks=True)

    assert isinstance(ended, Accepted)
    assert isinstance(cancelled, Accepted)
    assert await servers[0].store.flow(parent) is None
    states = [
        task.state for task in (await servers[0].store.tasks([row["key"] for row in page.rows])).values()
    ]
    assert sorted(states) == [4, 6]


async def test_two_blockers_ending_at_once_release_the_dependant_once(servers, meet):
    one, two = servers
    dependant = await one.reply(start(Start(tasks=1, blockers=2)))
    (blocked,) = await tasks_of(one, dependant)
    blockers = [await one.reply(start(Start(tasks=1, dependant=dependant))) for _ in range(2)]
    ends = [finish(task) for flow in blockers for task in await tasks_of(one, flow)]
    assert (await one.store.task(blocked)).state is WAITING

    first, second, _ = await meet(*ends)

    assert len(first.follow_ups) + len(second.follow_ups) == 1
    assert await follow(two) == 1
    assert (await one.store.task(blocked)).state is READY


async def test_a_timer_fires_once_on_two_servers(servers, meet):
    flow = await servers[0].reply(start(Start(tasks=1, late_ms=10)))
    (timer,) = await servers[0].store.due_timers(NOW + 10, 5)
    fire = FireTimer(timer.flow, timer.name, timer.at)

    first, second, _ = await meet(fire, fire)

    assert isinstance(first.outcomes[0], Accepted)
    assert not isinstance(second.outcomes[0], Accepted)
    assert await servers[0].store.flow(flow) is None


async def test_two_servers_making_the_same_flow_make_one(servers, meet):
    first, second, _ = await meet(start(Start(tasks=1), flow=12345), start(Start(tasks=1), flow=12345))

    made = [one.outcomes[0] for one in (first, second) if isinstance(one.outcomes[0], Accepted)]
    assert len(made) == 1
    assert len(await tasks_of(servers[0], 12345)) == 1


async def test_many_messages_and_subscribers_on_two_servers_lose_nobody(servers):
    async def subscriber(server, number):
        return await server.reply(start(Start(tasks=0, message=f"m{number % 3}")))

    async def publisher(server, number):
        return await server.reply(publish(f"m{number % 3}"))

    duties = [
        duty(server, number) for number in range(6) for server in servers for duty in (subscriber, publisher)
    ]
    await asyncio.gather(*duties)
    for number in range(3):
        await servers[0].reply(publish(f"m{number}"))
    await asyncio.gather(follow(servers[0]), follow(servers[1]))

    page = await servers[0].store.search(Query(view="toys", tenants=None))
    assert {row["status"] for row in page.rows} == {"ended"}
    assert page.total == 12


async def test_a_flow_under_cancellation_and_completion_from_both_sides_never_deadlocks(servers):
    for _ in range(10):
        flow = await servers[0].reply(start(Start(tasks=3, child=2)))
        page = await servers[0].store.search(
            Query(view="tasks", tenants=None, filter=Compare("root", "eq", flow))
        )
        keys = [row["key"] for row in page.rows]
        assert len(keys) == 5
        await asyncio.gather(
            *[server.do(finish(key)) for server, key in zip(servers * 3, keys, strict=False)],
            *[
                server.do(Cancel(key=key, tenant="t"))
                for server, key in zip(servers * 3, reversed(keys), strict=False)
            ],
            servers[1].do(tell(flow, "cancel")),
        )
        assert await servers[0].store.flow(flow) is None
