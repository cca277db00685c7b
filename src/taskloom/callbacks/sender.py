"""The deliverer: one attempt per call, bounded in time and in what it reads back."""

import asyncio
import contextlib
import email.utils
import logging
import ssl
from typing import Final

import aiohttp
from yarl import URL

from taskloom.callbacks.address import AddressError, Guard
from taskloom.callbacks.resolver import GuardedResolver, Lookup
from taskloom.callbacks.signature import SecretSource, signed
from taskloom.core.limits import CALLBACK_ANSWER_BYTES, CALLBACK_RETRY_AFTER_MS_MAX, CALLBACK_TIMEOUT_MS
from taskloom.ports.callbacks import Call, Delivery
from taskloom.ports.clock import Clock

log = logging.getLogger(__name__)

_BUFFER_BYTES: Final = 16 * 1024
_RETRY_AFTER_S_MAX: Final = CALLBACK_RETRY_AFTER_MS_MAX // 1000
_GONE: Final = 410


class Sender:
    """Sends calls over HTTP; receivers answer with a status, and nothing else they say matters."""

    def __init__(
        self,
        guard: Guard,
        secrets: SecretSource,
        clock: Clock,
        lookup: Lookup | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._guard = guard
        self._secrets = secrets
        self._clock = clock
        self._lookup = lookup
        self._tls = tls
        self._session: aiohttp.ClientSession | None = None

    async def deliver(self, call: Call) -> Delivery:
        """One attempt; never raises, never takes longer than the time limit."""
        try:
            url = self._guard.url(call.url)
            async with asyncio.timeout(CALLBACK_TIMEOUT_MS / 1000):
                return await self._send(url, call)
        except TimeoutError:
            return Delivery(delivered=False, reason="no answer in time")
        except AddressError as error:
            return Delivery(delivered=False, reason=str(error))
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return Delivery(delivered=False, reason=_cause(error))

    async def _send(self, url: URL, call: Call) -> Delivery:
        secrets = call.secrets or await self._secrets(call.tenant)
        now_s = self._clock.now_ms() // 1000
        headers = {
            "user-agent": "taskloom",
            **call.headers,
            **signed(secrets, f"msg_{call.key}", now_s, call.body),
        }
        session = self._open()
        async with session.post(url, data=call.body, headers=headers, allow_redirects=False) as answer:
            with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                await _throw_away(answer)
            status = answer.status
            if 200 <= status < 300:
                return Delivery(delivered=True, status=status)
            pause_ms = _retry_after_ms(answer.headers.get("retry-after", ""), self._clock.now_ms())
            return Delivery(
                delivered=False,
                gone=status == _GONE,
                retry_after_ms=pause_ms,
                reason=f"status {status}",
                status=status,
            )

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(
                resolver=GuardedResolver(self._guard, self._lookup),
                use_dns_cache=False,
                ssl=True if self._tls is None else self._tls,
                limit=0,  # how many calls are under way is decided by who makes them
                limit_per_host=0,
                force_close=True,
            )
            self._session = aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,
                auto_decompress=False,
                timeout=aiohttp.ClientTimeout(total=None),
                read_bufsize=_BUFFER_BYTES,
            )
        return self._session

    async def close(self) -> None:
        """Let go of connections."""
        if self._session is not None:
            await self._session.close()


async def _throw_away(answer: aiohttp.ClientResponse) -> None:
    """Read a bounded part of the answer, so that a polite receiver is not cut off."""
    left = CALLBACK_ANSWER_BYTES
    async for piece in answer.content.iter_any():
        left -= len(piece)
        if left <= 0:
            return


def _retry_after_ms(text: str, now_ms: int) -> int:
    """What a receiver asks for, in seconds or as a date, at most a day."""
    text = text.strip()
    if text.isascii() and text.isdigit() and len(text) < 10:
        return min(int(text), _RETRY_AFTER_S_MAX) * 1000
    try:
        at_ms = int(email.utils.parsedate_to_datetime(text).timestamp() * 1000)
    except (ValueError, TypeError, OverflowError):
        return 0
    return max(0, min(at_ms - now_ms, _RETRY_AFTER_S_MAX * 1000))


def _cause(error: BaseException) -> str:
    """Why a call failed: the guard's own words where it was the guard."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, AddressError):
            return str(cause)
        cause = cause.__cause__ or cause.__context__
    return type(error).__name__
