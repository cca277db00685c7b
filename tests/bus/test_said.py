"""What every bus promises of streams: in order, without a hole, for a while, and never more than fits."""

import asyncio

import pytest

from taskloom.bus import said, shared
from taskloom.bus.client import Elsewhere
from taskloom.bus.memory import MemoryBus
from taskloom.bus.postgres import PostgresBus
from taskloom.bus.redis import RedisBus
from taskloom.core.limits import READS_KEPT_MS, READS_RENEWED_MS, SAID_FRAMES, SAID_KEPT_MS, SAID_STREAM_BYTES
from tests.bus.listener import WAIT_S, Listener
from tests.server.fixtures import TestClock


@pytest.fixture
def clock():
    return TestClock()


@pytest.fixture(params=["postgres", "redis"])
def make_bus(request, clock):
    if request.param == "postgres":
        url = request.getfixturevalue("database")
        return lambda: PostgresBus(url, clock)
    url = request.getfixturevalue("valkey").url
    return lambda: RedisBus(Elsewhere(url), clock)


@pytest.fixture(params=["memory", "postgres", "redis"])
def bus(request, clock):
    """One server's, not connected to anything."""
    if request.param == "memory":
        return MemoryBus(clock)
    if request.param == "postgres":
        return PostgresBus("postgresql://postgres@/none?host=/nowhere", clock)
    return RedisBus(Elsewhere("redis://127.0.0.1:1/0"), clock)


@pytest.fixture
async def servers(make_bus):
    """The one that says, and the one where somebody reads the stream "s"."""
    pair = [Listener(make_bus()) for _ in range(2)]
    for server in pair:
        await server.open()
    await asks(pair)
    yield pair
    for server in pair:
        await server.bus.close()


async def asks(pair):
    """Returns once the first server knows that somebody reads at the second."""
    teller, reader = (server.bus for server in pair)
    async with asyncio.timeout(WAIT_S):
        while not teller._asked.within("s", READS_KEPT_MS):
            reader.heard("s", -1)
            await asyncio.sleep(0)


async def told(pair, *numbers):
    """The first server says them, and its hint has come to the second."""
    for number in numbers:
        pair[0].bus.say("s", number, b"%d" % number)
    pair[0].bus.publish({"flow 1"})
    await pair[1].until("flow 1")


def numbers(bus, after):
    return [number for number, _ in bus.heard("s", after)]


def test_a_server_hears_what_it_said_from_any_number_on(bus):
    for number in range(3):
        bus.say("s", number, b'{"n":%d}' % number)

    assert bus.heard("s", -1) == [(0, b'{"n":0}'), (1, b'{"n":1}'), (2, b'{"n":2}')]
    assert bus.heard("s", 1) == [(2, b'{"n":2}')]
    assert bus.heard("s", 2) == bus.heard("s", 7) == bus.heard("other", -1) == []


def test_what_was_said_twice_is_heard_once(bus):
    for number in (0, 1, 1, 0, 2):
        bus.say("s", number, b"%d" % number)

    assert bus.heard("s", -1) == [(0, b"0"), (1, b"1"), (2, b"2")]


def test_a_hole_gives_nothing_to_who_stands_before_it(bus):
    for number in (0, 1, 3, 4):
        bus.say("s", number, b"%d" % number)

    assert [numbers(bus, after) for after in (-1, 1, 2, 3)] == [[], [], [3, 4], [4]]


def test_it_is_forgotten_after_a_while_without_anything_new(bus, clock):
    bus.say("s", 0, b"0")
    clock.advance(ms=SAID_KEPT_MS - 1)
    assert numbers(bus, -1) == [0]
    bus.say("s", 1, b"1")
    clock.advance(ms=SAID_KEPT_MS - 1)
    assert numbers(bus, -1) == [0, 1]

    clock.advance(ms=1)

    assert numbers(bus, -1) == []


def test_a_long_stream_keeps_its_last_part(bus):
    for number in range(SAID_FRAMES + 10):
        bus.say("s", number, b"0")

    assert numbers(bus, 8) == []
    assert numbers(bus, 9) == list(range(10, SAID_FRAMES + 10))


