"""Registering queues, putting tasks, and how both are refused."""

import asyncio

import pytest

from taskloom.core.limits import ONLINE_DEPTH
from tests.dialects.queue.desk import ENDPOINT, QUEUE


async def test_the_same_registration_again_changes_nothing(desk):
    again = await desk.register()

    assert (again.status, again.json(), again.headers["content-type"]) == (200, QUEUE, "application/json")


async def test_another_endpoint_for_a_known_queue_is_a_conflict(desk):
    answer = await desk.register(endpoint="/v1/completions")

    assert (answer.status, answer.json()["error"]["param"]) == (409, "endpoint")


async def test_queues_registered_at_once_have_ids_of_their_own(desk):
    names = [f"q{number}" for number in range(12)]

    answers = await asyncio.gather(*(desk.register(queue=name) for name in names))

    assert {answer.status for answer in answers} == {200}
    ids = {(await desk.put(queue=name)).split("-")[1] for name in [QUEUE, *names]}
    assert ids == {str(number) for number in range(1, 14)}


@pytest.mark.parametrize(
    "body",
    [
        {"queue": "a b", "endpoint": "/e"},
        {"queue": "a" * 65, "endpoint": "/e"},
        {"queue": "a:1", "endpoint": "/e"},
        {"queue": "", "endpoint": "/e"},
        {"queue": "q\n", "endpoint": "/e"},
        {"queue": "q", "endpoint": ""},
        {"queue": "q"},
        {"queue": 7, "endpoint": "/e"},
        [],
    ],
)
async def test_bad_registrations_are_refused(desk, body):
    assert (await desk.client.post("/v1/queue/register", body)).status == 400


async def test_metadata_tells_the_endpoint_and_unknown_queues_are_not_found(desk):
    known = await desk.client.get(f"/v1/queue/{QUEUE}/metadata")
    unknown = await desk.client.get("/v1/queue/nobody/metadata")

    assert (known.status, known.json()) == (200, {"queue": QUEUE, "endpoint": ENDPOINT})
    assert (unknown.status, unknown.json()["error"]["code"]) == (404, "queue_not_found")


async def test_a_queue_belongs_to_its_tenant(desk):
    stranger = await desk.other("stranger", tenant="elsewhere")

    assert (await stranger.client.get(f"/v1/queue/{QUEUE}/metadata")).status == 404
    assert (await stranger.post_put()).status == 404


async def test_the_event_bus_is_said_to_be_missing(desk):
    answer = await desk.client.get("/v1/queue/eventbus")

    assert (answer.status, answer.json()["error"]["code"]) == (404, "event_bus_not_configured")


async def test_a_put_in_callback_mode_answers_at_once_with_the_id(desk):
    answer = await desk.post_put(trace_id="t-1")

    said = answer.json()
    assert answer.status == 200
    assert (said["code"], said["timestamp"]) == (200, desk.server.clock.now)
    assert said["data"].startswith("TASK-1-1-C-")
    assert answer.headers["x-bella-task-id"] == said["data"]
    assert answer.headers["cache-control"] == "no-cache"


async def test_a_task_is_shown_with_all_its_fields(desk):
    task_id = await desk.put(trace_id="t-1", callback_url="http://example.com/done", level=3)

    assert await desk.get(task_id) == {
        "task_id": task_id,
        "batch_id": "",
        "trace_id": "t-1",
        "tenant": "default",
        "endpoint": ENDPOINT,
        "queue": QUEUE,
        "level": 3,
        "data": {"model": "m", "input": "x"},
        "status": "waiting",
        "start_time": desk.server.clock.now,
        "running_time": 0,
        "expire_time": desk.server.clock.now + 86_400_000,
        "completed_time": 0,
        "callback_url": "http://example.com/done",
        "response_mode": "callback",
    }


@pytest.mark.parametrize(
    ("wanted", "seconds"), [(None, 86_400), (0, 86_400), (-1, 86_400), (90, 90), (10**8, 30 * 86_400)]
)
async def test_a_task_expires_as_wanted_within_bounds(desk, wanted, seconds):
    task = await desk.get(await desk.put(timeout=wanted))

    assert task["expire_time"] - task["start_time"] == 1000 * seconds


async def test_an_expired_task_is_a_timeout_and_is_handed_out_no_more(desk):
    task_id = await desk.put(timeout=5)
    desk.server.clock.advance(seconds=6)
    await desk.server.engine.sweep()

    assert (await desk.get(task_id))["status"] == "timeout"
    assert (await desk.post_take()).json() == {}


async def test_a_queue_without_level_is_the_most_urgent(desk):
    task_id = await desk.put(level=0)

    assert (await desk.take(f"{QUEUE}:0"))["task_id"] == task_id


