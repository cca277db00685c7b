"""Sending calls: signed, bounded in time and size, never to where they must not go."""

import asyncio
import contextlib
import json

import pytest
from standardwebhooks import Webhook

from taskloom.callbacks import sender as module
from taskloom.callbacks.address import Guard, trusted
from taskloom.callbacks.sender import Sender
from taskloom.callbacks.signature import spelled
from taskloom.ports.callbacks import Call
from taskloom.ports.clock import SystemClock

NEW, OLD = b"n" * 32, b"o" * 32
BODY = json.dumps({"task": 1, "result": "é"}).encode()


class Receiver:
    """Answers every call with the same bytes and keeps what it received."""

    def __init__(self, answer: bytes) -> None:
        self.answer = answer
        self.requests: list[tuple[dict[str, str], bytes]] = []
        self.url = ""

    async def serve(self, reader, writer):
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            fields = (line.split(": ", 1) for line in head[1:] if line)
            headers = {name.lower(): value for name, value in fields}
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            self.requests.append((headers, body))
            writer.write(self.answer)
            await writer.drain()
        writer.close()


@contextlib.asynccontextmanager
async def receiving(answer=b"HTTP/1.1 204 No Content\r\n\r\n", serve=None):
    receiver = Receiver(answer)
    server = await asyncio.start_server(serve or receiver.serve, "127.0.0.1", 0)
    receiver.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook?a=b"
    try:
        yield receiver
    finally:
        server.close()


@contextlib.asynccontextmanager
async def sending(*allowed, lookup=None, secrets=(NEW,)):
    async def source(tenant):
        return secrets

    sender = Sender(Guard(map(trusted, allowed)), source, SystemClock(), lookup)
    try:
        yield sender
    finally:
        await sender.close()


def call(url, **headers):
    return Call(key=7, tenant="acme", url=url, attempt=1, headers=headers, body=BODY)


async def test_a_call_arrives_as_it_was_made_and_signed():
    async with receiving() as receiver, sending("127.0.0.1") as sender:
        delivery = await sender.deliver(call(receiver.url, **{"content-type": "application/json"}))

    headers, body = receiver.requests[0]
    assert delivery.delivered
    assert body == BODY
    assert headers["content-type"] == "application/json"
    assert headers["webhook-id"] == "msg_7"
    assert Webhook(spelled(NEW)).verify(body, headers) == json.loads(BODY)


async def test_after_a_change_of_the_secret_old_and_new_receivers_accept():
    async with receiving() as receiver, sending("127.0.0.1", secrets=(NEW, OLD)) as sender:
        await sender.deliver(call(receiver.url))

    headers, body = receiver.requests[0]
    for secret in (NEW, OLD):
        assert Webhook(spelled(secret)).verify(body, headers)


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
async def test_any_status_of_success_delivers(status):
    answer = b"HTTP/1.1 %d X\r\ncontent-length: 0\r\n\r\n" % status
    async with receiving(answer) as receiver, sending("127.0.0.1") as sender:
        assert (await sender.deliver(call(receiver.url))).delivered


@pytest.mark.parametrize("status", [300, 304, 400, 404, 429, 500, 503])
async def test_no_other_status_delivers(status):
    answer = b"HTTP/1.1 %d X\r\ncontent-length: 0\r\n\r\n" % status
    async with receiving(answer) as receiver, sending("127.0.0.1") as sender:
        delivery = await sender.deliver(call(receiver.url))

    assert not delivery.delivered
    assert not delivery.gone
    assert delivery.reason == f"status {status}"


async def test_410_asks_never_to_be_called_again():
    answer = b"HTTP/1.1 410 Gone\r\ncontent-length: 0\r\n\r\n"
    async with receiving(answer) as receiver, sending("127.0.0.1") as sender:
        assert (await sender.deliver(call(receiver.url))).gone


@pytest.mark.parametrize(
    ("asked", "milliseconds"),
    [
        (b"7", 7000),
        (b"99999999", 86_400_000),
        (b"-1", 0),
        (b"soon", 0),
        (b"Fri, 31 Dec 1999 23:59:59 GMT", 0),
    ],
)
async def test_the_receiver_may_ask_for_a_pause(asked, milliseconds):
    answer = b"HTTP/1.1 503 X\r\nretry-after: %b\r\ncontent-length: 0\r\n\r\n" % asked
    async with receiving(answer) as receiver, sending("127.0.0.1") as sender:
        assert (await sender.deliver(call(receiver.url))).retry_after_ms == milliseconds


async def test_a_redirect_is_not_followed():
    async with receiving() as inner:
        answer = b"HTTP/1.1 307 X\r\nlocation: %b\r\ncontent-length: 0\r\n\r\n" % inner.url.encode()
        async with receiving(answer) as outer, sending("127.0.0.1") as sender:
            assert not (await sender.deliver(call(outer.url))).delivered

    assert inner.requests == []


async def test_an_endless_answer_is_not_read_to_its_end():
    sent = 0

    async def endless(reader, writer):
        nonlocal sent
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        with contextlib.suppress(ConnectionError):
            for _ in range(100_000):
                writer.write(b"10000\r\n" + b"x" * 65536 + b"\r\n")
                await writer.drain()
                sent += 65536
        writer.close()

    async with receiving(serve=endless) as receiver, sending("127.0.0.1") as sender:
        assert (await sender.deliver(call(receiver.url))).delivered

    assert sent < 50_000_000


async def test_a_receiver_that_never_answers_ends_with_the_time_limit(monkeypatch):
    monkeypatch.setattr(module, "CALLBACK_TIMEOUT_MS", 200)
    stopped = asyncio.Event()

    async def silent(reader, writer):
        await stopped.wait()
        writer.close()

    async with receiving(serve=silent) as receiver, sending("127.0.0.1") as sender:
        delivery = await sender.deliver(call(receiver.url))
        stopped.set()

    assert (delivery.delivered, delivery.reason) == (False, "no answer in time")


@pytest.mark.parametrize("answer", [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 abc\r\n\r\n"])
async def test_what_is_no_answer_is_a_reason_and_no_exception(answer):
    async with receiving(answer) as receiver, sending("127.0.0.1") as sender:
        assert not (await sender.deliver(call(receiver.url))).delivered


async def test_nobody_is_called_at_a_private_address():
    async with receiving() as receiver, sending() as sender:
        delivery = await sender.deliver(call(receiver.url))

    assert not delivery.delivered
    assert "not public" in delivery.reason
    assert receiver.requests == []


async def test_a_name_that_turns_private_is_refused_at_the_next_attempt_and_never_reached():
    answers = [["127.0.0.1"], ["10.0.0.1"]]

    async def lookup(host, port):
        return answers.pop(0)

    async with receiving() as receiver, sending("127.0.0.0/8", lookup=lookup) as sender:
        port = receiver.url.split(":")[2].split("/")[0]
        first = await sender.deliver(call(f"http://rebinding.example:{port}/"))
        second = await sender.deliver(call(f"http://rebinding.example:{port}/"))

    assert first.delivered
    assert receiver.requests[0][0]["host"] == f"rebinding.example:{port}"
    assert not second.delivered
    assert "not public" in second.reason
    assert len(receiver.requests) == 1
