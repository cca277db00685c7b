"""More of what the official `openai` client does: helpers, legacy completions, errors, tries and times."""

import time

import httpx2
import openai
import pytest

from tests.clients.worker import Worker
from tests.dialects.queue.desk import Desk
from tests.server.fixtures import Process

CHAT = "/v1/chat/completions"
QUESTION = [{"role": "user", "content": "Say hi"}]


@pytest.fixture(scope="module")
def process(tmp_path_factory):
    """One server for all; no test leaves an open task behind."""
    running = Process(tmp_path_factory.mktemp("inference") / "process").start()
    yield running
    running.kill()


@pytest.fixture
def client(process):
    with openai.OpenAI(base_url=f"{process.url}/v1", api_key=process.key, timeout=30) as client:
        register(client, "chat", CHAT, "m")
        yield client


@pytest.fixture
def worker(process):
    with openai.OpenAI(base_url=f"{process.url}/v1", api_key=process.key, timeout=30) as own:
        yield Worker(own, "chat")


def register(client, queue, endpoint, model):
    registration = {"queue": queue, "endpoint": endpoint, "models": [model]}
    client.post("/queue/register", cast_to=object, body=registration)


def native(client, process, method, path, body=None):
    """A call of the native API with the client's own transport."""
    call = {"POST": client.post, "PUT": client.put, "DELETE": client.delete}[method]
    return call(f"{process.url}/api/v1{path}", cast_to=object, body=body)


def completion(text):
    message = {"role": "assistant", "content": text}
    return {
        "id": "cmpl-1",
        "object": "chat.completion",
        "created": 1790000000,
        "model": "m",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
    }


def chunk(text, finish=None):
    delta = {"role": "assistant", "content": text}
    return {
        "id": "cmpl-1",
        "object": "chat.completion.chunk",
        "created": 1790000000,
        "model": "m",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
    }


def ask(client, **more):
    return client.chat.completions.create(model="m", messages=QUESTION, **more)


def test_the_helper_for_streams_puts_the_chunks_together(client, worker, doing):
    usage = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    last = {**chunk(""), "choices": [], "usage": usage}
    work = doing.submit(worker.stream, chunk("H"), chunk("i", "stop"), last)

    with client.chat.completions.stream(model="m", messages=QUESTION) as stream:
        text = "".join(event.delta for event in stream if event.type == "content.delta")
        final = stream.get_final_completion()

    assert work.result()["data"]["stream"] is True
    assert (text, final.choices[0].message.content, final.usage.total_tokens) == ("Hi", "Hi", 5)


def test_the_answer_can_be_read_as_it_comes(client, worker, doing):
    work = doing.submit(worker.answer, 200, completion("Hi"))

    with client.chat.completions.with_streaming_response.create(model="m", messages=QUESTION) as answer:
        text = answer.read().decode()

    assert answer.headers["x-bella-task-id"] == work.result()["task_id"]
    assert answer.headers["x-request-id"] == answer.request_id
    assert '"Hi"' in text


def test_legacy_completions_are_answered_and_streamed_without_an_end_mark_of_ours(client, worker, doing):
    register(client, "legacy", "/v1/completions", "old")
    worker = Worker(client, "legacy")
    choice = {"index": 0, "text": "Hi", "finish_reason": "stop", "logprobs": None}
    whole = {"id": "c", "object": "text_completion", "created": 1, "model": "old", "choices": [choice]}
    first = doing.submit(worker.answer, 200, whole)
    answer = client.completions.create(model="old", prompt="Say hi")
    first.result()
    second = doing.submit(worker.stream, whole, "[DONE]")

    with client.completions.create(model="old", prompt="Say hi", stream=True) as stream:
        told = [part.choices[0].text for part in stream]

    second.result()
    assert (answer.choices[0].text, told) == ("Hi", ["Hi"])


