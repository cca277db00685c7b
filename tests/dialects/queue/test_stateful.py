"""M6: the queue dialect under random calls over HTTP, against a model of what each call must answer.

The model is small: what was put, who holds which attempt, how it ended. After every call the answer is
compared with it, and at rest: C1 results, C2 and C5 attempts and leases, C3 refusals without trace,
C6 callbacks, C7 tenants, C8 nothing stuck.
"""

import asyncio
import itertools
import json
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
from tests.dialects.queue.desk import Desk
from tests.server.fixtures import serving

QUEUES = ("a", "b")
LEVELS = (0, 1)
TENANTS = ("red", "blue")
ENDPOINT = "/v1/work"
LOSSES_MAX = 3
FOREIGN = ("get", "cancel", "complete", "progress", "heartbeat", "stream")
OPEN = ("waiting", "queued")
STRATEGIES = ("fifo", "active_passive", "round_robin", "sequential")

tenants = st.sampled_from(TENANTS)
whose = st.sampled_from(["current", "current", "old", "none", "made up"])
EVERYWHERE = [(queue, level) for queue in QUEUES for level in LEVELS]


class Known:
    """What the model knows of a task."""

    def __init__(self, number, tenant, place, mode, expires_at):
        self.number, self.tenant, self.place, self.mode = number, tenant, place, mode
        self.expires_at = expires_at
        self.id = ""
        self.status = "waiting"
        self.leases = []
        self.lease_until = 0
        self.losses = 0
        self.sent = None
        self.frames = []
        self.frames_of = 0
        self.pending = None

    @property
    def is_open(self):
        return self.status in OPEN

    @property
    def is_online(self):
        return self.mode != "callback"

    def lease(self, which):
        """The lease that a call shows, and whether it opens the task."""
        if which == "none":
            return {}, True
        if which == "current" and self.leases:
            return {"lease_id": self.leases[-1]}, True
        if which == "old" and len(self.leases) > 1:
            return {"lease_id": self.leases[-2]}, False
        return {"lease_id": "12345"}, False


