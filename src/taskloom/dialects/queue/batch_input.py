"""Reading the input file of a batch: JSON lines, each a request. All of it blocks, so it runs in a thread."""

import itertools
from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec
from msgspec import Raw, Struct

from taskloom.core.limits import BATCH_LINE_BYTES, BATCH_PORTION_BYTES, BATCH_PORTION_ROWS, MIB
from taskloom.core.registry import is_model_name
from taskloom.ports.blobs import Blobs

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


class Portion(Struct, frozen=True):
    """Rows that go in together: the number of the first, from 0, and of each its id and body."""

    first: int
    custom_ids: list[str]
    bodies: list[bytes]


read_line: Final = msgspec.json.Decoder(Line).decode
read_request: Final = msgspec.json.Decoder(Asked).decode


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


def first_model(blobs: Blobs, blob: str) -> str:
    """The model that the first line names; "" when it names none."""
    for _, text in lines(blobs, blob):
        try:
            model = read_request(read_line(text).body).model
        except msgspec.DecodeError:
            return ""
        return model if is_model_name(model) else ""
    return ""


def portions(texts: Iterable[bytes], skip: int = 0) -> Iterator[Portion]:
    """The rows of these lines after the first `skip`, in portions of bounded size."""
    ids: list[str] = []
    bodies: list[bytes] = []
    size = 0
    first = skip
    for text in itertools.islice(texts, skip, None):
        line = read_line(text)
        ids.append(line.custom_id)
        bodies.append(bytes(line.body))
        size += len(text)
        if len(ids) >= BATCH_PORTION_ROWS or size >= BATCH_PORTION_BYTES:
            yield Portion(first, ids, bodies)
            first += len(ids)
            ids, bodies, size = [], [], 0
    if ids:
        yield Portion(first, ids, bodies)
