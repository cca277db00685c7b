"""What dialects ask of the engine beside commands: keys, views told with records, the end of a flow."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest

from taskloom.bus.memory import MemoryBus
from taskloom.core.events import FlowEvent
from taskloom.core.records import PutRecords, RecordChange
from taskloom.core.rejections import Kind, Rejection
from taskloom.engine.engine import Engine, Plan, SharedKeyMaker
from taskloom.flows.flow import Emit, FlowCommand, Step
from taskloom.ports.clock import SystemTokens
from taskloom.store.memory import MemoryStore
from taskloom.views.view import ColumnType, Query, RowChange, View
from tests.server.fixtures import Inbox, TestClock

NOTES = View("notes", {"text": ColumnType.TEXT})


class Counting(msgspec.Struct):
    left: int


class Countdown:
    """A flow that ends when it was told so."""

    kind = "countdown"
    state_type = Counting

    def compile(self, key, body):
        return body

    def decide(self, state, command, context):
        if command.name == "begin":
            return Step(Counting(1), [Emit("countdown.begun", b'{"text":"begun"}')], context.flow)
        return Step(None, []) if state is not None else Rejection(Kind.NOT_FOUND, command.flow)

    def admit(self, state, task, command, context):
        return None

    def react(self, state, task, event, payload, context):
        return Step(state, [])

    def render(self, state, task, body, fetch):
        return body


def project(event: FlowEvent, _at: int):
    yield RowChange("notes", event.flow, event.tenant, msgspec.json.decode(event.body))


@pytest.fixture
async def engine():
    plan = Plan(
        store=MemoryStore(),
        clock=TestClock(),
        tokens=SystemTokens(),
        bus=MemoryBus(),
        deliverer=Inbox(),
        flows=[Countdown()],
        views=[NOTES],
        projections={"countdown": project},
    )
    running = Engine(plan)
    await running.start()
    yield running
    await running.stop()


async def begin(engine: Engine) -> int:
    return (await engine.submit(FlowCommand(kind="countdown", name="begin", tenant="a"))).reply


async def notes(engine: Engine) -> list[str]:
    return [row["text"] for row in (await engine.store.search(Query(view="notes", tenants=None))).rows]


async def test_views_are_told_with_the_records_that_are_put(engine):
    key = engine.new_key()
    change = RecordChange("thing", "a", "one", b"body", 0, key)
    told = FlowEvent(key, key, "countdown", "a", "thing.put", b'{"text":"put"}')

    await engine.submit(PutRecords((change,), (told,)))

    assert (await engine.store.record_by_key(key)).body == b"body"
    assert await notes(engine) == ["put"]


async def test_views_are_told_nothing_when_the_records_are_refused(engine):
    change = RecordChange("thing", "a", "one", b"body", 7)
    told = FlowEvent(1, 1, "countdown", "a", "thing.put", b'{"text":"put"}')

    outcome = await engine.submit(PutRecords((change,), (told,)))

    assert outcome.kind is Kind.VERSION_CONFLICT
    assert await notes(engine) == []


async def test_who_waits_for_the_end_of_a_flow_is_woken(engine):
    flow = await begin(engine)
    with engine.waiting.ticket(("flow", flow)) as ticket:
        waiting = asyncio.create_task(ticket.wait(30_000))
        await engine.submit(FlowCommand(kind="countdown", name="end", tenant="a", flow=flow))

        assert await waiting
    assert await engine.store.flow(flow) is None


@pytest.mark.parametrize(("kind", "tenant"), [("another", "a"), ("countdown", "b")])
async def test_a_command_to_a_flow_of_another_kind_or_tenant_finds_nothing(engine, kind, tenant):
    flow = await begin(engine)

    outcome = await engine.submit(FlowCommand(kind=kind, name="end", tenant=tenant, flow=flow))

    assert outcome == Rejection(Kind.NOT_FOUND, flow)
    assert await engine.store.flow(flow) is not None


def test_two_threads_never_make_the_same_key():
    keys = SharedKeyMaker(3)
    with ThreadPoolExecutor(4) as threads:
        made = list(threads.map(lambda _: keys.make(1_800_000_000_000), range(4_000)))

    assert len(set(made)) == 4_000