class QueueMachine(RuleBasedStateMachine):
    """Random callers and workers of two tenants."""

    store = staticmethod(lambda: None)

    def __init__(self):
        super().__init__()
        self.runner = asyncio.Runner()
        self.stack = AsyncExitStack()
        self.known = {}
        self.numbers = itertools.count()

    def run(self, work):
        return self.runner.run(work)

    @initialize()
    def begin(self):
        self.run(self._begin())

    async def _begin(self):
        folder = Path(self.stack.enter_context(tempfile.TemporaryDirectory()))
        self.server = await self.stack.enter_async_context(serving(folder, store=self.store()))
        self.desks = {}
        for tenant in TENANTS:
            self.desks[tenant] = Desk(self.server, await self.server.key("key", tenant))
            for queue in QUEUES:
                await self.desks[tenant].register(queue, ENDPOINT)

    def named(self):
        """Tasks whose id somebody knows: those that are held, where there are any, more often."""
        known = [task for task in self.known.values() if task.id]
        return [task for task in known if task.status == "queued"] * 3 + known

    def one(self, data):
        return data.draw(st.sampled_from(self.named()))

    @property
    def now(self):
        return self.server.clock.now_ms()

    # What callers do ------------------------------------------------------------------------------------

    @rule(
        tenant=tenants,
        queue=st.sampled_from(QUEUES),
        level=st.sampled_from(LEVELS),
        mode=st.sampled_from(["callback", "blocking", "streaming"]),
        timeout=st.sampled_from([0, 0, 30]),
    )
    def put(self, tenant, queue, level, mode, timeout):
        default = 86_400 if mode == "callback" else 600
        number = next(self.numbers)
        task = Known(number, tenant, (queue, level), mode, self.now + 1000 * (timeout or default))
        self.known[number] = task
        self.run(self._put(task, timeout))

    async def _put(self, task, timeout_s):
        queue, level = task.place
        body = {
            "queue": queue,
            "endpoint": ENDPOINT,
            "level": level,
            "data": {"n": task.number},
            "response_mode": task.mode,
            "timeout": timeout_s,
            "trace_id": str(task.number),
        }
        desk = self.desks[task.tenant]
        if task.mode == "callback":
            body["callback_url"] = "https://receiver.invalid/"
            answer = await desk.client.post("/v1/queue/put", body)
            assert answer.status == 200, answer.body
            task.id = answer.json()["data"]
            return
        before = await self._backlog(task)
        task.pending = asyncio.ensure_future(desk.client.post("/v1/queue/put", body))
        async with asyncio.timeout(30):
            while await self._backlog(task) == before:  # noqa: ASYNC110  nothing tells of a new task
                await asyncio.sleep(0)

    async def _backlog(self, task):
        queue, level = task.place
        return (await self.desks[task.tenant].client.get(f"/v1/queue/{queue}:{level}/backlog")).json()

    @precondition(lambda self: self.named())
    @rule(data=st.data())
    def look_or_cancel(self, data):
        task = self.one(data)
        what = data.draw(st.sampled_from(["cancel", "replay", "meddle"]))
        if what == "cancel":
            self.cancel(task)
        elif what == "replay":
            self.replay(task, data.draw(st.integers(-1, 3)))
        else:
            self.meddle(task, data.draw(st.sampled_from(FOREIGN)))

    def cancel(self, task):
        answer = self.run(self.desks[task.tenant].cancel(task.id))
        assert (answer.status, answer.json()) == (202, task.id)
        if task.is_open:
            task.status = "cancelled"

    def replay(self, task, last):
        if task.mode != "streaming" or task.is_open:
            return
        headers = {} if last < 0 else {"last-event-id": str(last)}
        desk = self.desks[task.tenant]
        read = self.run(desk.client.get(f"/v1/queue/{task.id}/stream", headers=headers)).body
        frames = [b"id:%d\nevent:message\ndata:%d\n\n" % pair for pair in enumerate(task.frames)]
        expected = b"".join(frames[last + 1 :])
        assert read.startswith(expected)
        assert (read == expected) == (task.status == "succeeded")

    def meddle(self, task, what):
        """Whoever belongs elsewhere finds nothing (C7)."""
        client = self.desks[TENANTS[task.tenant == TENANTS[0]]].client
        path = f"/v1/queue/{task.id}"
        calls = {"get": ("GET", path, None), "stream": ("GET", f"{path}/stream", None)}
        method, target, body = calls.get(what, ("POST", f"{path}/{what}", {}))
        assert self.run(client.call(method, target, body)).status == 404

    # What workers do ------------------------------------------------------------------------------------

    @precondition(lambda self: self.known)
    @rule(
        data=st.data(),
        places=st.one_of(st.just(EVERYWHERE), st.lists(st.sampled_from(EVERYWHERE), min_size=1, unique=True)),
        size=st.integers(1, 4),
        strategy=st.sampled_from(STRATEGIES),
        timeout=st.sampled_from([0, 10]),
    )
    def take(self, data, places, size, strategy, timeout):
        waiting = [task.tenant for task in self.known.values() if task.status == "waiting"]
        tenant = data.draw(st.sampled_from([*waiting, *TENANTS]))
        answer = self.run(
            self.desks[tenant].post_take(
                *(f"{queue}:{level}" for queue, level in places),
                size=size,
                strategy=strategy,
                process_timeout=timeout,
            )
        )
        taken = [shown for shown_of in answer.json().values() for shown in shown_of]
        mine = [task for task in self.known.values() if task.tenant == tenant and task.place in places]
        ready = [task for task in mine if task.status == "waiting"]
        if strategy == "sequential":
            busy = {task.place for task in mine if task.status == "queued"}
            assert len(taken) == len({task.place for task in ready} - busy)
        else:
            assert len(taken) == min(size, len(ready))
        for shown in taken:
            task = self.known[int(shown["trace_id"])]
            assert task in ready
            assert shown["data"] == {"n": task.number}
            assert task.id in ("", shown["task_id"])
            assert shown["attempt"] == len(task.leases) + 1
            assert shown["lease_id"] not in task.leases
            task.id, task.status = shown["task_id"], "queued"
            task.leases.append(shown["lease_id"])
            task.lease_until = self.now + 1000 * (timeout or 600)

    @precondition(lambda self: self.named())
    @rule(data=st.data(), which=whose, status=st.sampled_from([200, 500]), result=st.integers(0, 1))
    def complete(self, data, which, status, result):
        task = self.one(data)
        shown, opens = task.lease(which)
        sent = {"status_code": status, "body": {"result": result}, **shown}
        answer = self.run(self.desks[task.tenant].complete(task.id, sent))
        if not task.is_open:
            assert answer.status == (200 if sent == task.sent else 409)
        elif task.leases and opens:
            assert (answer.status, answer.json()) == (200, task.id)
            task.sent, task.status = sent, "succeeded" if status == 200 else "failed"
        else:
            assert answer.status == 409

    @precondition(lambda self: self.named())
    @rule(data=st.data(), which=whose, word=st.integers(0, 9))
    def tell(self, data, which, word):
        task = self.one(data)
        shown, opens = task.lease(which)
        path = f"/v1/queue/{task.id}/progress"
        answer = self.run(self.desks[task.tenant].client.post(path, {"event_data": word, **shown}))
        if not task.is_open or not (task.leases and opens):
            self._is_refused(task, answer)
            return
        broken = bool(task.mode == "streaming" and task.frames and task.frames_of != len(task.leases))
        assert (answer.status, answer.json()) == (200, {"cancelled": broken})
        if broken:
            task.status = "failed"
        elif task.mode == "streaming":
            task.frames.append(word)
            task.frames_of = len(task.leases)

    @precondition(lambda self: self.named())
    @rule(data=st.data(), which=whose, seconds=st.sampled_from([5, 900]))
    def heartbeat(self, data, which, seconds):
        task = self.one(data)
        shown, opens = task.lease(which)
        answer = self.run(self.desks[task.tenant].heartbeat(task.id, extend_seconds=seconds, **shown))
        if task.status != "queued" or not opens:
            self._is_refused(task, answer)
            return
        assert (answer.status, answer.json()) == (200, {"cancelled": False})
        task.lease_until = self.now + 1000 * seconds

    def _is_refused(self, task, answer):
        over = not task.is_open and task.status != "succeeded"
        assert answer.status == (200 if over else 409)
        assert not over or answer.json() == {"cancelled": True}

    # Time ------------------------------------------------------------------------------------------------

    @rule(seconds=st.sampled_from([1, 8, 11, 11, 11, 610]))
    def pass_time(self, seconds):
        self.server.clock.advance(ms=1, seconds=seconds)
        self.run(self.server.engine.sweep())
        for task in self.known.values():
            if not task.is_open:
                continue
            if task.expires_at <= self.now:
                task.status = "timeout"
            elif task.status == "queued" and task.lease_until <= self.now:
                task.losses += 1
                task.status = "waiting" if task.losses <= LOSSES_MAX else "timeout"

    # What always holds ------------------------------------------------------------------------------------

    @invariant()
    def every_task_is_as_the_model_has_it(self):
        self.run(self._compared())

    async def _compared(self):
        for task in self.known.values():
            if not task.id:
                continue
            shown = await self.desks[task.tenant].get(task.id)
            allowed = {task.status}
            if task.status == "timeout" and task.is_online:
                allowed.add("cancelled")
            assert shown["status"] in allowed, (task.number, task.status, shown)
            assert shown.get("result") == task.sent
            assert (shown["tenant"], shown["data"]) == (task.tenant, {"n": task.number})

    def teardown(self):
        try:
            if hasattr(self, "desks"):
                self.pass_time(86_402)
                self.run(self._at_rest())
        finally:
            self.run(self.stack.aclose())
            self.runner.close()

    async def _at_rest(self):
        """Nothing is open, every caller was answered, every receiver was called for each task (C6, C8)."""
        assert not [task.number for task in self.known.values() if task.is_open]
        await self._compared()
        for task in self.known.values():
            if task.pending is None:
                continue
            answer = await asyncio.wait_for(task.pending, 30)
            if task.mode == "blocking":
                statuses = {"cancelled": 499, "timeout": 408}
                wanted = statuses.get(task.status) or task.sent["status_code"]
                assert answer.status == wanted, (task.status, answer.status, answer.body)
                assert task.sent is None or answer.json() == task.sent["body"]
        await self._called_back({task.id for task in self.known.values() if task.mode == "callback"})

    async def _called_back(self, wanted):
        """Each end was told under one id, perhaps more than once, and nothing else was."""
        told, calls = set(), []
        while {task_id for task_id, _key in told} != wanted:
            calls = await self.server.inbox.next(len(calls) + 1)
            told = {(json.loads(call.body)["request_id"], call.key) for call in calls}
        assert len(told) == len(wanted)


def machine(store):
    return type("Machine", (QueueMachine,), {"store": staticmethod(store)})


def played(store, examples, steps):
    checks = list(HealthCheck)
    run_state_machine_as_test(
        machine(store),
        settings=settings(
            max_examples=examples, stateful_step_count=steps, deadline=None, suppress_health_check=checks
        ),
    )


@pytest.mark.parametrize(
    ("store", "examples"), [(MemoryStore, 60), (lambda: None, 25)], ids=["memory", "sqlite"]
)
def test_random_calls_get_what_the_model_says(store, examples):
    played(store, examples, steps=40)


@pytest.mark.long
@pytest.mark.parametrize("kind", ["memory", "sqlite", "postgres"])
def test_random_calls_get_what_the_model_says_for_long(kind, request):
    def store():
        if kind == "postgres":
            return PostgresStore(request.getfixturevalue("postgres_server").new_database())
        return MemoryStore() if kind == "memory" else None

    played(store, examples=40 if kind == "postgres" else 300, steps=60)
