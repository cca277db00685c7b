"""A10: nobody inside is reached, however an address is spelled, a name resolves or a receiver redirects.

The ports of the listening sockets are allowed here as 443 and 80 are in use, so that only the rules about
addresses stand between the sender and the sockets.
"""

import asyncio
import contextlib
import itertools
import socket

import pytest

from taskloom.callbacks.address import PORTS, Guard, trusted
from taskloom.callbacks.sender import Sender
from taskloom.ports.callbacks import Call
from taskloom.ports.clock import SystemClock
from tests.callbacks.test_address import FORMS, PRIVATE, SPELLINGS

NAMES = [
    "localhost", "localhost.", "LOCALHOST", "LocalHost.", "localhost.localdomain", "ip6-localhost",
    "127.0.0.1.example", "inside.example", "inside.example.", "INSIDE.example", "xn--inside-.example",
    # percent-encoded
    "127%2e0%2e0%2e1", "%31%32%37.0.0.1", "127.0.0.1%00", "127.0.0.1%2f", "%6cocalhost", "local%68ost",
    "%5b::1%5d", "127.0.0.1%20", "127.0.0.1%09", "%31%36%39%2e254.169.254",
    # other letters and dots that turn into plain ones
    "\uff4cocalhost", "loc\u24d0lhost", "\u24db\u24de\u24d2alhost", "local\u00adhost", "localhost\u3002",
    "127\uff610\uff610\uff611", "\uff11\uff12\uff17.0.0.1", "\u2460\u2461\u2466.0.0.1", "1\u200b27.0.0.1",
    # users and ports in front
    "example.com@127.0.0.1", "example.com:80@127.0.0.1", "@127.0.0.1", ":@[::1]", "a:b@localhost",
    "127.0.0.1#@example.com", "127.0.0.1?@example.com", "127.0.0.1\\@example.com", "example.com\\@127.0.0.1",
]  # fmt: skip
HOSTS = [*(f"[{address}]" if ":" in address else address for address in PRIVATE), *SPELLINGS, *NAMES]


class Doors:
    """Listening sockets at every address of this machine, at one port; counts who came in."""

    def __init__(self):
        self.port = 0
        self.visits = 0
        self._servers = []

    async def open(self):
        first = await asyncio.start_server(self._visit, "0.0.0.0", 0)
        self.port = first.sockets[0].getsockname()[1]
        self._servers.append(first)
        if socket.has_ipv6:
            with contextlib.suppress(OSError):
                self._servers.append(await asyncio.start_server(self._visit, "::1", self.port))

    async def _visit(self, reader, writer):
        self.visits += 1
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 204 X\r\n\r\n")
        writer.close()

    def close(self):
        for server in self._servers:
            server.close()


@pytest.fixture
async def doors(monkeypatch):
    doors = Doors()
    await doors.open()
    monkeypatch.setitem(PORTS, "http", doors.port)
    yield doors
    doors.close()


@pytest.fixture
async def dialled(monkeypatch):
    """The addresses that connections were begun to; those outside of this machine lead nowhere."""
    loop = asyncio.get_running_loop()
    connect, seen = loop.sock_connect, []

    async def watched(sock, address):
        seen.append(address[0])
        if address[0] not in {"127.0.0.1", "::1"}:
            raise ConnectionRefusedError
        await connect(sock, address)

    monkeypatch.setattr(loop, "sock_connect", watched, raising=False)
    return seen


@contextlib.asynccontextmanager
async def sending(*allowed, lookup=None):
    async def secrets(tenant):
        return (b"n" * 32,)

    sender = Sender(Guard(map(trusted, allowed), plain_http=True), secrets, SystemClock(), lookup)
    try:
        yield sender
    finally:
        await sender.close()


async def delivered(sender, url):
    call = Call(key=7, tenant="t", url=url, attempt=1, headers={}, body=b"{}")
    return (await sender.deliver(call)).delivered


async def stub(host, port):
    """Every name of the tests leads inside, as a name server of an attacker would have it."""
    return ["127.0.0.1", "::1"] if port % 2 else ["127.0.0.1"]


def test_the_list_is_long_enough():
    assert len(set(HOSTS) | set(FORMS)) >= 150


async def test_the_doors_are_open_to_whom_is_trusted(doors):
    async with sending("127.0.0.1", "[::1]", lookup=stub) as sender:
        assert await delivered(sender, f"http://127.0.0.1:{doors.port}/")
        assert await delivered(sender, f"http://inside.example:{doors.port}/")

    assert doors.visits == 2


@pytest.mark.parametrize("lookup", [stub, None], ids=["a hostile name server", "the system's"])
async def test_nobody_inside_is_reached_by_any_spelling(doors, dialled, lookup):
    urls = [f"{scheme}://{host}:{doors.port}/" for scheme in ("http", "https") for host in HOSTS]
    urls += [form.replace("127.0.0.1", f"127.0.0.1:{doors.port}") for form in FORMS]
    if lookup is None:  # names that would be asked for outside
        urls = [url for url in urls if ".example" not in url]

    async with sending(lookup=lookup) as sender:
        for url in urls:
            assert not await delivered(sender, url), url

    assert doors.visits == 0
    assert dialled == []


async def test_a_name_that_changes_its_mind_gains_nothing(doors, dialled):
    """Asked once for each attempt; what was checked is what is dialled."""
    answers = itertools.chain([["203.0.113.9"]], itertools.repeat(["127.0.0.1"]))
    public = itertools.chain([["93.184.216.34"]], itertools.repeat(["127.0.0.1"]))
    asked = []

    def server(answers):
        async def lookup(host, port):
            asked.append(host)
            return next(answers)

        return lookup

    for changing, reached in ((answers, []), (public, ["93.184.216.34"])):
        dialled.clear()
        asked.clear()
        async with sending(lookup=server(changing)) as sender:
            for _ in range(3):
                assert not await delivered(sender, f"http://rebinding.example:{doors.port}/")
        assert dialled == reached
        assert len(asked) == 3
    assert doors.visits == 0


@pytest.mark.parametrize("inside", ["127.0.0.1", "10.0.0.1", "::1", "::ffff:127.0.0.1", "fd00::1"])
async def test_one_private_address_among_public_ones_closes_the_name(doors, dialled, inside):
    async def lookup(host, port):
        return ["93.184.216.34", inside]

    async with sending(lookup=lookup) as sender:
        assert not await delivered(sender, f"http://mixed.example:{doors.port}/")

    assert (dialled, doors.visits) == ([], 0)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_leads_nobody_inside(doors, dialled, status):
    location = f"http://127.0.0.1:{doors.port}/"

    async def redirect(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 %d X\r\nlocation: %b\r\n\r\n" % (status, location.encode()))
        writer.close()

    server = await asyncio.start_server(redirect, "127.0.0.1", 0)
    outer = server.sockets[0].getsockname()[1]
    async with sending(f"127.0.0.1:{outer}") as sender:
        assert not await delivered(sender, f"http://127.0.0.1:{outer}/")
    server.close()

    assert (dialled, doors.visits) == (["127.0.0.1"], 0)
