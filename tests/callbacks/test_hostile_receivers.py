"""F13: receivers that behave badly hinder nobody but themselves; through a real server process."""

import asyncio

import aiohttp
import pytest

from bench.callbacks import Caller, percentile, run
from samples.receivers import MANNERS, Receivers
from tests.server.fixtures import Process

WAITING = 100
GUARD_S = 30


@pytest.fixture
def process(tmp_path):
    running = Process(tmp_path, "--callbacks-allow", "127.0.0.1").start()
    yield running
    running.kill()


@pytest.mark.timeout(90)
async def test_calls_to_a_good_receiver_arrive_while_every_bad_one_has_calls_waiting(process):
    """The silent ones never let go of a call by themselves, so the good calls cannot have waited for them."""
    async with Receivers() as receivers, aiohttp.ClientSession() as session:
        good = Caller(session, process.url, "good")
        await good.hears(receivers.good)
        for number, url in enumerate(receivers.urls.values()):
            bad = Caller(session, process.url, f"bad-{number}")
            await bad.hears(url)
            await bad.complete(await bad.claimed(WAITING))
        async with asyncio.timeout(GUARD_S):
            while not all(receivers.called.values()):  # noqa: ASYNC110  the server tells nobody whom it calls
                await asyncio.sleep(0.01)

        receivers.expect(WAITING)
        await good.complete(await good.claimed(WAITING))
        async with asyncio.timeout(GUARD_S):
            await receivers.all_arrived.wait()

        pending = {"state": "pending", "tenant": "bad-0", "limit": "1000"}
        headers = {"authorization": f"Bearer {process.key}"}
        async with session.get(f"{process.url}/api/v1/deliveries", params=pending, headers=headers) as answer:
            waiting = (await answer.json())["items"]
    assert next(iter(MANNERS)) == "silent"
    assert len(waiting) == WAITING
    assert receivers.called["silent"] <= 5


@pytest.mark.long
@pytest.mark.timeout(600)
def test_the_figures_hold_with_ten_thousand_calls_waiting_for_each(tmp_path):
    figures = run(tmp_path, 10_000)

    assert percentile(figures.beside, 0.99) < 1_000
    assert figures.memory_after_mb - figures.memory_before_mb < 50
