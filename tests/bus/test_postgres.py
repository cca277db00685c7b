"""Hints between servers through the database they share."""

import asyncio
import os
import signal

import asyncpg
import pytest

from taskloom.bus import postgres
from taskloom.bus.postgres import ALL, PostgresBus, payload

WAIT_S = 30


class Server:
    """One end of the bus: what it heard, and a way to wait for it."""

    def __init__(self, url):
        self.bus = PostgresBus(url)
        self.heard = asyncio.Queue()

    async def open(self):
        await self.bus.open(self.heard.put_nowait)
        await self.until(ALL)

    async def until(self, topic):
        async with asyncio.timeout(WAIT_S):
            while (heard := await self.heard.get()) != topic:
                pass
        return heard


@pytest.fixture
async def servers(database):
    pair = [Server(database), Server(database)]
    for server in pair:
        await server.open()
    yield pair
    for server in pair:
        await server.bus.close()


async def backends(url):
    connection = await asyncpg.connect(url)
    try:
        rows = await connection.fetch(
            "SELECT pid FROM pg_stat_activity"
            " WHERE application_name = 'taskloom-bus' AND datname = current_database()"
        )
    finally:
        await connection.close()
    return [row[0] for row in rows]


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


async def test_more_topics_than_a_notification_holds_become_all(servers):
    one, two = servers

    one.bus.publish({f"task {number}" for number in range(5_000)})

    assert await two.until(ALL)


def test_a_notification_never_exceeds_what_the_database_takes():
    for count in (0, 1, 100, 1_000, 100_000):
        assert len(payload("me", {f"task {number}" for number in range(count)}).encode()) < 8_000


async def test_a_lost_connection_is_replaced_and_everybody_told_to_look(servers, database):
    one, two = servers
    connection = await asyncpg.connect(database)
    await connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'taskloom-bus'"
    )
    await connection.close()

    await one.until(ALL)
    await two.until(ALL)
    one.bus.publish({"task 7"})
    await two.until("task 7")


async def test_a_silent_connection_is_noticed(database, monkeypatch):
    monkeypatch.setattr(postgres, "_BEAT_S", 0.3)
    server = Server(database)
    await server.open()
    (silent,) = await backends(database)
    os.kill(silent, signal.SIGSTOP)
    try:
        await server.until(ALL)
    finally:
        os.kill(silent, signal.SIGCONT)
    await server.bus.close()


async def test_the_bus_waits_for_a_database_that_is_away():
    bus = PostgresBus("postgresql://postgres@/none?host=/nowhere")

    await bus.open(lambda _topic: None)
    bus.publish({"events"})
    await bus.close()

    assert not bus.connected.is_set()
