"""The worker of the client package against a real server process."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import httpx2
import openai
import pytest

from taskloom_client import (
    AsyncClient,
    Client,
    Fatal,
    NotFoundError,
    Reply,
    Retry,
    Task,
    TaskFailedError,
    UnauthorizedError,
    WaitTimeoutError,
    Worker,
    new_task,
)
from taskloom_client.testing import simulated

README = Path(__file__).parents[2] / "sdk" / "python" / "README.md"


@pytest.fixture
def client(process):
    with Client(process.url, process.key) as client:
        yield client


@pytest.fixture
async def working(process):
    """Starts workers, and stops them in the end."""
    running = []

    async def start(worker):
        running.append((worker, asyncio.create_task(worker.run_async())))

    yield start
    for worker, _ in running:
        worker.stop()
    await asyncio.wait_for(asyncio.gather(*(task for _, task in running)), 30)


@pytest.fixture
async def caller(process):
    async with AsyncClient(process.url, process.key) as caller:
        yield caller


def worker_of(process, **options):
    return Worker(process.url, process.key, name="w", **options)


async def test_a_plain_function_does_the_tasks_of_its_queue(process, caller, working):
    worker = worker_of(process)

    @worker.task("add")
    def add(left: int, right: int = 10) -> int:
        return left + right

    await working(worker)
    both = await caller.submit("add", {"left": 1, "right": 2})
    one = await caller.submit("add", {"left": 1})

    assert (await both.result(30), await one.result(30)) == (3, 11)
    assert add(2, 2) == 4


async def test_an_async_function_may_ask_for_the_task_itself(process, caller, working):
    worker = worker_of(process)

    @worker.task("echo")
    async def echo(task: Task) -> dict:
        return {"attempt": task.attempt, "asked": task.input()}

    await working(worker)

    assert await (await caller.submit("echo", [1, 2])).result(30) == {"attempt": 1, "asked": [1, 2]}


async def test_what_a_function_raises_decides_how_its_task_goes_on(process, caller, working):
    worker, seen = worker_of(process), []

    @worker.task("odd")
    def odd(task: Task, how: str) -> str:
        seen.append(how)
        if how == "again" and task.attempt == 1:
            raise Retry("not yet")
        if how == "never":
            raise Fatal("no", code="impossible")
        if how == "bug":
            raise KeyError("x")
        return "done"

    await working(worker)
    again = await caller.submit("odd", {"how": "again"}, retries=1)
    never = await caller.submit("odd", {"how": "never"}, retries=5)
    bug = await caller.submit("odd", {"how": "bug"})

    assert await again.result(30) == "done"
    with pytest.raises(TaskFailedError, match="no") as failed:
        await never.result(30)
    assert failed.value.code == "impossible"
    with pytest.raises(TaskFailedError) as failed:
        await bug.result(30)
    assert failed.value.code == "KeyError"
    assert seen.count("never") == 1


async def test_a_result_that_json_cannot_say_fails_the_task(process, caller, working):
    worker = worker_of(process)
    worker.task("strange")(object)

    await working(worker)
    handle = await caller.submit("strange")

    with pytest.raises(TaskFailedError) as failed:
        await handle.result(30)
    assert failed.value.code == "result_not_json"


async def test_a_caller_of_the_queue_protocol_is_answered_with_a_status(process, working):
    worker = worker_of(process)

    @worker.task("parrot")
    def parrot(messages: list) -> dict:
        if messages[0]["content"] == "fail":
            return Reply(422, {"error": {"message": "no"}})
        choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hello"}}
        return {"id": "1", "object": "chat.completion", "created": 1, "model": "parrot", "choices": [choice]}

    await working(worker)
    async with openai.AsyncOpenAI(base_url=f"{process.url}/v1", api_key=process.key, max_retries=0) as asking:
        body = {"queue": "parrot", "endpoint": "/v1/chat/completions"}
        await asking.post("/queue/register", cast_to=object, body=body)
        said = await asking.chat.completions.create(
            model="parrot", messages=[{"role": "user", "content": "Hi"}], timeout=30
        )
        assert said.choices[0].message.content == "Hello"
        with pytest.raises(openai.APIStatusError):
            await asking.chat.completions.create(
                model="parrot", messages=[{"role": "user", "content": "fail"}], timeout=30
            )


async def test_what_a_generator_yields_is_streamed_to_the_caller(process, working):
    worker = worker_of(process)

    @worker.task("talker")
    def talker(task: Task):
        for text in ("a", "b"):
            yield {
                "id": "1",
                "object": "chat.completion.chunk",
                "created": 1,
                "model": "talker",
                "choices": [{"index": 0, "delta": {"content": text}}],
            }

    await working(worker)
    async with openai.AsyncOpenAI(base_url=f"{process.url}/v1", api_key=process.key) as asking:
        body = {"queue": "talker", "endpoint": "/v1/chat/completions"}
        await asking.post("/queue/register", cast_to=object, body=body)
        stream = await asking.chat.completions.create(
            model="talker", messages=[{"role": "user", "content": "Hi"}], stream=True, timeout=30
        )
        assert [part.choices[0].delta.content async for part in stream] == ["a", "b"]


async def test_many_tasks_go_in_few_requests(process, caller, working):
    worker, requests = worker_of(process, concurrency=200), []
    worker.talk_through(process.url, process.key, Counting(requests))
    worker.task("noop")(lambda: None)
    handles = await caller.submit_many([new_task("noop") for _ in range(400)])

    await working(worker)
    for handle in handles:
        assert await handle.result(30) is None

    assert len(requests) < 100


class Counting(httpx2.AsyncHTTPTransport):
    """Notes every request that a worker makes."""

    def __init__(self, requests):
        super().__init__()
        self._requests = requests

    async def handle_async_request(self, request):
        self._requests.append(request.url.path)
        return await super().handle_async_request(request)


async def test_a_cancelled_task_cancels_its_function(process, caller, working):
    worker, ended = worker_of(process, lease_ms=600), asyncio.Event()
    began = asyncio.Event()

    @worker.task("long")
    async def long() -> None:
        began.set()
        try:
            await asyncio.sleep(3600)
        finally:
            ended.set()

    await working(worker)
    handle = await caller.submit("long")
    await asyncio.wait_for(began.wait(), 30)
    await handle.cancel()

    await asyncio.wait_for(ended.wait(), 30)
    with pytest.raises(TaskFailedError) as failed:
        await handle.result(30)
    assert failed.value.state == "cancelled"


async def test_a_stopping_worker_gives_back_what_it_cannot_finish(process, caller):
    worker, began = worker_of(process, grace_s=0.1), asyncio.Event()

    @worker.task("slow")
    async def slow() -> None:
        began.set()
        await asyncio.sleep(3600)

    running = asyncio.create_task(worker.run_async())
    handle = await caller.submit("slow")
    await asyncio.wait_for(began.wait(), 30)

    worker.stop()
    await asyncio.wait_for(running, 30)

    assert (await handle.get()).state == "ready"


def test_a_worker_that_is_killed_loses_nothing(process, client, tmp_path):
    program = tmp_path / "jobs.py"
    program.write_text(
        "import os, time\n"
        "from taskloom_client import Worker\n"
        f"worker = Worker({process.url!r}, os.environ['KEY'], lease_ms=1000, concurrency=5)\n"
        "@worker.task('job')\n"
        "def job(n: int) -> int:\n"
        "    time.sleep(0.05)\n"
        "    return n * 2\n"
        "worker.run()\n"
    )
    environment = {**os.environ, "KEY": process.key}
    handles = [client.submit("job", {"n": n}) for n in range(40)]
    first = subprocess.Popen([sys.executable, program], env=environment)
    handles[0].result(30)
    first.send_signal(signal.SIGKILL)
    first.wait()

    second = subprocess.Popen([sys.executable, program], env=environment)
    try:
        assert [handle.result(30) for handle in handles] == [2 * n for n in range(40)]
    finally:
        second.send_signal(signal.SIGTERM)
        assert second.wait(30) == 0


def test_errors_have_a_class_of_their_own(process, client):
    with pytest.raises(NotFoundError):
        client.get("1")
    with pytest.raises(UnauthorizedError), Client(process.url, "wrong") as stranger:
        stranger.submit("q")
    handle = client.submit("nobody-works-here")
    with pytest.raises(WaitTimeoutError):
        handle.result(timeout_s=0.05)
    handle.cancel()
    assert [task.key for task in client.tasks(queue="nobody-works-here")] == [handle.key]


async def test_with_virtual_time_an_hour_passes_at_once():
    worker, tries = Worker("http://unused", "unused"), []

    @worker.task("flaky")
    async def flaky() -> str:
        tries.append(1)
        if len(tries) < 3:
            raise Retry(after_s=3600)
        return "done"

    async with simulated() as world:
        handle = await world.client.submit("flaky", retries=5)
        for _ in range(3):
            await world.work(worker)
            await world.advance(hours=1)

        assert await handle.result(1) == "done"
    assert len(tries) == 3


@pytest.mark.parametrize("name", ["testing", "client"])
def test_the_examples_of_the_readme_run(process, name, tmp_path):
    found = re.search(rf"<!-- example: {name} -->\n```python\n(.*?)```", README.read_text(), re.DOTALL)
    program = tmp_path / "example.py"
    program.write_text(found[1])
    worker = re.search(r"<!-- example: worker -->\n```python\n(.*?)```", README.read_text(), re.DOTALL)
    (tmp_path / "jobs.py").write_text(worker[1])
    environment = {**os.environ, "TASKLOOM_URL": process.url, "TASKLOOM_KEY": process.key}
    working = subprocess.Popen([sys.executable, tmp_path / "jobs.py"], env=environment)
    try:
        said = subprocess.run(
            [sys.executable, program], env=environment, capture_output=True, text=True, timeout=30, check=True
        )
    finally:
        working.terminate()
        working.wait(30)

    assert said.stdout.strip() == {"testing": "done", "client": "Hello Ann!"}[name]


class Held(httpx2.AsyncBaseTransport):
    """Lets the first completion wait for its answer until another one is to be told; keeps what was sent."""

    def __init__(self, inner, worker):
        self.sent = []
        self.is_held = asyncio.Event()
        self.thread_may_go = threading.Event()
        self._inner = inner
        self._worker = worker

    async def handle_async_request(self, request):
        kind = request.url.path.rpartition("/")[2]
        answer = await self._inner.handle_async_request(request)
        self.sent += [(kind, item["key"]) for item in json.loads(request.content).get("items", ())]
        if kind == "complete" and not self.is_held.is_set():
            self.is_held.set()
            self.thread_may_go.set()
            while not self._worker._outgoing["complete"]:  # noqa: ASYNC110  nothing rings then
                await asyncio.sleep(0)
        return answer


@pytest.mark.parametrize("way", ["thread", "loop"])
async def test_an_outcome_never_overtakes_the_reports_before_it(way):
    worker = Worker("http://unused", "unused", name="w")

    @worker.task("first")
    async def first() -> None:
        pass

    @worker.task("thread")
    def in_a_thread():
        held.thread_may_go.wait(30)
        yield 1
        yield 2

    @worker.task("loop")
    async def on_the_loop():
        await held.is_held.wait()
        yield 1
        yield 2

    async with simulated() as world:
        await world.client.submit("first")
        handle = await world.client.submit(way)
        world.adopt(worker)
        held = Held(worker._place[-1], worker)
        worker.talk_through("http://simulated", worker._place[1], held)
        await asyncio.wait_for(worker.drain(), 30)

    assert [kind for kind, key in held.sent if key == handle.key] == ["progress", "progress", "complete"]
