"""The Responses API through the official `openai` client, unmodified, against a real server."""

import asyncio

import openai
import pytest

from tests.clients.worker import Worker
from tests.server.fixtures import Process

QUEUE = "chat"
MODEL = "org/model-4.1"
ORDER = [
    "response.created",
    "response.in_progress",
    "response.output_item.added",
    "response.content_part.added",
    "response.output_text.delta",
    "response.output_text.done",
    "response.content_part.done",
    "response.output_item.done",
    "response.completed",
]
"""The least that a stream of one message tells."""


def message(text, item_id="msg_1"):
    part = {"type": "output_text", "text": text, "annotations": []}
    return {
        "type": "message",
        "id": item_id,
        "role": "assistant",
        "status": "completed",
        "content": [part],
    }


def response(text, **more):
    """What a worker that knows this API answers."""
    return {
        "id": "resp_of_the_worker",
        "object": "response",
        "created_at": 1790000000,
        "model": MODEL,
        "status": "completed",
        "output": [message(text)],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "usage": {
            "input_tokens": 3,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": 1,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": 4,
        },
        **more,
    }


def delta(text, **more):
    return {
        "type": "response.output_text.delta",
        "delta": text,
        "item_id": "msg_1",
        "output_index": 0,
        "content_index": 0,
        **more,
    }


@pytest.fixture(scope="module")
def process(tmp_path_factory):
    """One server for all; no test leaves an open task behind."""
    running = Process(tmp_path_factory.mktemp("responses") / "process").start()
    yield running
    running.kill()


@pytest.fixture
def client(process):
    with openai.OpenAI(base_url=f"{process.url}/v1", api_key=process.key, timeout=30) as client:
        registration = {"queue": QUEUE, "endpoint": "/v1/responses", "models": [MODEL]}
        assert client.post("/queue/register", cast_to=object, body=registration) == QUEUE
        yield client


@pytest.fixture
def worker(process, client):
    with openai.OpenAI(base_url=f"{process.url}/v1", api_key=process.key, timeout=30) as own:
        yield Worker(own, QUEUE)


def kinds(events):
    return [event.type for event in events]


def numbers(events):
    return [event.sequence_number for event in events]


def test_a_response_is_the_workers_with_our_id(client, worker, doing):
    work = doing.submit(worker.answer, 200, response("Hi"))

    answer = client.responses.create(model=MODEL, input="Say hi", metadata={"run": "1"})

    assert work.result()["data"]["input"] == "Say hi"
    assert (answer.output_text, answer.status, answer.usage.total_tokens) == ("Hi", "completed", 4)
    assert answer.id.startswith("resp_")
    assert answer.id != "resp_of_the_worker"
    assert answer.metadata == {"run": "1"}
    again = client.responses.retrieve(answer.id)
    assert again.to_dict() == answer.to_dict()


@pytest.mark.parametrize(
    "body",
    [
        "Hi",
        {"output_text": "Hi"},
        {"output": [{"content": [{"text": "Hi"}]}], "tools": None},
        {"object": "chat.completion", "choices": [{"message": {"role": "assistant", "content": "Hi"}}]},
    ],
)
def test_whatever_form_the_answer_has_the_response_is_whole(client, worker, doing, body):
    work = doing.submit(worker.answer, 200, body)

    answer = client.responses.create(model=MODEL, input="Say hi")

    work.result()
    assert (answer.output_text, answer.status, answer.model) == ("Hi", "completed", MODEL)
    assert (answer.parallel_tool_calls, answer.tool_choice, answer.tools) == (True, "auto", [])


async def test_the_asynchronous_client_streams_as_well(process, client, worker, doing):
    work = doing.submit(worker.stream, "H", "i")

    async with (
        openai.AsyncOpenAI(base_url=f"{process.url}/v1", api_key=process.key, timeout=30) as caller,
        caller.responses.stream(model=MODEL, input="Say hi") as stream,
    ):
        final = await stream.get_final_response()

    await asyncio.wrap_future(work)
    assert final.output_text == "Hi"


