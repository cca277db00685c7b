"""The journal: one global sequence of events without a gap."""

import asyncio

import pytest

from taskloom.ports.store import JournalChunk


async def test_the_first_event_has_the_number_one(rig):
    saved = await rig.save(journal=b"a", events=3)

    assert saved.sequence == 3
    assert await rig.store.sequence() == 3
    assert await rig.store.journal(0, 10) == [JournalChunk(1, 3, b"a")]


async def test_a_batch_without_events_takes_no_number(rig):
    await rig.save(journal=b"a", events=2)

    saved = await rig.save(payloads=[(1, b"x")])

    assert saved.sequence == 2
    assert len(await rig.store.journal(0, 10)) == 1


async def test_a_reader_gets_the_chunk_that_holds_the_next_event(rig):
    for body, events in ((b"a", 3), (b"b", 1), (b"c", 4)):
        await rig.save(journal=body, events=events)

    async def bodies(after, limit=10):
        return [chunk.body for chunk in await rig.store.journal(after, limit)]

    assert await bodies(0) == [b"a", b"b", b"c"]
    assert await bodies(2) == [b"a", b"b", b"c"]
    assert await bodies(3) == [b"b", b"c"]
    assert await bodies(4) == [b"c"]
    assert await bodies(7) == [b"c"]
    assert await bodies(8) == []
    assert await bodies(100) == []
    assert await bodies(0, limit=2) == [b"a", b"b"]
    assert await bodies(2, limit=2) == [b"a", b"b"]


async def test_the_sequence_has_no_gap_under_concurrency_and_failures(rig):
    def work(number):
        yield rig.saving(journal=str(number).encode(), events=1 + number % 3)
        if number % 5 == 0:
            raise ZeroDivisionError

    async def attempt(number):
        try:
            await rig.begin(work(number))
        except ZeroDivisionError:
            return None
        return number

    done = [one for one in await asyncio.gather(*map(attempt, range(60))) if one is not None]

    chunks = await rig.store.journal(0, 100)
    assert sorted(int(chunk.body) for chunk in chunks) == done
    expected = 1
    for chunk in chunks:
        assert chunk.first == expected
        assert chunk.last - chunk.first + 1 == 1 + int(chunk.body) % 3
        expected = chunk.last + 1
    assert await rig.store.sequence() == expected - 1


async def test_a_reader_beside_the_writer_never_skips(rig):
    seen = []

    async def read():
        while len(seen) < 40:
            for chunk in await rig.store.journal(seen[-1] if seen else 0, 5):
                seen.extend(range(chunk.first, chunk.last + 1))
            await asyncio.sleep(0)

    await asyncio.gather(read(), *[rig.save(journal=b"x", events=2) for _ in range(20)])

    assert seen == list(range(1, 41))


@pytest.mark.parametrize("body", [b"\x00\xff", b"j" * 1_000_000])
async def test_the_journal_keeps_bytes(rig, body):
    await rig.save(journal=body, events=1)

    assert (await rig.store.journal(0, 1))[0].body == body
