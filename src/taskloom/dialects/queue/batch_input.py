"""Reading the input file of a batch: JSON lines, each a request. All of it blocks, so it runs in a thread."""

from collections.abc import Iterator
from typing import Any, Final

import msgspec
from msgspec import Raw, Struct

from taskloom.core.limits import (
    BATCH_CUSTOM_ID_LENGTH,
    BATCH_ERRORS,
    BATCH_INPUTS,
    BATCH_LINE_BYTES,
    BATCH_PORTION_BYTES,
    BATCH_PORTION_ROWS,
    BATCH_ROWS,
    MIB,
)
from taskloom.core.payload import opaque_error, text_error
from taskloom.core.registry import is_model_name
from taskloom.ports.blobs import Blobs

EMBEDDINGS: Final = "/v1/embeddings"
_PIECE_BYTES: Final = 1 * MIB
_BOM: Final = b"\xef\xbb\xbf"


class Line(Struct, frozen=True):
    """A line of the file."""

    custom_id: Any = None
    method: Any = None
    url: Any = None
    body: Raw = Raw(b"")


class Asked(Struct, frozen=True):
    """What is read of a request's body."""

    model: Any = None
    stream: Any = False
    input: Raw = Raw(b"")


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


class Portion(Struct, frozen=True):
    """Rows that go in together: the number of the first, from 0, and of each its id and body."""

    first: int
    custom_ids: list[str]
    bodies: list[bytes]


_line: Final = msgspec.json.Decoder(Line).decode
_asked: Final = msgspec.json.Decoder(Asked).decode


def lines(blobs: Blobs, blob: str) -> Iterator[tuple[int, bytes]]:
    """The lines with something on them, numbered from 1; one that is too long comes cut off."""
    number = 1
    rest = b""
    for piece in blobs.pieces(blob, _PIECE_BYTES):
        found = (rest + piece).split(b"\n")
        rest = found.pop()
        if len(rest) > BATCH_LINE_BYTES:
            yield number, rest
            return
        for line in found:
            if text := _stripped(line, number):
                yield number, text
            number += 1
    if text := _stripped(rest, number):
        yield number, text


def _stripped(line: bytes, number: int) -> bytes:
    return (line.removeprefix(_BOM) if number == 1 else line).strip()


def check(blobs: Blobs, blob: str, endpoint: str) -> Good | list[LineError]:
    """Whether the whole file can be run; otherwise what is wrong with it, as far as it is told."""
    checker = _Checker(endpoint)
    for number, text in lines(blobs, blob):
        checker.see(number, text)
        if checker.is_full:
            break
    return checker.verdict()


def first_model(blobs: Blobs, blob: str) -> str:
    """The model that the first line names; "" when it names none."""
    for _, text in lines(blobs, blob):
        try:
            model = _asked(_line(text).body).model
        except msgspec.DecodeError:
            return ""
        return model if is_model_name(model) else ""
    return ""


def portions(blobs: Blobs, blob: str, skip: int = 0) -> Iterator[Portion]:
    """The rows of a checked file after the first `skip`, in portions of bounded size."""
    ids: list[str] = []
    bodies: list[bytes] = []
    size = 0
    first = skip
    for row, (_, text) in enumerate(lines(blobs, blob)):
        if row < skip:
            continue
        line = _line(text)
        ids.append(line.custom_id)
        bodies.append(bytes(line.body))
        size += len(text)
        if len(ids) >= BATCH_PORTION_ROWS or size >= BATCH_PORTION_BYTES:
            yield Portion(first, ids, bodies)
            first += len(ids)
            ids, bodies, size = [], [], 0
    if ids:
        yield Portion(first, ids, bodies)


class _Checker:
    """Sees one line after the other and remembers what must not come twice."""

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint
        self._errors: list[LineError] = []
        self._ids: set[str] = set()
        self._rows = 0
        self._inputs = 0
        self._model = ""

    @property
    def is_full(self) -> bool:
        """Whether more would not be told."""
        return len(self._errors) >= BATCH_ERRORS

    def see(self, number: int, text: bytes) -> None:
        """Check a line."""
        self._rows += 1
        error = self._row_error(text)
        if error is not None:
            self._errors.append(msgspec.structs.replace(error, line=number))

    def verdict(self) -> Good | list[LineError]:
        """What all lines come to."""
        if self._errors:
            return self._errors
        if not self._rows:
            return [LineError(code="empty_file", message="The file has no requests.")]
        return Good(self._rows, self._model)

    def _row_error(self, text: bytes) -> LineError | None:
        if self._rows > BATCH_ROWS:
            return LineError(code="too_many_tasks", message=f"A batch has at most {BATCH_ROWS} requests.")
        if len(text) > BATCH_LINE_BYTES:
            return LineError(code="invalid_json_line", message="The line is too long.")
        wrong = text_error(text)
        if wrong is not None:
            return LineError(code="invalid_json_line", message=f"The line is no JSON: {wrong}")
        try:
            line = _line(text)
        except msgspec.ValidationError:
            return LineError(code="invalid_json_line", message="The line is no JSON object.")
        except msgspec.DecodeError as error:
            return LineError(code="invalid_json_line", message=f"The line is no JSON: {error}")
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
            return LineError(code="invalid_json_line", message=f"body is no JSON: {wrong}", param="body")
        asked = _asked(body)
        if asked.stream:
            message = "A request of a batch cannot be streamed."
            return LineError(code="invalid_stream", message=message, param="stream")
        if not is_model_name(asked.model):
            return _missing("body.model")
        if self._model and asked.model != self._model:
            message = f"All requests must name one model; the first names {self._model}."
            return LineError(code="mismatched_model", message=message, param="model")
        self._model = asked.model
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
