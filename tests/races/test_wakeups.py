"""What happens on one server wakes those who wait on another; the slow poll is switched off to prove it."""

import asyncio

import pytest

from taskloom.bus.postgres import PostgresBus
from taskloom.core.commands import Claim, Complete, Create
from taskloom.engine.engine import Engine, Plan
from taskloom.engine.outcome import Idempotency
from taskloom.ports.clock import SystemClock, SystemTokens
from taskloom.store.postgres.store import PostgresStore

WAIT_MS = 20_000
CREATE = Create(tenant="t", queue="q", dialect="queue")
CLAIM = Claim(tenant="t", queues=(("q", 1),), worker="w", holder="k")


class Nobody:
    async def deliver(self, call):
        raise AssertionError("nobody is called here")

    async def close(self):
        """Nothing is open."""


@pytest.fixture
async def engines(database):
    pair = []
    for _ in range(2):
        bus = PostgresBus(database)
        engine = Engine(
            Plan(
                store=PostgresStore(database),
                clock=SystemClock(),
                tokens=SystemTokens(),
                bus=bus,
                deliverer=Nobody(),
            )
        )
        await engine.start()
        await bus.connected.wait()
        pair.append(engine)
        for duty in engine._duties:
            duty.cancel()
    yield pair
    for engine in pair:
        await engine.stop()


async def parked(engine):
    async with asyncio.timeout(10):
        while not len(engine.waiting):
            await engine.store.sequence()


async def test_a_task_made_on_one_server_is_handed_out_by_the_other(engines):
    one, two = engines
    waiting = asyncio.create_task(two.claim(CLAIM, WAIT_MS))
    await parked(two)

    made = await one.submit(CREATE)

    async with asyncio.timeout(10):
        (handout,) = await waiting
    assert handout.task.key == made.reply


async def test_a_completion_on_one_server_ends_the_wait_on_the_other(engines):
    one, two = engines
    key = (await one.submit(CREATE)).reply
    waiting = asyncio.create_task(two.outcome(key, WAIT_MS))
    await parked(two)

    await one.submit(Complete(key=key, tenant="t", result=b"1", unclaimed=True))

    async with asyncio.timeout(10):
        assert (await waiting).is_final


async def test_one_idempotency_key_on_both_servers_at_once_does_the_work_once(engines):
    def wanted(number):
        return Idempotency("t", "create", f"k{number}", b"d", lambda key: str(key).encode())

    for number in range(10):
        outcomes = await asyncio.gather(
            *[engine.submit(CREATE, idempotency=wanted(number)) for engine in engines * 4]
        )

        (made,) = [outcome.reply for outcome in outcomes if not outcome.repeated]
        assert {outcome.reply.answer for outcome in outcomes if outcome.repeated} == {str(made).encode()}
    (lane,) = await engines[0].store.lanes("q", None, 1000)
    assert lane.depth == 10


async def test_many_workers_on_both_servers_get_every_task_once(engines):
    total, got = 300, []

    async def worker(engine):
        while len(got) < total:
            handouts = await engine.claim(CLAIM, 200)
            for handout in handouts:
                got.append(handout.task.key)
                done = Complete(key=handout.task.key, tenant="t", token=handout.task.token)
                assert (await engine.submit(done)).reply.is_final

    workers = [asyncio.create_task(worker(engine)) for engine in engines for _ in range(8)]
    made = await asyncio.gather(*[engines[number % 2].submit(CREATE) for number in range(total)])
    async with asyncio.timeout(60):
        await asyncio.gather(*workers)

    assert sorted(got) == sorted(outcome.reply for outcome in made)
