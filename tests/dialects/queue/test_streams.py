"""Streams, byte for byte: frames, their end, replays, and what happens when somebody goes away."""

import asyncio
import json

import pytest

from taskloom.core.commands import Complete, Report
from taskloom.dialects.queue import spelling
from tests.dialects.queue.desk import QUEUE, STORES, chunk, compact

pytestmark = pytest.mark.parametrize("server", STORES, indirect=True)

CHAT = "/v1/chat/completions"
DONE = b"event:message\ndata:[DONE]\n\n"


def frame(number, data):
    return b"id:%d\nevent:message\ndata:%s\n\n" % (number, data)


def fault(read):
    """The error that the last frame of a stream carries."""
    last = read.rstrip(b"\n").rpartition(b"\n\n")[2]
    return json.loads(last.removeprefix(b"data:"))["error"]


async def test_frames_are_the_workers_events_byte_for_byte(desk):
    async with desk.streaming() as pieces:
        taken = await desk.taken()
        task_id = taken["task_id"]
        signals = [
            await desk.progress(task_id, 0, chunk("Hi")),
            await desk.progress(task_id, 1, "[DONE]"),
        ]
        await desk.complete(task_id, {"status_code": 200, "stream": True})
        read = await pieces.rest()

    assert read == frame(0, compact(chunk("Hi"))) + frame(1, b"[DONE]")
    assert [(signal.status, signal.json()) for signal in signals] == [(200, {"cancelled": False})] * 2
    assert (taken["response_mode"], task_id.split("-")[3]) == ("streaming", "S")


async def test_a_frame_arrives_while_the_worker_still_works(desk):
    async with desk.streaming() as pieces:
        task_id = (await desk.taken())["task_id"]
        for number in range(3):
            await desk.progress(task_id, number, "word")

            assert await pieces.next() == frame(number, b"word")


async def test_an_end_that_comes_with_the_last_frame_is_noticed_without_a_slow_poll(desk):
    engine = desk.server.engine
    for duty in engine._duties:
        duty.cancel()
    async with desk.streaming() as pieces:
        task_id = (await desk.taken())["task_id"]
        await desk.progress(task_id, 0, "one")
        first = await pieces.next()
        key = spelling.read(task_id)
        token = (await engine.store.task(key)).token
        last = Report(key=key, tenant=None, mark=1, result=b'{"data":"two"}', token=token)
        await engine.submit_many([last, Complete(key=key, tenant=None, result=b"{}", token=token)])
        read = await pieces.rest()

    assert first + read == frame(0, b"one") + frame(1, b"two") + b"id:2\n" + DONE


async def test_the_end_mark_is_added_to_chat_completions_only(desk):
    read = []
    for endpoint in (CHAT, "/v1/completions"):
        async with desk.streaming(endpoint=endpoint) as pieces:
            task_id = (await desk.taken())["task_id"]
            await desk.progress(task_id, 0, 1)
            await desk.complete(task_id)
            read.append(await pieces.rest())

    assert read == [frame(0, b"1") + b"id:1\n" + DONE, frame(0, b"1")]


async def test_a_chat_completion_that_came_whole_is_sent_as_one_chunk(desk):
    whole = {
        "id": "cmpl-1",
        "object": "chat.completion",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}],
    }
    async with desk.streaming() as pieces:
        task_id = (await desk.taken())["task_id"]
        await desk.complete(task_id, {"status_code": 200, "body": whole})
        read = await pieces.rest()

    data = json.loads(read.split(b"\n")[2].removeprefix(b"data:"))
    assert data["object"] == "chat.completion.chunk"
    assert data["choices"] == [
        {"index": 0, "finish_reason": "stop", "delta": {"role": "assistant", "content": "Hi"}}
    ]
    assert read.endswith(b"\n\nid:1\n" + DONE)


