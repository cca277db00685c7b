"""M3: the state rebuilt from the journal equals the stored state, for random histories with flows."""

import msgspec
import pytest

from taskloom.store.memory import MemoryStore
from taskloom.store.sqlite.store import SqliteStore
from tests.model.player import Player
from tests.model.replay import Replay, entries
from tests.model.runner import Runner
from tests.model.toyflow import KIND, ToyFlow


async def journal(store):
    found, after = [], 0
    while chunks := await store.journal(after, 100):
        for chunk in chunks:
            part = entries(chunk.body)
            assert sum(len(entry.events) for entry in part) == chunk.last - chunk.first + 1
            found += part
        after = chunks[-1].last
    return found


async def rebuilt(store):
    history = await journal(store)
    keys = sorted({getattr(event, "result_key", 0) for entry in history for event in entry.events})
    replay = Replay({KIND: ToyFlow()}, await store.payloads([key for key in keys if key]))
    for entry in history:
        replay.take(entry)
    return replay.batch


@pytest.mark.parametrize("adapter", ["memory", "sqlite"])
@pytest.mark.parametrize("seed", range(5))
async def test_the_state_rebuilt_from_the_journal_is_the_stored_state(seed, adapter, tmp_path):
    store = MemoryStore() if adapter == "memory" else SqliteStore(tmp_path / "data", synchronous="OFF")
    runner, player = Runner(store), Player(seed)
    await runner.open()
    for _ in range(500):
        submissions, now = player.batch()
        player.learn(submissions, await runner.step(submissions, now))
        player.timers = await store.due_timers(1 << 61, 100)

    batch = await rebuilt(store)

    assert len(batch.dirty) > 100
    assert await store.tasks(list(batch.dirty)) == batch.dirty
    ended = 0
    for key, flow in batch.flows_dirty.items():
        row = await store.flow(key)
        ended += row is None
        assert (None if row is None else row.state) == (
            None if flow.state is None else msgspec.msgpack.encode(flow.state)
        )
    assert 0 < ended < len(batch.flows_dirty)
    await store.close()
