"""Calls of those who put tasks, each compared with what the model says; and what always holds."""

import asyncio
import json

from tests.dialects.queue.desk import Desk

QUEUES = ("a", "b")
LEVELS = (0, 1)
TENANTS = ("red", "blue")
ENDPOINT = "/v1/work"
EVERYWHERE = [(queue, level) for queue in QUEUES for level in LEVELS]
GUARD_S = 30


class Callers:
    """What callers do at the desks of two tenants, and all tasks that were ever put there."""

    def __init__(self, server, desks):
        self.server = server
        self.desks = desks
        self.known = []

    @classmethod
    async def opened(cls, server):
        desks = {tenant: Desk(server, await server.key("key", tenant)) for tenant in TENANTS}
        for desk in desks.values():
            for queue in QUEUES:
                await desk.register(queue, ENDPOINT)
        return cls(server, desks)

    @property
    def now(self):
        return self.server.clock.now_ms()

    def named(self):
        """Tasks whose id somebody knows."""
        return [task for task in self.known if task.id]

    def client(self, task):
        return self.desks[task.tenant].client

    async def post(self, task, what, **body):
        return await self.client(task).post(f"/v1/queue/{task.id}/{what}", body)

    # Callers ----------------------------------------------------------------------------------------------

    async def put(self, task, **options):
        queue, level = task.place
        task.put = {
            "queue": queue,
            "endpoint": ENDPOINT,
            "level": level,
            "data": {"n": task.number},
            "response_mode": task.mode,
            "trace_id": str(task.number),
            **options,
        }
        if task.policy:
            task.put["retry"] = task.policy.on_the_wire()
        self.known.append(task)
        if task.mode == "callback":
            task.put["callback_url"] = "https://receiver.invalid/"
            answer = await self._put(task)
            assert answer.status == 200, answer.body
            task.id = answer.json()["data"]
            return
        before = await self._backlog(task)
        task.pending = asyncio.ensure_future(self._put(task))
        async with asyncio.timeout(GUARD_S):
            while await self._backlog(task) == before:  # noqa: ASYNC110  nothing tells of a new task
                await asyncio.sleep(0)

    async def _put(self, task, **changes):
        headers = {"idempotency-key": f"{task.number}"}
        return await self.client(task).post("/v1/queue/put", {**task.put, **changes}, headers=headers)

    async def _backlog(self, task):
        queue, level = task.place
        return (await self.client(task).get(f"/v1/queue/{queue}:{level}/backlog")).json()

    async def put_again(self, task, *, changed):
        """The same key makes no second task, with whatever body."""
        if task.mode != "callback":
            return
        answer = await self._put(task, **({"trace_id": "another"} if changed else {}))
        assert answer.status == (422 if changed else 200), answer.body
        assert changed or answer.json()["data"] == task.id

    async def cancel(self, task):
        answer = await self.desks[task.tenant].cancel(task.id)
        assert (answer.status, answer.json()) == (202, task.id)
        if task.is_open:
            task.end("cancelled")

    async def read_along(self, task, last):
        """The frames after the last one seen come in their order; an open stream stays open behind them."""
        if not task.has_stream:
            return
        expected = b"".join(_frames(task)[last + 1 :])
        headers = {} if last < 0 else {"last-event-id": str(last)}
        target = f"/v1/queue/{task.id}/stream"
        if not task.is_open:
            read = (await self.client(task).get(target, headers=headers)).body
            assert read.startswith(expected)
            assert (read == expected) == (task.status == "succeeded")
            return
        read = b""
        async with self.client(task).stream("GET", target, headers=headers) as pieces:
            while len(read) < len(expected):
                read += await asyncio.wait_for(pieces.get(), GUARD_S)
        assert read == expected

    async def replay(self, task, number):
        """A dead letter is begun anew, once; one that a stream owned gets a successor."""
        if task.mode == "callback" and not task.is_open:
            await self.told()
        answer = await self.post(task, "replay")
        if not task.is_dead or not task.has_letter:
            assert answer.status == 409, answer.body
            return
        assert answer.status == 200, answer.body
        if not task.has_stream:
            assert answer.json() == task.id
            task.reopen()
            return
        task.has_letter = False
        anew = task.successor(number)
        anew.id = answer.json()
        assert anew.id != task.id
        self.known.append(anew)

    async def meddle(self, task, what):
        """Whoever belongs elsewhere finds nothing (C7)."""
        client = self.desks[TENANTS[task.tenant == TENANTS[0]]].client
        path = f"/v1/queue/{task.id}"
        calls = {"get": ("GET", path, None), "stream": ("GET", f"{path}/stream", None)}
        method, target, body = calls.get(what, ("POST", f"{path}/{what}", {}))
        assert (await client.call(method, target, body)).status == 404

    # Time, and what always holds --------------------------------------------------------------------------

    async def pass_time(self, seconds):
        self.server.clock.advance(ms=1, seconds=seconds)
        await self.server.engine.sweep()
        for task in self.known:
            task.swept(self.now)

    async def _answered(self):
        """Whoever waited for a task that has ended has been answered."""
        for task in self.known:
            if task.pending is None or task.is_open:
                continue
            answer = await asyncio.wait_for(task.pending, GUARD_S)
            task.pending = None
            if task.mode == "streaming":
                frames = b"".join(_frames(task))
                assert answer.body.startswith(frames)
                assert (answer.body == frames) == (task.status == "succeeded")
            else:
                assert answer.status == task.told[-1], (task.status, answer.body)
                assert task.sent is None or answer.json() == task.sent["body"]

    async def compare(self):
        for task in self.named():
            shown = await self.desks[task.tenant].get(task.id)
            if (task.status, shown["status"]) == ("timeout", "cancelled") and task.mode != "callback":
                task.status = "cancelled"  # the caller's patience ended in the same moment as the task's time
            assert shown["status"] == task.status, (task.number, shown)
            assert shown.get("result") == task.sent
            assert (shown["tenant"], shown["data"]) == (task.tenant, task.put["data"])
        await self._answered()

    async def told(self):
        """Every end was told, in order, once."""
        async with asyncio.timeout(GUARD_S):
            while await self.server.engine.store.due_outbox(1 << 60, 1):  # noqa: ASYNC110  nothing tells of it
                await asyncio.sleep(0.001)
        told = {}
        for call in self.server.inbox.calls:
            body = json.loads(call.body)
            told.setdefault(body["request_id"], []).append(body["status_code"])
        assert told == {task.id: task.told for task in self.known if task.mode == "callback" and task.told}
        assert len({call.key for call in self.server.inbox.calls}) == len(self.server.inbox.calls)


def _frames(task):
    return [b"id:%d\nevent:message\ndata:%d\n\n" % pair for pair in enumerate(task.frames)]
