"""A JSON-RPC client of another make, unmodified, and a plain SSE reader, against a real server process."""

import asyncio
import json

import aiohttp
import pytest
from pjrpc import BatchRequest, Request
from pjrpc.client.backend.aiohttp import Client
from pjrpc.client.exceptions import JsonRpcError

from tests.server.fixtures import Process


@pytest.fixture
async def session(process: Process):
    headers = {"authorization": f"Bearer {process.key}"}
    async with aiohttp.ClientSession(process.url, headers=headers) as session:
        yield session


@pytest.fixture
def client(session):
    return Client("/rpc", session=session)


async def test_a_worker_takes_tasks_and_completes_them(client):
    made = await client.call("task.create", text="by another client", priority=70)
    await client.call("system.register", id="w1", roles=["worker"])

    claim = await client.call("task.claim", workerId="w1")
    ended = await client.call("task.complete", id=claim["taskId"], workerId="w1", result={"n": 10**30})

    assert claim["taskId"] == made["id"] == ended["id"]
    assert ended["status"] == "completed"
    assert (await client.call("task.get", id=made["id"]))["result"] == {"n": 10**30}


async def test_refusals_arrive_as_errors_with_code_and_data(client):
    with pytest.raises(JsonRpcError) as refused:
        await client.call("task.complete", id="t-404")
    with pytest.raises(JsonRpcError) as unknown:
        await client.call("no.such")

    assert (refused.value.code, refused.value.message) == (-32602, "Task not found: t-404")
    assert refused.value.data == {"taskId": "t-404", "code": "TASK_NOT_FOUND"}
    assert unknown.value.code == -32601


async def test_batches_and_notifications(client):
    await client.notify("task.create", text="quiet")
    batch = BatchRequest(
        Request("task.list", {}, id=1),
        Request("task.create", {"text": "in a batch"}, id="two"),
        Request("task.create", {"text": "quiet too"}),
    )

    answers = await client.send(batch)

    assert {one.id for one in answers} == {1, "two"}
    texts = {task["text"] for task in (await client.call("task.list"))["tasks"]}
    assert texts == {"quiet", "in a batch", "quiet too"}


async def test_a_claim_waits_over_a_socket(client):
    await client.call("system.register", id="w1", roles=["worker"])
    waiting = asyncio.create_task(client.call("task.claim", workerId="w1", waitMs=30_000))

    made = await client.call("task.create", text="now")

    assert (await asyncio.wait_for(waiting, 30))["taskId"] == made["id"]


async def test_events_are_followed_across_a_crash(process, session, client):
    made = [(await client.call("task.create", text=f"{n}"))["id"] for n in range(5)]
    seen = [event async for event in events(session, {"since": "0"}, 3)]

    process.kill()
    port = int(process.url.rpartition(":")[2])
    process.start(port)
    seen += [event async for event in events(session, {}, 2, last_event_id=seen[-1]["seq"])]

    assert [event["payload"]["id"] for event in seen] == made


async def events(session, query, count, last_event_id=None):
    """The first events of a stream, read line by line."""
    headers = {} if last_event_id is None else {"last-event-id": str(last_event_id)}
    async with session.get("/events", params={"types": "task.created", **query}, headers=headers) as answer:
        async with asyncio.timeout(30):
            async for line in answer.content:
                if line.startswith(b"data: "):
                    yield json.loads(line.removeprefix(b"data: "))
                    count -= 1
                if not count:
                    return
