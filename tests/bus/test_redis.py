"""Hints over a Redis that dies, forgets, or falls silent; and the one a server runs for itself."""

import asyncio
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from redis import Redis

from taskloom.bus import shared
from taskloom.bus.client import Elsewhere
from taskloom.bus.embedded import Embedded
from taskloom.bus.redis import RedisBus
from taskloom.bus.shared import ALL
from tests.bus.listener import Listener


@pytest.fixture
async def pair(valkey):
    both = [Listener(RedisBus(Elsewhere(valkey.url))) for _ in range(2)]
    for server in both:
        await server.open()
    yield both
    for server in both:
        await server.bus.close()


async def heard_between(pair):
    one, two = pair
    one.bus.publish({"task 7"})
    return await two.until("task 7")


async def test_a_lost_connection_is_replaced_and_everybody_told_to_look(pair, valkey):
    with Redis.from_url(valkey.url) as client:
        client.client_kill_filter(_type="pubsub")

    await pair[0].until(ALL)
    await pair[1].until(ALL)
    assert await heard_between(pair)


async def test_a_redis_that_was_emptied_carries_hints_as_before(pair, valkey):
    with Redis.from_url(valkey.url) as client:
        client.flushall()

    assert await heard_between(pair)


async def test_a_silent_redis_is_noticed_and_comes_back(valkey, monkeypatch):
    monkeypatch.setattr(shared, "BEAT_S", 0.3)
    server = Listener(RedisBus(Elsewhere(valkey.url)))
    await server.open()
    valkey.pause()
    try:
        while server.bus.connected.is_set():  # noqa: ASYNC110  nothing tells of the loss
            await asyncio.sleep(0)
    finally:
        valkey.resume()
    await server.until(ALL)
    await server.bus.close()


async def test_the_embedded_one_is_started_again_with_the_same_address(tmp_path):
    place = Embedded(tmp_path / "bus")
    server = Listener(RedisBus(place))
    await server.open()
    before = await place.url()
    os.kill(place.pid, signal.SIGKILL)

    await server.until(ALL)

    assert await place.url() == before
    assert stat.S_IMODE((tmp_path / "bus" / "valkey.conf").stat().st_mode) == 0o600
    await server.bus.close()
    assert not place.pid


async def test_the_embedded_one_asks_for_its_password(tmp_path):
    place = Embedded(tmp_path)
    url = await place.url()
    port = int(url.rpartition(":")[2].partition("/")[0])

    with Redis(port=port) as client, pytest.raises(Exception, match="uthenticat"):
        client.ping()

    await place.close()


def test_the_embedded_one_dies_with_its_server(tmp_path):
    script = (
        "import asyncio, sys, pathlib, time\n"
        "from taskloom.bus.embedded import Embedded\n"
        "place = Embedded(pathlib.Path(sys.argv[1]))\n"
        "asyncio.run(place.url())\n"
        "print(place.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    server = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE)
    pid = int(server.stdout.readline())

    server.kill()
    server.wait()
    server.stdout.close()

    for _ in range(3_000):
        if _gone(pid):
            return
        subprocess.run(["sleep", "0.01"], check=True)
    pytest.fail("it lives on")


def _gone(pid):
    try:
        with Path(f"/proc/{pid}/stat").open() as file:
            return file.read().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True
