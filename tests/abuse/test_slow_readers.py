"""A9, the other way round: who asks for much and takes none of it is cut off, who takes it slowly is not."""

import asyncio
import contextlib
import json
import select
import socket

import pytest

from samples.callers import opened, request
from taskloom.core.limits import MIB
from taskloom.server import protocol
from tests.dialects.queue.files import BOUNDARY, form
from tests.server.fixtures import ROOT_KEY
from tests.server.listening import listening

SIZE = 16 * MIB
"""More than the sockets between server and caller hold."""
PIECE = 100_000
HANG_GUARD_S = 30


@pytest.fixture
async def port(tmp_path):
    async with listening(tmp_path / "data") as found:
        yield found


async def uploaded(port):
    """The id of a large file."""
    body = form(b"x" * SIZE, purpose="user_data")
    head = (
        f"POST /v1/files HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {ROOT_KEY}\r\n"
        f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    heard = asyncio.get_running_loop().create_future()
    (line,) = await opened(port, [head.encode() + body], heard.set_result)
    await asyncio.wait_for(heard, HANG_GUARD_S)
    line.transport.abort()
    return json.loads(line.body)["id"]


@contextlib.asynccontextmanager
async def asking(port):
    """A connection on which a large file was asked for, and nothing read."""
    file = await uploaded(port)
    with socket.create_connection(("127.0.0.1", port), HANG_GUARD_S) as connection:
        wanted = request("GET", f"/v1/files/{file}/content", ROOT_KEY)
        connection.sendall(wanted.replace(b"Host: x", b"Host: x\r\nConnection: close"))
        yield connection


def rest_of(connection):
    """How many bytes of an answer are still to be had."""
    size = 0
    with contextlib.suppress(ConnectionError):
        while piece := connection.recv(MIB):
            size += len(piece)
    return size


async def test_who_takes_nothing_of_an_answer_is_cut_off(port, monkeypatch):
    monkeypatch.setattr(protocol, "ANSWER_TIMEOUT_S", 0.05)
    async with asking(port) as connection:
        watch = select.poll()
        watch.register(connection, select.POLLHUP)

        assert await asyncio.to_thread(watch.poll, 1_000 * HANG_GUARD_S) != []
        assert await asyncio.to_thread(rest_of, connection) < SIZE


@pytest.fixture
def paused(monkeypatch):
    """The protocols that had to wait for their callers, in order."""
    found = asyncio.Queue()
    pause = protocol.Protocol.pause_writing

    def pause_writing(self):
        pause(self)
        found.put_nowait(self)

    monkeypatch.setattr(protocol.Protocol, "pause_writing", pause_writing)
    return found


async def test_who_takes_an_answer_slowly_gets_it_all(port, paused):
    async with asking(port) as connection:
        answering = await asyncio.wait_for(paused.get(), HANG_GUARD_S)
        taken = 0
        while not taken or answering.transport.get_write_buffer_size() >= answering._lying_bytes:
            taken += len(await asyncio.to_thread(connection.recv, PIECE))

        answering._taken()

        assert not answering.transport.is_closing()
        assert taken + await asyncio.to_thread(rest_of, connection) >= SIZE
