"""What a worker's answer says was used up: the `usage` of its body, or of the last chunk of its stream.

Only what mentions it is read, and only these members of it; numbers that are none count as nothing.
"""

from typing import Final

import msgspec
from msgspec import Raw, Struct

from taskloom.core.limits import NAME_LENGTH, USAGE_TOKENS_MAX
from taskloom.core.usage import Usage
from taskloom.engine.engine import Engine
from taskloom.views.frames import FRAMES
from taskloom.views.view import Compare, Query, Sort

NOTHING: Final = Usage()
_STREAMING: Final = "S"
_LAST: Final = 4
"""In how many of a stream's last frames the usage is looked for; the end mark comes after it."""


class _InputDetails(Struct):
    cached_tokens: int | None = None


class _OutputDetails(Struct):
    reasoning_tokens: int | None = None


class _Usage(Struct):
    """Both ways to spell it: of chat completions, and of responses."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    total_tokens: int | None = None
    prompt_tokens_details: _InputDetails | None = None
    completion_tokens_details: _OutputDetails | None = None
    input_tokens_details: _InputDetails | None = None
    output_tokens_details: _OutputDetails | None = None


class _Body(Struct):
    model: str | None = None
    usage: _Usage | None = None


class _Chunk(_Body):
    response: _Body | None = None
    """Where the event that ends the stream of a response has them."""


class _Envelope(Struct):
    body: Raw = Raw(b"")


class _Frame(Struct):
    data: Raw = Raw(b"")


def of_result(result: bytes) -> Usage:
    """The usage that a result tells of."""
    if b'"usage"' not in result and b'"model"' not in result:
        return NOTHING
    try:
        return _of(msgspec.json.decode(msgspec.json.decode(result, type=_Envelope).body, type=_Body))
    except (msgspec.DecodeError, RecursionError):
        return NOTHING


def is_streaming(task_id: str) -> bool:
    """Whether an id says that the task's progress is read along."""
    return f"-{_STREAMING}-" in task_id


async def of_stream(engine: Engine, tenant: str | None, key: int) -> Usage:
    """The usage that one of the last frames of a task's stream tells of."""
    query = Query(
        view=FRAMES.name,
        tenants=None if tenant is None else (tenant,),
        filter=Compare("task", "eq", key),
        sort=(Sort("number", descending=True),),
        limit=_LAST,
        total=False,
    )
    for row in (await engine.store.search(query)).rows:
        found = of_frame(row["body"])
        if found.total_tokens:
            return found
    return NOTHING


def of_frame(body: bytes) -> Usage:
    """The usage that a stored frame tells of."""
    if b"usage" not in body:
        return NOTHING
    try:
        data = bytes(msgspec.json.decode(body, type=_Frame).data).strip()
        if data[:1] == b'"':
            data = msgspec.json.decode(data, type=str).strip().removeprefix("data:").encode()
        chunk = msgspec.json.decode(data, type=_Chunk)
    except (msgspec.DecodeError, RecursionError):
        return NOTHING
    return _of(chunk.response if chunk.response is not None else chunk)


def _of(body: _Body) -> Usage:
    used = body.usage or _Usage()
    inputs = used.prompt_tokens_details or used.input_tokens_details or _InputDetails()
    outputs = used.completion_tokens_details or used.output_tokens_details or _OutputDetails()
    taken = _count(used.prompt_tokens or used.input_tokens)
    given = _count(used.completion_tokens or used.output_tokens)
    return Usage(
        model=(body.model or "")[:NAME_LENGTH],
        input_tokens=taken,
        output_tokens=given,
        cached_tokens=_count(inputs.cached_tokens),
        reasoning_tokens=_count(outputs.reasoning_tokens),
        total_tokens=_count(used.total_tokens) or taken + given,
    )


def _count(number: int | None) -> int:
    return min(max(number or 0, 0), USAGE_TOKENS_MAX)
