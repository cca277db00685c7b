"""Hints between servers through the database they share: what only PostgreSQL has."""

import os
import signal

import asyncpg

from taskloom.bus import shared
from taskloom.bus.postgres import PostgresBus
from taskloom.bus.shared import ALL
from tests.bus.listener import Listener


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


async def test_a_lost_connection_is_replaced_and_everybody_told_to_look(database):
    one, two = Listener(PostgresBus(database)), Listener(PostgresBus(database))
    await one.open()
    await two.open()
    connection = await asyncpg.connect(database)
    await connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'taskloom-bus'"
    )
    await connection.close()

    await one.until(ALL)
    await two.until(ALL)
    one.bus.publish({"task 7"})
    await two.until("task 7")
    await one.bus.close()
    await two.bus.close()


async def test_a_silent_connection_is_noticed(database, monkeypatch):
    monkeypatch.setattr(shared, "BEAT_S", 0.3)
    server = Listener(PostgresBus(database))
    await server.open()
    (silent,) = await backends(database)
    os.kill(silent, signal.SIGSTOP)
    try:
        await server.until(ALL)
    finally:
        os.kill(silent, signal.SIGCONT)
    await server.bus.close()
