"""The agents dialect as its clients see it: a whole server in this process, on a clock the test owns."""

import asyncio
import json
from collections import deque
from urllib.parse import quote

from taskloom.core.commands import Create
from taskloom.server.settings import Settings
from taskloom.server.wiring import Adapters, build
from taskloom.store.memory import MemoryData, MemoryStore
from tests.server.fixtures import ROOT_KEY, Client, Inbox, InProcess, TestClock

START_MS = 1_763_757_000_000
WORKING = ("task.read", "task.write", "task.work")


class Agents(InProcess):
    """A server with a key `app` of tenant `default`, and the calls its tests make."""

    @classmethod
    async def start(cls, store, folder, **settings):
        clock, inbox = TestClock(START_MS), Inbox()
        adapters = Adapters(clock=clock, deliverer=inbox, store=MemoryStore(MemoryData()))
        if store != "memory":
            adapters.store = None
        app = build(Settings(data=folder, root_key=ROOT_KEY, **settings), adapters)
        await app.start()
        agents = cls(app, clock, inbox)
        agents.admin = agents.client()
        agents.app_client = await agents.known("app")
        agents.boss = await agents.known("boss", scopes=(*WORKING, "task.supervise"))
        return agents

    async def stop(self):
        await self.app.stop()

    async def known(self, name, **fields) -> Client:
        """A client with a key of its own, without a limit of calls."""
        fields = {"rate": 0, "scopes": WORKING} | fields
        return self.client(await self.key(name, **fields))

    async def post(self, body, path="/rpc", by=None, **more):
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
        return await (by or self.app_client).post(path, body=body, **more)

    async def rpc(self, method, by=None, **params):
        """The answer object of one call."""
        answer = await self.post({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}, by=by)
        assert answer.status == 200
        return answer.json()

    async def ok(self, method, by=None, **params):
        answer = await self.rpc(method, by, **params)
        assert "result" in answer, answer
        return answer["result"]

    async def refused(self, method, by=None, **params):
        """The symbol of the refusal."""
        answer = await self.rpc(method, by, **params)
        assert "error" in answer, answer
        return answer["error"]["data"]["code"]

    async def worker(self, name="w1", by=None):
        await self.ok("system.register", by, id=name, roles=["worker"])
        return name

    async def created(self, text="work", **params):
        return (await self.ok("task.create", text=text, **params))["id"]

    async def claimed(self, text="work", worker="w1", **params):
        """A task on the board, and its claim."""
        task_id = await self.created(text)
        await self.worker(worker)
        claim = await self.ok("task.claim", workerId=worker, **params)
        assert claim["taskId"] == task_id
        return claim

    async def claims(self, worker):
        """The next claim of a worker."""
        await self.worker(worker)
        return await self.ok("task.claim", workerId=worker)

    async def put(self, key, **fields):
        """A task with a key the test chose."""
        text = json.dumps({"text": "as in the page"}).encode()
        fields = {"queue": "board", "dialect": "agents", "attributes": text, "priority": 50} | fields
        await self.engine.submit(Create(tenant="default", key=key, **fields))

    async def lease_lost(self, claim):
        """The lease of a claim runs out, and the time after which the task is offered again passes."""
        self.clock.advance(seconds=900)
        await self.engine._sweeper.sweep()
        self.clock.advance(seconds=61)
        await self.engine._sweeper.sweep()
        return claim["taskId"]

    async def parked(self):
        """Until somebody waits for something; nothing tells when a waiter parks."""
        async with asyncio.timeout(30):
            while not len(self.engine.waiting):  # noqa: ASYNC110  see above
                await asyncio.sleep(0)

    def listen(self, by=None, last_event_id=None, **query):
        return Listener(by or self.app_client, query, last_event_id)

    async def told(self, by=None, **query):
        """Every event there is so far."""
        end = await self.created("the end of this test")
        async with self.listen(by, **{"types": "task.*", "since": 0} | query) as listener:
            found = []
            while (event := await listener.next())[2]["payload"].get("id") != end:
                found.append(event)
            return found


class Listener:
    """A client of GET /events."""

    def __init__(self, client, query, last_event_id):
        text = "&".join(f"{name}={quote(str(value))}" for name, value in query.items())
        headers = {} if last_event_id is None else {"last-event-id": str(last_event_id)}
        self._call = client.stream("GET", f"/events?{text}", headers=headers)
        self._frames = deque()

    async def __aenter__(self):
        self._pieces = await self._call.__aenter__()
        assert await self.piece() == ": connected\n\n"
        return self

    async def __aexit__(self, *error):
        return await self._call.__aexit__(*error)

    async def piece(self):
        return (await asyncio.wait_for(self._pieces.get(), 30)).decode()

    async def next(self):
        """The next event: (id, type, envelope)."""
        while not self._frames:
            for text in (await self.piece()).split("\n\n"):
                if text and not text.startswith(":"):
                    fields = dict(line.split(": ", 1) for line in text.split("\n"))
                    self._frames.append((int(fields["id"]), fields["event"], json.loads(fields["data"])))
        return self._frames.popleft()