@pytest.mark.parametrize(
    ("told", "body"),
    [
        ((), response("Hi")),
        ((), "Hi"),
        (("Hi",), None),
        (("Hi",), response("Hi")),
        ((delta("Hi"),), response("Hi")),
        (("data: " + '{"type": "response.output_text.delta", "delta": "Hi"}',), None),
        (({"choices": [{"index": 0, "delta": {"content": "Hi"}}]}, "[DONE]"), None),
        (
            (
                {"type": "response.created", "sequence_number": 7, "response": {"id": "x"}},
                delta("Hi", sequence_number=99),
                {"type": "response.completed", "response": response("Hi")},
            ),
            None,
        ),
        (
            (
                {"type": "response.output_item.added", "output_index": 0, "item": message("")},
                delta("Hi"),
                {"type": "response.output_item.done", "output_index": 0, "item": message("Hi")},
            ),
            response("Hi"),
        ),
    ],
)
def test_whatever_a_worker_tells_the_helper_gets_its_order(client, worker, doing, told, body):
    work = doing.submit(worker.stream, *told, body=body)

    with client.responses.stream(model=MODEL, input="Say hi") as stream:
        events = list(stream)
        final = stream.get_final_response()

    work.result()
    assert kinds(events) == ORDER
    assert numbers(events) == list(range(len(ORDER)))
    assert final.output_text == "Hi"
    assert final.to_dict()["id"] == events[0].response.id
    later = client.responses.retrieve(final.id)
    assert [item.id for item in later.output] == [item.id for item in final.output] == [events[2].item.id]
    assert later.output_text == "Hi"


