"""Responses as tasks: found by id, shown as an object, read as a stream.

A response is a task whose endpoint is `/v1/responses`. One that its caller did not want stored is not found
here again; the task is there all the same, for it must not be lost before it is done.
"""

from typing import Any, Final

from msgspec import Raw, Struct

from taskloom.core.records import PutRecords, RecordChange
from taskloom.core.rejections import Rejection
from taskloom.core.task import Task
from taskloom.dialects.operation import Refusal, Request
from taskloom.dialects.queue import response_object
from taskloom.dialects.queue.registry import RESPONSES
from taskloom.dialects.queue.response_events import Events, written
from taskloom.dialects.queue.response_object import Json
from taskloom.dialects.queue.streaming import Reader
from taskloom.dialects.queue.submission import result_of
from taskloom.dialects.queue.translate import attributes
from taskloom.dialects.queue.wire import Attributes
from taskloom.engine.engine import Engine

NO_RESPONSE: Final = Refusal(404, "not_found", "no such response", {"param": "response_id"})
_DELETED: Final = "response_deleted"
"""The kind of record that says of a response that it was deleted; its name is the response's id."""
_STREAMING: Final = "S"


class Found(Struct, frozen=True):
    """A response that is there: its task, what was asked, and what the task keeps about itself."""

    task: Task
    request: dict[str, Raw]
    own: Attributes

    @property
    def id(self) -> str:
        """Its id on the wire."""
        return response_object.spelled(self.task.key)

    @property
    def is_background(self) -> bool:
        """Whether nobody waits for it."""
        return bytes(self.request.get("background", b"")) == b"true"


class ResponseReader(Reader):
    """Reads a response's events, from the one after a number."""

    def __init__(self, engine: Engine, found: Found, after: int = -1) -> None:
        super().__init__(engine, found.task)
        self._found = found
        self._beyond = after
        self._events = events_of(found)

    def _shown(self, task: Task, page: list[tuple[int, bytes]]) -> bytes:
        told = self._events.opening(is_taken=bool(task.attempt or page))
        for _, body in page:
            told += self._events.told(body)
        return written(told, self._beyond)

    async def _tail(self, task: Task) -> bytes:
        result = await result_of(self._engine, task)
        told = self._events.opening(is_taken=bool(task.attempt))
        final = self._events.concluded(self._found.request, task, result)
        return written([*told, *self._events.ending(final)], self._beyond)

    async def final(self) -> Json:
        """The object of an ended task."""
        if self._found.own.mode == _STREAMING:
            while page := await self._page():
                self._shown(self._found.task, page)
        result = await result_of(self._engine, self._found.task)
        return self._events.concluded(self._found.request, self._found.task, result)


def events_of(found: Found) -> Events:
    """The teller of a response's events."""
    shell = response_object.shell(found.task.key, found.request)
    return Events(shell, is_background=found.is_background)


async def find(request: Request) -> Found | None:
    """The response of the path; None when it is gone, foreign, not stored, or no response."""
    key = response_object.read(request.parameters["response_id"])
    found = None if key is None else await by_key(request.engine, key)
    if found is None or request.wall not in (None, found.task.tenant):
        return None
    if bytes(found.request.get("store", b"")) == b"false":
        return None
    gone = await request.engine.store.record(_DELETED, found.task.tenant, found.id)
    return found if gone is None else None


async def by_key(engine: Engine, key: int) -> Found | None:
    """The response of a key."""
    task = await engine.store.task(key)
    if task is None:
        return None
    details = (await engine.store.details([key]))[key]
    own = attributes(details.attributes, task.dialect)
    if own.endpoint != RESPONSES:
        return None
    data = (await engine.store.inputs([key])).get(key, b"{}")
    return Found(task, response_object.asked(data), own)


async def shown(engine: Engine, found: Found) -> Json:
    """A response as it is now."""
    if found.task.is_final:
        return await ResponseReader(engine, found).final()
    made = response_object.shell(found.task.key, found.request)
    return {**made, "status": response_object.open_status(found.task)}


async def forget(engine: Engine, found: Found) -> Rejection | None:
    """Let a response be found no more."""
    change = RecordChange(_DELETED, found.task.tenant, found.id, b"{}")
    outcome = await engine.submit(PutRecords((change,)))
    return outcome if isinstance(outcome, Rejection) else None


def input_items(found: Found) -> list[Json]:
    """What a response was asked, as items."""
    given = response_object.value(found.request.get("input", Raw(b"null")))
    if isinstance(given, str):
        part = {"type": "input_text", "text": given}
        given = [{"type": "message", "role": "user", "content": [part]}]
    items: list[Any] = given if isinstance(given, list) else []
    named = (item for item in items if isinstance(item, dict))
    return [
        {"id": response_object.message_id(found.task.key, place), "type": "message", **item}
        for place, item in enumerate(named)
    ]
