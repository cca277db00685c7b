"""Reports of progress, and who is woken by what a flow does."""

import asyncio

import msgspec
import pytest

from taskloom.bus.memory import MemoryBus
from taskloom.core.commands import Cancel, Claim, Complete, Create, Report
from taskloom.core.rejections import Kind
from taskloom.core.task import FAILED
from taskloom.engine.engine import Engine, Plan
from taskloom.flows.flow import FlowCommand
from taskloom.flows.stream import KIND, OPEN, StreamFlow
from taskloom.ports.clock import SystemTokens
from taskloom.store.sqlite.store import SqliteStore
from taskloom.views.frames import FRAMES, project_frames
from tests.server.fixtures import Inbox, TestClock


@pytest.fixture
async def engine(tmp_path):
    plan = Plan(
        store=SqliteStore(tmp_path),
        clock=TestClock(),
        tokens=SystemTokens(),
        bus=MemoryBus(),
        deliverer=Inbox(),
        flows=[StreamFlow()],
        views=[FRAMES],
        projections={KIND: project_frames},
    )
    engine = Engine(plan)
    await engine.start()
    yield engine
    await engine.stop()


def opening(**fields):
    create = Create(tenant="t", queue="q", dialect="queue", **fields)
    return FlowCommand(kind=KIND, name=OPEN, tenant="t", body=msgspec.msgpack.encode(create))


async def taken(engine, **fields):
    claim = Claim(tenant="t", queues=(("q", 1),), worker="", holder="k", lease_ms=1_000, **fields)
    (handout,) = await engine.claim(claim)
    return handout.task


def report(task, **fields):
    return Report(key=task.key, tenant="t", by="k", result=b'{"data":1}', **fields)


async def test_whoever_waits_for_a_flow_is_rung_by_its_change(engine):
    await engine.submit(opening())
    task = await taken(engine)

    with engine.waiting.ticket(("flow", task.flow)) as ticket:
        await engine.submit(report(task))
        assert await ticket.wait(30_000)


async def test_a_report_is_accepted_from_the_holder_as_long_as_nobody_claimed_anew(engine):
    key = (await engine.submit(opening())).reply
    early = await engine.submit(Report(key=key, tenant="t", by="k"))
    task = await taken(engine)
    foreign = await engine.submit(Report(key=key, tenant="other", by="k"))
    another = await engine.submit(Report(key=key, tenant="t", by="other"))
    engine.clock.advance(seconds=2)
    await engine.sweep()
    late = await engine.submit(report(task, token=task.token))
    again = await taken(engine)
    stale = await engine.submit(report(task, token=task.token))

    assert (early.kind, foreign.kind, another.kind) == (Kind.NOT_CLAIMED, Kind.NOT_FOUND, Kind.NOT_HOLDER)
    assert (late.reply.key, again.attempt, stale.kind) == (key, 2, Kind.STALE_LEASE)


@pytest.mark.parametrize("end", [Complete, Cancel])
async def test_a_report_after_the_end_is_refused(engine, end):
    await engine.submit(opening())
    task = await taken(engine)
    await engine.submit(end(key=task.key, tenant="t", by="k"))

    assert (await engine.submit(report(task))).kind is Kind.FINAL


async def test_the_reply_is_the_task_as_the_flow_left_it(engine):
    await engine.submit(opening())
    task = await taken(engine)
    await engine.submit(report(task))
    engine.clock.advance(seconds=2)
    await engine.sweep()
    again = await taken(engine)

    outcome = await engine.submit(report(again))

    assert outcome.reply.state == FAILED


async def test_a_task_that_finds_its_queue_full_refuses_the_command_that_wanted_it(engine):
    outcomes = await asyncio.gather(*(engine.submit(opening(queue_limit=2)) for _ in range(4)))
    later = await engine.submit(opening(queue_limit=2))

    refused = [each.kind for each in (*outcomes, later) if not hasattr(each, "reply")]
    assert refused == [Kind.QUEUE_FULL] * 3
    assert [lane.depth for lane in await engine.store.lanes("q", "t", 1000)] == [2]


async def test_a_claim_may_want_tasks_of_an_age(engine):
    for _ in range(2):
        await engine.submit(Create(tenant="t", queue="q", dialect="queue"))
        engine.clock.advance(seconds=10)
    claim = Claim(tenant="t", queues=(("q", 1),), worker="", holder="k", size=5)

    young = msgspec.structs.replace(claim, made_before=engine.clock.now_ms() - 20_000)
    old = msgspec.structs.replace(claim, made_before=engine.clock.now_ms() - 10_000)

    assert await engine.claim(young) == []
    assert len(await engine.claim(old)) == 1
