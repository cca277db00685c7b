"""What the acts of a demo share: the server they all talk to, and how they bear its being killed."""

import asyncio
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import aiohttp

Answer = TypeVar("Answer")

_SERVE = "import sys; from taskloom.cli.main import main; sys.exit(main(sys.argv[1:]))"
_READY_S = 60


class Server:
    """A real server process on an empty data folder; it may be killed and started again."""

    def __init__(self, data: Path, *options: str) -> None:
        self._options = options
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.data = data
        self.url = f"http://127.0.0.1:{self.port}"
        self.key = secrets.token_urlsafe(32)
        self.log = data.parent / "server.log"
        self._process: subprocess.Popen[bytes] | None = None

    async def start(self) -> float:
        """Start; answers after how many seconds it said that it is ready."""
        begun = time.monotonic()
        words = [sys.executable, "-c", _SERVE, "serve", "--data", str(self.data), "--port", str(self.port)]
        words += self._options
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: ASYNC220  it is to outlive this loop's turns
                words,
                stdout=subprocess.PIPE,
                stderr=log,
                env={**os.environ, "TASKLOOM_ROOT_KEY": self.key},
            )
        await asyncio.wait_for(asyncio.to_thread(self._await_ready), _READY_S)
        return time.monotonic() - begun

    def _await_ready(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if b"is ready at" in line:
                return
        raise RuntimeError(f"the server ended: see {self.log}")

    def kill(self) -> None:
        """SIGKILL: no farewell, no flush."""
        assert self._process is not None
        self._process.kill()
        self._end()

    def stop(self) -> None:
        """SIGTERM."""
        if self._process is not None:
            self._process.terminate()
            self._end()

    def _end(self) -> None:
        assert self._process is not None
        self._process.wait(30)
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._process = None


class Stage:
    """What an act is given: the server, one HTTP session, and the bell that tells of progress."""

    def __init__(self, server: Server, session: aiohttp.ClientSession) -> None:
        self.server = server
        self.session = session
        self.done: dict[str, int] = {}

    def advance(self, act: str) -> None:
        """One more of this act is finished."""
        self.done[act] = self.done.get(act, 0) + 1

    async def call(self, method: str, path: str, **more: Any) -> tuple[int, Any]:
        """One request; raises `ConnectionError` when the server is not there."""
        headers = {"authorization": f"Bearer {self.server.key}", **more.pop("headers", {})}
        try:
            async with self.session.request(
                method, self.server.url + path, headers=headers, **more
            ) as answer:
                body = await answer.json(content_type=None) if answer.content_length != 0 else None
                if answer.status >= 500:
                    raise ConnectionError(f"{answer.status}: {body}")
                return answer.status, body
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise ConnectionError(str(error)) from error


async def insist(attempt: Callable[[], Awaitable[Answer]], pause_s: float = 0.2) -> Answer:
    """Again until the server is there; whoever calls makes sure that again is harmless."""
    while True:
        try:
            return await attempt()
        except (ConnectionError, OSError):
            await asyncio.sleep(pause_s)


class Verdict:
    """What an act can prove at the end."""

    def __init__(self, act: str, asked: int) -> None:
        self.act = act
        self.asked = asked
        self.acknowledged: dict[int, str] = {}
        """Task key -> a text that its stored result must hold, for every completion answered with success."""
        self.right = 0
        """How many came out as they should, seen by whoever asked."""
        self.note = ""
