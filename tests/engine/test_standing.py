"""Claims that wait: made and handed out by one commit, and nothing lost when they end in the same breath."""

import asyncio

import pytest

from taskloom.bus.memory import MemoryBus
from taskloom.core.commands import Claim, Complete, Create, Tune
from taskloom.core.task import LEASED, READY
from taskloom.engine.engine import Engine, Plan
from taskloom.engine.standing import Standing
from taskloom.engine.submission import Submission
from taskloom.ports.clock import SystemTokens
from taskloom.store.memory import MemoryStore
from taskloom.store.sqlite.store import SqliteStore
from tests.server.fixtures import Inbox, TestClock

WAIT_MS = 30_000


def create(queue="q", level=1, tenant="t"):
    return Create(tenant=tenant, queue=queue, level=level, dialect="native", input=b"1")


def claim(*queues, size=1, tenant="t", worker="w"):
    return Claim(tenant=tenant, queues=queues or (("q", 1),), worker=worker, holder="k", size=size)


@pytest.fixture(params=["memory", "sqlite"])
async def engine(request, tmp_path):
    store = MemoryStore() if request.param == "memory" else SqliteStore(tmp_path)
    plan = Plan(store=store, clock=TestClock(), tokens=SystemTokens(), bus=MemoryBus(), deliverer=Inbox())
    engine = Engine(plan)
    await engine.start()
    yield engine
    await engine.stop()


async def standing(engine, command, count=1):
    """A claim that waits in line."""
    before = len(engine.standing)
    waiting = asyncio.create_task(engine.claim(command, WAIT_MS))
    while len(engine.standing) < before + count:  # noqa: ASYNC110  nobody is told when a claim begins to stand
        await asyncio.sleep(0)
    return waiting


async def test_one_commit_makes_a_task_and_hands_it_out(engine):
    waiting = await standing(engine, claim())
    sequence = await engine.store.sequence()

    made = await engine.submit(create())

    task = (await engine.store.tasks((made.reply,)))[made.reply]
    assert task.state is LEASED, "the answer to the maker came after a commit that handed it out already"
    assert await engine.store.sequence() == sequence + 2
    assert [handout.task.key for handout in await waiting] == [made.reply]


async def test_so_many_claims_are_served_as_tasks_were_made_first_come_first(engine):
    first, second, third = [await standing(engine, claim(worker=name)) for name in "abc"]

    await engine.submit_many([create(), create()])

    assert [(await one)[0].task.worker for one in (first, second)] == ["a", "b"]
    assert not third.done()
    assert len(engine.standing) == 1
    third.cancel()


async def test_a_claim_stands_for_each_of_its_queues_and_levels_and_is_served_once(engine):
    waiting = await standing(engine, claim(("other", 2), ("q", -1)))

    await engine.submit_many([create(level=3), create("other", 2)])

    assert len(await waiting) == 1
    assert len(engine.standing) == 0


async def test_tasks_of_another_queue_level_or_tenant_leave_it_standing(engine):
    waiting = await standing(engine, claim())

    await engine.submit_many([create("other"), create(level=2), create(tenant="stranger")])

    assert len(engine.standing) == 1
    waiting.cancel()


async def test_a_claim_of_every_tenant_is_served_too(engine):
    waiting = await standing(engine, claim(tenant=None))

    await engine.submit(create(tenant="anyone"))

    assert len(await waiting) == 1


async def test_who_goes_away_while_a_batch_hands_out_to_him_holds_nothing(engine):
    waiting = await standing(engine, claim())
    making = asyncio.create_task(engine.submit(create()))
    while len(engine.standing):  # noqa: ASYNC110  the batch takes it in the store's thread and tells nobody
        await asyncio.sleep(0)
    waiting.cancel()
    key = (await making).reply
    await asyncio.gather(waiting, return_exceptions=True)
    await engine.submit(Tune(tenant="t", queue="other", gate={"limit": 1}))  # after what gave it back

    assert (await engine.store.tasks((key,)))[key].state is READY


async def test_a_claim_that_ended_stands_no_longer(engine):
    waiting = await standing(engine, claim())

    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)

    assert len(engine.standing) == 0
    made = await engine.submit(create())
    assert (await engine.store.tasks((made.reply,)))[made.reply].state is READY


async def test_a_limit_keeps_its_task_from_a_standing_claim_until_there_is_room(engine):
    await engine.submit(Tune(tenant="t", queue="q", gate={"limit": 1}))
    await engine.submit(create())
    [held] = await engine.claim(claim())
    waiting = await standing(engine, claim())

    second = (await engine.submit(create())).reply
    assert not waiting.done()
    await engine.submit(Complete(key=held.task.key, tenant="t", token=held.task.token, by="k"))

    assert [handout.task.key for handout in await waiting] == [second]


async def test_a_stop_ends_standing_claims_with_nothing(engine):
    waiting = await standing(engine, claim())

    engine.waiting.close()

    assert await waiting == []
    assert len(engine.standing) == 0


def test_what_a_batch_has_taken_cannot_be_withdrawn():
    line = Standing()
    submission = Submission(claim(size=2))
    line.add(submission)

    assert line.take({("q", 1, "t", "k"): 1}) == [submission]
    assert not line.withdraw(submission)
    assert line.take({("q", 1, "t", "k"): 1}) == []


def test_a_claim_for_many_is_enough_for_many():
    line = Standing()
    many, other = Submission(claim(size=2)), Submission(claim())
    line.add(many)
    line.add(other)

    assert line.take({("q", 1, "t", "k"): 2}) == [many]
    assert line.take({("q", 1, "t", "k"): 1}) == [other]
