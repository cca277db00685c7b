"""Callers who wait on the open connection: blocking puts and the inference endpoints."""

import asyncio
import json

import pytest

from taskloom.dialects.queue import submission
from taskloom.dialects.queue.spelling import read
from tests.dialects.queue.desk import QUEUE

CHAT = "/v1/chat/completions"
COMPLETION = {"id": "cmpl-1", "object": "chat.completion", "created": 1, "model": "m", "choices": []}


async def served(desk, work, queue=f"{QUEUE}:1", **put):
    """A blocking put, and what a worker makes of it."""
    asking = asyncio.create_task(desk.post_put(response_mode="blocking", **put))
    taken = await desk.taken(queue)
    worked = await work(taken)
    return await asyncio.wait_for(asking, 30), taken, worked


async def test_the_callers_answer_is_the_workers_status_and_body(desk):
    body = b'{"status_code": 201, "body": {"a" : 1.50}}'

    async def work(taken):
        return await desk.client.call("POST", f"/v1/queue/{taken['task_id']}/complete", body=body)

    answer, taken, _ = await served(desk, work)

    assert (answer.status, answer.body) == (201, b'{"a" : 1.50}')
    assert answer.headers["x-bella-task-id"] == taken["task_id"]
    assert (taken["response_mode"], taken["task_id"].split("-")[3]) == ("blocking", "B")


@pytest.mark.parametrize(
    ("envelope", "status", "body"),
    [
        ({"status_code": 200}, 200, b"{}"),
        ({"body": {"a": 1}}, 200, b'{"a": 1}'),
        ({"status_code": "429", "body": {"slow": 1}}, 429, b'{"slow": 1}'),
        ({"status_code": 500, "body": {"error": "no"}}, 500, b'{"error": "no"}'),
        ({"status_code": 204, "body": {"a": 1}}, 204, b""),
        ({"answer": 42}, 200, b'{"answer": 42}'),
        ({}, 200, b"{}"),
    ],
)
async def test_what_an_envelope_leaves_out_has_a_default(desk, envelope, status, body):
    async def work(taken):
        return await desk.complete(taken["task_id"], envelope)

    answer, *_ = await served(desk, work)

    assert (answer.status, answer.body) == (status, body)


async def test_a_wait_that_ends_is_a_timeout_which_no_client_tries_again(desk):
    asking = asyncio.create_task(desk.post_put(response_mode="blocking", timeout=30))
    task_id = (await desk.taken())["task_id"]
    desk.server.clock.now += 31_000  # the deadline passes; the wait, which is measured apart, has not ended
    await desk.server.engine.sweep()

    answer = await asyncio.wait_for(asking, 30)

    assert (answer.status, answer.json()["error"]["code"]) == (408, "timeout")
    assert (answer.headers["x-should-retry"], answer.headers["x-bella-task-id"]) == ("false", task_id)
    assert (await desk.get(task_id))["status"] == "timeout"
    assert (await desk.complete(task_id)).status == 409


async def test_a_wait_that_ends_before_the_expiry_is_seen_cancels_the_task(desk):
    asking = asyncio.create_task(desk.post_put(response_mode="blocking", timeout=30))
    task_id = (await desk.taken())["task_id"]
    desk.server.clock.monotonic += 30_000
    desk.server.engine.waiting.notify(("task", read(task_id)))

    answer = await asyncio.wait_for(asking, 30)

    assert (answer.status, answer.headers["x-should-retry"]) == (408, "false")
    assert (await desk.get(task_id))["status"] == "cancelled"


async def test_a_result_that_comes_just_before_the_cancellation_is_given_after_all(desk, monkeypatch):
    cancel = submission.cancel
    done = []

    async def late(request, key, reason):
        done.append(await desk.complete(task_id))
        return await cancel(request, key, reason)

    monkeypatch.setattr(submission, "cancel", late)
    asking = asyncio.create_task(desk.post_put(response_mode="blocking", timeout=30))
    task_id = (await desk.taken())["task_id"]
    desk.server.clock.monotonic += 30_000
    desk.server.engine.waiting.notify(("task", read(task_id)))

    answer = await asyncio.wait_for(asking, 30)

    assert [each.status for each in done] == [200]
    assert (answer.status, answer.json()) == (200, {"object": "list", "data": []})


async def test_a_caller_who_goes_away_cancels_its_task(desk):
    body = {"queue": QUEUE, "endpoint": "/e", "level": 1, "data": {}, "response_mode": "blocking"}
    async with desk.client.stream("POST", "/v1/queue/put", body):
        taken = await desk.taken()
    signal = await desk.heartbeat(taken["task_id"])

    assert signal.json() == {"cancelled": True}
    assert (await desk.complete(taken["task_id"])).status == 409


async def test_a_cancelled_task_answers_its_caller(desk):
    async def work(taken):
        return await desk.cancel(taken["task_id"])

    answer, *_ = await served(desk, work)

    assert (answer.status, answer.json()["error"]["code"]) == (499, "cancelled")


async def test_a_task_given_up_answers_its_caller_as_a_timeout(desk):
    asking = asyncio.create_task(desk.post_put(response_mode="blocking"))
    await desk.taken(process_timeout=10, process_max_retries=0)
    await desk.lose_lease(10)

    answer = await asyncio.wait_for(asking, 30)

    assert answer.status == 408


