"""Frames: how progress is stored, and how it looks on a stream of server-sent events."""

import re
from typing import Final

import msgspec
from msgspec import Raw, Struct

from taskloom.dialects.queue.wire import ErrorFrame, Fault, Progress

PING: Final = b": ping\n\n"
DONE: Final = b"[DONE]"
END: Final = b"\ndata:[DONE]\n\n"
"""How the frame with the end mark ends."""
_BREAKS: Final = re.compile(rb"\r\n|\r|\n")
_PREFIX: Final = "data:"


class StoredFrame(Struct, frozen=True, omit_defaults=True):
    """What is kept of a progress event."""

    data: Raw
    name: str = "message"


def stored(progress: Progress) -> bytes:
    """A progress event as it is kept."""
    return msgspec.json.encode(StoredFrame(progress.event_data, progress.event_name or "message"))


def mark(progress: Progress) -> int:
    """The worker's own number of an event; -1 when it gave none that counts."""
    given = progress.event_id
    if isinstance(given, str):
        given = int(given) if given.isascii() and given.isdigit() and len(given) <= 18 else -1
    return given if given is not None and 0 <= given < 1 << 62 else -1


def text(data: bytes) -> bytes:
    """The data of a frame: a string as it is, without a leading `data:`; any other value as compact JSON."""
    raw = data.lstrip()
    if raw[:1] != b'"':
        return msgspec.json.format(raw, indent=-1)
    written = msgspec.json.decode(raw, type=str)
    if written.startswith(_PREFIX):
        written = written.removeprefix(_PREFIX).strip()
    return written.encode()


def frame(number: int, body: bytes) -> bytes:
    """A stored frame as it goes over the wire."""
    kept = msgspec.json.decode(body, type=StoredFrame)
    return event(number, kept.name, text(bytes(kept.data)))


def event(number: int, name: str, data: bytes) -> bytes:
    """One event; data of several lines has a `data:` on each."""
    lines = b"\n".join(b"data:" + line for line in _BREAKS.split(data))
    return b"id:%d\nevent:%s\n%s\n\n" % (number, name.encode(), lines)


def error(fault: Fault) -> bytes:
    """The frame after which a failed stream ends; clients raise because of its `error`."""
    return b"data:" + msgspec.json.encode(ErrorFrame(fault)) + b"\n\n"


def is_done(body: bytes) -> bool:
    """Whether a stored frame is the mark that ends a stream of completions."""
    return text(bytes(msgspec.json.decode(body, type=StoredFrame).data)) == DONE
