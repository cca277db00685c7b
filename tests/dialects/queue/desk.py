"""What the tests of the queue dialect do all the time: register, put, take, complete, over HTTP."""

import asyncio
import json
from contextlib import asynccontextmanager

STORES = ("sqlite", "memory", "postgres")
QUEUE = "embed-a"
ENDPOINT = "/v1/embeddings"
ENVELOPE = {"status_code": 200, "body": {"object": "list", "data": []}}


class Desk:
    """One key at one server."""

    def __init__(self, server, key):
        self.server = server
        self.client = server.client(key)

    async def other(self, name, **fields):
        """The same desk, with another key."""
        return Desk(self.server, await self.server.key(name, **fields))

    async def register(self, queue=QUEUE, endpoint=ENDPOINT, **more):
        return await self.client.post("/v1/queue/register", {"queue": queue, "endpoint": endpoint, **more})

    async def post_put(self, headers=None, **fields):
        body = {"queue": QUEUE, "endpoint": ENDPOINT, "level": 1, "data": {"model": "m", "input": "x"}}
        return await self.client.post("/v1/queue/put", {**body, **fields}, headers=headers)

    async def put(self, **fields):
        """The id of a new task in callback mode."""
        answer = await self.post_put(**fields)
        assert answer.status == 200, answer.body
        return answer.json()["data"]

    async def post_take(self, *queues, **fields):
        return await self.client.post("/v1/queue/take", {"queues": queues or (f"{QUEUE}:1",), **fields})

    async def take(self, *queues, **fields):
        """The first task handed out."""
        answer = await self.post_take(*queues, **fields)
        assert answer.status == 200, answer.body
        ((first, *_), *_) = answer.json().values()
        return first

    async def taken(self, *queues, **fields):
        """The next task, waited for."""
        return await self.take(*queues, wait_seconds=5, **fields)

    async def complete(self, task_id, envelope=None, **more):
        sent = {**(ENVELOPE if envelope is None else envelope), **more}
        return await self.client.post(f"/v1/queue/{task_id}/complete", sent)

    async def progress(self, task_id, number, data, **more):
        sent = {"event_id": number, "event_name": "message", "event_data": data, **more}
        return await self.client.post(f"/v1/queue/{task_id}/progress", sent)

    async def heartbeat(self, task_id, **fields):
        return await self.client.post(f"/v1/queue/{task_id}/heartbeat", fields)

    async def cancel(self, task_id):
        return await self.client.post(f"/v1/queue/{task_id}/cancel")

    async def get(self, task_id):
        answer = await self.client.get(f"/v1/queue/{task_id}")
        assert answer.status == 200, answer.body
        return answer.json()

    async def lose_lease(self, seconds=600):
        """Time passes until the lease has run out."""
        self.server.clock.advance(seconds=seconds + 1)
        await self.server.engine.sweep()

    async def somebody_waits(self):
        """Returns once a call waits at the server."""
        async with asyncio.timeout(30):
            while not len(self.server.engine.waiting):  # noqa: ASYNC110  nothing tells of a new waiter
                await asyncio.sleep(0)

    async def told_to_stop(self, task_id):
        """Returns once the worker of a task is told that nobody wants the result."""
        async with asyncio.timeout(30):
            while not (await self.heartbeat(task_id)).json()["cancelled"]:
                pass

    @asynccontextmanager
    async def streaming(self, target="/v1/queue/put", **fields):
        """A streaming caller; reads the pieces it receives."""
        body = {"queue": QUEUE, "endpoint": "/v1/chat/completions", "level": 1, "data": {"model": "m"}}
        sent = {**body, "response_mode": "streaming", **fields} if target == "/v1/queue/put" else fields
        async with self.client.stream("POST", target, sent) as pieces:
            yield Pieces(pieces)


class Pieces:
    """The other end of a stream."""

    def __init__(self, pieces):
        self._pieces = pieces

    async def next(self):
        return await asyncio.wait_for(self._pieces.get(), 30)

    async def rest(self):
        """Everything up to the end."""
        read = b""
        while piece := await self.next():
            read += piece
        return read


def chunk(text):
    """A chunk of a chat completion."""
    return {
        "id": "cmpl-1",
        "object": "chat.completion.chunk",
        "created": 1790000000,
        "model": "m",
        "choices": [{"index": 0, "delta": {"content": text}}],
    }


def compact(value):
    return json.dumps(value, separators=(",", ":")).encode()
