"""What a completion may hold, what a task then shows, and what workers tell on the way."""

import json

import pytest

from tests.dialects.queue.desk import QUEUE

UNKNOWN = "TASK-1-1-C-260921141320-0001-000042"


async def test_a_completed_task_shows_its_result_and_its_times(desk):
    task_id = await desk.put()
    await desk.take()
    desk.server.clock.advance(ms=1_500)
    await desk.complete(task_id)

    task = await desk.get(task_id)

    assert (task["status"], task["running_time"]) == ("succeeded", 1_500)
    assert task["completed_time"] - task["start_time"] == 1_500
    assert task["result"] == {"status_code": 200, "body": {"object": "list", "data": []}}


@pytest.mark.parametrize(
    ("envelope", "status"),
    [
        ({}, "succeeded"),
        ({"body": {}}, "succeeded"),
        ({"status_code": None}, "succeeded"),
        ({"status_code": 201}, "succeeded"),
        ({"status_code": "204"}, "succeeded"),
        ({"status_code": 302}, "failed"),
        ({"status_code": 429, "body": {}}, "failed"),
        ({"status_code": "500", "body": {"error": "no"}}, "failed"),
    ],
)
async def test_the_status_code_says_how_the_work_ended(desk, envelope, status):
    task_id = await desk.put()
    await desk.take()

    answer = await desk.complete(task_id, envelope)

    task = await desk.get(task_id)
    assert (answer.status, task["status"], task["result"]) == (200, status, envelope)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "bad_json"),
        (b"[1]", "bad_json"),
        (b'"done"', "bad_json"),
        (b'{"a":NaN}', "bad_json"),
        (b'{"a":' * 101 + b"1" + b"}" * 101, "bad_json"),
        (b'{"data":[1]', "bad_json"),
        (b'{"request_id":"TASK-1-1-C-260921141320-0001-000042"}', "request_id_mismatch"),
        (b'{"request_id":7}', "request_id_mismatch"),
        (b'{"data":{"request_id":"x"}}', "request_id_mismatch"),
        (b'{"lease_id":7}', "invalid"),
        (b'{"worker":{"id":"a\\u0000"}}', "invalid"),
        (b'{"worker":{"id":"' + b"x" * 257 + b'"}}', "invalid"),
        (b'{"status_code":99}', "invalid"),
        (b'{"status_code":600}', "invalid"),
        (b'{"status_code":true}', "invalid"),
        (b'{"status_code":{}}', "invalid"),
        (b'{"status_code":1e999}', "invalid"),
    ],
)
async def test_bad_completions_are_refused_and_leave_the_task_alone(desk, body, code):
    task_id = await desk.put()
    await desk.take()

    answer = await desk.client.call("POST", f"/v1/queue/{task_id}/complete", body=body)

    assert (answer.status, answer.json()["error"]["code"]) == (400, code)
    assert (await desk.get(task_id))["status"] == "queued"


@pytest.mark.parametrize("lease_id", ["", "x", "-1", "1" * 30, "\u0667"])
async def test_what_is_no_lease_never_fits(desk, lease_id):
    task_id = await desk.put()
    await desk.take()

    assert (await desk.complete(task_id, lease_id=lease_id)).status == 409


async def test_results_are_opaque(desk):
    task_id = await desk.put()
    await desk.take()
    body = (
        b'{ "status_code": 200, "body": {"n": 123456789012345678901234567890, "z": "\\u0000", "e": 1e999} }'
    )

    await desk.client.call("POST", f"/v1/queue/{task_id}/complete", body=body)

    answer = await desk.client.get(f"/v1/queue/{task_id}")
    assert body in answer.body


@pytest.mark.parametrize("operation", ["complete", "progress", "heartbeat", "cancel"])
@pytest.mark.parametrize("task_id", [UNKNOWN, "nonsense", "TASK-1-1-C-269921141320-0001-000042"])
async def test_unknown_tasks_are_not_found(desk, operation, task_id):
    answer = await desk.client.post(f"/v1/queue/{task_id}/{operation}", {"event_data": 1})

    assert (answer.status, answer.json()["error"]["code"]) == (404, "not_found")


async def test_get_finds_no_unknown_and_no_foreign_task(desk):
    stranger = await desk.other("stranger", tenant="elsewhere")
    task_id = await desk.put()

    answers = [
        await desk.client.get(f"/v1/queue/{UNKNOWN}"),
        await stranger.client.get(f"/v1/queue/{task_id}"),
        await stranger.client.get(f"/v1/queue/{task_id}/stream"),
        await stranger.cancel(task_id),
        await stranger.heartbeat(task_id),
    ]

    assert [answer.status for answer in answers] == [404] * 5


async def test_a_task_is_found_whatever_the_id_says_beside_the_key(desk):
    task_id = await desk.put()
    parts = task_id.split("-")
    other = "-".join(["TASK", "99", "7", "S", *parts[4:]])

    assert (await desk.get(other))["task_id"] == task_id


