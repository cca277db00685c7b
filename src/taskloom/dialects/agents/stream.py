"""GET /events: task events as server-sent events, from a number on, one tenant's only.

A listener holds one page of events at a time and is asked for more only when it has taken that.
"""

import re
from collections.abc import AsyncIterator
from typing import Final

from taskloom.core.limits import EVENT_KEEP_ALIVE_MS, EVENT_PATTERN_LENGTH, EVENT_PATTERNS, POLL_MS
from taskloom.dialects.agents.feed import Event, Page
from taskloom.dialects.agents.method import shared
from taskloom.dialects.operation import Refusal, Reply, Request, Stream
from taskloom.engine.waiting import TooManyWaitersError
from taskloom.ports.store import UnavailableError

_PATTERN: Final = re.compile(r"\*|[a-z_]+(\.[a-z_]+)*(\.\*)?", re.ASCII)
_NUMBER: Final = re.compile(r"[0-9]{1,18}", re.ASCII)
KEEP_ALIVE: Final = b": keep-alive\n\n"


class Patterns:
    """Which types a listener wants: exact names, `prefix.*` of any depth, `*`."""

    def __init__(self, patterns: list[str]) -> None:
        self._all = "*" in patterns
        self._exact = frozenset(one for one in patterns if not one.endswith("*"))
        self._prefixes = tuple(one[:-1] for one in patterns if one.endswith(".*"))

    def match(self, kind: str) -> bool:
        """Whether a type is wanted."""
        return self._all or kind in self._exact or kind.startswith(self._prefixes)


async def listen(request: Request) -> Reply:
    """Follow the events of the caller's tenant."""
    patterns = _patterns(request)
    if isinstance(patterns, Refusal):
        return patterns
    since = _since(request)
    if isinstance(since, Refusal):
        return since
    head = await request.engine.store.sequence()
    start = head if since is None else min(since, head)
    return Stream(_follow(request, patterns, start))


def _patterns(request: Request) -> Patterns | Refusal:
    given = request.query.get("types", [])
    names = [name for value in given for name in value.split(",")] or ["*"]
    if len(names) > EVENT_PATTERNS:
        return Refusal(400, "invalid", f"types may name {EVENT_PATTERNS} patterns")
    for name in names:
        if len(name) > EVENT_PATTERN_LENGTH or not _PATTERN.fullmatch(name):
            return Refusal(
                400, "invalid", "types must be like task.completed, task.* or *, with commas between"
            )
    return Patterns(names)


def _since(request: Request) -> int | Refusal | None:
    """The number to go on after: what the listener saw last, else what it asks for, else now."""
    given = request.headers.get("last-event-id") or "".join(request.query.get("since", [])[:1])
    if not given:
        return None
    if not _NUMBER.fullmatch(given):
        return Refusal(400, "invalid", "since and Last-Event-ID must be the number of an event")
    return int(given)


async def _follow(request: Request, patterns: Patterns, after: int) -> AsyncIterator[bytes]:
    """Events as they come, and a comment where none came for a while; ends when the server stops."""
    engine = request.engine
    feed = shared(request.services).feed
    quiet_since = engine.clock.monotonic_ms()
    yield b": connected\n\n"
    try:
        while not engine.waiting.closed:
            if await engine.events(after, POLL_MS):
                pages = await feed.after(after)
                if not pages:
                    after = await _beyond_what_is_gone(request, after)
                for page in pages:
                    text = _text(page, after, patterns, request.wall)
                    after = page.last
                    if text:
                        yield text
                        quiet_since = engine.clock.monotonic_ms()
            if engine.clock.monotonic_ms() - quiet_since >= EVENT_KEEP_ALIVE_MS:
                yield KEEP_ALIVE
                quiet_since = engine.clock.monotonic_ms()
    except (UnavailableError, TooManyWaitersError):
        # The listener comes back with the number it saw last, as after any broken connection.
        return


async def _beyond_what_is_gone(request: Request, after: int) -> int:
    """Where to go on when the journal no longer holds what comes next."""
    store = request.engine.store
    head = await store.sequence()
    return after if await store.journal(after, 1) else head


def _text(page: Page, after: int, patterns: Patterns, wall: str | None) -> bytes:
    return b"".join(
        _frame(event)
        for event in page.events
        if event.seq > after and wall in {None, event.tenant} and patterns.match(event.type)
    )


def _frame(event: Event) -> bytes:
    return b"id: %d\nevent: %b\ndata: %b\n\n" % (event.seq, event.type.encode(), event.envelope)
