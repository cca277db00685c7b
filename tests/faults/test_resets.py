"""F12: callers go away before they are answered; what they asked for happened whole or not at all."""

import asyncio
import json
import random
import socket
import struct

import aiohttp
import pytest

from tests.faults.server import HANG_GUARD_S, ROOT_KEY, ServerProcess
from tests.faults.stage import request
from tests.faults.stores import sqlite_store

RESETS, RESETS_LONG = 500, 10_000
AT_ONCE = 16
CLOSE_AT_ONCE = struct.pack("ii", 1, 0)
"""SO_LINGER that makes a close a reset."""


def body_of(dialect, mark):
    """(path, body) of a call that makes a task with this mark."""
    if dialect == "queue":
        return "/v1/queue/put", {
            "endpoint": "/v1/resets",
            "queue": "resets",
            "level": 1,
            "data": {"mark": mark},
        }
    if dialect == "agents":
        params = {"text": mark, "idempotencyKey": mark}
        return "/rpc", {"jsonrpc": "2.0", "id": 1, "method": "task.create", "params": params}
    return "/api/v1/tasks", {"items": [{"queue": "native", "input": {"mark": mark}}]}


def headers_of(mark):
    return {
        "authorization": f"Bearer {ROOT_KEY}",
        "content-type": "application/json",
        "idempotency-key": mark,
    }


async def asked_and_gone(server, dialect, mark, pause_s):
    """Send a whole call and reset the connection a moment later."""
    path, body = body_of(dialect, mark)
    raw = json.dumps(body).encode()
    head = {**headers_of(mark), "host": "test", "content-length": str(len(raw))}
    lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
    _, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(f"POST {path} HTTP/1.1\r\n{lines}\r\n".encode() + raw)
    await writer.drain()
    await asyncio.sleep(pause_s)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, CLOSE_AT_ONCE)
    writer.transport.abort()


async def answered(session, server, dialect, mark):
    """The same call again, by somebody who stays."""
    path, body = body_of(dialect, mark)
    async with session.post(server.url + path, json=body, headers=headers_of(mark)) as answer:
        assert answer.status == 200, await answer.text()
        found = await answer.json()
        if dialect == "agents":
            return found["result"]["id"]
        return found["data"] if dialect == "queue" else found["items"][0]["key"]


async def play(server, count):
    """Every call is sent and given up, then sent twice more; the two answers, by mark."""
    dice = random.Random(count)
    work = iter([(f"c{number}-0", ("queue", "agents", "native")[number % 3]) for number in range(count)])
    answers = {}

    async def caller(session):
        for mark, dialect in work:
            await asked_and_gone(server, dialect, mark, dice.uniform(0, 0.004))
            answers[mark] = [await answered(session, server, dialect, mark) for _ in range(2)]

    timeout = aiohttp.ClientTimeout(total=HANG_GUARD_S)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        await asyncio.gather(*(caller(session) for _ in range(AT_ONCE)))
    return answers


async def run(tmp_path, count):
    store = sqlite_store(tmp_path / "data")
    server = ServerProcess(tmp_path / "data")
    await asyncio.to_thread(server.start)
    try:
        register = {"queue": "resets", "endpoint": "/v1/resets"}
        await asyncio.to_thread(request, server, "POST", "/v1/queue/register", register)
        answers = await play(server, count)
        assert await asyncio.to_thread(server.stop) == 0
    finally:
        server.kill()
    evidence = await asyncio.to_thread(store.gather)
    made = sorted(evidence.marks.values())
    assert [mark for mark, (first, again) in answers.items() if first != again] == []
    assert made == sorted(answers)
    assert len(answers) == count
    assert [number for number, _ in evidence.events] == list(range(1, len(evidence.events) + 1))
    assert "Traceback" not in server.log.read_text()


async def test_a_call_given_up_and_repeated_has_happened_once(tmp_path):
    await run(tmp_path, RESETS)


@pytest.mark.long
@pytest.mark.timeout(3600)
async def test_ten_thousand_calls_given_up_and_repeated_have_happened_once(tmp_path):
    await run(tmp_path, RESETS_LONG)
