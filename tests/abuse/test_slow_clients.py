"""A9: sockets that hold back what they owe are ended, take little, and keep nobody else waiting.

`./dev bench abuse` shows what others feel of them.
"""

import asyncio
import contextlib
import socket

import pytest

from bench.measure import memory_mb
from samples.callers import GROWING, OF_BODIES, OF_HEADS, Caller, leave, opened, request, slow, trickle
from taskloom.core.limits import BODY_TIMEOUT_S, HEADER_TIMEOUT_S, KEEP_ALIVE_S
from taskloom.server import protocol
from taskloom.server.run import allow_open_files
from tests.server.fixtures import ROOT_KEY, Process
from tests.server.listening import listening

SOCKETS, SOCKETS_LONG = 250, 5_000
HANG_GUARD_S = 30
MB_MAX, MB_OF_A_SOCKET = 20, 0.05
POLL = {"queues": [{"queue": "empty"}], "worker": "w", "wait_ms": 600_000}


@contextlib.asynccontextmanager
async def slow_sockets(port, count):
    """(manner, line) of each of so many; some of them say one byte a second."""
    allow_open_files()
    manners = slow(ROOT_KEY)
    names = [list(manners)[number % len(manners)] for number in range(count)]
    lines = await opened(port, [manners[name] for name in names])
    found = list(zip(names, lines, strict=True))
    trickling = asyncio.create_task(trickle([line for name, line in found if name in GROWING]))
    try:
        yield found
    finally:
        trickling.cancel()
        await leave(lines)


async def ended(found, manners, limit_s):
    """The statuses heard by those of these manners, when the server has ended them all."""
    lines = [line for name, line in found if name in manners]
    async with asyncio.timeout(limit_s + HANG_GUARD_S):
        await asyncio.gather(*(line.closed for line in lines))
    return {line.status for line in lines}


def port_of(process):
    return int(process.url.rpartition(":")[2])


async def others_are_served(port, times):
    async with asyncio.timeout(HANG_GUARD_S), Caller(port, ROOT_KEY) as caller:
        for _ in range(times):
            await caller.work("others")


async def test_others_are_served_while_slow_sockets_hold_on_and_are_ended(process):
    port = port_of(process)
    await others_are_served(port, 10)
    before = memory_mb(process.pid)

    async with slow_sockets(port, SOCKETS) as found:
        await others_are_served(port, 30)
        assert memory_mb(process.pid) - before < MB_MAX + SOCKETS * MB_OF_A_SOCKET
        assert await ended(found, OF_HEADS, HEADER_TIMEOUT_S) == {408}
        await others_are_served(port, 30)


@pytest.mark.long
@pytest.mark.timeout(300)
async def test_thousands_of_slow_sockets_hold_on_and_are_all_ended(process):
    port = port_of(process)
    await others_are_served(port, 10)
    before = memory_mb(process.pid)

    async with slow_sockets(port, SOCKETS_LONG) as found:
        await others_are_served(port, 100)
        assert memory_mb(process.pid) - before < MB_MAX + SOCKETS_LONG * MB_OF_A_SOCKET
        assert await ended(found, OF_HEADS, HEADER_TIMEOUT_S) == {408}
        await others_are_served(port, 100)
        assert await ended(found, OF_BODIES, BODY_TIMEOUT_S) == {408}
        assert await ended(found, {"idle"}, KEEP_ALIVE_S) == {200}
        await others_are_served(port, 100)


@pytest.fixture
async def hasty(tmp_path, monkeypatch):
    """The port of a server that waits for no body."""
    monkeypatch.setattr(protocol, "BODY_TIMEOUT_S", 0.05)
    async with listening(tmp_path / "data") as port:
        yield port


async def test_a_body_that_never_begins_is_ended(hasty):
    (line,) = await opened(hasty, [request("POST", "/api/v1/tasks", ROOT_KEY, length=10)])

    await asyncio.wait_for(line.closed, HANG_GUARD_S)

    assert line.status == 408


async def test_a_body_that_never_begins_is_ended_also_when_its_head_came_too_early(hasty):
    poll = request("POST", "/api/v1/tasks/claim", ROOT_KEY, {**POLL, "wait_ms": 300})
    (line,) = await opened(hasty, [poll + request("POST", "/api/v1/tasks", ROOT_KEY, length=10)])

    await asyncio.wait_for(line.closed, HANG_GUARD_S)

    assert line.status == 200  # the poll was not cut off by what came after it
    assert b"HTTP/1.1 408 " in line.body