@pytest.mark.parametrize(
    ("fields", "parameter"),
    [
        ({"data": [1]}, "data"),
        ({"data": None}, "data"),
        ({"level": 10}, "level"),
        ({"level": -1}, "level"),
        ({"level": "1"}, "level"),
        ({"response_mode": "batch"}, "response_mode"),
        ({"response_mode": "later"}, "response_mode"),
        ({"endpoint": None}, "endpoint"),
        ({"queue": "a:1"}, "queue"),
        ({"queue": " ", "data": {}}, "queue"),
        ({"queue": None, "data": {"model": " "}}, "queue"),
        ({"timeout": 1.5}, "timeout"),
        ({"trace_id": "x" * 129}, "trace_id"),
        ({"callback_url": "ftp://example.com"}, "callback_url"),
        ({"callback_url": "http://"}, "callback_url"),
        ({"callback_url": "http://exa mple.com"}, "callback_url"),
        ({"callback_url": "http://[::1"}, "callback_url"),
        ({"callback_url": "http://example.com:99999"}, "callback_url"),
    ],
)
async def test_bad_puts_are_refused_and_name_the_field(desk, fields, parameter):
    answer = await desk.post_put(**fields)

    assert (answer.status, answer.json()["error"]["param"]) == (400, parameter)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{",
        b'{"endpoint":"/e","queue":"embed-a","data":{"a":NaN}}',
        b'{"endpoint":"/e","queue":"embed-a","queue":"embed-a","data":{}}',
        b'{"endpoint":"/e","queue":"embed-a","data":' + b'{"a":' * 101 + b"1" + b"}" * 102,
    ],
)
async def test_what_is_no_json_of_ours_is_refused(desk, body):
    answer = await desk.client.call("POST", "/v1/queue/put", body=body)

    assert (answer.status, answer.json()["error"]["type"]) == (400, "invalid_request_error")


async def test_data_is_kept_byte_for_byte(desk):
    data = '{"a" : 1, "a": 2, "big": 123456789012345678901234567890, "nul": "\\u0000", "e": 1e999}'
    body = f'{{"endpoint": "/e", "queue": "{QUEUE}", "level": 1, "data": {data}}}'

    put = await desk.client.call("POST", "/v1/queue/put", body=body.encode())
    taken = await desk.post_take()

    assert put.status == 200
    assert data.encode() in taken.body


async def test_an_unregistered_queue_is_not_found(desk):
    answer = await desk.post_put(queue="nobody")

    assert (answer.status, answer.json()["error"]["code"]) == (404, "queue_not_found")


async def test_a_full_queue_is_refused_with_the_error_body_of_both_families(desk, monkeypatch):
    monkeypatch.setattr("taskloom.dialects.queue.submission.ONLINE_DEPTH", 2)
    answers = [await desk.post_put(level=0) for _ in range(3)]

    assert ONLINE_DEPTH > 2
    assert [answer.status for answer in answers] == [200, 200, 429]
    said = answers[2].json()
    assert said.pop("timestamp") > 0
    assert said == {
        "code": 429,
        "message": "queue full",
        "error": {
            "message": "queue full",
            "type": "rate_limit_error",
            "param": None,
            "code": "queue_full",
        },
    }
    assert answers[2].headers["retry-after"] == "1"


async def test_a_full_queue_refuses_streams_as_well(desk, monkeypatch):
    monkeypatch.setattr("taskloom.dialects.queue.submission.ONLINE_DEPTH", 1)
    await desk.put(level=0)

    answer = await desk.post_put(level=0, response_mode="streaming")

    assert answer.status == 429


async def test_the_same_idempotency_key_makes_one_task(desk):
    first = await desk.post_put({"idempotency-key": "k"})
    again = await desk.post_put({"idempotency-key": "k"})
    other = await desk.post_put({"idempotency-key": "k"}, trace_id="other")

    assert first.json()["data"] == again.json()["data"]
    assert (other.status, other.json()["error"]["code"]) == (422, "idempotency_key_reused")
    assert len((await desk.post_take(size=5)).json()[f"{QUEUE}:1"]) == 1


async def test_the_backlog_counts_what_nobody_took(desk):
    for _ in range(3):
        await desk.put()
    await desk.take()

    answer = await desk.client.get(f"/v1/queue/{QUEUE}:1/backlog")

    assert (answer.status, answer.body) == (200, b"2")
    assert (await desk.client.get(f"/v1/queue/{QUEUE}/backlog")).status == 400
    assert (await desk.client.get("/v1/queue/nobody:1/backlog")).status == 404


async def test_no_key_gets_the_error_body_too(server):
    answer = await server.client(None).post("/v1/queue/put", {})

    assert (answer.status, answer.json()["error"]["type"]) == (401, "authentication_error")


async def test_an_unknown_path_under_v1_gets_the_error_body_too(desk):
    answer = await desk.client.get("/v1/nothing")

    assert (answer.status, answer.json()["code"], answer.json()["error"]["type"]) == (
        404,
        404,
        "not_found_error",
    )
