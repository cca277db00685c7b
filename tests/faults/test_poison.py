"""F17: poison tasks. Attempts stop at the limit, the task becomes a dead letter that says why, and the queue
behind it moves on: on a server of its own, with workers that are processes and die.
"""

import asyncio
import signal
import sys
import textwrap

import aiohttp
import pytest

from tests.faults.server import HANG_GUARD_S, ROOT_KEY, ServerProcess

RETRIES = 2
HEADERS = {"authorization": f"Bearer {ROOT_KEY}"}
QUEUE = "poison"

WORKER = textwrap.dedent(
    """
    import json, os, signal, sys, urllib.request

    url, key = sys.argv[1:3]

    def call(path, body):
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"authorization": "Bearer " + key, "content-type": "application/json"}
        with urllib.request.urlopen(urllib.request.Request(url + path, raw, headers)) as answer:
            return json.load(answer)

    taken = call("/v1/queue/take", {"queues": ["poison:1"], "process_timeout": 1, "wait_seconds": 20})
    (task,) = taken["poison:1"]
    if task["data"]["does"] == "crash":
        os.kill(os.getpid(), signal.SIGKILL)
    if task["data"]["does"] == "garble":
        call("/v1/queue/" + task["task_id"] + "/complete", b'{"status_code": 200, "body": ' + bytes([255]))
    call("/v1/queue/" + task["task_id"] + "/complete", {"status_code": 200, "body": {}})
    """
)
"""Takes one task: dies of it, answers it with what cannot be decoded and dies of the refusal, or does it."""


async def one_worker(server):
    """Runs one worker to its end; what it ended with."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", WORKER, server.url, ROOT_KEY, stderr=asyncio.subprocess.DEVNULL
    )
    return await asyncio.wait_for(process.wait(), HANG_GUARD_S)


@pytest.mark.timeout(180)
async def test_poison_stops_at_its_limit_and_the_queue_behind_it_moves_on(tmp_path):
    server = ServerProcess(tmp_path / "data")
    await asyncio.to_thread(server.start)
    try:
        async with aiohttp.ClientSession(headers=HEADERS) as session:
            await _poisoned(session, server)
    finally:
        server.kill()
    assert "Traceback" not in server.log.read_text()


async def _poisoned(session, server):
    async def call(method, path, body=None):
        async with session.request(method, server.url + path, json=body) as answer:
            assert answer.status < 300, await answer.text()
            return await answer.json()

    await call("POST", "/v1/queue/register", {"queue": QUEUE, "endpoint": "/v1/poison"})
    ids = {}
    for does in ("crash", "garble", "work"):
        put = {"queue": QUEUE, "endpoint": "/v1/poison", "level": 1, "data": {"does": does}}
        put["retry"] = {"max_retries": RETRIES, "first_pause": 0}
        ids[does] = (await call("POST", "/v1/queue/put", put))["data"]

    ended = [await one_worker(server) for _ in range(2 * (RETRIES + 1) + 1)]

    assert ended.count(-signal.SIGKILL) == RETRIES + 1
    assert ended.count(0) == 1
    statuses = {}
    for does, task_id in ids.items():
        async with asyncio.timeout(HANG_GUARD_S):
            shown = await call("GET", f"/v1/queue/{task_id}")
            while shown["status"] in {"waiting", "queued"}:
                await asyncio.sleep(0.05)
                shown = await call("GET", f"/v1/queue/{task_id}")
        statuses[does] = shown["status"]
    assert statuses == {"crash": "timeout", "garble": "timeout", "work": "succeeded"}
    letters = (await call("GET", f"/api/v1/dead-letters?queue={QUEUE}&order=oldest"))["items"]
    assert [(one["attempt"], one["error"]["code"]) for one in letters] == [(RETRIES + 1, "lease_lost")] * 2
    for letter in letters:
        assert [one["error"]["code"] for one in letter["attempts"]] == ["lease_lost"] * (RETRIES + 1)
