"""Fixtures for tests over HTTP, for every dialect.

`server`: the application in this process, over SQLite in a temporary folder, with a clock that only moves
when the test says so; `server.client(key)` calls it without a socket.
`process`: a real `taskloom serve` on 127.0.0.1 and a free port, with `ROOT_KEY` as its admin key.
"""

import asyncio
import contextlib
import json as jsonlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec
import pytest

from taskloom.core.credentials import KeyRecord, digest_of, key_changes
from taskloom.core.records import PutRecords
from taskloom.dialects.operation import Dialect
from taskloom.engine.outcome import Accepted
from taskloom.ports.callbacks import Call, Delivery
from taskloom.ports.store import Store
from taskloom.server.app import App
from taskloom.server.settings import Settings
from taskloom.server.wiring import Adapters, build

ROOT_KEY = "root-key-of-the-tests-0123456789"
READY_S = 30


class TestClock:
    """A clock that moves only when told to."""

    __test__ = False

    def __init__(self, now_ms: int = 1_790_000_000_000) -> None:
        self.now = now_ms
        self.monotonic = 1_000_000

    def now_ms(self) -> int:
        return self.now

    def monotonic_ms(self) -> int:
        return self.monotonic

    def advance(self, *, ms: int = 0, seconds: int = 0) -> None:
        self.now += ms + 1000 * seconds
        self.monotonic += ms + 1000 * seconds


class Inbox:
    """A deliverer that keeps what it is given; `answer` says what came of it."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.answer = Delivery(delivered=True)
        self._arrived = asyncio.Event()

    async def deliver(self, call: Call) -> Delivery:
        self.calls.append(call)
        self._arrived.set()
        return self.answer

    async def close(self) -> None:
        pass

    async def next(self, count: int = 1, timeout_s: float = 30) -> list[Call]:
        """The calls so far, once there are `count` of them."""
        async with asyncio.timeout(timeout_s):
            while len(self.calls) < count:
                self._arrived.clear()
                await self._arrived.wait()
        return self.calls


class Answer(msgspec.Struct):
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return jsonlib.loads(self.body)


class Client:
    """Calls the application without a socket."""

    def __init__(self, app: App, headers: Mapping[str, str]) -> None:
        self._app = app
        self._headers = headers

    async def call(
        self,
        method: str,
        target: str,
        json: Any = None,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """One call and its whole answer."""
        answer = await self.patient(method, target, json, body=body, headers=headers)
        assert answer is not None
        return answer

    async def patient(
        self,
        method: str,
        target: str,
        json: Any = None,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        patience_s: float | None = None,
    ) -> Answer | None:
        """One call; None when the caller's patience ended before the whole answer was there."""
        started: dict[str, Any] = {}
        pieces: list[bytes] = []

        async def send(message):
            if message["type"] == "http.response.start":
                started.update(message)
            else:
                pieces.append(message.get("body", b""))

        gone = asyncio.Event()
        running = asyncio.create_task(self._run(method, target, json, body, headers, send=send, gone=gone))
        _, waiting = await asyncio.wait({running}, timeout=patience_s)
        if waiting:
            gone.set()
        await running
        if waiting:
            return None
        found = {name.decode().lower(): value.decode("latin-1") for name, value in started["headers"]}
        return Answer(started["status"], found, b"".join(pieces))

    async def status(self, method: str, target: str, *, body: bytes | None = None, **headers: str) -> int:
        """The status of an answer whose rest is not waited for; 0 when none begins within two seconds."""
        gone = asyncio.Event()
        statuses: list[int] = []

        async def send(message):
            if message["type"] == "http.response.start":
                statuses.append(message["status"])
                gone.set()

        named = {name.replace("_", "-"): value for name, value in headers.items()}
        running = asyncio.create_task(self._run(method, target, None, body, named, send=send, gone=gone))
        try:
            async with asyncio.timeout(30):
                await gone.wait()
        except TimeoutError:
            running.cancel()
        await asyncio.wait({running}, timeout=30)
        return statuses[0] if statuses else 0

    async def get(self, target: str, **more: Any) -> Answer:
        return await self.call("GET", target, **more)

    async def post(self, target: str, json: Any = None, **more: Any) -> Answer:
        return await self.call("POST", target, json, **more)

    async def put(self, target: str, json: Any = None, **more: Any) -> Answer:
        return await self.call("PUT", target, json, **more)

    async def delete(self, target: str, **more: Any) -> Answer:
        return await self.call("DELETE", target, **more)

    @contextlib.asynccontextmanager
    async def stream(
        self, method: str, target: str, json: Any = None, *, headers: Mapping[str, str] | None = None
    ) -> AsyncIterator[asyncio.Queue[bytes]]:
        """A call whose pieces arrive in a queue; b"" is the end. Leaving the block goes away."""
        pieces: asyncio.Queue[bytes] = asyncio.Queue()
        gone = asyncio.Event()

        async def send(message):
            if message["type"] == "http.response.body":
                if message.get("body"):
                    pieces.put_nowait(message["body"])
                if not message.get("more_body"):
                    pieces.put_nowait(b"")

        running = asyncio.create_task(self._run(method, target, json, None, headers, send=send, gone=gone))
        try:
            yield pieces
        finally:
            gone.set()
            await asyncio.wait_for(running, 30)

    async def _run(self, method, target, json, body, headers, *, send, gone) -> None:
        if json is not None:
            body = jsonlib.dumps(json).encode()
        path, _, query = target.partition("?")
        raw = path.encode()
        given = {"host": "test", **self._headers, **(headers or {})}
        if body is not None:
            given.setdefault("content-type", "application/json")
            given.setdefault("content-length", str(len(body)))
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": unquoted(path),
            "raw_path": quote(raw, safe=b"/%:~!$&'()*+,;=@-._").encode(),
            "query_string": query.encode(),
            "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in given.items()],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 80),
        }
        messages = [{"type": "http.request", "body": body or b"", "more_body": False}]

        async def receive():
            if messages:
                return messages.pop()
            await gone.wait()
            return {"type": "http.disconnect"}

        await self._app(scope, receive, send)


