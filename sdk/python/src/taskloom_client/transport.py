"""Calls over HTTP, tried again where that is harmless: after a broken connection, 429 and 503.

Every call that makes something carries an idempotency key, so a repeat makes nothing twice.
"""

import asyncio
import random
import time
from collections.abc import Mapping
from typing import Any, Final

import httpx2
import msgspec

from taskloom_client.errors import TaskloomError, UnavailableError, error_of
from taskloom_client.wire import Problem

TRIES: Final = 6
_FIRST_PAUSE_S: Final = 0.2
_LONGEST_PAUSE_S: Final = 10.0
_AGAIN: Final = frozenset({429, 502, 503, 504})
_CONNECT_S: Final = 10.0
_READ_S: Final = 30.0


class Call(msgspec.Struct, frozen=True):
    """One call; `wait_s` is how long the server may take on purpose."""

    method: str
    path: str
    body: bytes = b""
    query: Mapping[str, str] = {}
    headers: Mapping[str, str] = {}
    wait_s: float = 0.0

    def asked(self, client: httpx2.Client | httpx2.AsyncClient) -> httpx2.Request:
        """The request of it."""
        timeout = httpx2.Timeout(_READ_S + self.wait_s, connect=_CONNECT_S)
        return client.build_request(
            self.method,
            self.path,
            content=self.body or None,
            params=dict(self.query) or None,
            headers=dict(self.headers),
            timeout=timeout,
        )


def options(url: str, key: str, tenant: str) -> dict[str, Any]:
    """What both kinds of clients are made with."""
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    if tenant:
        headers["taskloom-tenant"] = tenant
    return {"base_url": url.rstrip("/"), "headers": headers}


class Transport:
    """Blocking calls."""

    def __init__(self, url: str, key: str, tenant: str = "", transport: Any = None) -> None:
        self._client = httpx2.Client(**options(url, key, tenant), transport=transport)

    def close(self) -> None:
        """Hang up."""
        self._client.close()

    def call(self, call: Call) -> bytes:
        """The body of the answer; raises `TaskloomError`."""
        for attempt in range(1, TRIES + 1):
            try:
                answer = self._client.send(call.asked(self._client))
            except httpx2.TransportError as error:
                if attempt == TRIES:
                    raise _away(error) from error
                time.sleep(pause_s(attempt))
                continue
            if answer.status_code not in _AGAIN or attempt == TRIES:
                return checked(answer)
            time.sleep(pause_s(attempt, answer))
        raise AssertionError("the last try returns or raises")


class AsyncTransport:
    """Calls on an event loop."""

    def __init__(self, url: str, key: str, tenant: str = "", transport: Any = None) -> None:
        self._client = httpx2.AsyncClient(**options(url, key, tenant), transport=transport)

    async def close(self) -> None:
        """Hang up."""
        await self._client.aclose()

    async def call(self, call: Call, tries: int = TRIES) -> bytes:
        """The body of the answer; raises `TaskloomError`."""
        for attempt in range(1, tries + 1):
            try:
                answer = await self._client.send(call.asked(self._client))
            except httpx2.TransportError as error:
                if attempt == tries:
                    raise _away(error) from error
                await asyncio.sleep(pause_s(attempt))
                continue
            if answer.status_code not in _AGAIN or attempt == tries:
                return checked(answer)
            await asyncio.sleep(pause_s(attempt, answer))
        raise AssertionError("the last try returns or raises")


def pause_s(attempt: int, answer: httpx2.Response | None = None) -> float:
    """How long to wait before trying again: what the server asks for, else longer each time, never alike."""
    asked = str(answer.headers.get("retry-after", "")) if answer is not None else ""
    if asked.isdigit():
        return min(float(asked), _LONGEST_PAUSE_S)
    full = min(_FIRST_PAUSE_S * 2 ** (attempt - 1), _LONGEST_PAUSE_S)
    return float(full * (0.5 + random.random() / 2))  # noqa: S311  nothing secret is drawn


def checked(answer: httpx2.Response) -> bytes:
    """The body of a good answer; raises the error of any other."""
    if answer.is_success:
        return answer.content
    raise _refused(answer.status_code, answer.content)


def _refused(status: int, body: bytes) -> TaskloomError:
    try:
        problem = msgspec.json.decode(body, type=Problem)
    except msgspec.DecodeError:
        problem = Problem()
    return error_of(status, problem.code, problem.detail or f"the server answered {status}")


def _away(error: Exception) -> UnavailableError:
    return UnavailableError(f"the server does not answer: {error or type(error).__name__}", "unreachable")
