"""Waiting: long polls and open answers park here until something they named happens.

A waiter takes its ticket before it checks, so what happens between the check and the parking rings the
ticket. Wake-ups are hints: whoever wakes checks again, and the engine's slow poll rings what was lost.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Hashable, Iterable
from types import TracebackType
from typing import Self

from taskloom.core.limits import WAITERS

Topic = Hashable


class TooManyWaitersError(Exception):
    """The server holds as many open waits as it may."""


class Ticket:
    """A place in line for some topics; use it as a context manager around check and wait."""

    __slots__ = ("_future", "_topics", "_waiting", "is_caller")

    def __init__(self, waiting: "Waiting", topics: tuple[Topic, ...], *, is_caller: bool) -> None:
        self.is_caller = is_caller
        self._waiting = waiting
        self._topics = topics
        self._future: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def __enter__(self) -> Self:
        self._waiting.add(self, self._topics)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._waiting.remove(self, self._topics)

    def ring(self) -> bool:
        """Wake the waiter; False when it was awake already."""
        if self._future.done():
            return False
        self._future.set_result(None)
        return True

    def take(self) -> bool:
        """Whether it was rung since this was last asked."""
        if not self._future.done():
            return False
        self._future = asyncio.get_running_loop().create_future()
        return True

    async def wait(self, timeout_ms: int) -> bool:
        """Until rung; False when the time ran out first."""
        try:
            async with asyncio.timeout(timeout_ms / 1000):  # wait_for of 3.11 may swallow a cancellation
                await self._future
        except TimeoutError:
            return False
        return True


class Waiting:
    """All open waits of a server, by topic, first come first served."""

    def __init__(self) -> None:
        self._lines: dict[Topic, OrderedDict[Ticket, None]] = {}
        self._count = 0
        self.closed = False

    def ticket(self, *topics: Topic) -> Ticket:
        """A ticket for these topics, not yet in line."""
        if self._count >= WAITERS:
            raise TooManyWaitersError
        return Ticket(self, topics, is_caller=True)

    def duty(self, *topics: Topic) -> Ticket:
        """A ticket for the server's own work: not counted among the callers, and never refused."""
        return Ticket(self, topics, is_caller=False)

    def add(self, ticket: Ticket, topics: Iterable[Topic]) -> None:
        """Put a ticket in line."""
        self._count += ticket.is_caller
        for topic in topics:
            self._lines.setdefault(topic, OrderedDict())[ticket] = None
        if self.closed:
            ticket.ring()

    def remove(self, ticket: Ticket, topics: Iterable[Topic]) -> None:
        """Take a ticket out of line."""
        self._count -= ticket.is_caller
        for topic in topics:
            line = self._lines.get(topic)
            if line is not None:
                line.pop(ticket, None)
                if not line:
                    del self._lines[topic]

    def notify(self, topic: Topic, count: int | None = None) -> None:
        """Wake the first `count` waiters of a topic; None wakes all."""
        line = self._lines.get(topic)
        if line is None:
            return
        for ticket in list(line):
            if count is not None and count <= 0:
                return
            if ticket.ring() and count is not None:
                count -= 1

    def topics(self) -> list[Topic]:
        """What somebody waits for."""
        return list(self._lines)

    def __len__(self) -> int:
        """How many callers wait."""
        return self._count

    def close(self) -> None:
        """Wake everybody, and everybody who still comes."""
        self.closed = True
        for topic in self.topics():
            self.notify(topic)
