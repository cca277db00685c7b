"""Crowds: connections of one address and calls of one key are counted, and have a limit."""

import asyncio
import socket

import pytest

from taskloom.server.crowd import Crowd, neighbourhood
from tests.server.fixtures import serving
from tests.server.listening import listening

RPC = {"jsonrpc": "2.0", "id": 1, "method": "task.list", "params": {}}


def test_nobody_enters_beyond_the_limit_until_somebody_leaves():
    crowd = Crowd(2)

    assert [crowd.enter("a") for _ in range(3)] == [True, True, False]
    assert crowd.enter("b")
    assert (len(crowd), crowd.refused) == (3, 1)
    crowd.leave("a")
    assert crowd.enter("a")


def test_without_a_limit_everybody_enters():
    crowd = Crowd(0)

    assert all(crowd.enter("a") for _ in range(100_000))


def test_whoever_left_is_forgotten():
    crowd = Crowd(5)
    for name in range(10_000):
        crowd.enter(name)
        crowd.leave(name)

    assert crowd._there == {}


@pytest.mark.parametrize(
    ("host", "place"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("::ffff:10.1.2.3", "10.1.2.3"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::9", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
    ],
)
def test_addresses_of_one_network_are_one_neighbourhood(host, place):
    assert neighbourhood(host) == place


@pytest.fixture
async def server(tmp_path):
    async with serving(tmp_path / "data", calls_per_key=2) as running:
        yield running


@pytest.fixture
async def busy(server):
    """A client whose key has as many calls under way as it may."""
    client = server.client(await server.key("busy"))
    async with (
        client.stream("GET", "/events") as one,
        client.stream("GET", "/events") as other,
    ):
        await one.get()
        await other.get()
        yield client
    assert len(server.app.gate.calls) == 0


@pytest.mark.parametrize(
    ("method", "path", "body", "said"),
    [
        ("GET", "/api/v1/me", None, b'"code":"rate_limited"'),
        ("POST", "/v1/queue/put", {}, b'"type":"rate_limit_error"'),
        ("GET", "/v2/default/project/p/schema", None, b'"code":"RATE_LIMITED"'),
        ("POST", "/v2/jobs/search", {}, b'"title":"RESOURCE_EXHAUSTED"'),
        ("POST", "/task/list", {}, b'"success":false'),
        ("POST", "/rpc", RPC, b'{"jsonrpc":"2.0","error":{"code":-32000,'),
    ],
)
async def test_a_call_too_many_is_refused_in_the_shape_of_its_dialect(busy, method, path, body, said):
    answer = await busy.call(method, path, body)

    assert (answer.status, answer.headers["retry-after"]) == (429, "1")
    assert said in answer.body


async def test_other_keys_are_served_meanwhile_and_so_is_whoever_needs_none(server, busy):
    other = server.client(await server.key("other"))

    assert (await other.get("/api/v1/me")).status == 200
    assert (await server.client(None).get("/livez")).status == 200
    assert (await busy.get("/livez")).status == 200


async def test_calls_that_are_refused_or_fail_are_no_longer_under_way(server):
    client = server.client(await server.key("app"))

    for _ in range(5):
        assert (await client.get("/api/v1/keys")).status == 403
        assert (await client.get("/api/v1/tasks/no-key")).status < 500
        assert (await client.post("/api/v1/tasks", body=b"{")).status == 400

    assert len(server.app.gate.calls) == 0


async def test_the_measurements_tell_of_crowds(server, busy):
    await busy.get("/api/v1/me")

    text = (await server.client().get("/metrics")).body.decode()

    assert 'taskloom_crowd{by="key"} 3.0' in text  # the scrape is a call too
    assert 'taskloom_crowd_refused_total{by="key"} 1.0' in text
    assert 'taskloom_crowd_refused_total{by="address"} 0.0' in text


@pytest.fixture
async def port(tmp_path):
    """Where a server listens that takes two connections from each address."""
    async with listening(tmp_path / "data", connections_per_address=2) as port:
        yield port


async def said(port, source="127.0.0.1"):
    """All a server says to a caller that asks for something, until it closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(source, 0))
    try:
        writer.write(b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        return await reader.read()
    finally:
        writer.close()


async def test_a_connection_too_many_is_told_so_and_closed(port):
    kept = [socket.create_connection(("127.0.0.1", port)) for _ in range(2)]
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        refused = await reader.read()
        writer.close()
        elsewhere = await said(port, "127.0.0.2")
    finally:
        for line in kept:
            line.close()

    assert refused.startswith(b"HTTP/1.1 503 ")
    assert b"\r\nretry-after: 1\r\n" in refused
    assert elsewhere.startswith(b"HTTP/1.1 200 ")


async def test_a_place_is_free_again_when_a_connection_ended(port):
    for _ in range(10):
        assert (await said(port)).startswith(b"HTTP/1.1 200 ")
