"""The journal as pages of events, each translated once for all listeners.

The number of an event in the journal is its `seq` on the wire, so a listener that comes back with the last
number it saw misses nothing and gets nothing twice.
"""

from collections import OrderedDict
from typing import Any, Final

import msgspec
from msgspec import Struct

from taskloom.core import events as core
from taskloom.core.limits import EVENT_CHUNKS, EVENT_CHUNKS_CACHED
from taskloom.core.task import Task
from taskloom.dialects.agents import translate
from taskloom.dialects.agents.events import TOLD, Moment, Told, before_a_claim
from taskloom.engine.engine import Engine
from taskloom.ports.store import Details, JournalChunk

_entries: Final = msgspec.msgpack.Decoder(list[core.Entry])
_json: Final = msgspec.json.Encoder()


class Event(Struct, frozen=True, gc=False):
    """One event, ready to be sent to whoever may see its tenant."""

    seq: int
    tenant: str
    type: str
    envelope: bytes


class Page(Struct, frozen=True, gc=False):
    """The task events of one chunk of the journal, which goes up to number `last`."""

    first: int
    last: int
    events: list[Event]


class _Envelope(Struct, frozen=True):
    id: str
    seq: int
    type: str
    payload: dict[str, Any]
    metadata: dict[str, Any]
    timestamp: int


class Feed:
    """The journal as pages of events; the pages listeners are at are kept."""

    def __init__(self, engine: Engine, *, original: bool) -> None:
        self._engine = engine
        self._original = original
        self._pages: OrderedDict[int, Page] = OrderedDict()

    async def after(self, seq: int) -> list[Page]:
        """The next pages that hold events above `seq`, a bounded number of them; none when there are none."""
        known = next((page for page in self._pages.values() if page.first <= seq + 1 <= page.last), None)
        if known is not None:
            return [known]
        chunks = await self._engine.store.journal(seq, EVENT_CHUNKS)
        return [self._pages.get(chunk.first) or await self._page(chunk) for chunk in chunks]

    async def _page(self, chunk: JournalChunk) -> Page:
        numbered: list[tuple[int, int, core.TaskEvent]] = []
        seq = chunk.first
        for entry in _entries.decode(chunk.body):
            for event in entry.events:
                if type(event) in TOLD and isinstance(event, core.TaskEvent):
                    numbered.append((seq, entry.at, event))
                seq += 1
        keys = list({event.key for _, _, event in numbered})
        tasks = await self._engine.store.tasks(keys)
        details = await self._engine.store.details(keys)
        events = [
            one
            for number, at, event in numbered
            if event.key in tasks and event.key in details
            for one in self._told(number, event, _moment(at, tasks[event.key], details[event.key]))
        ]
        page = Page(chunk.first, chunk.last, events)
        self._pages[page.first] = page
        if len(self._pages) > EVENT_CHUNKS_CACHED:
            self._pages.popitem(last=False)
        return page

    def _told(self, seq: int, event: core.TaskEvent, moment: Moment) -> list[Event]:
        told = TOLD[type(event)](event, moment)
        if self._original and isinstance(event, core.TaskClaimed):
            first, second = before_a_claim(event, moment)
            return [
                _event(seq, f"evt-{seq}-a", first, moment),
                _event(seq, f"evt-{seq}-b", second, moment),
                _event(seq, f"evt-{seq}", told, moment),
            ]
        return [_event(seq, f"evt-{seq}", told, moment)]


def _moment(at: int, task: Task, details: Details) -> Moment:
    return Moment(at, task, translate.attributes(task.dialect, task.queue, details.attributes))


def _event(seq: int, name: str, told: Told, moment: Moment) -> Event:
    kind, payload, metadata = told
    envelope = _Envelope(name, seq, kind, payload, metadata, moment.at)
    return Event(seq, moment.task.tenant, kind, _json.encode(envelope))
