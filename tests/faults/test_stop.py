"""F15: a server that is told to stop under load answers everything it began, and waits for nobody."""

import asyncio
import random
import signal
import time

import aiohttp
import pytest

from tests.faults.server import HANG_GUARD_S, ROOT_KEY, ServerProcess
from tests.faults.stores import sqlite_store

STOPS, STOPS_LONG = 5, 100
PRODUCERS, WORKERS, POLLERS = 8, 4, 10
HEADERS = {"authorization": f"Bearer {ROOT_KEY}"}
GRACE_ENDED = "timeout graceful shutdown exceeded"


class Crowd:
    """Callers of one server, each until a call of its own finds nobody; what they saw."""

    def __init__(self, session, url):
        self._session = session
        self._url = url
        self.made = set()
        """Marks of tasks that were acknowledged."""
        self.finished = {}
        """Key of a task -> the mark of its result that was acknowledged."""
        self.claimed = set()
        self.unanswered = set()
        """Marks of calls that ended without an answer."""
        self.polls = []
        """What the long polls were answered."""
        self.polling = 0

    async def call(self, action, body, mark=""):
        """The decoded answer; None when nobody answered."""
        url = f"{self._url}/api/v1/tasks{action}"
        try:
            async with self._session.post(url, json=body, headers=HEADERS) as answer:
                assert answer.status == 200, await answer.text()
                return await answer.json()
        except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError):
            self.unanswered.add(mark)
            return None

    async def produce(self, name):
        number = 0
        while True:
            number += 1
            mark = f"c{name}-{number}"
            if await self.call("", {"items": [{"queue": "load", "input": {"mark": mark}}]}, mark) is None:
                return
            self.made.add(mark)

    async def work(self, name):
        number = 0
        while True:
            wanted = {"queues": [{"queue": "load"}], "size": 5, "worker": name, "wait_ms": 50}
            taken = await self.call("/claim", wanted)
            if taken is None:
                return
            self.claimed |= {int(task["key"]) for task in taken["items"]}
            for task in taken["items"]:
                number += 1
                mark = f"c{name}-{number}"
                item = {"key": task["key"], "lease_token": task["lease_token"], "result": {"mark": mark}}
                if await self.call("/complete", {"items": [item]}, mark) is None:
                    return
                self.finished[int(task["key"])] = mark

    async def poll(self):
        self.polling += 1
        found = await self.call("/claim", {"queues": [{"queue": "empty"}], "wait_ms": 600_000})
        self.polls.append(found)

    async def run(self):
        everybody = [self.produce(1000 + number) for number in range(PRODUCERS)]
        everybody += [self.work(str(2000 + number)) for number in range(WORKERS)]
        everybody += [self.poll() for _ in range(POLLERS)]
        async with asyncio.timeout(HANG_GUARD_S):
            await asyncio.gather(*everybody)


async def stopped_under_load(server, dice):
    """What the callers saw of a server that was told to stop while they worked, and how long it took."""
    timeout = aiohttp.ClientTimeout(total=HANG_GUARD_S)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        crowd = Crowd(session, server.url)
        running = asyncio.create_task(crowd.run())
        while len(crowd.finished) < 20 or crowd.polling < POLLERS:
            assert not running.done()
            await asyncio.sleep(0.01)
        await asyncio.sleep(dice.uniform(0.05, 0.3))  # the fault itself: a random moment
        begun = time.monotonic()
        server.signal(signal.SIGTERM)
        status = await asyncio.to_thread(server.wait)
        took_s = time.monotonic() - begun
        await running
    assert status == 0
    return crowd, took_s


def faults_of(crowd, evidence):
    """Whatever contradicts that each call was either answered or never begun."""
    stored = set(evidence.marks.values())
    results = {task.key: evidence.results.get(task.result_key, b"") for task in evidence.tasks.values()}
    written = b" ".join(results.values())
    held = {key for key, task in evidence.tasks.items() if task.attempt}
    yield from (f"{mark} was acknowledged and is lost" for mark in crowd.made - stored)
    yield from (
        f"the result {mark} was acknowledged and is lost"
        for key, mark in crowd.finished.items()
        if mark.encode() not in results[key]
    )
    yield from (f"{mark} was carried out and not answered" for mark in crowd.unanswered & stored)
    yield from (
        f"the result {mark} was stored and not answered"
        for mark in crowd.unanswered - {""}
        if f'"{mark}"'.encode() in written
    )
    yield from (f"{key} was handed out and not answered" for key in held - crowd.claimed)
    yield from (f"a poll was answered {found}" for found in crowd.polls if found != {"items": []})


async def run(tmp_path, count):
    times_s, dice = [], random.Random(count)
    for number in range(count):
        store = sqlite_store(tmp_path / f"data-{number}")
        server = ServerProcess(tmp_path / f"data-{number}")
        await asyncio.to_thread(server.start)
        try:
            crowd, took_s = await stopped_under_load(server, dice)
        finally:
            server.kill()
        times_s.append(took_s)
        assert list(faults_of(crowd, await asyncio.to_thread(store.gather))) == []
        assert len(crowd.polls) == POLLERS
        assert GRACE_ENDED not in server.log.read_text()
    print(f"\nF15: {count} stops, gone after {max(times_s):.2f} s at most")


@pytest.mark.timeout(180)
async def test_whatever_was_begun_is_answered(tmp_path):
    await run(tmp_path, STOPS)


@pytest.mark.long
@pytest.mark.timeout(3600)
async def test_whatever_was_begun_is_answered_a_hundred_times(tmp_path):
    await run(tmp_path, STOPS_LONG)
