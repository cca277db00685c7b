"""Checking the input file of a batch, line by line. It blocks, so it runs in a thread.

A file is good or bad as a whole. With partial validation a bad line only counts itself out; the same file
always gives the same bad lines, so whoever reads it again need not be told which they were.
"""

from collections.abc import Iterator
from typing import Final

import msgspec
from msgspec import Raw, Struct

from taskloom.core.limits import (
    BATCH_CUSTOM_ID_LENGTH,
    BATCH_ERRORS,
    BATCH_INPUTS,
    BATCH_LINE_BYTES,
    BATCH_ROWS,
)
from taskloom.core.payload import opaque_error, text_error
from taskloom.core.registry import is_model_name
from taskloom.dialects.queue.batch_input import Line, lines, read_line, read_request
from taskloom.ports.blobs import Blobs

EMBEDDINGS: Final = "/v1/embeddings"
_UNREADABLE: Final = "invalid_json_line"
_TOO_MANY: Final = "too_many_tasks"


class LineError(Struct, frozen=True, kw_only=True):
    """What is wrong with the file; `line` counts from 1."""

    code: str
    message: str
    param: str | None = None
    line: int | None = None


class Good(Struct, frozen=True):
    """A file that can be run."""

    total: int
    model: str
    bad: int = 0
    """Lines that cannot."""


class Judged(Struct, frozen=True):
    """A line, and what is wrong with it."""

    text: bytes
    error: LineError | None

    @property
    def custom_id(self) -> str | None:
        """What a bad line calls itself, if it can be told."""
        if self.error is None or (self.error.code == _UNREADABLE and self.error.param is None):
            return None
        name = read_line(self.text).custom_id
        return name if isinstance(name, str) and len(name) <= BATCH_CUSTOM_ID_LENGTH else None


def check(blobs: Blobs, blob: str, endpoint: str, *, partial: bool = False) -> Good | list[LineError]:
    """Whether the file can be run; otherwise what is wrong with it, as far as it is told."""
    checker = _Checker(endpoint)
    errors: list[LineError] = []
    bad = 0
    for number, text in lines(blobs, blob):
        error = checker.see(number, text)
        if error is None:
            continue
        if partial and error.code != _TOO_MANY:
            bad += 1
            continue
        errors.append(error)
        if partial or len(errors) >= BATCH_ERRORS:
            break
    if errors:
        return errors
    if not checker.rows:
        return [LineError(code="empty_file", message="The file has no requests.")]
    return Good(checker.rows, checker.model, bad)


def judged(blobs: Blobs, blob: str, endpoint: str) -> Iterator[Judged]:
    """The lines of a file that was checked before, each with what is wrong with it."""
    checker = _Checker(endpoint)
    for number, text in lines(blobs, blob):
        yield Judged(text, checker.see(number, text))


class _Checker:
    """Sees one line after the other and remembers what must not come twice."""

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint
        self._ids: set[str] = set()
        self._inputs = 0
        self.rows = 0
        self.model = ""

    def see(self, number: int, text: bytes) -> LineError | None:
        """What is wrong with a line."""
        self.rows += 1
        error = self._row_error(text)
        return None if error is None else msgspec.structs.replace(error, line=number)

    def _row_error(self, text: bytes) -> LineError | None:
        if self.rows > BATCH_ROWS:
            return LineError(code=_TOO_MANY, message=f"A batch has at most {BATCH_ROWS} requests.")
        if len(text) > BATCH_LINE_BYTES:
            return LineError(code=_UNREADABLE, message="The line is too long.")
        wrong = text_error(text)
        if wrong is not None:
            return LineError(code=_UNREADABLE, message=f"The line is no JSON: {wrong}")
        try:
            line = read_line(text)
        except msgspec.ValidationError:
            return LineError(code=_UNREADABLE, message="The line is no JSON object.")
        except msgspec.DecodeError as error:
            return LineError(code=_UNREADABLE, message=f"The line is no JSON: {error}")
        return self._envelope_error(line) or self._body_error(bytes(line.body))

    def _envelope_error(self, line: Line) -> LineError | None:
        for name in ("custom_id", "method", "url"):
            if getattr(line, name) is None:
                return _missing(name)
        custom_id = line.custom_id
        if not isinstance(custom_id, str) or not 0 < len(custom_id) <= BATCH_CUSTOM_ID_LENGTH:
            most = f"custom_id must be text of 1 to {BATCH_CUSTOM_ID_LENGTH} characters."
            return LineError(code="invalid_custom_id", message=most, param="custom_id")
        if custom_id in self._ids:
            message = f"The custom_id {custom_id[:64]!r} is there before."
            return LineError(code="duplicate_custom_id", message=message, param="custom_id")
        self._ids.add(custom_id)
        if line.method != "POST":
            return LineError(code="invalid_method", message="method must be POST.", param="method")
        if line.url != self._endpoint:
            message = f"url must be the endpoint of the batch, {self._endpoint}."
            return LineError(code="url_mismatch", message=message, param="url")
        return None

    def _body_error(self, body: bytes) -> LineError | None:
        if not body:
            return _missing("body")
        if body[:1] != b"{":
            return LineError(code="invalid_body", message="body must be an object.", param="body")
        wrong = opaque_error(body)
        if wrong is not None:
            return LineError(code=_UNREADABLE, message=f"body is no JSON: {wrong}", param="body")
        asked = read_request(body)
        if asked.stream:
            message = "A request of a batch cannot be streamed."
            return LineError(code="invalid_stream", message=message, param="stream")
        if not is_model_name(asked.model):
            return _missing("body.model")
        if self.model and asked.model != self.model:
            message = f"All requests must name one model; the first names {self.model}."
            return LineError(code="mismatched_model", message=message, param="model")
        self.model = asked.model
        if self._endpoint == EMBEDDINGS:
            self._inputs += _inputs(bytes(asked.input))
            if self._inputs > BATCH_INPUTS:
                message = f"A batch has at most {BATCH_INPUTS} inputs to embed."
                return LineError(code="too_many_inputs", message=message, param="input")
        return None


def _missing(name: str) -> LineError:
    return LineError(code="missing_required_parameter", message=f"{name} is missing.", param=name)


def _inputs(raw: bytes) -> int:
    """How many texts a request embeds: those of a list of texts, or one."""
    if raw.lstrip()[:1] != b"[":
        return 1
    values = msgspec.json.decode(raw, type=list[Raw])
    is_tokens = bool(values) and bytes(values[0])[:1] not in (b'"', b"[")
    return 1 if is_tokens else len(values)
