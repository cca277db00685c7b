"""The events of a response, made of what its worker told.

The same frames always give the same events with the same numbers, so a reader that comes back names the
last number it saw. A worker may tell events of this kind itself, or pieces of text. What would confuse a
client is mended: an item and a part are opened before anything is told of them, each once, and whatever was
not told by the end is told then. How a response ends is only known when its task has ended, so what the
worker said of that is kept for the end.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from msgspec import Raw

from taskloom.core.task import Task
from taskloom.dialects.queue import frames
from taskloom.dialects.queue.response_items import CALL, MESSAGE, REFUSAL, TEXT, Item, Part, place_of, told
from taskloom.dialects.queue.response_object import (
    Json,
    completed,
    ended,
    message_id,
    read,
    refusal_part,
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
_ENDINGS: Final = {"completed": "response.completed", "incomplete": "response.incomplete"}
_BARE: Final[Mapping[str, Json]] = {MESSAGE: {"content": []}, CALL: {"arguments": ""}}
"""What an item holds when it is added."""


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
        self._is_given = False
        """Whether the worker gave the output whole at the end."""
        self._items: dict[int, Item] = {}

    def opening(self, *, is_taken: bool) -> list[Json]:
        """That there is a response, and, once somebody has taken it, that it is under way."""
        told = []
        if not self._is_open:
            self._is_open = True
            waiting = {**self._shell, "status": "queued" if self._is_background else "in_progress"}
            told.append(self._event("response.created", {"response": waiting}))
            if self._is_background:
                told.append(self._event("response.queued", {"response": waiting}))
        if is_taken and not self._is_begun:
            self._is_begun = True
            begun = {**self._shell, "status": "in_progress"}
            told.append(self._event("response.in_progress", {"response": begun}))
        return told

    def told(self, body: bytes) -> list[Json]:
        """What comes of a stored frame."""
        said = told(body)
        if said.kind:
            return self._passed_on(said.kind, said.event)
        return self._of_part(_DELTA, {"delta": said.text}) if said.text else []

    def concluded(self, request: Mapping[str, Raw], task: Task, result: bytes | None) -> Json:
        """The object of an ended task; the ids of what was told stay what they were."""
        final = ended(self._key, request, task, result, self.said)
        if final["status"] in _ENDINGS:
            final["output"] = self._output(final["output"])
        return final

    def _output(self, given: list[Json]) -> list[Json]:
        """The output at the end: as the worker gave it, else as it was told; ids stay what they were."""
        self._is_given = bool(given)
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
            for index, item in enumerate(final["output"] if self._is_given else ()):
                told += self._finished(index, item)
            for index in sorted(self._items):
                told += self._finished(index, self._items[index].so_far())
        return [*told, self._event(_ENDINGS.get(status, "response.failed"), {"response": final})]

    def _event(self, kind: str, fields: Json) -> Json:
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
            return self._added(place_of(event, "output_index"), event.get("item"))
        if kind == _ITEM_DONE:
            item = event.get("item")
            return self._finished(place_of(event, "output_index"), item) if isinstance(item, dict) else []
        known = self._items.get(place_of(event, "output_index"))
        if kind.startswith(_ARGUMENTS):
            if known is None or known.value.get("type") != CALL:
                return []
            known.take_arguments(event)
        elif known is None or known.value.get("type") == MESSAGE:
            if kind == _PART_ADDED:
                return self._opened(event, event.get("part"))
            if kind.startswith((_TEXT, _REFUSAL)) or kind == _PART_DONE:
                return self._of_part(kind, event)
        return [self._event(kind, event)]

    def _of_part(self, kind: str, event: Json) -> list[Json]:
        """An event about a part of a message; nothing when the item is no message or is done."""
        index, place = place_of(event, "output_index"), place_of(event, "content_index")
        blank = refusal_part("") if kind.startswith(_REFUSAL) else text_part("")
        before = self._opened(event, event.get("part") if kind == _PART_DONE else blank)
        item = self._items[index]
        part = item.parts.get(place)
        if part is None or part.done or item.done or not part.fits(kind):
            return before
        if kind.endswith(".delta") and isinstance(event.get("delta"), str):
            part.pieces.append(event["delta"])
        if kind in (_TEXT_DONE, f"{_REFUSAL}done"):
            if part.text_done:
                return before
            part.text_done = True
        part.done = kind == _PART_DONE
        whole: Json = {"logprobs": []} if kind in (_DELTA, _TEXT_DONE) else {}
        whole |= {name: value for name, value in event.items() if value is not None}
        whole |= {"output_index": index, "content_index": place, "item_id": item.value.get("id")}
        return [*before, self._event(kind, whole)]

    def _opened(self, event: Json, part: Any) -> list[Json]:
        """The part an event is about, opened unless it is; clients count parts, so those before it too."""
        index, place = place_of(event, "output_index"), place_of(event, "content_index")
        named = event.get("item_id")
        made = {"type": MESSAGE, "id": named if isinstance(named, str) else message_id(self._key, index)}
        told = self._added(index, made)
        item = self._items[index]
        if item.value.get("type") != MESSAGE or item.done:
            return told
        for missing in range(len(item.parts), place + 1):
            bare = dict(part) if missing == place and isinstance(part, dict) else text_part("")
            item.parts[missing] = Part(str(bare.get("type", TEXT)))
            bare |= {name: "" for name in ("text", "refusal") if name in bare}
            where = {"item_id": item.value.get("id"), "output_index": index, "content_index": missing}
            told.append(self._event(_PART_ADDED, {**where, "part": bare}))
        return told

    def _added(self, index: int, item: Any) -> list[Json]:
        """An item, added unless it is."""
        if index in self._items or not isinstance(item, dict):
            return []
        whole = completed(item, self._shell["id"], index)
        kind = str(whole.get("type"))  # a worker may say anything, lists too
        opened = {**whole, **_BARE.get(kind, {})}
        if "status" in whole or kind in _BARE:
            opened["status"] = "in_progress"
        self._items[index] = Item(opened)
        return [self._event(_ITEM_ADDED, {"output_index": index, "item": opened})]

    def _finished(self, index: int, item: Json) -> list[Json]:
        """An item with all that was not told of it yet."""
        told = self._added(index, item)
        known = self._items[index]
        if known.done:
            return told
        whole = completed(item, self._shell["id"], index)
        if whole.get("type") != known.value.get("type"):
            whole = known.so_far()
        whole = {**whole, "id": known.value["id"]} if "id" in known.value else whole
        if whole.get("type") == MESSAGE:
            for place, part in enumerate(whole["content"]):
                told += self._part_finished(index, place, part)
        elif whole.get("type") == CALL and told:
            told += self._call_finished(index, whole)
        known.done = True
        known.value = whole
        return [*told, self._event(_ITEM_DONE, {"output_index": index, "item": whole})]

    def _part_finished(self, index: int, place: int, part: Json) -> list[Json]:
        where = {"output_index": index, "content_index": place}
        told = self._opened(where, part)
        known = self._items[index].parts[place]
        if known.done:
            return told
        name, family = ("refusal", _REFUSAL) if part.get("type") == REFUSAL else ("text", _TEXT)
        said, before = part.get(name), "".join(known.pieces)
        text = said if isinstance(said, str) else ""
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
            self._event(f"{_ARGUMENTS}delta", {**where, "delta": arguments}),
            self._event(f"{_ARGUMENTS}done", done),
        ]


def written(told: list[Json], after: int = -1) -> bytes:
    """Events as they go over the wire, without those up to a number."""
    return b"".join(
        frames.event(event["sequence_number"], event["type"], msgspec.json.encode(event))
        for event in told
        if event["sequence_number"] > after
    )
