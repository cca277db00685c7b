"""Callers on raw sockets: one that works, and crowds that wait, trickle or say nothing."""

import asyncio
import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, Self

AT_ONCE: Final = 200
"""So many connect at once; more would not fit into the line before the server."""
PAUSE_S: Final = 1.0
"""Between two bytes of those that trickle."""
_LENGTH: Final = b"content-length:"


def request(
    method: str, path: str, key: str, body: Any = None, *, length: int | None = None, tenant: str = ""
) -> bytes:
    """A call as it is on the wire; `length` is what it says of its body, where that is not true."""
    sent = b"" if body is None else json.dumps(body).encode()
    announced = len(sent) if length is None else length
    head = (
        f"{method} {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {announced}\r\n"
    )
    named = f"Taskloom-Tenant: {tenant}\r\n" if tenant else ""
    return f"{head}{named}\r\n".encode() + sent


def slow(key: str) -> dict[str, bytes]:
    """What slow callers say at first, by their manner; the rest comes byte by byte, or not at all."""
    head = request("POST", "/api/v1/tasks", key, length=1_000)
    return {
        "silent": b"",
        "half a head": head[:-2],
        "a head that grows": head[:-2] + b"X-Slow: ",
        "no body": head,
        "a body that grows": head + b"{",
        "idle": request("GET", "/livez", key),
    }


GROWING: Final = frozenset({"a head that grows", "a body that grows"})
OF_HEADS: Final = frozenset({"silent", "half a head", "a head that grows"})
OF_BODIES: Final = frozenset({"no body", "a body that grows"})
"""The manners of slow callers, by what they keep back."""


class Line(asyncio.Protocol):
    """One connection: says what it was given, and keeps what it hears."""

    def __init__(self, says: bytes, heard: Callable[["Line"], None] | None = None) -> None:
        self.answer = b""
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._says = says
        self._heard = heard

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Say it."""
        self.transport = transport
        transport.write(self._says)

    def data_received(self, data: bytes) -> None:
        """Keep it, and tell when the answer is whole."""
        self.answer += data
        if self._heard is not None and self.is_answered:
            self._heard(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing more comes."""
        del exc
        if not self.closed.done():
            self.closed.set_result(None)

    @property
    def status(self) -> int:
        """Of what was heard so far; 0 for nothing."""
        return int(self.answer[9:12] or 0)

    @property
    def body(self) -> bytes:
        """What was heard after the head."""
        return self.answer.partition(b"\r\n\r\n")[2]

    @property
    def is_answered(self) -> bool:
        """Whether one whole answer was heard."""
        head, ended, body = self.answer.partition(b"\r\n\r\n")
        return bool(ended) and len(body) >= _length(head)


def _length(head: bytes) -> int:
    return int(head.lower().split(_LENGTH)[1].split(b"\r\n")[0])


async def opened(port: int, says: Sequence[bytes], heard: Callable[[Line], None] | None = None) -> list[Line]:
    """A connection for each of these."""
    loop = asyncio.get_running_loop()
    lines: list[Line] = []
    for first in range(0, len(says), AT_ONCE):
        some = [Line(text, heard) for text in says[first : first + AT_ONCE]]
        await asyncio.gather(
            *(loop.create_connection(lambda one=one: one, "127.0.0.1", port) for one in some)  # type: ignore[misc]
        )
        lines += some
    return lines


async def trickle(lines: Sequence[Line]) -> None:
    """One byte after the other on each of them, until it is cancelled."""
    while True:
        for line in lines:
            if not line.transport.is_closing():
                line.transport.write(b" ")
        await asyncio.sleep(PAUSE_S)


async def leave(lines: Iterable[Line]) -> None:
    """Go away, all of them."""
    waiting = []
    for line in lines:
        line.transport.abort()
        waiting.append(line.closed)
    await asyncio.gather(*waiting)


class Caller:
    """Somebody on one connection who asks, hears the answer, and asks again."""

    def __init__(self, port: int, key: str, tenant: str = "") -> None:
        self._port = port
        self._key = key
        self._tenant = tenant

    async def __aenter__(self) -> Self:
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._writer.close()
        await self._writer.wait_closed()

    async def call(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """The status and the decoded answer."""
        status, said = await self.text(method, path, body)
        return status, json.loads(said) if said else None

    async def text(self, method: str, path: str, body: Any = None) -> tuple[int, str]:
        """The status and the answer as it is."""
        self._writer.write(request(method, path, self._key, body, tenant=self._tenant))
        head = await self._reader.readuntil(b"\r\n\r\n")
        said = await self._reader.readexactly(_length(head))
        return int(head[9:12]), said.decode()

    async def post(self, path: str, body: Any) -> Any:
        """The answer to a call that must be served."""
        status, answer = await self.call("POST", path, body)
        if status != 200:
            raise AssertionError(f"{path} was answered {status}: {answer}")
        return answer

    async def work(self, queue: str) -> None:
        """Make a task, take it, complete it: three calls that must all be served."""
        await self.post("/api/v1/tasks", {"items": [{"queue": queue}]})
        (task,) = (await self.post("/api/v1/tasks/claim", {"queues": [{"queue": queue}]}))["items"]
        item = {"key": task["key"], "lease_token": task["lease_token"], "result": {}}
        (done,) = (await self.post("/api/v1/tasks/complete", {"items": [item]}))["items"]
        if "error" in done:
            raise AssertionError(f"a completion was refused: {done}")
