"""Pauses and limits of a queue hold whichever protocol put the tasks there and whichever takes them out."""

from urllib.parse import quote

import pytest

from samples.processes import row_of_tasks
from tests.dialects.documents.desk import READ_OUTSIDE, TEAM, bare
from tests.dialects.documents.desk import Desk as Clerk
from tests.dialects.processes.conftest import Camunda
from tests.dialects.queue.conftest import server  # noqa: F401  the stores
from tests.dialects.queue.desk import STORES, Desk
from tests.dialects.queue.files import Batches, row


class Place:
    """A queue of one protocol: how tasks come there, and how they are handed out."""

    tenant = "default"
    queue = "embed-a"

    def __init__(self, server):  # noqa: F811
        self.server = server

    async def open(self):
        self.key = await self.server.key("app", self.tenant, rate=0)
        self.client = self.server.client(self.key)
        self.boss = self.server.client(
            await self.server.key("boss", self.tenant, scopes=["task.supervise", "task.read", "task.work"])
        )
        await self.prepare()
        return self

    async def prepare(self):
        pass

    async def limit(self, **settings):
        answer = await self.boss.call("PUT", f"/api/v1/queues/{quote(self.queue, safe='')}", settings)
        assert answer.status == 200, answer.body

    async def pause(self, verb="pause"):
        answer = await self.boss.post(f"/api/v1/queues/{quote(self.queue, safe='')}/{verb}", {})
        assert answer.status == 200, answer.body


class Board(Place):
    """Tasks of agents."""

    queue = "board"

    async def prepare(self):
        await self.rpc("system.register", id="w1", roles=["worker"])

    async def rpc(self, method, **params):
        asked = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        answer = (await self.client.post("/rpc", asked)).json()
        assert "result" in answer, answer
        return answer["result"]

    async def put(self, count):
        return [(await self.rpc("task.create", text="work"))["id"] for _ in range(count)]

    async def take(self):
        claim = await self.rpc("task.claim", workerId="w1", maxTasks=10)
        return [task["id"] for task in claim.get("tasks", [])]


class Reserved(Board):
    """Tasks of agents that are reserved for the worker who claims."""

    async def put(self, count):
        for task_id in await super().put(count):
            await self.rpc("task.assign", taskId=task_id, instanceId="w1")


class Jobs(Place):
    """Jobs of a process."""

    queue = "work_1"

    async def prepare(self):
        self.camunda = Camunda(self.client)
        await self.camunda.deploy(row_of_tasks(1))

    async def put(self, count):
        for _ in range(count):
            await self.camunda.start()

    async def take(self):
        return [job["jobKey"] for job in await self.camunda.activate(self.queue)]


class Steps(Place):
    """Steps of documents that somebody outside does."""

    tenant = TEAM
    queue = "proj_3/ocr"

    async def prepare(self):
        self.clerk = Clerk(self.server, self.client)
        await self.clerk.declare(bare(READ_OUTSIDE))

    async def put(self, count):
        for _ in range(count):
            await self.clerk.one()

    async def take(self):
        wanted = {"queues": [{"queue": self.queue}], "size": 10}
        answer = await self.client.post("/api/v1/tasks/claim", wanted)
        assert answer.status == 200, answer.body
        return [task["key"] for task in answer.json()["items"]]


class Rows(Place):
    """Rows of batches."""

    async def prepare(self):
        self.desk = Desk(self.server, self.key)
        await self.desk.register(models=["m"])

    async def put(self, count):
        batches = Batches(self.desk)
        batch = await batches.make([row(number) for number in range(count)])
        await batches.until(batch["id"], "in_progress", created=count)

    async def take(self):
        answer = await self.desk.post_take(size=10)
        return [task["task_id"] for task in answer.json().get(f"{self.queue}:1", [])]


class Natives(Place):
    """Tasks of the native protocol."""

    async def put(self, count):
        items = [{"queue": self.queue, "input": number} for number in range(count)]
        answer = await self.client.post("/api/v1/tasks", {"items": items})
        assert answer.status == 200, answer.body

    take = Steps.take


PLACES = (Board, Reserved, Jobs, Steps, Rows, Natives)


@pytest.fixture
async def place(server, kind):  # noqa: F811
    return await kind(server).open()


everywhere = pytest.mark.parametrize("kind", PLACES, ids=[kind.__name__.lower() for kind in PLACES])
on_each_store = pytest.mark.parametrize("server", STORES, indirect=True)


@on_each_store
@everywhere
async def test_a_queue_that_is_paused_hands_nothing_out_until_it_is_resumed(place):
    await place.put(3)
    await place.pause()
    assert await place.take() == []

    await place.pause("resume")

    assert len(await place.take()) == 3


@on_each_store
@everywhere
async def test_no_more_are_under_way_than_the_queue_allows(place):
    await place.put(4)
    await place.limit(limit=3)

    assert len(await place.take()) == 3
    assert await place.take() == []


@on_each_store
@everywhere
async def test_no_more_are_started_in_a_minute_than_the_queue_allows(place):
    await place.put(4)
    await place.limit(rate=60, burst=2)

    assert len(await place.take()) == 2
    assert await place.take() == []
    place.server.clock.advance(seconds=1)
    assert len(await place.take()) == 1
