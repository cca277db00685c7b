"""The events of a response, made of what its worker told.

The same frames always give the same events with the same numbers, so a reader that comes back names the
last number it saw. A worker may tell events of this kind itself, or pieces of text. What would confuse a
client is mended: an item and a part are opened before anything is told of them, each once, and whatever was
not told by the end is told then. How a response ends is only known when its task has ended, so what the
worker said of that is kept for the end.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec
from msgspec import Raw, Struct, field

from taskloom.core.task import Task
from taskloom.dialects.queue import frames
from taskloom.dialects.queue.response_object import (
    Json,
    completed,
    ended,
    message_id,
    read,
    text_of,
    text_part,
)

_OPENING: Final = frozenset({"response.created", "response.queued", "response.in_progress"})
_LAST: Final = frozenset({"response.completed", "response.failed", "response.incomplete"})
_ITEM_ADDED: Final = "response.output_item.added"
_ITEM_DONE: Final = "response.output_item.done"
_PART_ADDED: Final = "response.content_part.added"
_PART_DONE: Final = "response.content_part.done"
_TEXT: Final = "response.output_text."
_DELTA: Final = "response.output_text.delta"
_TEXT_DONE: Final = "response.output_text.done"
_REFUSAL: Final = "response.refusal."
_ARGUMENTS: Final = "response.function_call_arguments."
_CALL: Final = "function_call"
_ENDINGS: Final = {"completed": "response.completed", "incomplete": "response.incomplete"}
_KIND: Final = re.compile(r"(?:response\.[a-z_.]{1,80}|error)\Z")
_BARE: Final[Mapping[str, Json]] = {"message": {"content": []}, _CALL: {"arguments": ""}}
"""What an item holds when it is added."""


class _Part(Struct):
    """A part of a message that was opened."""

    pieces: list[str] = field(default_factory=list)
    text_done: bool = False
    done: bool = False


class _Item(Struct):
    """An item of the output that was opened."""

    value: Json
    parts: dict[int, _Part] = field(default_factory=dict)
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
        if kind == _CALL:
            return {**self.value, "status": "completed", "arguments": "".join(self.arguments)}
        if kind != "message":
            return self.value
        texts = ["".join(part.pieces) for _, part in sorted(self.parts.items())]
        return {**self.value, "status": "completed", "content": [text_part(text) for text in texts]}


class Events:
    """What is told of one response, step by step."""

    def __init__(self, shell: Json, *, is_background: bool) -> None:
        self.said: Json | None = None
        """The response as the worker's own last event had it."""
        self._shell = shell
        self._key = read(shell["id"]) or 0
        self._is_background = is_background
        self._number = 0
        self._is_open = False
        self._is_begun = False
        self._items: dict[int, _Item] = {}

    def opening(self, *, is_taken: bool) -> list[Json]:
        """That there is a response, and, once somebody has taken it, that it is under way."""
        told = []
        if not self._is_open:
            self._is_open = True
            waiting = {**self._shell, "status": "queued" if self._is_background else "in_progress"}
            told.append(self._event("response.created", response=waiting))
            if self._is_background:
                told.append(self._event("response.queued", response=waiting))
        if is_taken and not self._is_begun:
            self._is_begun = True
            told.append(
                self._event("response.in_progress", response={**self._shell, "status": "in_progress"})
            )
        return told

    def told(self, body: bytes) -> list[Json]:
        """What comes of a stored frame."""
        kept = msgspec.json.decode(body, type=frames.StoredFrame)
        text = frames.text(bytes(kept.data)).decode()
        value = _object(text)
        kind = _kind(value, kept.name)
        if value is not None and kind:
            return self._passed_on(kind, value)
        is_text = bytes(kept.data).lstrip()[:1] == b'"' and (value is None or "choices" not in value)
        said = text if is_text else text_of(value)
        return [] if not said or said == "[DONE]" else self._of_part(_DELTA, {"delta": said})

    def concluded(self, request: Mapping[str, Raw], task: Task, result: bytes | None) -> Json:
        """The object of an ended task; the ids of what was told stay what they were."""
        final = ended(self._key, request, task, result, self.said)
        if final["status"] in _ENDINGS:
            final["output"] = self._output(final["output"])
        return final

    def _output(self, given: list[Json]) -> list[Json]:
        """The output at the end: as the worker gave it, else as it was told; ids stay what they were."""
        if not given:
            return [self._items[index].so_far() for index in sorted(self._items)]
        merged = []
        for index, item in enumerate(given):
            known = self._items.get(index)
            same = known is not None and known.value.get("type") == item.get("type") and "id" in known.value
            merged.append({**item, "id": known.value["id"]} if known is not None and same else item)
        return merged

    def ending(self, final: Json) -> list[Json]:
        """What was not told yet, and how the response ended."""
        status = final["status"]
        told = []
        if status in _ENDINGS:
            for index, item in enumerate(final["output"]):
                told += self._finished(index, item)
            for index in sorted(self._items):
                told += self._finished(index, self._items[index].so_far())
        return [*told, self._event(_ENDINGS.get(status, "response.failed"), response=final)]

    def _event(self, kind: str, **fields: Any) -> Json:
        event = {**fields, "type": kind, "sequence_number": self._number}
        self._number += 1
        return event

    def _passed_on(self, kind: str, event: Json) -> list[Json]:
        """An event of the worker's, with what must come before it."""
        if kind in _OPENING:
            return []
        if kind in _LAST:
            said = event.get("response")
            self.said = said if isinstance(said, dict) else self.said
            return []
        if kind == _ITEM_ADDED:
            return self._added(_index(event, "output_index"), event.get("item"))
        if kind == _ITEM_DONE:
            item = event.get("item")
            return self._finished(_index(event, "output_index"), item) if isinstance(item, dict) else []
        known = self._items.get(_index(event, "output_index"))
        if kind.startswith(_ARGUMENTS):
            if known is None:
                return []
            known.take_arguments(event)
        elif known is None or known.value.get("type") == "message":
            if kind == _PART_ADDED:
                return self._opened(event, event.get("part"))
            if kind.startswith((_TEXT, _REFUSAL)) or kind == _PART_DONE:
                return self._of_part(kind, event)
        return [self._event(kind, **{name: value for name, value in event.items() if name != "type"})]

    def _of_part(self, kind: str, event: Json) -> list[Json]:
        """An event about a part of a message; nothing when the item is no message or is done."""
        index, place = _index(event, "output_index"), _index(event, "content_index")
        blank = {"type": "refusal", "refusal": ""} if kind.startswith(_REFUSAL) else text_part("")
        before = self._opened(event, event.get("part") if kind == _PART_DONE else blank)
        item = self._items[index]
        part = item.parts.get(place)
        if part is None or part.done or item.done:
            return before
        if kind.endswith(".delta") and isinstance(event.get("delta"), str):
            part.pieces.append(event["delta"])
        if kind in (_TEXT_DONE, f"{_REFUSAL}done"):
            if part.text_done:
                return before
            part.text_done = True
        part.done = kind == _PART_DONE
        whole: Json = {"logprobs": []} if kind in (_DELTA, _TEXT_DONE) else {}
        whole |= {name: value for name, value in event.items() if name != "type" and value is not None}
        whole |= {"output_index": index, "content_index": place, "item_id": item.value.get("id")}
        return [*before, self._event(kind, **whole)]

    def _opened(self, event: Json, part: Any) -> list[Json]:
        """The part an event is about, opened unless it is."""
        index, place = _index(event, "output_index"), _index(event, "content_index")
        named = event.get("item_id")
        made = {"type": "message", "id": named if isinstance(named, str) else message_id(self._key, index)}
        told = self._added(index, made)
        item = self._items[index]
        if item.value.get("type") != "message" or item.done or place in item.parts:
            return told
        item.parts[place] = _Part()
        bare = dict(part) if isinstance(part, dict) else text_part("")
        bare |= {name: "" for name in ("text", "refusal") if name in bare}
        where = {"item_id": item.value.get("id"), "output_index": index, "content_index": place}
        return [*told, self._event(_PART_ADDED, part=bare, **where)]

    def _added(self, index: int, item: Any) -> list[Json]:
        """An item, added unless it is."""
        if index in self._items or not isinstance(item, dict):
            return []
        whole = completed(item, self._shell["id"], index)
        opened = {**whole, **_BARE.get(str(whole.get("type")), {})}
        if "status" in whole or whole.get("type") in _BARE:
            opened["status"] = "in_progress"
        self._items[index] = _Item(opened)
        return [self._event(_ITEM_ADDED, output_index=index, item=opened)]

    def _finished(self, index: int, item: Json) -> list[Json]:
        """An item with all that was not told of it yet."""
        told = self._added(index, item)
        known = self._items[index]
        if known.done:
            return told
        whole = completed(item, self._shell["id"], index)
        if whole.get("type") != known.value.get("type"):
            whole = self._items[index].so_far()
        whole = {**whole, "id": known.value["id"]} if "id" in known.value else whole
        if whole.get("type") == "message":
            for place, part in enumerate(whole["content"]):
                told += self._part_finished(index, place, part)
        elif whole.get("type") == _CALL and told:
            told += self._call_finished(index, whole)
        known.done = True
        known.value = whole
        return [*told, self._event(_ITEM_DONE, output_index=index, item=whole)]

    def _part_finished(self, index: int, place: int, part: Json) -> list[Json]:
        where = {"output_index": index, "content_index": place}
        told = self._opened(where, part)
        known = self._items[index].parts[place]
        if known.done:
            return told
        name = "refusal" if part.get("type") == "refusal" else "text"
        family = _REFUSAL if name == "refusal" else _TEXT
        text, before = str(part.get(name, "")), "".join(known.pieces)
        if text.startswith(before) and len(text) > len(before):
            told += self._of_part(f"{family}delta", {**where, "delta": text[len(before) :]})
        if not known.text_done:
            told += self._of_part(f"{family}done", {**where, name: text})
        return [*told, *self._of_part(_PART_DONE, {**where, "part": part})]

    def _call_finished(self, index: int, call: Json) -> list[Json]:
        where = {"output_index": index, "item_id": call.get("id")}
        arguments = call.get("arguments", "")
        done = {**where, "arguments": arguments, "name": call.get("name", "")}
        return [
            self._event(f"{_ARGUMENTS}delta", delta=arguments, **where),
            self._event(f"{_ARGUMENTS}done", **done),
        ]


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


def _index(event: Json, name: str) -> int:
    """A place that an event names, the first one when it names none."""
    given = event.get(name)
    if isinstance(given, bool) or not isinstance(given, int) or not 0 <= given < 1 << 31:
        return 0
    return given


def written(told: list[Json], after: int = -1) -> bytes:
    """Events as they go over the wire, without those up to a number."""
    return b"".join(
        frames.event(event["sequence_number"], event["type"], msgspec.json.encode(event))
        for event in told
        if event["sequence_number"] > after
    )
