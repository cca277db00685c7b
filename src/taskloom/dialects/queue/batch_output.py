"""The lines of a batch's files of results, and what they used in all."""

from typing import Any, Final

import msgspec
from msgspec import Raw, Struct

from taskloom.core.decide import EXPIRED, TIMED_OUT_CODES
from taskloom.core.task import CANCELLED, COMPLETED, TaskState
from taskloom.dialects.queue.batch_check import LineError
from taskloom.dialects.queue.translate import answer

_BATCH_REQUEST: Final = "batch_req_"
_OK: Final = 200
_FAILED: Final = 500
_TEXTS: Final = {
    "batch_expired": "The request was not executed before the batch expired.",
    "batch_cancelled": "The request was not executed because it was cancelled.",
    "request_timeout": "No worker completed the request in time.",
    "batch_failed": "The request failed.",
}


class Row(Struct, frozen=True, kw_only=True):
    """A row that ended, with its result if there is one."""

    task_id: str
    custom_id: str
    state: TaskState
    error_code: str
    error: str
    result: bytes | None


class Answered(Struct, frozen=True, kw_only=True):
    """What a worker answered."""

    status_code: int
    request_id: str
    body: Raw


class LineFault(Struct, frozen=True):
    """Why nobody answered."""

    code: str
    message: str


class OutputLine(Struct, frozen=True, kw_only=True):
    """A line of either file."""

    id: str
    custom_id: str | None
    response: Answered | None = None
    error: LineFault | LineError | None = None


class Usage(Struct, kw_only=True):
    """Tokens used by all rows, in the words of the newer endpoints."""

    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    total_tokens: int = 0

    def add(self, body: bytes) -> None:
        """Count what a result says it used; a result that says nothing, or nonsense, counts nothing."""
        try:
            used = _reported(body).usage
        except msgspec.DecodeError:
            return
        if not isinstance(used, dict):
            return
        self.input_tokens += _count(used, "input_tokens", "prompt_tokens")
        self.output_tokens += _count(used, "output_tokens", "completion_tokens")
        self.total_tokens += _count(used, "total_tokens")
        self.cached_tokens += _detail(used, "cached_tokens", "input_tokens_details", "prompt_tokens_details")
        self.reasoning_tokens += _detail(
            used, "reasoning_tokens", "output_tokens_details", "completion_tokens_details"
        )

    def encoded(self) -> Raw:
        """As a batch shows it; null when nothing was reported."""
        if not (self.input_tokens or self.output_tokens or self.total_tokens):
            return Raw(b"null")
        shown = {
            "input_tokens": self.input_tokens,
            "input_tokens_details": {"cached_tokens": self.cached_tokens},
            "output_tokens": self.output_tokens,
            "output_tokens_details": {"reasoning_tokens": self.reasoning_tokens},
            "total_tokens": self.total_tokens,
        }
        return Raw(msgspec.json.encode(shown))


class _Reported(Struct, frozen=True):
    usage: Any = None


_reported: Final = msgspec.json.Decoder(_Reported).decode


def line(row: Row, usage: Usage) -> tuple[bool, bytes]:
    """Whether it belongs to the results, else to the errors; and the line, its end included."""
    name = f"{_BATCH_REQUEST}{row.task_id}"
    if row.result is None:
        return False, _fault_line(name, row.custom_id, _code(row), row.error)
    said = answer(row.result, _OK if row.state == COMPLETED else _FAILED)
    usage.add(said.body)
    response = Answered(status_code=said.status, request_id=row.task_id, body=Raw(said.body or b"null"))
    shown = OutputLine(id=name, custom_id=row.custom_id, response=response)
    return row.state == COMPLETED, msgspec.json.encode(shown) + b"\n"


def unmade(custom_id: str, number: int, code: str) -> bytes:
    """The line of a row that never became a task."""
    return _fault_line(f"{_BATCH_REQUEST}{number}", custom_id, code, "")


def bad(custom_id: str | None, error: LineError) -> bytes:
    """The line of a row that could not become a task: what is wrong with it, and where it stands."""
    shown = OutputLine(id=f"{_BATCH_REQUEST}line_{error.line}", custom_id=custom_id, error=error)
    return msgspec.json.encode(shown) + b"\n"


def _fault_line(name: str, custom_id: str, code: str, message: str) -> bytes:
    told = LineFault(code, message if code == "batch_failed" and message else _TEXTS[code])
    return msgspec.json.encode(OutputLine(id=name, custom_id=custom_id, error=told)) + b"\n"


def _code(row: Row) -> str:
    if row.state == CANCELLED:
        return "batch_cancelled"
    if row.error_code == EXPIRED:
        return "batch_expired"
    return "request_timeout" if row.error_code in TIMED_OUT_CODES else "batch_failed"


def _count(used: dict[str, Any], *names: str) -> int:
    """The first of these that is a number."""
    for name in names:
        value = used.get(name)
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 53:
            return value
    return 0


def _detail(used: dict[str, Any], name: str, *places: str) -> int:
    for place in places:
        inner = used.get(place)
        if isinstance(inner, dict):
            return _count(inner, name)
    return 0
