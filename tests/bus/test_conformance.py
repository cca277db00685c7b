"""What every bus promises, over each of them: PostgreSQL, Redis (a real Valkey), and none at all."""

import pytest

from taskloom.bus.client import Elsewhere
from taskloom.bus.memory import MemoryBus
from taskloom.bus.postgres import PostgresBus
from taskloom.bus.redis import RedisBus
from taskloom.bus.shared import ALL, payload
from tests.bus.listener import Listener


@pytest.fixture(params=["postgres", "redis"])
def make_bus(request):
    if request.param == "postgres":
        url = request.getfixturevalue("database")
        return lambda: PostgresBus(url)
    url = request.getfixturevalue("valkey").url
    return lambda: RedisBus(Elsewhere(url))


@pytest.fixture(params=["postgres", "redis"])
def bus_of_nowhere(request):
    if request.param == "postgres":
        return PostgresBus("postgresql://postgres@/none?host=/nowhere")
    return RedisBus(Elsewhere("redis://127.0.0.1:1/0"))


@pytest.fixture
async def servers(make_bus):
    pair = [Listener(make_bus()), Listener(make_bus())]
    for server in pair:
        await server.open()
    yield pair
    for server in pair:
        await server.bus.close()


async def test_a_hint_reaches_the_other_server_and_not_its_sender(servers):
    one, two = servers

    one.bus.publish({"queue t invoices", "events"})

    await two.until("queue t invoices")
    two.bus.publish({"task 5"})
    await one.until("task 5")
    assert "queue t invoices" not in [one.heard.get_nowait() for _ in range(one.heard.qsize())]


async def test_names_of_any_kind_survive(servers):
    one, two = servers

    one.bus.publish({'queue t "odd" \x00 \n ü'})

    assert await two.until('queue t "odd" \x00 \n ü')


async def test_more_topics_than_a_message_holds_become_all(servers):
    one, two = servers

    one.bus.publish({f"task {number}" for number in range(5_000)})

    assert await two.until(ALL)


async def test_what_nobody_of_ours_wrote_is_ignored(servers):
    one, two = servers
    for text in ("", "[]", "{}", "[1]", "not json", '"x"'):
        one.bus._received(text)
        one.bus._received(text.encode() + b"\xff")

    two.bus.publish({"task 9"})

    assert await one.until("task 9")


async def test_a_bus_waits_for_what_is_away(bus_of_nowhere):
    await bus_of_nowhere.open(lambda _topic: None)
    bus_of_nowhere.publish({"events"})
    await bus_of_nowhere.close()

    assert not bus_of_nowhere.connected.is_set()


async def test_a_server_alone_hears_nothing():
    heard = []
    bus = MemoryBus()
    await bus.open(heard.append)
    bus.publish({"events"})
    await bus.close()

    assert heard == []


def test_a_message_never_exceeds_what_a_database_takes():
    for count in (0, 1, 100, 1_000, 100_000):
        assert len(payload("me", {f"task {number}" for number in range(count)}).encode()) < 8_000