def test_a_stream_of_calls_and_messages_is_told_whole(client, worker, doing):
    call = {"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "f", "arguments": '{"a":1}'}
    thought = {"type": "reasoning", "id": "rs_1", "summary": []}
    refusal = {"type": "message", "id": "m", "content": [{"type": "refusal", "refusal": "No."}]}
    whole = response("", output=[thought, call, refusal])
    work = doing.submit(worker.answer, 200, whole)

    with client.responses.stream(model=MODEL, input="Say hi") as stream:
        told = kinds(stream)
        final = stream.get_final_response()

    work.result()
    assert [item.type for item in final.output] == ["reasoning", "function_call", "message"]
    assert final.output[1].arguments == '{"a":1}'
    assert told == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.output_item.done",
        "response.output_item.added",
        "response.function_call_arguments.delta",
        "response.function_call_arguments.done",
        "response.output_item.done",
        "response.output_item.added",
        "response.content_part.added",
        "response.refusal.delta",
        "response.refusal.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]


def test_a_raw_stream_has_no_end_mark_and_names_its_events(client, worker, doing):
    work = doing.submit(worker.stream, "Hi")

    with client.responses.with_streaming_response.create(model=MODEL, input="Say hi", stream=True) as answer:
        lines = list(answer.iter_lines())

    work.result()
    assert [line.removeprefix("event:") for line in lines if line.startswith("event:")] == ORDER
    assert "data:[DONE]" not in lines
    assert answer.headers["content-type"] == "text/event-stream"
    assert answer.headers["x-request-id"]


def test_a_failed_stream_ends_with_an_event_that_says_so(client, worker, doing):
    work = doing.submit(worker.stream, "H", status=429, body={"error": {"message": "slow down"}})

    with client.responses.create(model=MODEL, input="Say hi", stream=True) as stream:
        events = list(stream)

    work.result()
    assert events[-1].type == "response.failed"
    assert events[-1].response.error.code == "rate_limit_exceeded"
    assert events[-1].response.error.message == "slow down"
    failed = client.responses.retrieve(events[0].response.id)
    assert (failed.status, failed.error.message) == ("failed", "slow down")


def test_an_incomplete_response_says_why(client, worker, doing):
    cut = response("H", status="incomplete", incomplete_details={"reason": "max_output_tokens"})
    work = doing.submit(worker.answer, 200, cut)

    with client.responses.create(model=MODEL, input="Say hi", stream=True) as stream:
        last = list(stream)[-1]

    work.result()
    assert (last.type, last.response.status) == ("response.incomplete", "incomplete")
    assert last.response.incomplete_details.reason == "max_output_tokens"


def test_a_failure_is_an_error_to_who_waits(client, worker, doing):
    work = doing.submit(worker.answer, 422, {"error": {"message": "no such tool"}})

    with pytest.raises(openai.UnprocessableEntityError, match="no such tool"):
        client.responses.create(model=MODEL, input="Say hi")

    work.result()


def test_a_response_in_the_background_is_asked_for_later(client, worker):
    begun = client.responses.create(model=MODEL, input="Say hi", background=True)
    assert (begun.status, begun.background, begun.output) == ("queued", True, [])

    task = worker.take()
    assert client.responses.retrieve(begun.id).status == "in_progress"
    worker.complete(task, 200, response("Hi"))

    done = client.responses.retrieve(begun.id)
    assert (done.id, done.status, done.output_text) == (begun.id, "completed", "Hi")
    assert done.created_at == begun.created_at
    (item,) = client.responses.input_items.list(begun.id)
    assert (item.role, item.content[0].text) == ("user", "Say hi")


def test_a_response_in_the_background_is_cancelled(client, worker):
    begun = client.responses.create(model=MODEL, input="Say hi", background=True)
    task = worker.take()

    cancelled = client.responses.cancel(begun.id)

    assert (cancelled.id, cancelled.status) == (begun.id, "cancelled")
    assert worker.tell(task, 0, "H") == {"cancelled": True}
    assert client.responses.cancel(begun.id).status == "cancelled"
    with client.responses.retrieve(begun.id, stream=True) as stream:
        assert list(stream)[-1].response.status == "cancelled"


def test_a_stream_is_taken_up_where_it_broke_off_also_after_the_server_was_killed(tmp_path):
    process = Process(tmp_path / "process").start()
    port = int(process.url.rsplit(":", 1)[1])
    try:
        with openai.OpenAI(base_url=f"{process.url}/v1", api_key=process.key, timeout=30) as client:
            registration = {"queue": QUEUE, "endpoint": "/v1/responses", "models": [MODEL]}
            client.post("/queue/register", cast_to=object, body=registration)
            worker = Worker(client, QUEUE)
            seen = []
            with client.responses.create(model=MODEL, input="Say hi", background=True, stream=True) as stream:
                task = worker.take()
                worker.tell(task, 0, "H")
                for event in stream:
                    seen.append(event)
                    if event.type == "response.output_text.delta":
                        break
            process.kill()
            process.start(port)
            worker.tell(task, 1, "i")
            worker.complete(task, 200, None)

            with client.responses.retrieve(
                seen[0].response.id, stream=True, starting_after=seen[-1].sequence_number
            ) as stream:
                seen += stream
            with client.responses.stream(response_id=seen[0].response.id) as stream:
                final = stream.get_final_response()
    finally:
        process.kill()

    expected = [ORDER[0], "response.queued", *ORDER[1:5], ORDER[4], *ORDER[5:]]
    assert kinds(seen) == expected
    assert numbers(seen) == list(range(len(expected)))
    assert final.output_text == seen[-1].response.output_text == "Hi"


def test_a_deleted_response_is_gone_and_its_worker_is_told(client, worker):
    begun = client.responses.create(model=MODEL, input="Say hi", background=True)
    task = worker.take()

    client.responses.delete(begun.id)

    assert worker.tell(task, 0, "H") == {"cancelled": True}
    for call in (client.responses.retrieve, client.responses.cancel, client.responses.delete):
        with pytest.raises(openai.NotFoundError):
            call(begun.id)


def test_a_response_that_is_not_stored_is_not_found_again(client, worker, doing):
    work = doing.submit(worker.answer, 200, response("Hi"))

    answer = client.responses.create(model=MODEL, input="Say hi", store=False)

    work.result()
    assert answer.output_text == "Hi"
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(answer.id)
    with pytest.raises(openai.BadRequestError) as raised:
        client.responses.create(model=MODEL, input="Say hi", store=False, background=True)
    assert raised.value.param == "store"


def test_what_is_no_response_is_not_found(client):
    for name in ("resp_1", "resp_0000000000001", "nothing"):
        with pytest.raises(openai.NotFoundError):
            client.responses.retrieve(name)
