"""M6: the queue dialect under random calls over HTTP, against a model of what each call must answer.

After every call the answer is compared with the model, and so is every task: C1 results, C2 and C5 attempts
and leases, C3 refusals without trace, C7 tenants; at rest C6 callbacks, once for each end, and C8 nothing
stuck. Some rules are whole stories (workers that vanish again and again, a stream and who reads along), for
single random calls hardly ever come to where a bound is reached.
"""

import asyncio
import itertools
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from taskloom.store.memory import MemoryStore
from taskloom.store.postgres.store import PostgresStore
from tests.dialects.queue.callers import EVERYWHERE, TENANTS
from tests.dialects.queue.counter import Counter
from tests.dialects.queue.model import HOPELESS, Deadlines, Known, Policy
from tests.server.fixtures import serving

LEASE_S = 10
STRATEGIES = ("fifo", "active_passive", "round_robin", "sequential")
MODES = ("callback", "blocking", "streaming", "streaming")
POLICIES = (None, None, Policy(1, 4, 8), Policy(3, 4, 8))
FOREIGN = ("get", "cancel", "complete", "fail", "release", "progress", "heartbeat", "stream", "replay")

whose = st.sampled_from(["current", "current", "old", "none", "made up"])
places = st.one_of(st.just(EVERYWHERE), st.lists(st.sampled_from(EVERYWHERE), min_size=1, unique=True))


tenants = st.sampled_from(TENANTS)
place = st.sampled_from(EVERYWHERE)
mode = st.sampled_from(MODES)
policy = st.sampled_from(POLICIES)
codes = st.lists(st.sampled_from(["failed", "failed", HOPELESS]), min_size=1, max_size=4)
words = st.lists(st.integers(0, 5), min_size=1, max_size=4).flatmap(
    lambda drawn: st.sampled_from([drawn, sorted(drawn)])
)
"""What a worker streams; it numbers its words by themselves, so smaller ones are repeats."""


def or_none(seconds):
    """A deadline, or none."""
    return st.sampled_from([0, 0, seconds])


deadlines = st.tuples(or_none(30), or_none(20), or_none(25))
"""Of the task as a whole, to begin with it, and for an attempt; seconds."""