async def test_a_server_that_stops_cancels_and_says_so(desk):
    asking = asyncio.create_task(desk.post_put(response_mode="blocking"))
    taken = await desk.taken()
    desk.server.engine.waiting.close()

    answer = await asyncio.wait_for(asking, 30)

    assert (answer.status, answer.headers["retry-after"]) == (503, "1")
    assert (await desk.get(taken["task_id"]))["status"] == "cancelled"


async def test_too_many_callers_who_wait_are_refused_before_a_task_is_made(desk, monkeypatch):
    monkeypatch.setattr("taskloom.dialects.queue.submission.WAITERS", 0)

    answer = await desk.post_put(response_mode="blocking")

    assert (answer.status, answer.json()["error"]["code"]) == (429, "too_many_waiters")
    assert (await desk.post_take()).json() == {}


@pytest.mark.parametrize("endpoint", [CHAT, "/v1/completions", "/v1/embeddings"])
async def test_an_inference_endpoint_is_a_blocking_put_of_its_body(desk, endpoint):
    await desk.register(queue="m", endpoint=endpoint)
    body = b'{"model": "m",  "temperature": 1.50, "big": 1e999}'
    asking = asyncio.create_task(desk.client.call("POST", endpoint, body=body))
    taken = await desk.client.post("/v1/queue/take", {"queues": ["m:0"], "wait_seconds": 5})
    (task,) = json.loads(taken.body, parse_constant=str)["m:0"]
    assert body in taken.body

    await desk.complete(task["task_id"], {"status_code": 200, "body": COMPLETION})
    answer = await asyncio.wait_for(asking, 30)

    assert (answer.status, answer.json(), task["endpoint"]) == (200, COMPLETION, endpoint)
    assert answer.headers["x-bella-task-id"] == task["task_id"]


async def test_a_model_leads_to_the_queue_that_named_it_last(desk):
    await desk.register(queue="big", endpoint=CHAT, models=["org/gpt-4.1", "other"])
    await desk.register(queue="small", endpoint=CHAT, models=["org/gpt-4.1"])
    asking = asyncio.create_task(desk.client.post(CHAT, {"model": "org/gpt-4.1"}))

    taken = await desk.taken("big:0", "small:0")
    await desk.complete(taken["task_id"])

    assert taken["queue"] == "small"
    assert (await asyncio.wait_for(asking, 30)).status == 200


async def test_the_header_names_the_queue_whatever_the_model(desk):
    headers = {"X-BELLA-QUEUE-NAME": QUEUE}
    asking = asyncio.create_task(desk.client.post(CHAT, {"model": "unknown"}, headers=headers))

    taken = await desk.taken(f"{QUEUE}:0")
    await desk.complete(taken["task_id"])

    assert (await asyncio.wait_for(asking, 30)).status == 200


async def test_a_put_without_queue_goes_where_its_model_leads(desk):
    await desk.register(queue="m", endpoint=CHAT)

    task_id = await desk.put(queue=None, endpoint=CHAT, data={"model": "m"})

    assert (await desk.get(task_id))["queue"] == "m"
    other = await desk.post_put(queue=None, endpoint="/v1/embeddings", data={"model": "m"})
    assert (other.status, other.json()["error"]["code"]) == (400, "model_not_found")


@pytest.mark.parametrize(
    ("body", "headers", "status", "code"),
    [
        ({"model": "nobody"}, {}, 404, "model_not_found"),
        ({"model": QUEUE}, {}, 404, "model_not_found"),
        ({"model": "m"}, {"x-bella-queue-name": "nobody"}, 404, "queue_not_found"),
        ({"model": "m"}, {"x-bella-queue-name": "a:1"}, 400, "invalid"),
        ({}, {}, 400, "invalid"),
        ({"model": 7}, {}, 400, "invalid"),
        ({"model": ""}, {}, 400, "invalid"),
        ({"model": " "}, {}, 400, "invalid"),
        ({"model": "a\0"}, {}, 400, "invalid"),
        ({"model": "x" * 257}, {}, 400, "invalid"),
        ([], {}, 400, "invalid"),
    ],
)
async def test_bad_questions_are_refused(desk, body, headers, status, code):
    answer = await desk.client.post(CHAT, body, headers=headers)

    assert (answer.status, answer.json()["error"]["code"]) == (status, code)


async def test_models_are_listed_and_found_by_name(desk):
    await desk.register(queue="m", endpoint=CHAT, models=["org/gpt-4.1"])
    await desk.register(queue="plain", endpoint="/v1/workflow")
    created = desk.server.clock.now // 1000

    listed = (await desk.client.get("/v1/models")).json()
    one = await desk.client.get("/v1/models/org%2Fgpt-4.1")
    none = await desk.client.get("/v1/models/nobody")

    assert listed["object"] == "list"
    assert [model["id"] for model in listed["data"]] == [QUEUE, "m", "org/gpt-4.1"]
    assert one.json() == {
        "id": "org/gpt-4.1",
        "object": "model",
        "created": created,
        "owned_by": "default",
    }
    assert (none.status, none.json()["error"]["code"]) == (404, "model_not_found")
