"""Bodies are counted and timed while they are read."""

import asyncio

import pytest

from taskloom.dialects.operation import BodyError, Refusal
from taskloom.server import body as bodies


def arriving(*pieces, ends=True, pause_s=0.0):
    """A receive that hands out pieces; without an end it waits for ever after the last."""
    left = list(pieces)

    async def receive():
        await asyncio.sleep(pause_s)
        if left:
            piece = left.pop(0)
            return {"type": "http.request", "body": piece, "more_body": bool(left) or not ends}
        if ends:
            return {"type": "http.disconnect"}
        await asyncio.Event().wait()
        raise AssertionError

    return receive


async def collected(receive, limit):
    return [piece async for piece in bodies.chunks(receive, limit)]


@pytest.mark.parametrize("pieces", [[b""], [b"abc"], [b"a", b"b", b"c"], [b"", b"abc", b""]])
async def test_a_body_is_what_its_pieces_are(pieces):
    assert await bodies.read(arriving(*pieces), 3) == b"".join(pieces)


@pytest.mark.parametrize("pieces", [[b"abcd"], [b"ab", b"cd"], [b"abc", b"d"]])
async def test_one_byte_beyond_the_limit_is_too_many(pieces):
    refusal = await bodies.read(arriving(*pieces), 3)

    assert isinstance(refusal, Refusal)
    assert refusal.status == 413


async def test_no_more_than_one_piece_beyond_the_limit_is_read():
    read = 0

    async def endless():
        nonlocal read
        read += 65536
        return {"type": "http.request", "body": b"x" * 65536, "more_body": True}

    refusal = await bodies.read(endless, 1_000_000)

    assert refusal.status == 413
    assert read <= 1_000_000 + 65536


async def test_a_body_that_trickles_is_ended(monkeypatch):
    monkeypatch.setattr(bodies, "BODY_TIMEOUT_S", 0.05)

    refusal = await bodies.read(arriving(*[b"x"] * 1000, pause_s=0.01), 10_000)

    assert refusal.status == 408


async def test_a_body_that_stops_is_ended(monkeypatch):
    monkeypatch.setattr(bodies, "BODY_TIMEOUT_S", 0.05)

    refusal = await bodies.read(arriving(b"x", ends=False), 10_000)

    assert refusal.status == 408


async def test_what_arrives_buys_more_time(monkeypatch):
    monkeypatch.setattr(bodies, "BODY_TIMEOUT_S", 0.05)
    piece = b"x" * bodies.BODY_BYTES_PER_S_MIN

    assert len(await bodies.read(arriving(*[piece] * 10, pause_s=0.01), 10**9)) == 10 * len(piece)


async def test_a_caller_that_goes_away_is_told_apart():
    with pytest.raises(bodies.CallerGoneError):
        await bodies.read(arriving(), 10)
    with pytest.raises(BodyError):
        await collected(_breaking(b"ab"), 10)


def _breaking(piece):
    messages = [
        {"type": "http.request", "body": piece, "more_body": True},
        {"type": "http.disconnect"},
    ]

    async def receive():
        return messages.pop(0)

    return receive


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({}, None),
        ({b"content-length": b"10"}, None),
        ({b"content-length": b"11"}, 413),
        ({b"content-length": b"9" * 100}, 413),
        ({b"content-type": b"application/json"}, None),
        ({b"content-type": b"Application/JSON; charset=utf-8"}, None),
        ({b"content-type": b"text/plain"}, 415),
        ({b"content-type": b"application/jsonx"}, 415),
        ({b"content-type": b"\xff\xfe"}, 415),
        ({b"content-encoding": b"gzip"}, 415),
        ({b"content-encoding": b"br, identity"}, 415),
        ({b"content-encoding": b"identity"}, None),
    ],
)
def test_what_the_head_tells_is_refused_before_the_body_is_read(fields, status):
    refusal = bodies.refused_by_head(fields, 10, frozenset({b"application/json"}))

    assert (refusal and refusal.status) == status