class QueueMachine(RuleBasedStateMachine):
    """Random callers and workers of two tenants."""

    store = staticmethod(lambda: None)

    def __init__(self):
        super().__init__()
        self.runner = asyncio.Runner()
        self.stack = AsyncExitStack()
        self.numbers = itertools.count()
        self.counter = None

    def run(self, work):
        return self.runner.run(work)

    @initialize()
    def begin(self):
        self.run(self._begin())

    async def _begin(self):
        folder = Path(self.stack.enter_context(tempfile.TemporaryDirectory()))
        server = await self.stack.enter_async_context(serving(folder, store=self.store()))
        self.counter = await Counter.opened(server)

    def one(self, data, wanted=lambda task: task.status == "queued"):
        """A task whose id somebody knows; one of those wanted, where there are any, more often."""
        named = self.counter.named()
        return data.draw(st.sampled_from([task for task in named if wanted(task)] * 3 + named))

    def is_any(self):
        return bool(self.counter.named())

    # What callers do --------------------------------------------------------------------------------------

    @rule(tenant=tenants, place=place, mode=mode, policy=policy, deadlines=deadlines)
    def put(self, tenant, place, mode, policy, deadlines):
        self._put(tenant, place, mode, policy, deadlines)

    def _put(self, tenant, place, mode, policy=None, deadlines=(0, 0, 0)):
        now = self.counter.now
        timeout_s, start_s, run_s = deadlines
        timeout_s = timeout_s or (86_400 if mode == "callback" else 600)
        deadlines = Deadlines(now + 1000 * timeout_s, start_s and now + 1000 * start_s, 1000 * run_s)
        task = Known(next(self.numbers), tenant, place, mode, deadlines=deadlines, policy=policy)
        self.run(self.counter.put(task, timeout=timeout_s, start_timeout=start_s, run_timeout=run_s))

    @precondition(is_any)
    @rule(data=st.data(), changed=st.booleans())
    def put_again(self, data, changed):
        self.run(self.counter.put_again(self.one(data, lambda task: task.put), changed=changed))

    @precondition(is_any)
    @rule(data=st.data())
    def cancel(self, data):
        """In flight or not; whoever works on it is told, and can do nothing more."""
        task = self.one(data)
        self.run(self.counter.cancel(task))
        self.run(self.counter.try_all(task, "current"))

    @precondition(is_any)
    @rule(data=st.data(), last=st.integers(-1, 3))
    def read_along(self, data, last):
        self.run(self.counter.read_along(self.one(data, lambda task: task.frames), last))

    @precondition(is_any)
    @rule(data=st.data())
    def replay(self, data):
        task = self.one(data, lambda task: task.is_dead)
        self.run(self.counter.replay(task, next(self.numbers)))

    @precondition(is_any)
    @rule(data=st.data(), what=st.sampled_from(FOREIGN))
    def meddle(self, data, what):
        self.run(self.counter.meddle(self.one(data), what))

    # What workers do --------------------------------------------------------------------------------------

    @rule(
        data=st.data(),
        places=places,
        options=st.fixed_dictionaries(
            {
                "size": st.integers(1, 4),
                "strategy": st.sampled_from(STRATEGIES),
                "lease_s": st.sampled_from([LEASE_S, 600]),
                "losses_max": st.sampled_from([None, None, 0, 1]),
            }
        ),
    )
    def take(self, data, places, options):
        waiting = [task.tenant for task in self.counter.known if task.status == "waiting"]
        tenant = data.draw(st.sampled_from([*waiting, *TENANTS]))
        self.run(self.counter.take(tenant, places, **options))

    @rule(tenant=tenants, place=place, mode=mode, times=st.integers(1, 5), is_late=st.booleans())
    def vanish(self, tenant, place, mode, times, is_late):
        """Workers take all there is, and are not heard of again, or only when their lease is over."""
        self._put(tenant, place, mode)
        for _ in range(times):
            self.run(self.counter.take_all(LEASE_S))
            self.run(self.counter.pass_time(LEASE_S + 1))
        for task in self.counter.named():
            if is_late and task.status == "waiting":
                self.run(self.counter.heartbeat(task, "current", 900))
                self.run(self.counter.complete(task, "current", 200, 0))

    @rule(tenant=tenants, place=place, mode=mode)
    def nobody_comes(self, tenant, place, mode):
        """A task that nobody begins with in time."""
        self._put(tenant, place, mode, deadlines=(0, 20, 0))
        self.run(self.counter.pass_time(21))

    @rule(tenant=tenants, place=place, mode=mode, policy=policy)
    def linger(self, tenant, place, mode, policy):
        """Workers take all there is, and work longer on it than an attempt may last."""
        self._put(tenant, place, mode, policy, (0, 0, 25))
        self.run(self.counter.take_all(600))
        self.run(self.counter.pass_time(31))

    @rule(tenant=tenants, place=place, policy=policy, codes=codes)
    def struggle(self, tenant, place, policy, codes):
        """Workers take all there is, fail, and find that it is theirs no longer."""
        self._put(tenant, place, "callback", policy)
        for code in codes:
            self.run(self.counter.take_all(600))
            for task in self.counter.named():
                if task.status == "queued":
                    self.run(self.counter.fail(task, "current", code))
                    self.run(self.counter.complete(task, "current", 200, 0))
            self.run(self.counter.pass_time(8))

    @precondition(is_any)
    @rule(data=st.data(), which=whose, status=st.sampled_from([200, 200, 500]), result=st.integers(0, 1))
    def complete(self, data, which, status, result):
        self.run(self.counter.complete(self.one(data), which, status, result))

    @precondition(is_any)
    @rule(data=st.data(), which=whose, code=st.sampled_from(["failed", "failed", HOPELESS]))
    def fail(self, data, which, code):
        self.run(self.counter.fail(self.one(data), which, code))

    @precondition(is_any)
    @rule(data=st.data(), which=whose, pause_s=st.sampled_from([0, 5]))
    def release(self, data, which, pause_s):
        self.run(self.counter.release(self.one(data), which, pause_s))

    @rule(tenant=tenants, place=place, mode=mode, pause_s=st.sampled_from([0, 5]))
    def give_back(self, tenant, place, mode, pause_s):
        """Workers take all there is, give it back, and find that it is theirs no longer."""
        self._put(tenant, place, mode)
        self.run(self.counter.take_all(600))
        for task in self.counter.named():
            if task.status == "queued":
                self.run(self.counter.release(task, "current", pause_s))
                self.run(self.counter.try_all(task, "current"))

    @precondition(is_any)
    @rule(data=st.data(), which=st.sampled_from(["old", "made up"]))
    def pretend(self, data, which):
        """Somebody who does not hold the task does as if."""
        self.run(self.counter.try_all(self.one(data), which))

    @precondition(is_any)
    @rule(data=st.data(), which=whose, seconds=st.sampled_from([5, 900]))
    def heartbeat(self, data, which, seconds):
        self.run(self.counter.heartbeat(self.one(data), which, seconds))

    @precondition(is_any)
    @rule(data=st.data(), which=whose, words=words, last=st.integers(-1, 3))
    def tell(self, data, which, words, last):
        task = self.one(data, lambda task: task.has_stream and task.status == "queued")
        self.run(self.counter.tell(task, which, words))
        self.run(self.counter.read_along(task, last))

    @rule(tenant=tenants, place=place, words=words, again=words, last=st.integers(-1, 3))
    def stream_twice(self, tenant, place, words, again, last):
        """Workers stream and vanish, and others stream the same again."""
        self._put(tenant, place, "streaming")
        for said, lease_s in ((words, LEASE_S), (again, 600)):
            self.run(self.counter.take_all(lease_s))
            for task in self.counter.named():
                if task.has_stream and task.status == "queued":
                    self.run(self.counter.tell(task, "current", said))
                    self.run(self.counter.read_along(task, last))
            self.run(self.counter.pass_time(LEASE_S + 1))

    # Time -------------------------------------------------------------------------------------------------

    @rule(seconds=st.sampled_from([1, 3, 7, 11, 11, 11, 31, 610]))
    def pass_time(self, seconds):
        self.run(self.counter.pass_time(seconds))

    # What always holds ------------------------------------------------------------------------------------

    @invariant()
    def every_task_is_as_the_model_has_it(self):
        if self.counter is not None:
            self.run(self.counter.compare())

    def teardown(self):
        try:
            if self.counter is not None:
                self.run(self.counter.finish())
        finally:
            self.run(self.stack.aclose())
            self.runner.close()


def played(store, examples, steps):
    run_state_machine_as_test(
        type("Machine", (QueueMachine,), {"store": staticmethod(store)}),
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.parametrize(
    ("store", "examples"), [(MemoryStore, 50), (lambda: None, 20)], ids=["memory", "sqlite"]
)
def test_random_calls_get_what_the_model_says(store, examples):
    played(store, examples, steps=40)


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("kind", ["memory", "sqlite", "postgres"])
def test_random_calls_get_what_the_model_says_for_long(kind, request):
    def store():
        if kind == "postgres":
            return PostgresStore(request.getfixturevalue("postgres_server").new_database())
        return MemoryStore() if kind == "memory" else None

    played(store, examples=40 if kind == "postgres" else 300, steps=60)