async def test_a_poll_may_wait_longer_than_a_body(hasty):
    poll = request("POST", "/api/v1/tasks/claim", ROOT_KEY, {**POLL, "wait_ms": 300})
    heard = asyncio.get_running_loop().create_future()
    (line,) = await opened(hasty, [poll], heard.set_result)

    await asyncio.wait_for(heard, HANG_GUARD_S)

    assert line.status == 200
    await leave([line])


async def test_connections_beyond_those_of_one_address_are_refused(tmp_path):
    process = Process(tmp_path / "process", "--connections-per-address", "100").start()
    poll = request("POST", "/api/v1/tasks/claim", ROOT_KEY, POLL)
    try:
        refused = asyncio.Queue()
        lines = await opened(port_of(process), [poll] * SOCKETS, refused.put_nowait)
        async with asyncio.timeout(HANG_GUARD_S):
            turned_away = [await refused.get() for _ in range(SOCKETS - 100)]
            await asyncio.gather(*(line.closed for line in turned_away))
        assert {line.status for line in turned_away} == {503}
        assert all(b"retry-after: 1\r\n" in line.answer for line in turned_away)
        assert len([line for line in lines if not line.closed.done()]) == 100
        await leave(lines)
    finally:
        process.kill()


@pytest.fixture
async def crowded(tmp_path, monkeypatch):
    """A socket that was refused by a server with room for one, and has not read so yet."""
    monkeypatch.setattr(protocol, "LINGER_S", 0.05)
    async with listening(tmp_path / "data", connections_per_address=1) as port:
        lines = await opened(port, [b""])
        with socket.socket() as refused:
            refused.settimeout(HANG_GUARD_S)
            await asyncio.to_thread(refused.connect, ("127.0.0.1", port))
            await asyncio.to_thread(refused.recv, 1, socket.MSG_PEEK)
            yield refused
        await leave(lines)


async def test_who_is_refused_while_still_talking_hears_why(crowded):
    for _ in range(3):
        crowded.sendall(b"GET / HTTP/1.1\r\n")  # the second fails on a connection that was reset

    assert crowded.recv(100).startswith(b"HTTP/1.1 503 ")


async def talk_for_ever(connection):
    async with asyncio.timeout(HANG_GUARD_S):
        while True:
            connection.sendall(b"x")
            await asyncio.sleep(0)


async def test_who_is_refused_and_goes_on_talking_is_cut_off(crowded):
    with pytest.raises(ConnectionError):
        await talk_for_ever(crowded)


async def test_who_sends_a_body_that_is_none_and_goes_on_talking_is_cut_off(hasty, monkeypatch):
    monkeypatch.setattr(protocol, "LINGER_S", 0.05)
    head = request("POST", "/api/v1/tasks", ROOT_KEY).replace(
        b"Content-Length: 0", b"Transfer-Encoding: chunked"
    )
    with socket.create_connection(("127.0.0.1", hasty), HANG_GUARD_S) as talking:
        talking.sendall(head + b"no length\r\n")
        answer = await asyncio.to_thread(talking.recv, 100)

        assert answer.startswith(b"HTTP/1.1 400 ")
        with pytest.raises(ConnectionError):
            await talk_for_ever(talking)


async def test_polls_beyond_those_of_one_key_are_refused_and_other_keys_served(tmp_path):
    process = Process(tmp_path / "process", "--calls-per-key", "100").start()
    port = port_of(process)
    try:
        async with Caller(port, ROOT_KEY) as root:
            wanted = {"name": "greedy", "scopes": ["task.work"]}
            status, greedy = await root.call("POST", "/api/v1/keys", wanted)
            assert status == 201
            poll = request("POST", "/api/v1/tasks/claim", greedy["secret"], POLL)
            refused = asyncio.Queue()
            lines = await opened(port, [poll] * SOCKETS, refused.put_nowait)
            async with asyncio.timeout(HANG_GUARD_S):
                statuses = {(await refused.get()).status for _ in range(SOCKETS - 100)}
            await others_are_served(port, 10)
            assert statuses == {429}
            assert refused.empty()
            await leave(lines)
    finally:
        process.kill()
