"""The official `openai` client, unmodified, against a real server; a worker answers over HTTP."""

import asyncio
import threading

import openai
import pytest

from tests.clients.worker import Worker

QUEUE = "chat"
MODEL = "org/model-4.1"
QUESTION = [{"role": "user", "content": "Say hi"}]


def completion(text):
    return {
        "id": "cmpl-1",
        "object": "chat.completion",
        "created": 1790000000,
        "model": MODEL,
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4},
    }


def chunk(text):
    return {
        "id": "cmpl-1",
        "object": "chat.completion.chunk",
        "created": 1790000000,
        "model": MODEL,
        "choices": [{"index": 0, "delta": {"content": text}}],
    }


@pytest.fixture
def client(process):
    with openai.OpenAI(base_url=f"{process.url}/v1", api_key=process.key, timeout=30) as client:
        registration = {"queue": QUEUE, "endpoint": "/v1/chat/completions", "models": [MODEL]}
        assert client.post("/queue/register", cast_to=object, body=registration) == QUEUE
        yield client


@pytest.fixture
def worker(process, client):
    with openai.OpenAI(base_url=f"{process.url}/v1", api_key=process.key, timeout=30) as own:
        yield Worker(own, QUEUE)


def test_a_chat_completion_is_the_workers_answer(client, worker, doing):
    work = doing.submit(worker.answer, 200, completion("Hi"))

    answer = client.chat.completions.with_raw_response.create(model=MODEL, messages=QUESTION)

    parsed = answer.parse()
    assert parsed.choices[0].message.content == "Hi"
    assert parsed.usage.total_tokens == 4
    assert answer.headers["x-bella-task-id"] == work.result()["task_id"]
    assert work.result()["data"]["messages"] == QUESTION


async def test_the_asynchronous_client_is_answered_as_well(process, client, worker, doing):
    work = doing.submit(worker.answer, 200, completion("Hi"))

    async with openai.AsyncOpenAI(base_url=f"{process.url}/v1", api_key=process.key, timeout=30) as caller:
        answer = await caller.chat.completions.create(model=MODEL, messages=QUESTION)

    await asyncio.wrap_future(work)
    assert answer.choices[0].message.content == "Hi"


def test_a_stream_is_what_the_worker_tells(client, worker, doing):
    work = doing.submit(worker.stream, chunk("H"), chunk("i"), "[DONE]")

    with client.chat.completions.create(model=MODEL, messages=QUESTION, stream=True) as stream:
        words = [part.choices[0].delta.content for part in stream]

    assert words == ["H", "i"]
    assert work.result()["response_mode"] == "streaming"


def test_a_stream_whose_worker_answers_whole_is_one_chunk(client, worker, doing):
    work = doing.submit(worker.answer, 200, completion("Hi"))

    with client.chat.completions.create(model=MODEL, messages=QUESTION, stream=True) as stream:
        parts = list(stream)

    work.result()
    assert [part.choices[0].delta.content for part in parts] == ["Hi"]
    assert parts[0].choices[0].finish_reason == "stop"


def test_a_stream_that_fails_raises(client, worker, doing):
    failed = {"error": {"message": "out of memory"}}
    work = doing.submit(worker.stream, chunk("H"), status=500, body=failed)
    words = []

    with (
        pytest.raises(openai.APIError, match="out of memory"),
        client.chat.completions.create(model=MODEL, messages=QUESTION, stream=True) as stream,
    ):
        words.extend(part.choices[0].delta.content for part in stream)

    work.result()
    assert words == ["H"]


def test_embeddings_are_answered_too(client, worker, doing):
    client.post(
        "/queue/register",
        cast_to=object,
        body={"queue": "embed", "endpoint": "/v1/embeddings", "models": ["e"]},
    )
    vector = {"object": "embedding", "index": 0, "embedding": [0.5, -0.25]}

    def work():
        taken = worker.post("take", {"queues": ["embed:0"], "wait_seconds": 10})
        (task,) = taken["embed:0"]
        usage = {"prompt_tokens": 1, "total_tokens": 1}
        worker.complete(task, 200, {"object": "list", "model": "e", "data": [vector], "usage": usage})

    working = doing.submit(work)

    answer = client.embeddings.create(model="e", input="x")

    working.result()
    assert answer.data[0].embedding == [0.5, -0.25]


def test_models_are_listed_and_retrieved(client):
    assert [model.id for model in client.models.list()] == [QUEUE, MODEL]
    assert client.models.retrieve(MODEL).object == "model"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("nobody")


def test_a_wrong_key_is_an_authentication_error(client):
    with pytest.raises(openai.AuthenticationError) as raised:
        client.with_options(api_key="wrong").models.list()

    assert raised.value.type == "authentication_error"


def test_an_unknown_model_is_a_not_found_error(client):
    with pytest.raises(openai.NotFoundError) as raised:
        client.chat.completions.create(model="nobody", messages=QUESTION)

    assert (raised.value.code, raised.value.param) == ("model_not_found", "model")


def test_bad_input_is_a_bad_request_error(client):
    with pytest.raises(openai.BadRequestError) as raised:
        client.post("/queue/take", cast_to=object, body={"queues": []})

    assert raised.value.param == "queues"


def test_a_late_completion_is_a_conflict_error_and_not_tried_again(client, worker, doing):
    work = doing.submit(worker.answer, 200, completion("Hi"))
    client.chat.completions.create(model=MODEL, messages=QUESTION)
    task = work.result()

    with pytest.raises(openai.ConflictError) as raised:
        worker.complete(task, 200, completion("Ho"))

    assert raised.value.response.request.headers["x-stainless-retry-count"] == "0"


def test_a_workers_429_reaches_the_caller_as_a_rate_limit_error(client, worker, doing):
    work = doing.submit(worker.answer, 429, {"error": {"message": "slow down", "code": "slow"}})

    with pytest.raises(openai.RateLimitError) as raised:
        client.with_options(max_retries=0).chat.completions.create(model=MODEL, messages=QUESTION)

    work.result()
    assert raised.value.code == "slow"


def test_a_timeout_is_not_tried_again(client, worker):
    body = {
        "queue": QUEUE,
        "endpoint": "/v1/chat/completions",
        "data": {"model": MODEL},
        "response_mode": "blocking",
        "timeout": 1,
    }

    with pytest.raises(openai.APIStatusError) as raised:
        client.post("/queue/put", cast_to=object, body=body)

    assert raised.value.status_code == 408
    assert raised.value.response.request.headers["x-stainless-retry-count"] == "0"
    assert worker.post("take", {"queues": [f"{QUEUE}:0"], "size": 10}) == {}


def test_a_caller_who_gives_up_cancels_the_task(client, worker, doing):
    taken = threading.Event()

    def work():
        task = worker.take()
        taken.set()
        while not worker.post(f"{task['task_id']}/heartbeat", {"lease_id": task["lease_id"]})["cancelled"]:
            pass
        return task

    working = doing.submit(work)
    with pytest.raises(openai.APITimeoutError):
        client.with_options(timeout=3, max_retries=0).chat.completions.create(model=MODEL, messages=QUESTION)

    assert taken.is_set()
    task_id = working.result(timeout=30)["task_id"]
    assert client.get(f"/queue/{task_id}", cast_to=object)["status"] == "cancelled"