@pytest.mark.parametrize("vector", [[0.5, -0.25], "AAAAPwAAgL4="])
def test_embeddings_are_floats_whichever_way_the_worker_wrote_them(client, doing, vector):
    register(client, "embed", "/v1/embeddings", "e")
    entry = {"object": "embedding", "index": 0, "embedding": vector}
    usage = {"prompt_tokens": 1, "total_tokens": 1}
    body = {"object": "list", "model": "e", "data": [entry], "usage": usage}
    work = doing.submit(Worker(client, "embed").answer, 200, body)

    answer = client.embeddings.create(model="e", input="x")

    assert work.result()["data"]["encoding_format"] == "base64"
    assert list(answer.data[0].embedding) == [0.5, -0.25]


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, openai.BadRequestError),
        (401, openai.AuthenticationError),
        (403, openai.PermissionDeniedError),
        (404, openai.NotFoundError),
        (409, openai.ConflictError),
        (422, openai.UnprocessableEntityError),
        (429, openai.RateLimitError),
        (500, openai.InternalServerError),
        (503, openai.InternalServerError),
    ],
)
def test_a_workers_status_is_the_clients_class_of_error(client, worker, doing, status, kind):
    work = doing.submit(worker.answer, status, {"error": {"message": "no", "code": "why", "param": "p"}})

    with pytest.raises(kind) as raised:
        ask(client.with_options(max_retries=0))

    work.result()
    assert (raised.value.code, raised.value.param) == ("why", "p")
    assert raised.value.request_id


def test_a_key_without_the_scope_is_denied(client, process):
    asked = {"name": "reader", "scopes": ["task.read"]}
    secret = native(client, process, "POST", "/keys", asked)["secret"]

    with pytest.raises(openai.PermissionDeniedError) as raised:
        ask(client.with_options(api_key=secret))

    assert raised.value.type == "permission_error"


def test_an_idempotency_key_asks_once_however_often_it_is_tried(client, worker, doing):
    headers = {"Idempotency-Key": "once"}
    work = doing.submit(worker.answer, 200, completion("Hi"))
    first = ask(client, extra_headers=headers)
    work.result()

    again = ask(client, extra_headers=headers)

    assert again == first
    with pytest.raises(openai.UnprocessableEntityError) as raised:
        ask(client, extra_headers=headers, temperature=0.5)
    assert raised.value.code == "idempotency_key_reused"


def test_a_model_under_another_name_reaches_the_worker_under_its_own(client, worker, doing, process):
    native(client, process, "PUT", "/models/best", {"routes": [{"queue": "chat", "target": "m"}]})
    work = doing.submit(worker.answer, 200, completion("Hi"))

    answer = client.chat.completions.create(model="best", messages=QUESTION)

    assert (answer.choices[0].message.content, work.result()["data"]["model"]) == ("Hi", "m")
    assert client.models.retrieve("best").id == "best"
    native(client, process, "DELETE", "/models/best")
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("best")


def test_the_queue_is_named_by_the_header(client, doing):
    register(client, "other", CHAT, "unused")
    work = doing.submit(Worker(client, "other").answer, 200, completion("Hi"))

    answer = ask(client, extra_headers={"X-BELLA-QUEUE-NAME": "other"})

    assert (answer.choices[0].message.content, work.result()["queue"]) == ("Hi", "other")


def test_a_body_is_not_needed_where_there_is_nothing_to_say(client):
    begun = client.post("/queue/put", cast_to=object, body={"queue": "chat", "endpoint": CHAT, "data": {}})[
        "data"
    ]

    assert client.post(f"/queue/{begun}/cancel", cast_to=object) == begun


def test_a_time_the_client_sets_is_a_timeout_and_the_task_is_over(client, worker):
    with pytest.raises(openai.APITimeoutError):
        ask(client.with_options(timeout=0.5, max_retries=0))

    began = time.monotonic()
    while client.get("/queue/chat:0/backlog", cast_to=object):
        assert time.monotonic() < began + 30


async def test_a_full_queue_is_tried_again_by_the_client_itself(server, monkeypatch):
    monkeypatch.setattr("taskloom.dialects.queue.submission.OFFLINE_DEPTH", 1)
    desk = Desk(server, await server.key("desk"))
    await desk.register("popular", "/v1/responses")
    refused = []

    async def make_room(answer):
        if answer.status_code == 429:
            await answer.aread()
            refused.append((answer.headers["retry-after"], answer.json()["error"]["code"]))
            await desk.take("popular:1")

    transport = httpx2.ASGITransport(app=server.app)
    caller = openai.AsyncOpenAI(
        base_url="http://taskloom/v1",
        api_key=await server.key("caller"),
        http_client=openai.DefaultAsyncHttpxClient(
            transport=transport, event_hooks={"response": [make_room]}
        ),
    )
    async with caller:
        first, second = [
            await caller.responses.create(model="popular", input="x", background=True) for _ in range(2)
        ]

    assert (first.status, second.status) == ("queued", "queued")
    assert refused == [("1", "queue_full")]
