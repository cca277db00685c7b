"""The event bus and its Valkey die, forget and fall silent: no task is lost, no caller sees a 5xx (F8)."""

import asyncio
import json
import time
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest
from redis import Redis
from redis.exceptions import RedisError

from devtools.valkey import ValkeyServer
from taskloom.views.frames import FRAMES
from taskloom.views.view import Query, Sort
from tests.server.fixtures import ROOT_KEY, Process, TestClock, serving

QUEUE = "embed-a"
ENDPOINT = "/v1/embeddings"
HANG_S = 60


class Shop:
    """A server process, its callers, and one worker that learned once where the event bus is."""

    def __init__(self, process):
        self.http = httpx2.Client(
            base_url=process.url, headers={"authorization": f"Bearer {ROOT_KEY}"}, timeout=HANG_S
        )
        self.callers = ThreadPoolExecutor(8)
        self.statuses = []
        self.post("/v1/queue/register", {"queue": QUEUE, "endpoint": ENDPOINT})
        self.place = self.get("/v1/queue/eventbus").json()

    def close(self):
        self.callers.shutdown()
        self.http.close()

    def get(self, path):
        return self._seen(self.http.get(path))

    def post(self, path, body):
        return self._seen(self.http.post(path, json=body))

    def _seen(self, answer):
        self.statuses.append(answer.status_code)
        return answer

    def put(self, mode):
        body = {"queue": QUEUE, "endpoint": ENDPOINT, "level": 1, "data": {}, "response_mode": mode}
        return self.callers.submit(self.post, "/v1/queue/put", body)

    def poll(self, queue=QUEUE, seconds=10):
        return self.post("/v1/queue/take", {"queues": [f"{queue}:1"], "wait_seconds": seconds})

    def take(self):
        ((task,),) = self.poll().json().values()
        return task

    def complete(self, task, number):
        return self.post(f"/v1/queue/{task['task_id']}/complete", {"body": {"n": number}})

    def write(self, task, name, **payload):
        """One entry with the address of the first day, tried until the bus takes it."""
        told = {"taskId": task["task_id"], **payload}
        deadline = time.monotonic() + HANG_S
        while True:
            try:
                with Redis.from_url(self.place["url"], socket_timeout=2) as redis:
                    stream = self.place["topic"] + task["instance_id"]
                    return redis.xadd(stream, {"name": name, "payload": json.dumps(told)})
            except RedisError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)


@pytest.fixture
def own_valkey():
    server = ValkeyServer()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def shop(own_valkey, tmp_path):
    process = Process(tmp_path / "server", "--bus", own_valkey.url).start()
    shop = Shop(process)
    yield shop
    shop.close()
    process.stop()


class Killed:
    def begin(self, valkey):
        valkey.kill()

    def end(self, valkey):
        valkey.start()


class Emptied:
    def begin(self, valkey):
        with Redis.from_url(valkey.url) as redis:
            redis.flushall()

    def end(self, valkey):
        pass


class Silent:
    def begin(self, valkey):
        valkey.pause()

    def end(self, valkey):
        valkey.resume()


@pytest.mark.parametrize("trouble", [Killed(), Emptied(), Silent()], ids=["killed", "emptied", "silent"])
def test_trouble_at_the_bus_is_no_trouble_for_tasks(trouble, own_valkey, shop):
    callers = [shop.put("blocking"), shop.put("streaming")]
    tasks = [shop.take(), shop.take()]
    poll = shop.callers.submit(shop.poll, "other", 3)
    trouble.begin(own_valkey)
    try:
        later = shop.put("blocking")
        tasks.append(shop.take())
        for number, task in enumerate(tasks):
            assert shop.complete(task, number).status_code == 200
        assert [caller.result(HANG_S).status_code for caller in (*callers, later)] == [200] * 3
        assert poll.result(HANG_S).json() == {}
        assert shop.get("/v1/queue/eventbus").status_code in (200, 404)
        assert shop.get("/readyz").status_code == 200
    finally:
        trouble.end(own_valkey)

    again = shop.put("blocking")
    shop.write(shop.take(), "task-completion-event", result={"body": {"over": "the bus"}})

    assert again.result(HANG_S).json() == {"over": "the bus"}
    assert max(shop.statuses) < 500


def test_what_was_written_while_the_server_was_dead_is_read_once(own_valkey, tmp_path):
    process = Process(tmp_path / "server", "--bus", own_valkey.url).start()
    shop = Shop(process)
    caller = shop.put("streaming")
    task = shop.take()
    shop.write(task, "task-progress-event", eventId=0, eventData="first")
    process.kill()
    assert caller.exception(HANG_S) is not None
    shop.write(task, "task-progress-event", eventId=0, eventData="first")
    shop.write(task, "task-progress-event", eventId=1, eventData="second")
    shop.write(task, "task-completion-event", result={"status_code": 200, "stream": True})
    shop.close()

    frames, status = asyncio.run(after_restart(process.folder / "data", own_valkey.url, task["task_id"]))

    assert [json.loads(frame)["data"] for frame in frames] == ["first", "second"]
    assert status == "succeeded"


async def after_restart(folder, bus, task_id):
    """The frames of the streaming task and its state, once what was written has been read."""
    async with serving(folder, bus=bus, clock=TestClock(int(time.time() * 1000))) as server:
        async with asyncio.timeout(HANG_S):
            while (shown := await server.client().get(f"/v1/queue/{task_id}")).json()["status"] == "queued":  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        query = Query(view=FRAMES.name, tenants=None, sort=(Sort("number"),), limit=10, total=False)
        rows = (await server.engine.store.search(query)).rows
        return [row["body"] for row in rows], shown.json()["status"]


def test_a_bus_of_the_servers_own_works_after_a_kill_with_the_same_address(tmp_path):
    process = Process(tmp_path / "server", "--bus", "embedded").start()
    shop = Shop(process)
    process.kill()
    shop.close()
    process.start()
    again = Shop(process)
    again.place, later = shop.place, again.place

    caller = again.put("blocking")
    again.write(again.take(), "task-completion-event", result={"body": {"embedded": True}})

    assert caller.result(HANG_S).json() == {"embedded": True}
    assert later == shop.place
    again.close()
    process.stop()
