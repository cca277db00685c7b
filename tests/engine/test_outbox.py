"""The outbox as it sends: what cannot be made, what is too large, what was not written down."""

import asyncio

import pytest

from taskloom.bus.memory import MemoryBus
from taskloom.core.commands import Claim, Complete, Create, Reopen
from taskloom.core.limits import CALLBACK_LARGE_BYTES_AT_ONCE
from taskloom.engine.engine import Engine, Plan
from taskloom.ports.callbacks import Delivery
from taskloom.ports.clock import SystemTokens
from taskloom.store.memory import MemoryStore
from taskloom.views.deliveries import DELIVERIES
from taskloom.views.view import Query
from tests.server.fixtures import TestClock

GUARD_S = 30


class Held:
    """A deliverer that lets nothing go until it is told to."""

    def __init__(self):
        self.calls = []
        self.sending = []
        self.open = asyncio.Event()
        self._came = asyncio.Event()

    async def deliver(self, call):
        self.calls.append(call)
        self.sending.append(asyncio.current_task())
        self._came.set()
        await self.open.wait()
        return Delivery(delivered=True)

    async def close(self):
        pass

    async def came(self, count):
        async with asyncio.timeout(GUARD_S):
            while len(self.calls) < count:
                self._came.clear()
                await self._came.wait()


class SlowlyRead(MemoryStore):
    """A store whose next page of calls, once it is read, lies there until it is let go."""

    def __init__(self):
        super().__init__()
        self.read = asyncio.Event()
        self.let_go = asyncio.Event()
        self.let_go.set()

    def hold_next_page(self):
        self.read.clear()
        self.let_go.clear()

    async def due_outbox(self, *asked):
        page = await super().due_outbox(*asked)
        self.read.set()
        await self.let_go.wait()
        return page


def render(task, attributes, result):
    if result == b'"poison"':
        raise ZeroDivisionError
    return result or b"null", {}


@pytest.fixture
async def world():
    deliverer, clock = Held(), TestClock()
    plan = Plan(
        store=SlowlyRead(),
        clock=clock,
        tokens=SystemTokens(),
        bus=MemoryBus(),
        deliverer=deliverer,
        renders={"toy": render},
    )
    engine = Engine(plan)
    await engine.start()
    yield engine, deliverer, clock
    deliverer.open.set()
    await engine.stop()


async def ended(engine, url, result=b"1", tenant="t"):
    """A task that has ended and names an address; its key."""
    create = Create(tenant=tenant, queue="q", dialect="toy", callback=url)
    key = (await engine.submit(create)).reply
    claim = Claim(tenant=tenant, queues=(("q", -1),), worker="w", holder="h")
    (handout,) = await engine.claim(claim)
    await engine.submit(Complete(key=key, tenant=tenant, token=handout.task.token, result=result))
    return key


async def shown(engine, count):
    """The deliveries, once so many are shown."""
    async with asyncio.timeout(GUARD_S):
        while True:
            page = await engine.store.search(Query(view=DELIVERIES.name, tenants=None))
            if len(page.rows) >= count:
                return page.rows
            await asyncio.sleep(0.01)


async def test_a_call_that_cannot_be_made_is_a_failed_attempt_and_the_next_one_leaves(world):
    engine, deliverer, _ = world
    deliverer.open.set()

    poison = await ended(engine, "https://a.example/", b'"poison"')
    (row,) = await shown(engine, 1)
    await ended(engine, "https://b.example/")
    await deliverer.came(1)

    assert (row["subject"], row["state"], row["attempts"]) == (poison, "pending", 1)
    assert row["reason"] == "the call could not be made"
    assert [call.url for call in deliverer.calls] == ["https://b.example/"]


async def test_large_bodies_leave_in_turn_and_small_ones_pass_them(world):
    engine, deliverer, clock = world
    large = b'"' + b"x" * (CALLBACK_LARGE_BYTES_AT_ONCE // 2 - 2) + b'"'
    for name in ("a", "b", "c"):
        await ended(engine, f"https://{name}.example/", large, tenant=name)
    await ended(engine, "https://small.example/")
    await deliverer.came(3)
    waiting = await shown(engine, 1)

    small = [call for call in deliverer.calls if call.url == "https://small.example/"]
    assert len(small) == 1
    assert sum(len(call.body) for call in deliverer.calls) <= CALLBACK_LARGE_BYTES_AT_ONCE + 1
    assert all(row["state"] == "pending" for row in waiting)
    deliverer.open.set()
    async with asyncio.timeout(GUARD_S):
        while len(deliverer.calls) < 4:
            clock.advance(seconds=5)
            await engine.sweep()
            await asyncio.sleep(0.01)


async def test_calls_about_one_task_arrive_in_their_order(world):
    engine, deliverer, _ = world
    key = await ended(engine, "https://a.example/", b'"first"')
    await deliverer.came(1)
    await engine.submit(Reopen(key=key, tenant="t", by="x"))
    (handout,) = await engine.claim(Claim(tenant="t", queues=(("q", -1),), worker="w", holder="h"))
    await engine.submit(Complete(key=key, tenant="t", token=handout.task.token, result=b'"second"'))
    await ended(engine, "https://a.example/", b'"another"')
    await deliverer.came(2)

    assert [call.body for call in deliverer.calls] == [b'"first"', b'"another"']
    deliverer.open.set()
    await deliverer.came(3)
    assert deliverer.calls[2].body == b'"second"'


async def test_a_call_that_is_struck_off_while_a_page_is_read_leaves_once(world):
    engine, deliverer, _ = world
    await ended(engine, "https://a.example/")
    await deliverer.came(1)
    engine.store.hold_next_page()
    await engine.sweep()
    await asyncio.wait_for(engine.store.read.wait(), GUARD_S)

    deliverer.open.set()
    await asyncio.wait(deliverer.sending, timeout=GUARD_S)
    engine.store.let_go.set()
    await ended(engine, "https://b.example/")
    await deliverer.came(2)

    assert [call.url for call in deliverer.calls] == ["https://a.example/", "https://b.example/"]