async def test_cancel_is_answered_with_202_also_for_what_has_ended(desk):
    task_id = await desk.put()

    first, again = await desk.cancel(task_id), await desk.cancel(task_id)

    assert [(answer.status, answer.json()) for answer in (first, again)] == [(202, task_id)] * 2
    assert (await desk.get(task_id))["status"] == "cancelled"


async def test_cancelling_a_completed_task_leaves_it_completed(desk):
    task_id = await desk.put()
    await desk.take()
    await desk.complete(task_id)

    assert (await desk.cancel(task_id)).status == 202
    assert (await desk.get(task_id))["status"] == "succeeded"


async def test_a_heartbeat_lets_the_lease_end_later(desk):
    task_id = await desk.put()
    taken = await desk.take(process_timeout=60)
    desk.server.clock.advance(seconds=50)

    answer = await desk.heartbeat(task_id, lease_id=taken["lease_id"], extend_seconds=60)
    await desk.lose_lease(50)

    assert (answer.status, answer.json()) == (200, {"cancelled": False})
    assert (await desk.post_take()).json() == {}
    await desk.lose_lease(10)
    assert (await desk.take())["attempt"] == 2


async def test_heartbeat_and_progress_carry_the_cancellation_to_the_worker(desk):
    task_id = await desk.put()
    await desk.take()
    await desk.cancel(task_id)

    answers = [await desk.heartbeat(task_id), await desk.progress(task_id, 0, "x")]

    assert [(answer.status, answer.json()) for answer in answers] == [(200, {"cancelled": True})] * 2


@pytest.mark.parametrize("operation", ["heartbeat", "progress"])
async def test_only_the_holder_tells_of_progress(desk, operation):
    untaken, finished, held = [await desk.put() for _ in range(3)]

    async def tell(task_id, **more):
        answer = await desk.client.post(f"/v1/queue/{task_id}/{operation}", more)
        return answer.status, answer.json().get("error", {}).get("code")

    refused = [await tell(untaken)]
    await desk.post_take(size=3)
    await desk.complete(finished)
    refused += [await tell(finished), await tell(held, lease_id="1")]

    assert refused == [(409, "not_taken"), (409, "already_finished"), (409, "stale_lease")]
    assert await tell(held) == (200, None)


@pytest.mark.parametrize(
    "body",
    [
        b'{"event_data":"\\ud800"}',
        b'{"event_data":{"a":NaN}}',
        b'{"event_name":"a\\nb","event_data":1}',
        b'{"event_name":"' + b"x" * 65 + b'"}',
        b'{"event_id":1.5}',
        b'{"lease_id":7}',
        b"[]",
    ],
)
async def test_bad_progress_is_refused(desk, body):
    task_id = await desk.put()
    await desk.take()

    answer = await desk.client.call("POST", f"/v1/queue/{task_id}/progress", body=body)

    assert answer.status == 400


async def test_a_callback_brings_the_workers_object_with_the_tasks_id(desk):
    task_id = await desk.put(callback_url="http://example.com/done")
    await desk.take()
    sent = b'{"status_code": 200, "body": {"a" : 1.50}}'
    await desk.client.call("POST", f"/v1/queue/{task_id}/complete", body=sent)

    (call,) = await desk.server.inbox.next()

    assert call.url == "http://example.com/done"
    assert call.headers["x-bella-task-id"] == task_id
    assert call.headers["content-type"] == "application/json; charset=utf-8"
    assert call.body == b'{"status_code":200,"body":{"a" : 1.50},"request_id":"' + task_id.encode() + b'"}'


async def test_a_callback_is_the_very_object_where_it_names_the_task(desk):
    task_id = await desk.put(callback_url="http://example.com/done")
    await desk.take()
    sent = b'{ "request_id" : "%s",  "body": {} }' % task_id.encode()
    await desk.client.call("POST", f"/v1/queue/{task_id}/complete", body=sent)

    (call,) = await desk.server.inbox.next()

    assert call.body == sent


@pytest.mark.parametrize(("how", "status"), [("cancelled", 499), ("expired", 408), ("lease lost", 408)])
async def test_a_callback_tells_of_every_end(desk, how, status):
    task_id = await desk.put(callback_url="http://example.com/done", timeout=5_000)
    if how == "cancelled":
        await desk.cancel(task_id)
    elif how == "expired":
        await desk.lose_lease(5_000)
    else:
        await desk.take(process_max_retries=0, process_timeout=10)
        await desk.lose_lease(10)

    (call,) = await desk.server.inbox.next()

    said = json.loads(call.body)
    assert (said["status_code"], said["request_id"]) == (status, task_id)
    assert said["body"]["error"]["message"]


async def test_without_an_address_nobody_is_called(desk):
    silent = await desk.put(callback_url=" ")
    called = await desk.put(callback_url="http://example.com/done")
    await desk.post_take(size=2)
    await desk.complete(silent)
    await desk.complete(called)

    (call,) = await desk.server.inbox.next()

    assert json.loads(call.body)["request_id"] == called
    assert (await desk.get(silent))["callback_url"] == ""
    assert (await desk.get(called))["queue"] == QUEUE