@pytest.mark.parametrize("body", [{}, {"choices": 7}, {"choices": [1]}, {"choices": [{}]}, {"error": "x"}])
async def test_what_is_no_chat_completion_ends_the_stream_as_it_is(desk, body):
    async with desk.streaming() as pieces:
        task_id = (await desk.taken())["task_id"]
        await desk.complete(task_id, {"status_code": 200, "body": body})

        assert await pieces.rest() == b"id:0\n" + DONE


@pytest.mark.parametrize(
    ("envelope", "message"),
    [
        ({"status_code": 500, "error": "out of memory"}, "out of memory"),
        ({"status_code": 500, "body": {"error": "no model"}}, "no model"),
        ({"status_code": 429, "body": {"error": {"message": "slow down", "type": "x"}}}, "slow down"),
        ({"status_code": 500}, "the worker answered with status 500"),
    ],
)
async def test_a_failure_ends_the_stream_with_an_error_and_no_end_mark(desk, envelope, message):
    async with desk.streaming() as pieces:
        task_id = (await desk.taken())["task_id"]
        await desk.progress(task_id, 0, "word")
        await desk.complete(task_id, envelope)
        read = await pieces.rest()

    assert read.startswith(frame(0, b"word"))
    assert fault(read)["message"] == message
    assert set(fault(read)) == {"message", "type", "param", "code"}


async def test_a_stream_whose_time_is_over_ends_with_an_error_and_the_task_is_over(desk):
    async with desk.streaming(timeout=30) as pieces:
        task_id = (await desk.taken())["task_id"]
        await desk.lose_lease(30)
        read = await pieces.rest()

    assert fault(read)["code"] == "timeout"
    assert (await desk.heartbeat(task_id)).json() == {"cancelled": True}


async def test_a_caller_who_leaves_the_stream_cancels_the_task(desk):
    async with desk.streaming() as pieces:
        task_id = (await desk.taken())["task_id"]
        await desk.progress(task_id, 0, "word")
        await pieces.next()
    await desk.told_to_stop(task_id)

    assert (await desk.get(task_id))["status"] == "cancelled"


async def test_a_caller_who_leaves_before_the_first_look_at_the_stream_cancels_the_task(desk, monkeypatch):
    store, looked = desk.server.engine.store, asyncio.Event()
    look = store.task

    async def never(key):
        monkeypatch.setattr(store, "task", look)
        looked.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(store, "task", never)
    async with desk.streaming():
        await asyncio.wait_for(looked.wait(), 30)
        task_id = (await desk.taken())["task_id"]
    await desk.told_to_stop(task_id)

    assert (await desk.get(task_id))["status"] == "cancelled"


async def test_a_caller_who_leaves_after_the_end_mark_lets_the_worker_finish(desk):
    async with desk.streaming() as pieces:
        task_id = (await desk.taken())["task_id"]
        await desk.progress(task_id, 0, "[DONE]")
        await pieces.next()

    answer = await desk.complete(task_id)

    assert (answer.status, (await desk.get(task_id))["status"]) == (200, "succeeded")


async def test_a_silent_stream_is_kept_alive_by_comments(desk, monkeypatch):
    monkeypatch.setattr("taskloom.dialects.queue.streaming.STREAM_PING_MS", 10)
    async with desk.streaming() as pieces:
        assert await pieces.next() == b": ping\n\n"


async def test_an_event_told_twice_is_one_frame(desk):
    async with desk.streaming() as pieces:
        task_id = (await desk.taken())["task_id"]
        answers = [await desk.progress(task_id, number, f"w{number}") for number in (0, 1, 1, 0, 5)]
        await desk.complete(task_id, {"status_code": 500})
        read = await pieces.rest()

    assert {answer.status for answer in answers} == {200}
    assert read.startswith(frame(0, b"w0") + frame(1, b"w1") + frame(2, b"w5") + b"data:")


async def test_events_without_a_number_are_frames_in_order(desk):
    async with desk.streaming() as pieces:
        task_id = (await desk.taken())["task_id"]
        for word in ("a", "b"):
            await desk.client.post(f"/v1/queue/{task_id}/progress", {"event_data": word})
        await desk.complete(task_id, {"status_code": 500})
        read = await pieces.rest()

    assert read.startswith(frame(0, b"a") + frame(1, b"b") + b"data:")