def test_a_heavy_stream_keeps_what_fits(bus):
    for number in range(5):
        bus.say("s", number, b"0" * (SAID_STREAM_BYTES // 2 - 100))

    assert [numbers(bus, after) for after in (1, 2)] == [[], [3, 4]]


def test_what_is_heavier_than_a_stream_may_be_is_not_kept(bus):
    bus.say("s", 0, b"0" * SAID_STREAM_BYTES)
    bus.say("s", 1, b"1")

    assert [numbers(bus, after) for after in (-1, 0)] == [[], [1]]


def test_of_many_streams_the_silent_ones_make_room(bus, monkeypatch):
    monkeypatch.setattr(said, "SAID_BYTES", 300)
    for stream in ("a", "b", "a", "c"):
        bus.say(stream, len(bus.heard(stream, -1)), b"0" * 30)

    assert [len(bus.heard(stream, -1)) for stream in ("a", "b", "c")] == [2, 0, 1]


async def test_what_one_server_says_the_other_hears_before_it_is_woken(servers):
    await told(servers, 0, 1, 2)

    assert servers[1].bus.heard("s", -1) == [(0, b"0"), (1, b"1"), (2, b"2")]
    await told(servers, 3)
    assert servers[1].bus.heard("s", 2) == [(3, b"3")]


async def test_a_stream_nobody_reads_elsewhere_stays_at_home(servers):
    one, two = servers
    one.bus.say("quiet", 0, b"0")
    await told(servers, 0)

    assert two.bus.heard("quiet", -1) == []
    assert one.bus.heard("quiet", -1) == [(0, b"0")]


async def test_who_reads_is_forgotten_unless_it_is_told_again(servers, clock):
    for _ in range(2):
        clock.advance(ms=READS_RENEWED_MS)
        servers[1].bus.heard("s", -1)
        servers[1].bus.publish({"flow 2"})
        await servers[0].until("flow 2")
    clock.advance(ms=READS_KEPT_MS - 1)
    await told(servers, 0)
    assert numbers(servers[1].bus, -1) == [0]

    clock.advance(ms=1)
    await told(servers, 1)

    assert numbers(servers[1].bus, 0) == []


async def test_bytes_of_any_kind_arrive_as_they_were(servers):
    odd = '{"t" : "ü \\u0000 \\" \\ud83d\\ude00 \U0001f600"}'.encode()
    servers[0].bus.say("s", 0, odd)
    await told(servers)

    assert servers[1].bus.heard("s", -1) == [(0, odd)]


async def test_more_than_one_message_holds_comes_in_several(servers):
    count, body = 100, b'"' + b"x" * 1_000 + b'"'
    for number in range(count):
        servers[0].bus.say("s", number, body)
    async with asyncio.timeout(WAIT_S):
        while len(heard := servers[1].bus.heard("s", -1)) < count:  # noqa: ASYNC110
            await asyncio.sleep(0)

    assert heard == [(number, body) for number in range(count)]


async def test_what_no_message_holds_is_a_hole_and_the_rest_arrives(servers):
    servers[0].bus.say("s", 0, b'"' + b"x" * servers[0].bus.message_bytes + b'"')
    await told(servers, 1, 2)

    assert numbers(servers[1].bus, -1) == []
    assert numbers(servers[1].bus, 0) == [1, 2]


@pytest.mark.parametrize(
    "odd", [b"\xff", b"\0", b"not json", b'"' * 5_000], ids=["bytes", "nul", "text", "grows"]
)
async def test_what_is_odd_arrives_or_is_a_hole(servers, odd):
    servers[0].bus.say("s", 0, odd)
    await told(servers, 1)

    assert servers[1].bus.heard("s", -1) in ([], [(0, odd), (1, b"1")])
    assert servers[1].bus.heard("s", 0) == [(1, b"1")]


async def test_what_cannot_leave_is_dropped_and_not_piled_up(servers, monkeypatch):
    monkeypatch.setattr(shared, "SAID_WAITING_BYTES", 50)
    for number in range(5):
        servers[0].bus.say("s", number, b'"xxx"')
    await told(servers)

    assert numbers(servers[1].bus, -1) == [0, 1]
    await told(servers, 5)
    assert numbers(servers[1].bus, 4) == [5]


async def test_a_server_that_begins_anew_learns_who_reads(servers, make_bus):
    one, two = servers
    await one.bus.close()
    again = Listener(make_bus())
    await again.open()
    await asks([again, two])

    await told([again, two], 7)

    assert numbers(two.bus, 6) == [7]
    await again.bus.close()
