"""The server's own work: done once, held while it is done, and left to the next when it breaks off."""

import asyncio

import pytest

from taskloom.bus.memory import MemoryBus
from taskloom.core.commands import Cancel, Claim, Create
from taskloom.core.task import CANCELLED, COMPLETED, LEASED, READY, WAITING
from taskloom.dialects.own_worker import LeaseLostError, OwnWorker
from taskloom.engine.engine import Engine, Plan
from taskloom.ports.clock import SystemTokens
from taskloom.store.memory import MemoryStore
from tests.server.fixtures import Inbox, TestClock

QUEUES = (("own", 1),)
LONG_MS = 60_000
SHORT_MS = 30
HANG_GUARD_S = 30


@pytest.fixture
async def engine():
    bus, inbox = MemoryBus(), Inbox()
    plan = Plan(store=MemoryStore(), clock=TestClock(), tokens=SystemTokens(), bus=bus, deliverer=inbox)
    engine = Engine(plan)
    await engine.start()
    yield engine
    await engine.stop()


async def made(engine, body=b"1", dialect="own"):
    return (await engine.submit(Create(tenant="t", queue="own", dialect=dialect, input=body))).reply


async def task(engine, key):
    return await engine.store.task(key)


class Work:
    """Notes what it was given; waits, breaks off or ends as it is told."""

    def __init__(self, fault=None):
        self.given = []
        self.fault = fault
        self.begun = asyncio.Event()
        self.may_end = asyncio.Event()
        self.was_cancelled = False

    async def __call__(self, task, body):
        self.given.append(body)
        self.begun.set()
        try:
            await self.may_end.wait()
        except asyncio.CancelledError:
            self.was_cancelled = True
            raise
        if self.fault is not None:
            raise self.fault
        return b'"done"'


async def serving(engine, work, lease_ms=LONG_MS):
    duty = asyncio.create_task(OwnWorker(engine, lease_ms).serve(QUEUES, work))
    await asyncio.wait_for(work.begun.wait(), HANG_GUARD_S)
    return duty


async def ended(engine, key):
    async with asyncio.timeout(HANG_GUARD_S):
        return await engine.outcome(key, HANG_GUARD_S * 1_000)


async def stop(duty):
    duty.cancel()
    await asyncio.gather(duty, return_exceptions=True)


async def test_work_is_given_its_input_and_its_answer_is_the_result(engine):
    key, work = await made(engine, b'"what to do"'), Work()
    duty = await serving(engine, work)
    work.may_end.set()

    done = await ended(engine, key)

    assert work.given == [b'"what to do"']
    assert done.state is COMPLETED
    assert (await engine.store.payloads([done.result_key]))[done.result_key] == b'"done"'
    await stop(duty)


async def test_a_lease_is_renewed_as_often_as_the_work_needs(engine):
    key, work = await made(engine), Work()
    duty = await serving(engine, work, SHORT_MS)
    claimed = await engine.store.sequence()
    async with asyncio.timeout(HANG_GUARD_S):
        while await engine.store.sequence() < claimed + 3:  # noqa: ASYNC110  a renewal tells nobody
            await asyncio.sleep(0.001)
    work.may_end.set()

    assert (await ended(engine, key)).state is COMPLETED
    await stop(duty)


async def test_work_that_breaks_off_is_tried_again_after_a_pause(engine):
    key, work = await made(engine), Work(OSError("no room"))
    duty = await serving(engine, work)
    work.may_end.set()
    async with asyncio.timeout(HANG_GUARD_S):
        while (await task(engine, key)).state is LEASED:  # noqa: ASYNC110  nothing tells of a return
            await asyncio.sleep(0)
    assert (await task(engine, key)).state is WAITING

    work.fault = None
    engine.clock.advance(seconds=5)
    await engine.sweep()

    assert (await ended(engine, key)).state is COMPLETED
    await stop(duty)


async def test_what_is_half_done_at_the_end_is_given_back(engine):
    key, work = await made(engine), Work()

    await stop(await serving(engine, work))

    assert work.was_cancelled
    assert (await task(engine, key)).state is READY


async def test_work_is_dropped_when_its_lease_is_lost_and_the_worker_goes_on(engine):
    key, work = await made(engine), Work()
    duty = await serving(engine, work, SHORT_MS)
    await engine.submit(Cancel(key=key, tenant="t", reason="no longer wanted", by="somebody"))
    async with asyncio.timeout(HANG_GUARD_S):
        while not work.was_cancelled:  # noqa: ASYNC110  the renewal that fails comes by its own clock
            await asyncio.sleep(0.001)
    work.may_end.set()

    assert (await task(engine, key)).state is CANCELLED
    assert (await ended(engine, await made(engine))).state is COMPLETED
    await stop(duty)


async def test_whoever_works_under_a_lease_hears_that_it_was_lost(engine):
    key, work = await made(engine), Work()
    worker = OwnWorker(engine, SHORT_MS)
    handout = await worker.claim("t", QUEUES)
    await engine.submit(Cancel(key=key, tenant="t", reason="no longer wanted", by="somebody"))

    with pytest.raises(LeaseLostError):
        await asyncio.wait_for(worker.under_lease(handout.task, work(handout.task, b"")), HANG_GUARD_S)


async def test_what_a_killed_process_of_this_server_held_is_given_back_and_nothing_else(engine):
    mine, other = await made(engine), await made(engine, dialect="native")
    worker = OwnWorker(engine, LONG_MS)
    for _ in range(2):
        await worker.claim("t", QUEUES)
    theirs = await made(engine)
    stranger = Claim(tenant="t", queues=QUEUES, worker="stranger", holder="k", lease_ms=LONG_MS)
    assert len(await engine.claim(stranger)) == 1

    await OwnWorker(engine, LONG_MS).give_back("own")

    states = {key: (await task(engine, key)).state for key in (mine, other, theirs)}
    assert states == {mine: READY, other: LEASED, theirs: LEASED}
