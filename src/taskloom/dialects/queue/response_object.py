"""The response object: what its caller asked, how its task stands, and what its worker answered.

Whatever a worker answered, the members that clients need are there. A worker may answer with a response
object, with a chat completion, or with text; the last two become one message.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from msgspec import Raw

from taskloom.core.ids import parse, spell
from taskloom.core.keys import split
from taskloom.core.task import LEASED, Task
from taskloom.dialects.queue.translate import answer, failure

Json = dict[str, Any]

PREFIX: Final = "resp_"
_MESSAGE: Final = "msg_"
_QUEUED: Final = "queued"
_IN_PROGRESS: Final = "in_progress"
_COMPLETED: Final = "completed"
_FAILED: Final = "failed"
_CANCELLED: Final = "cancelled"
_ENDS: Final = frozenset({_COMPLETED, _FAILED, _CANCELLED, "incomplete"})
_CODES: Final = {"status_429": "rate_limit_exceeded"}
"""Our codes of errors where clients know another one; the rest is `server_error` with its own message."""

_DEFAULTS: Final[Mapping[str, Any]] = {
    "background": False,
    "instructions": None,
    "max_output_tokens": None,
    "max_tool_calls": None,
    "metadata": {},
    "model": "",
    "parallel_tool_calls": True,
    "previous_response_id": None,
    "prompt": None,
    "reasoning": None,
    "safety_identifier": None,
    "service_tier": None,
    "store": True,
    "temperature": 1.0,
    "text": {"format": {"type": "text"}},
    "tool_choice": "auto",
    "tools": [],
    "top_logprobs": None,
    "top_p": 1.0,
    "truncation": "disabled",
    "user": None,
}
"""What is told again of the request, and what stands there when the request said nothing."""


def spelled(key: int) -> str:
    """The id of a response."""
    return spell(PREFIX, key)


def read(text: str) -> int | None:
    """The key that an id spells, None when it is no id; the inverse of `spelled`."""
    return parse(PREFIX, text)


def message_id(key: int, index: int) -> str:
    """The id of a message that this server made of a worker's text."""
    return f"{spell(_MESSAGE, key)}_{index}"


def asked(data: bytes) -> dict[str, Raw]:
    """The members of a request; none when it is no object, because another protocol made the task."""
    try:
        return msgspec.json.decode(data, type=dict[str, Raw])
    except msgspec.DecodeError:
        return {}


def shell(key: int, request: Mapping[str, Raw]) -> Json:
    """The object before anything was answered."""
    echoed = {name: request[name] for name in _DEFAULTS if name in request and not _is_null(request[name])}
    return {
        "id": spelled(key),
        "object": "response",
        "created_at": split(key).second,
        "status": _QUEUED,
        "error": None,
        "incomplete_details": None,
        "output": [],
        "usage": None,
        **_DEFAULTS,
        **echoed,
    }


def open_status(task: Task) -> str:
    """The status of a response whose task has not ended."""
    return _IN_PROGRESS if task.state == LEASED else _QUEUED


def ended(key: int, request: Mapping[str, Raw], task: Task, result: bytes | None, told: Json | None) -> Json:
    """The object of an ended task; `told` is what the worker's own last event said of it."""
    made = shell(key, request)
    refusal = failure(task, result)
    if refusal is None:
        return answered(made, answer(result).body, told)
    if refusal.code == _CANCELLED:
        return {**made, "status": _CANCELLED}
    code = _CODES.get(refusal.code, "server_error")
    return {**made, "status": _FAILED, "error": {"code": code, "message": refusal.message}}


def answered(made: Json, body: bytes, told: Json | None = None) -> Json:
    """The object with the worker's answer laid over it."""
    members = asked(body)
    if "output" in members:
        given: Json = {name: raw for name, raw in members.items() if not _is_null(raw) or name not in made}
        given["output"] = value(members["output"])
        status = value(members.get("status", Raw(b"null")))
    elif told is not None:
        given = {name: member for name, member in told.items() if member is not None or name not in made}
        status = told.get("status")
    else:
        text = text_of(value(Raw(body)))
        given = {"output": [_message(text)] if text is not None else []}
        status = None
    kept = {name: made[name] for name in ("id", "object", "created_at", "background")}
    output = given.get("output")
    items = [item for item in output if isinstance(item, dict)] if isinstance(output, list) else []
    whole = [completed(item, made["id"], index) for index, item in enumerate(items)]
    ending = status if isinstance(status, str) and status in _ENDS else _COMPLETED
    return {**made, **given, **kept, "output": whole, "status": ending}


def text_of(said: Any) -> str | None:
    """The text that a worker told, in whichever of the usual forms; None when it is none of them."""
    if isinstance(said, str):
        return said
    if not isinstance(said, dict):
        return None
    for name in ("delta", "text", "output_text"):
        if isinstance(said.get(name), str):
            return str(said[name])
    choices = said.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    if not isinstance(first, dict):
        return None
    for name in ("delta", "message"):
        part = first.get(name)
        if isinstance(part, dict) and isinstance(part.get("content"), str):
            return str(part["content"])
    return text_of(first.get("text"))


def completed(item: Json, response_id: str, index: int) -> Json:
    """An item of the output with all that clients need of it."""
    if item.get("type", "message") != "message":
        return item
    content = item.get("content")
    parts = [_part(part) for part in content if isinstance(part, dict)] if isinstance(content, list) else []
    key = read(response_id) or 0
    made = {"type": "message", "id": message_id(key, index), "role": "assistant", "status": _COMPLETED}
    given = {name: member for name, member in item.items() if member is not None or name not in made}
    return {**made, **given, "content": parts}


def text_part(text: str) -> Json:
    """A piece of a message."""
    return {"type": "output_text", "text": text, "annotations": []}


def refusal_part(text: str) -> Json:
    """A piece of a message that says no."""
    return {"type": "refusal", "refusal": text}


def _message(text: str) -> Json:
    return {"type": "message", "content": [text_part(text)]}


def _part(part: Json) -> Json:
    if part.get("type", "output_text") != "output_text":
        return part
    text = part.get("text")
    return {**text_part(""), **part, "text": text if isinstance(text, str) else ""}


def value(raw: Raw) -> Any:
    """A member as a value; None when it holds a number that no machine does."""
    try:
        return msgspec.json.decode(raw)
    except msgspec.DecodeError:
        return None


def _is_null(raw: Raw) -> bool:
    return bytes(raw).strip() == b"null"
