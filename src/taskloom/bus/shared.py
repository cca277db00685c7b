"""What every bus between servers does alike, whatever carries its hints.

Hints are gathered while the previous message is under way, so a busy server sends few. What does not fit into
a message degrades to "all": everybody looks. The listener sends itself a sign of life every few seconds; when
none comes back it connects anew, and rings "all" for what it may have missed.
"""

import asyncio
import contextlib
import logging
import secrets
from collections.abc import Awaitable, Callable
from typing import ClassVar, Final

import msgspec

from taskloom.ports.bus import Streams

log = logging.getLogger(__name__)

ALL: Final = "all"
"""The hint that stands for every topic."""

CHANNEL: Final = "taskloom"
BEAT_S: float = 5
"""How long a bus may be silent."""

_PAYLOAD_BYTES: Final = 7_900
_PAUSE_S: Final = 0.25


class SharedBus:
    """Hints through something that all servers reach; an adapter adds the connection."""

    interruptions: ClassVar[tuple[type[BaseException], ...]] = (OSError, TimeoutError)
    """The errors after which the bus connects anew."""

    def __init__(self) -> None:
        self._me = secrets.token_hex(8)
        self._wake: Callable[[str], None] = _nobody
        self._topics: set[str] = set()
        self._bell = asyncio.Event()
        self._beat = asyncio.Event()
        self._duty: asyncio.Task[None] | None = None
        self.connected = asyncio.Event()
        """Whether hints arrive and leave at the moment."""

    async def open(self, wake: Callable[[str], None]) -> None:
        """Begin to listen; what is away is waited for in the background."""
        self._wake = wake
        self._duty = asyncio.create_task(self._run())

    async def close(self) -> None:
        """Stop listening."""
        if self._duty is not None:
            self._duty.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._duty

    def publish(self, topics: set[str]) -> None:
        """Hint at these topics; never blocks, may be lost."""
        self._topics |= topics
        self._bell.set()

    def streams(self) -> Streams | None:
        """There are none."""
        return None

    async def _session(self) -> None:
        """One connection, from connecting until it breaks or falls silent."""
        raise NotImplementedError

    async def _run(self) -> None:
        while True:
            try:
                await self._session()
            except self.interruptions as error:
                log.warning("hints from other servers are interrupted: %s", error or type(error).__name__)
            self.connected.clear()
            await asyncio.sleep(_PAUSE_S)

    async def _talk(self, send: Callable[[str], Awaitable[object]]) -> None:
        """Send what is gathered, and a sign of life when there is nothing; each must come back in time."""
        self.connected.set()
        self._wake(ALL)
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(BEAT_S):  # wait_for of 3.11 may swallow a cancellation
                    await self._bell.wait()
            self._bell.clear()
            topics, self._topics = self._topics, set()
            self._beat.clear()
            async with asyncio.timeout(BEAT_S):
                await send(payload(self._me, topics))
                await self._beat.wait()

    def _heard(self, text: str | bytes) -> None:
        try:
            sender, *topics = msgspec.json.decode(text, type=list[str])
        except (msgspec.DecodeError, ValueError):
            return
        if sender == self._me:
            self._beat.set()
            return
        for topic in topics:
            self._wake(topic)


def payload(sender: str, topics: set[str]) -> str:
    """The message of these topics; too many become the one that stands for all."""
    text = msgspec.json.encode([sender, *sorted(topics)])
    if len(text) > _PAYLOAD_BYTES:
        text = msgspec.json.encode([sender, ALL])
    return text.decode()


def _nobody(_topic: str) -> None:
    """Hints that come before anybody listens are lost, as hints may be."""
