"""Usage: what workers report is counted once for each task, for the key that submitted it."""

import pytest

from taskloom.core.usage import Usage
from taskloom.dialects.queue import usage
from tests.dialects.queue.desk import STORES, chunk

CHAT = {
    "model": "m-1",
    "usage": {
        "prompt_tokens": 30,
        "completion_tokens": 12,
        "total_tokens": 42,
        "prompt_tokens_details": {"cached_tokens": 8},
        "completion_tokens_details": {"reasoning_tokens": 5},
    },
}
RESPONSE = {
    "model": "m-2",
    "usage": {
        "input_tokens": 3,
        "input_tokens_details": {"cached_tokens": 1},
        "output_tokens": 4,
        "output_tokens_details": {"reasoning_tokens": 2},
        "total_tokens": 7,
    },
}


def envelope(body):
    return {"status_code": 200, "body": body}


async def table(desk, asked="group_by=key,model,queue"):
    answer = await desk.client.get(f"/api/v1/usage?{asked}")
    assert answer.status == 200, answer.body
    return answer.json()["items"]


each_store = pytest.mark.parametrize("server", STORES, indirect=True)


@each_store
async def test_tokens_count_for_the_key_that_submitted_the_task(desk):
    submitter, worker = await desk.other("submitter"), await desk.other("worker")
    task_id = await submitter.put()
    await worker.take()
    desk.server.clock.advance(seconds=3)

    await worker.complete(task_id, envelope(CHAT))

    assert await table(desk) == [
        {
            "key": "submitter",
            "model": "m-1",
            "queue": "embed-a",
            "tasks": 1,
            "run_ms": 3_000,
            "input_tokens": 30,
            "output_tokens": 12,
            "cached_tokens": 8,
            "reasoning_tokens": 5,
            "total_tokens": 42,
        }
    ]


@each_store
async def test_repeats_and_late_completions_do_not_count_again(desk):
    task_id = await desk.put()
    old = await desk.take()
    await desk.lose_lease()
    await desk.take()
    await desk.complete(task_id, envelope(CHAT), lease_id=old["lease_id"])
    for _ in range(3):
        await desk.complete(task_id, envelope(CHAT))
    await desk.complete(task_id, envelope(RESPONSE))

    (row,) = await table(desk)

    assert (row["tasks"], row["total_tokens"]) == (1, 42)


@each_store
async def test_a_replayed_task_counts_once(desk):
    task_id = await desk.put()
    await desk.take()
    await desk.complete(task_id, {"status_code": 500, "body": CHAT})
    (letter,) = (await desk.client.get("/api/v1/dead-letters")).json()["items"]
    await desk.client.post(f"/api/v1/dead-letters/{letter['key']}/replay")
    await desk.take()

    await desk.complete(task_id, envelope(CHAT))

    (row,) = await table(desk)
    assert (row["tasks"], row["total_tokens"]) == (1, 42)


@each_store
async def test_a_stream_counts_what_its_last_chunk_says(desk):
    async with desk.streaming() as pieces:
        taken = await desk.taken()
        task_id = taken["task_id"]
        await desk.progress(task_id, 0, chunk("x"))
        await desk.progress(task_id, 1, {**chunk(""), "choices": [], **CHAT})
        await desk.progress(task_id, 2, "[DONE]")
        await desk.complete(task_id, {"status_code": 200, "stream": True})
        await pieces.rest()

    (row,) = await table(desk)
    assert (row["model"], row["total_tokens"]) == ("m-1", 42)


@each_store
async def test_days_keys_and_models_are_told_apart_and_summed_up(desk):
    other = await desk.other("other")
    for who, body in ((desk, CHAT), (desk, RESPONSE), (other, CHAT)):
        task_id = await who.put()
        await desk.take()
        await desk.complete(task_id, envelope(body))
    desk.server.clock.advance(seconds=86_400)
    task_id = await desk.put()
    await desk.take()
    await desk.complete(task_id, envelope(CHAT))

    by_day = [(row["day"], row["total_tokens"]) for row in await table(desk, "group_by=day")]
    by_key = [(row["key"], row["tasks"]) for row in await table(desk, "group_by=key")]
    narrowed = await table(desk, "group_by=model&key=other")

    assert [tokens for _, tokens in by_day] == [91, 42]
    assert by_day[0][0] < by_day[1][0]
    assert by_key == [("desk", 3), ("other", 1)]
    assert [(row["model"], row["tasks"]) for row in narrowed] == [("m-1", 1)]


@each_store
async def test_another_tenants_usage_is_not_shown(desk):
    stranger = await desk.other("stranger", tenant="elsewhere")
    task_id = await desk.put()
    await desk.take()
    await desk.complete(task_id, envelope(CHAT))

    assert await table(stranger) == []
    assert (await stranger.client.get("/api/v1/usage?tenant=default")).status == 404


@each_store
async def test_a_completion_without_usage_counts_as_a_task(desk):
    task_id = await desk.put()
    await desk.take()
    await desk.complete(task_id, {"status_code": 200, "body": {"no": "usage"}})

    (row,) = await table(desk)
    assert (row["tasks"], row.get("total_tokens", 0), row["model"]) == (1, 0, "")


@pytest.mark.parametrize(
    "asked", ["since=yesterday", "since=2026-02-01&until=2026-01-01", "group_by=worker", "limit=0", "x=1"]
)
async def test_what_makes_no_sense_is_refused(desk, asked):
    assert (await desk.client.get(f"/api/v1/usage?{asked}")).status == 400


@pytest.mark.parametrize(
    "body",
    [
        b'{"usage": 5}',
        b'{"usage": {"prompt_tokens": "many"}}',
        b'{"usage": {"prompt_tokens": null}}',
        b'{"usage": {"prompt_tokens": -4}}',
        b'{"usage": []}',
        b'"usage"',
        b'{"model": 5}',
    ],
)
def test_what_is_no_usage_counts_as_nothing(body):
    assert usage.of_result(b'{"status_code": 200, "body": ' + body + b"}").total_tokens == 0


def test_more_tokens_than_there_can_be_are_cut():
    found = usage.of_result(b'{"body": {"usage": {"prompt_tokens": 9000000000000000000, "total_tokens": 1}}}')

    assert found.input_tokens == 10**12


@pytest.mark.parametrize("written", [b'{"data":"data: %s"}', b'{"data":%s}'])
def test_the_end_of_a_streamed_response_tells_its_usage(written):
    inner = (
        b'{"type":"response.completed","response":{"model":"m","usage":{"input_tokens":1,"output_tokens":2}}}'
    )
    text = inner.replace(b'"', b'\\"') if b'"data: ' in written else inner

    assert usage.of_frame(written % text) == Usage("m", 1, 2, 0, 0, 3)
