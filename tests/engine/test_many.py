"""Many commands with one waiter: the promises of one command hold for each."""

import asyncio

import pytest

from taskloom.bus.memory import MemoryBus
from taskloom.core.commands import Complete, Create
from taskloom.core.limits import BATCH_COMMANDS
from taskloom.core.rejections import Kind
from taskloom.engine.engine import Engine, Plan
from taskloom.engine.outcome import Accepted, Idempotency
from taskloom.ports.clock import SystemTokens
from taskloom.store.sqlite.store import SqliteStore
from tests.server.fixtures import Inbox, TestClock


@pytest.fixture
async def engine(tmp_path):
    plan = Plan(
        store=SqliteStore(tmp_path),
        clock=TestClock(),
        tokens=SystemTokens(),
        bus=MemoryBus(),
        deliverer=Inbox(),
    )
    engine = Engine(plan)
    await engine.start()
    yield engine
    await engine.stop()


CREATE = Create(tenant="t", queue="q", dialect="queue")


async def test_outcomes_come_in_order_and_each_is_its_own(engine):
    missing = Complete(key=1, tenant="t")

    first, refused, last = await engine.submit_many([CREATE, missing, CREATE])

    assert refused.kind is Kind.NOT_FOUND
    assert first.reply < last.reply
    assert {first.reply, last.reply} <= (await engine.store.tasks([first.reply, last.reply])).keys()


async def test_more_than_a_batch_holds_is_answered_as_a_whole(engine):
    outcomes = await engine.submit_many([CREATE] * (BATCH_COMMANDS + 5))

    keys = [outcome.reply for outcome in outcomes]
    assert keys == sorted(set(keys))
    assert len(await engine.store.tasks(keys)) == BATCH_COMMANDS + 5


async def test_nothing_is_answered_at_once(engine):
    assert await engine.submit_many([]) == []


async def test_what_a_caller_who_went_away_had_submitted_is_done_all_the_same(engine):
    submitting = asyncio.create_task(engine.submit_many([CREATE, CREATE]))
    await asyncio.sleep(0)
    submitting.cancel()
    await asyncio.gather(submitting, return_exceptions=True)

    third = await engine.submit(CREATE)

    assert submitting.cancelled()
    assert isinstance(third, Accepted)
    assert await engine.store.sequence() == 3


async def test_each_may_have_an_idempotency_key_of_its_own(engine):
    once = [Idempotency("t", "s", key, b"", lambda reply: str(reply).encode()) for key in "ab"]

    first = await engine.submit_many([CREATE, CREATE], idempotency=once)
    again = await engine.submit_many([CREATE, CREATE], idempotency=once)

    assert [int(outcome.reply.answer) for outcome in again] == [outcome.reply for outcome in first]
    assert [outcome.repeated for outcome in again] == [True, True]
