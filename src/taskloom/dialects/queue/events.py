"""What workers write on the event bus: entries of names and values, whose payload is JSON in a text."""

from typing import Final

import msgspec
from msgspec import Raw, Struct, field

from taskloom.core.limits import BODY_BYTES
from taskloom.core.payload import opaque_error, strict_error
from taskloom.dialects.operation import Refusal
from taskloom.dialects.queue import frames
from taskloom.dialects.queue.spelling import read
from taskloom.dialects.queue.translate import Completion, completion
from taskloom.dialects.queue.wire import Progress
from taskloom.ports.bus import Entry

_PROGRESS: Final = b"task-progress-event"
_COMPLETION: Final = b"task-completion-event"
_OPAQUE: Final = frozenset({"eventData", "result"})


class _Payload(Struct, frozen=True, rename="camel"):
    task_id: str
    event_id: int | str | None = None
    event_name: str | None = None
    event_data: Raw = field(default_factory=lambda: Raw(b"null"))
    result: Raw = field(default_factory=lambda: Raw(b"{}"))


class Ended(Struct, frozen=True):
    """A task ended with this answer."""

    task_id: str
    key: int
    completion: Completion

    @property
    def size(self) -> int:
        """What it weighs."""
        return len(self.completion.result)


class Progressed(Struct, frozen=True):
    """What a worker tells on the way, as it is kept."""

    key: int
    frame: bytes
    mark: int

    @property
    def size(self) -> int:
        """What it weighs."""
        return len(self.frame)


Told = Ended | Progressed


def told(entry: Entry) -> Told | None:
    """What an entry says; None when it is garbage, which nobody can be told of."""
    name, text = entry.fields.get(b"name"), entry.fields.get(b"payload", b"")
    if name not in (_PROGRESS, _COMPLETION) or len(text) > BODY_BYTES:
        return None
    if strict_error(text, _OPAQUE) is not None:
        return None
    try:
        payload = msgspec.json.decode(text, type=_Payload)
        key = read(payload.task_id)
        if key is None:
            return None
        if name == _COMPLETION:
            return _ended(payload, key)
        return _progressed(payload, key, entry.id)
    except (msgspec.DecodeError, ValueError):
        return None


def _ended(payload: _Payload, key: int) -> Ended | None:
    result = bytes(payload.result)
    done = completion(b"{}" if result == b"null" else result, key)
    return None if isinstance(done, Refusal) else Ended(payload.task_id, key, done)


def _progressed(payload: _Payload, key: int, entry: bytes) -> Progressed | None:
    data = bytes(payload.event_data)
    if opaque_error(data) is not None:
        return None
    frames.text(data)
    checked = msgspec.convert({"event_name": payload.event_name}, Progress)
    progress = msgspec.structs.replace(checked, event_data=payload.event_data, event_id=payload.event_id)
    mark = frames.mark(progress)
    return Progressed(key, frames.stored(progress), mark if mark >= 0 else _mark(entry))


def _mark(entry: bytes) -> int:
    """The number of an event whose worker gave none: the entry's own, so that it counts once."""
    at, _, serial = entry.partition(b"-")
    return (int(at) << 16) + min(int(serial or b"0"), 0xFFFF)