def unquoted(path: str) -> str:
    from urllib.parse import unquote

    return unquote(path)


class InProcess:
    """The application in this process."""

    def __init__(self, app: App, clock: TestClock, inbox: Inbox) -> None:
        self.app = app
        self.clock = clock
        self.inbox = inbox

    @property
    def engine(self):
        return self.app.engine

    def client(self, key: str | None = ROOT_KEY, **headers: str) -> Client:
        """A client that shows a key, or none. Header names may be spelled with underscores."""
        shown = {"authorization": f"Bearer {key}"} if key else {}
        return Client(self.app, shown | {name.replace("_", "-"): value for name, value in headers.items()})

    async def key(self, name: str = "app", tenant: str = "default", **fields: Any) -> str:
        """Make a key with every scope except admin, unless `scopes` says otherwise; returns its secret."""
        secret = f"tlk_test-{name}-{tenant}".ljust(40, "x")
        fields.setdefault("scopes", EVERYTHING_BUT_ADMIN)
        key = KeyRecord(name=name, tenant=tenant, id=name, digest=digest_of(secret), **fields)
        outcome = await self.engine.submit(PutRecords(key_changes(key, None)))
        assert isinstance(outcome, Accepted)
        return secret


EVERYTHING_BUT_ADMIN = (
    "task.read",
    "task.write",
    "task.work",
    "document.edit",
    "upload.edit",
    "upload.read",
    "upload.create",
    "project.edit",
    "process.read",
    "process.deploy",
    "process.run",
)


@contextlib.asynccontextmanager
async def serving(
    folder: Path,
    *,
    dialects: list[Dialect] | None = None,
    clock: TestClock | None = None,
    store: Store | str | None = None,
    **settings: Any,
) -> AsyncIterator[InProcess]:
    """The application over a folder, started and stopped. `store` is one, or a setting that names one."""
    clock = clock or TestClock()
    inbox = Inbox()
    settings.setdefault("root_key", ROOT_KEY)
    if isinstance(store, str):
        settings["store"], store = store, None
    adapters = Adapters(store=store, clock=clock, deliverer=inbox, dialects=dialects)
    app = build(Settings(data=folder, **settings), adapters)
    await app.start()
    try:
        yield InProcess(app, clock, inbox)
    finally:
        await app.stop()


@pytest.fixture
async def server(tmp_path) -> AsyncIterator[InProcess]:
    async with serving(tmp_path / "data") as running:
        yield running


class Process:
    """A real server process; `url` is where it listens. Its folder outlives it: start it again."""

    def __init__(self, folder: Path, *flags: str, **environ: str) -> None:
        self.folder = folder
        self.key = ROOT_KEY
        self.url = ""
        self.log = folder / "server.log"
        self.output = ""
        """What it wrote to standard output until it was ready."""
        self._flags = flags
        self._environ = environ
        self._child: subprocess.Popen[str] | None = None

    def start(self, port: int = 0) -> "Process":
        """Start it and wait for the line that says it is ready."""
        self.folder.mkdir(parents=True, exist_ok=True)
        environ = {
            **{name: value for name, value in os.environ.items() if not name.startswith("TASKLOOM_")},
            "PYTHONPATH": os.pathsep.join(part for part in sys.path if part),
            "TASKLOOM_ROOT_KEY": self.key,
            **self._environ,
        }
        command = [sys.executable, "-c", "import sys; from taskloom.cli.main import main; sys.exit(main())"]
        command += ["serve", "--data", str(self.folder / "data"), "--port", str(port), *self._flags]
        with self.log.open("ab") as log:
            self._child = subprocess.Popen(
                command, env=environ, stdout=subprocess.PIPE, stderr=log, text=True
            )
        self.url = self._ready()
        return self

    def _ready(self) -> str:
        assert self._child is not None
        assert self._child.stdout is not None
        deadline = time.monotonic() + READY_S
        self.output = ""
        for line in self._child.stdout:
            self.output += line
            if line.startswith("Taskloom is ready at "):
                return line.split()[-1]
            if time.monotonic() > deadline:
                self.kill()
        self.wait()
        raise AssertionError(f"the server did not start: {self.log.read_text()[-4000:]}")

    @property
    def pid(self) -> int:
        assert self._child is not None
        return self._child.pid

    def signal(self, number: int) -> None:
        """Send it a signal."""
        os.kill(self.pid, number)

    def wait(self, timeout_s: float = 30) -> int:
        """Until it is gone; its exit status."""
        assert self._child is not None
        status = self._child.wait(timeout_s)
        assert self._child.stdout is not None
        self._child.stdout.close()
        return status

    def kill(self) -> None:
        """As a power cut would."""
        if self._child is not None:
            self._child.kill()
            self.wait()

    def stop(self) -> int:
        """In an orderly way; its exit status."""
        self.signal(signal.SIGTERM)
        return self.wait()


@pytest.fixture
def process(tmp_path):
    running = Process(tmp_path / "process").start()
    yield running
    running.kill()
