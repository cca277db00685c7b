"""What every bus between servers does alike, whatever carries its hints.

Hints are gathered while the previous message is under way, so a busy server sends few. What does not fit into
a message degrades to "all": everybody looks. The listener sends itself a sign of life every few seconds; when
none comes back it connects anew, and rings "all" for what it may have missed.

What is said of streams goes along with the hints, if a server where somebody reads asked for that stream
lately. What cannot be sent soon is dropped: readers find it in the store.
"""

import asyncio
import contextlib
import logging
import secrets
from collections import deque
from collections.abc import Awaitable, Callable
from typing import ClassVar, Final

import msgspec

from taskloom.bus.said import Recent, Said
from taskloom.core.limits import READS_KEPT_MS, READS_RENEWED_MS, SAID_WAITING_BYTES
from taskloom.ports.bus import Streams
from taskloom.ports.clock import Clock, SystemClock

log = logging.getLogger(__name__)

ALL: Final = "all"
"""The hint that stands for every topic."""

CHANNEL: Final = "taskloom"
BEAT_S: float = 5
"""How long a bus may be silent."""

Part = tuple[str, int, str]
"""What was said of a stream, as it goes along with the hints."""

_READS: Final = "reads "
"""Begins what a server tells of a stream that somebody reads there."""
_ANEW: Final = "anew"
"""What a server tells that knows of no readers yet."""
_PAYLOAD_BYTES: Final = 7_900
"""What a message may weigh for a database to take it."""
_SENDER_BYTES: Final = 50
"""More than a message without hints begins and ends with."""
_PAUSE_S: Final = 0.25


class SharedBus:
    """Hints through something that all servers reach; an adapter adds the connection."""

    interruptions: ClassVar[tuple[type[BaseException], ...]] = (OSError, TimeoutError)
    """The errors after which the bus connects anew."""
    message_bytes: ClassVar[int] = _PAYLOAD_BYTES
    """What one message may weigh."""

    def __init__(self, clock: Clock | None = None) -> None:
        clock = clock or SystemClock()
        self._me = secrets.token_hex(8)
        self._wake: Callable[[str], None] = _nobody
        self._topics: set[str] = set()
        self._said = Said(clock)
        self._parts: deque[bytes] = deque()
        """What goes along with the hints, encoded."""
        self._size = 0
        self._reads = Recent(clock)
        """The streams that others were told somebody reads here."""
        self._asked = Recent(clock)
        """The streams that somebody reads elsewhere."""
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

    def say(self, stream: str, number: int, body: bytes) -> None:
        """Say the next of a stream; it is sent if somebody reads elsewhere and the way is open."""
        self._said.add(stream, number, body)
        if self._asked.within(stream, READS_KEPT_MS):
            with contextlib.suppress(UnicodeDecodeError):
                self._send_along((stream, number, body.decode()))

    def heard(self, stream: str, after: int) -> list[tuple[int, bytes]]:
        """What was said from exactly the number after `after` on; others learn that somebody reads."""
        found = self._said.after(stream, after)
        if not self._reads.within(stream, READS_RENEWED_MS):
            self._reads.add(stream)
            self._send_along(_READS + stream)
        return found

    def _send_along(self, part: str | Part) -> None:
        piece = msgspec.json.encode(part)
        fits = len(piece) <= self.message_bytes - _SENDER_BYTES
        if fits and self.connected.is_set() and self._size + len(piece) <= SAID_WAITING_BYTES:
            self._size += len(piece)
            self._parts.append(piece)
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
        self._begin_anew()
        self._wake(ALL)
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(BEAT_S):  # wait_for of 3.11 may swallow a cancellation
                    await self._bell.wait()
            self._bell.clear()
            topics, self._topics = self._topics, set()
            self._beat.clear()
            async with asyncio.timeout(BEAT_S):
                await send(self._message(topics))
                await self._beat.wait()

    def _begin_anew(self) -> None:
        """What was to be said is old, and nobody knows who reads."""
        self._parts.clear()
        self._size = 0
        self._reads.clear()
        self._send_along(_ANEW)

    def _message(self, topics: set[str]) -> str:
        """The hints, and as much of the rest as fits; what is left goes with the next message."""
        hints = payload(self._me, topics).encode()
        pieces = [hints[:-1]]
        room = self.message_bytes - len(hints)
        while self._parts and len(self._parts[0]) < room:
            piece = self._parts.popleft()
            self._size -= len(piece)
            room -= len(piece) + 1
            pieces.append(piece)
        if self._parts:
            self._bell.set()
        return (b",".join(pieces) + b"]").decode()

    def _received(self, text: str | bytes) -> None:
        try:
            sender, *told = msgspec.json.decode(text, type=list[str | Part])
        except (msgspec.DecodeError, ValueError):
            return
        if sender == self._me:
            self._beat.set()
            return
        for stream, number, body in (part for part in told if not isinstance(part, str)):
            self._said.add(stream, number, body.encode())
        for topic in (part for part in told if isinstance(part, str)):
            self._hinted(topic)

    def _hinted(self, topic: str) -> None:
        if topic.startswith(_READS):
            self._asked.add(topic.removeprefix(_READS))
        elif topic == _ANEW:
            self._reads.clear()
        else:
            self._wake(topic)


def payload(sender: str, topics: set[str]) -> str:
    """The message of these topics; too many become the one that stands for all."""
    text = msgspec.json.encode([sender, *sorted(topics)])
    if len(text) > _PAYLOAD_BYTES:
        text = msgspec.json.encode([sender, ALL])
    return text.decode()


def _nobody(_topic: str) -> None:
    """Hints that come before anybody listens are lost, as hints may be."""