async def streamed(desk):
    """A finished stream of three frames; the id of its task."""
    async with desk.streaming() as pieces:
        task_id = (await desk.taken())["task_id"]
        for number in range(3):
            await desk.progress(task_id, number, f"w{number}")
        await desk.complete(task_id)
        await pieces.rest()
    return task_id


@pytest.mark.parametrize("last", [None, 0, 1, 2, 3, 99])
async def test_a_stream_is_replayed_from_the_frame_after_the_last_one_seen(desk, last):
    task_id = await streamed(desk)
    frames = [frame(number, b"w%d" % number) for number in range(3)] + [b"id:3\n" + DONE]
    headers = {} if last is None else {"last-event-id": str(last)}

    answer = await desk.client.get(f"/v1/queue/{task_id}/stream", headers=headers)

    assert (answer.status, answer.headers["content-type"]) == (200, "text/event-stream")
    assert answer.headers["x-bella-task-id"] == task_id
    assert answer.body == b"".join(frames[0 if last is None else last + 1 :])


@pytest.mark.parametrize("last", ["x", "-1", "1" * 19])
async def test_what_is_no_number_of_a_frame_is_refused(desk, last):
    task_id = await desk.put()

    answer = await desk.client.get(f"/v1/queue/{task_id}/stream", headers={"last-event-id": last})

    assert answer.status == 400


async def test_who_reads_along_and_leaves_cancels_nothing(desk):
    async with desk.streaming() as pieces:
        task_id = (await desk.taken())["task_id"]
        await desk.progress(task_id, 0, "a")
        async with desk.client.stream("GET", f"/v1/queue/{task_id}/stream") as along:
            assert await asyncio.wait_for(along.get(), 30) == frame(0, b"a")
        await desk.progress(task_id, 1, "b")
        await desk.complete(task_id, {"status_code": 500})

        assert (await pieces.rest()).startswith(frame(0, b"a") + frame(1, b"b"))


async def test_a_stream_that_began_is_not_begun_anew_by_another_attempt(desk):
    async with desk.streaming(timeout=600) as pieces:
        task_id = (await desk.taken(process_timeout=10))["task_id"]
        await desk.progress(task_id, 0, "half")
        await desk.lose_lease(10)
        await desk.take()
        signal = await desk.progress(task_id, 0, "again")
        read = await pieces.rest()

    assert signal.json() == {"cancelled": True}
    assert read.startswith(frame(0, b"half") + b"data:")
    assert fault(read)["code"] == "stream_broken"
    assert (await desk.get(task_id))["status"] == "failed"


async def test_a_stream_has_an_end_however_much_is_told(desk, monkeypatch):
    monkeypatch.setattr("taskloom.flows.stream.STREAM_FRAMES", 2)
    async with desk.streaming():
        task_id = (await desk.taken())["task_id"]
        answers = [await desk.progress(task_id, number, "w") for number in range(3)]

    assert [answer.status for answer in answers] == [200, 200, 400]
    assert answers[2].json()["error"]["code"] == "stream_full"


async def test_chat_completions_stream_what_a_worker_tells(desk):
    await desk.register(queue="m", endpoint=CHAT)
    async with desk.streaming(CHAT, model="m", stream=True) as pieces:
        taken = await desk.taken("m:0")
        await desk.progress(taken["task_id"], 0, chunk("Hi"))
        await desk.complete(taken["task_id"])
        read = await pieces.rest()

    assert taken["data"] == {"model": "m", "stream": True}
    assert read == frame(0, compact(chunk("Hi"))) + b"id:1\n" + DONE


async def test_progress_of_a_task_nobody_streams_is_accepted(desk):
    task_id = await desk.put(queue=QUEUE)
    await desk.take()

    answer = await desk.progress(task_id, 0, "word")

    assert (answer.status, answer.json()) == (200, {"cancelled": False})
