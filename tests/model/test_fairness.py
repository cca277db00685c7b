"""Fair share, simulated: a tenant that floods a queue through many keys, against tenants with single tasks.

The real transactions run on a real store, one claim after another, with instants and chances from a seed. The
same trace is played once more as if the tenants were one, which is what fair share between keys alone comes
to: there the flood's keys stand before the single task, however small each one's limit is.
"""

import random

import pytest

from taskloom.core.commands import Claim, Complete, Create, Tune
from taskloom.engine.submission import Submission
from taskloom.store.memory import MemoryStore
from taskloom.store.sqlite.store import SqliteStore
from tests.model.runner import Runner

START = 1_750_000_000_000
SMALL = ("b", "c")
STORES = {"memory": lambda _: MemoryStore(), "sqlite": lambda path: SqliteStore(path / "data")}


class Trace:
    """A queue that is worked on; how many hand-outs a single task waits for is what counts."""

    def __init__(self, runner, seed, *, split):
        self.dice = random.Random(seed)
        self.now = START
        self._runner = runner
        self._split = split
        self._waiting = {}
        self._since = {}
        self.handed_out = 0
        self.waits = []

    def _place(self, tenant, key):
        """Where a task goes: to its tenant, or, where tenants do not count, to a key of one for all."""
        return (tenant, key) if self._split else ("all", f"{tenant}-{key}")

    def create(self, tenant, key):
        owner, lane = self._place(tenant, key)
        return Submission(Create(tenant=owner, queue="q", dialect="queue", lane=lane, input=b"{}"))

    async def flood(self, tasks, keys):
        for start in range(0, tasks, 500):
            wave = range(start, min(tasks, start + 500))
            await self._do([self.create("flood", f"k{n % keys}") for n in wave])

    async def limit_keys(self, limit):
        for tenant in ("flood", *SMALL) if self._split else ("all",):
            await self._do([Submission(Tune(tenant=tenant, queue="q", gate={"key_limit": limit}))])

    async def single(self, tenant):
        """One task of a small tenant, which has nothing else."""
        outcome = (await self._do([self.create(tenant, "only")]))[0]
        self._waiting[outcome.reply] = tenant
        self._since[outcome.reply] = self.handed_out

    async def serve(self):
        """One claim of one task, over all tenants; it is done at once."""
        claim = Claim(tenant=None, queues=(("q", 1),), worker="w", holder="w")
        (handout,) = (await self._do([Submission(claim)]))[0].reply
        task = handout.task
        if task.key in self._waiting:
            del self._waiting[task.key]
            self.waits.append(self.handed_out - self._since.pop(task.key))
        self.handed_out += 1
        await self._do([Submission(Complete(key=task.key, tenant=None, token=task.token))])

    async def play(self, rounds):
        for _ in range(rounds):
            for tenant in SMALL:
                if tenant not in self._waiting.values() and self.dice.random() < 0.1:
                    await self.single(tenant)
            await self.serve()
        while self._waiting:
            await self.serve()

    async def _do(self, submissions):
        self.now += self.dice.randrange(1, 20)
        return (await self._runner.step(submissions, self.now)).outcomes


async def played(store, seed, *, split, tasks, keys, rounds):
    runner = Runner(store)
    await runner.open()
    trace = Trace(runner, seed, split=split)
    await trace.limit_keys(5)
    await trace.flood(tasks, keys)
    await trace.play(rounds)
    await store.close()
    return trace


@pytest.mark.parametrize("kind", STORES)
@pytest.mark.parametrize("seed", range(2))
async def test_a_flood_over_many_keys_delays_anothers_single_task_by_at_most_one(kind, seed, tmp_path):
    trace = await played(STORES[kind](tmp_path), seed, split=True, tasks=3_000, keys=300, rounds=250)

    assert len(trace.waits) > 20
    # Besides the flood there is one other small tenant: each may be before it once.
    assert max(trace.waits) <= len(SMALL)


async def test_where_tenants_do_not_count_a_small_one_waits_for_the_keys_of_the_flood(tmp_path):
    store = SqliteStore(tmp_path / "data")
    trace = await played(store, 0, split=False, tasks=3_000, keys=300, rounds=250)

    assert max(trace.waits) > 50


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", range(3))
async def test_a_hundred_thousand_tasks_over_ten_thousand_keys_make_no_difference(seed, tmp_path):
    store = SqliteStore(tmp_path / "data")
    trace = await played(store, seed, split=True, tasks=100_000, keys=10_000, rounds=2_000)

    assert max(trace.waits) <= len(SMALL)
