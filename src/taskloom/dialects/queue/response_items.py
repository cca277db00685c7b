"""Items of a response's output while they are told, and what a worker's frame says of them."""

import re
from typing import Any, Final

import msgspec
from msgspec import Struct, field

from taskloom.core.limits import RESPONSE_PLACES
from taskloom.dialects.queue import frames
from taskloom.dialects.queue.response_object import Json, refusal_part, text_of, text_part

MESSAGE: Final = "message"
CALL: Final = "function_call"
REFUSAL: Final = "refusal"
TEXT: Final = "output_text"
_KIND: Final = re.compile(r"(?:response\.[a-z_.]{1,80}|error)\Z")


class Part(Struct):
    """A part of a message that was opened."""

    kind: str = TEXT
    pieces: list[str] = field(default_factory=list)
    text_done: bool = False
    done: bool = False

    def so_far(self) -> Json:
        """The part as it was told."""
        text = "".join(self.pieces)
        return refusal_part(text) if self.kind == REFUSAL else text_part(text)

    def fits(self, event: str) -> bool:
        """Whether an event of this type may be about it."""
        if event.startswith("response.refusal."):
            return self.kind == REFUSAL
        return self.kind == TEXT or not event.startswith("response.output_text.")


class Item(Struct):
    """An item of the output that was opened."""

    value: Json
    parts: dict[int, Part] = field(default_factory=dict)
    arguments: list[str] = field(default_factory=list)
    done: bool = False

    def take_arguments(self, event: Json) -> None:
        """Remember what a call is to be made with, in pieces or whole."""
        if isinstance(event.get("delta"), str):
            self.arguments.append(event["delta"])
        elif isinstance(event.get("arguments"), str):
            self.arguments = [event["arguments"]]

    def so_far(self) -> Json:
        """The item as it was told."""
        kind = self.value.get("type")
        if self.done:
            return self.value
        if kind == CALL:
            return {**self.value, "status": "completed", "arguments": "".join(self.arguments)}
        if kind != MESSAGE:
            return self.value
        content = [part.so_far() for _place, part in sorted(self.parts.items())]
        return {**self.value, "status": "completed", "content": content}


class Told(Struct, frozen=True):
    """What a frame says: an event of the worker's, or a piece of text ("" for nothing)."""

    kind: str = ""
    event: Json = {}
    text: str = ""


def told(body: bytes) -> Told:
    """What a stored frame says."""
    kept = msgspec.json.decode(body, type=frames.StoredFrame)
    text = frames.text(bytes(kept.data)).decode()
    value = _object(text)
    kind = _kind(value, kept.name)
    if value is not None and kind:
        return Told(kind, value)
    is_text = bytes(kept.data).lstrip()[:1] == b'"' and (value is None or "choices" not in value)
    said = text if is_text else text_of(value)
    return Told() if not said or said == "[DONE]" else Told(text=said)


def _object(text: str) -> Json | None:
    """The object that a text spells, None when it spells none."""
    if not text.lstrip().startswith("{"):
        return None
    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except msgspec.DecodeError:
        return None


def _kind(value: Json | None, name: str) -> str:
    """The type of a worker's event, "" when it is none; the frame may be called by it."""
    if value is None:
        return ""
    for kind in (value.get("type"), name):
        if isinstance(kind, str) and _KIND.match(kind):
            return kind
    return ""


def place_of(event: Json, name: str) -> int:
    """A place that an event names, the first one when it names none."""
    given = event.get(name)
    if isinstance(given, bool) or not isinstance(given, int) or not 0 <= given < RESPONSE_PLACES:
        return 0
    return given
