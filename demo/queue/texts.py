"""The texts of the demo: short notes of a workshop, each one different, and the batch file made of them."""

import json
from collections.abc import Iterator
from typing import Any, Final

MODEL: Final = "minilm"
QUEUE: Final = "embed"
BAD_EVERY: Final = 200
"""Every so many rows one has no text, which the workers refuse."""

_THINGS: Final = ("lathe", "kiln", "press", "saw", "loom", "crane", "pump", "boiler", "drill", "conveyor")
_FAULTS: Final = (
    "makes a grinding noise",
    "leaks oil on the left side",
    "stops after a few minutes",
    "runs hotter than it should",
    "needs a new belt",
    "was cleaned and works again",
    "waits for a part from the supplier",
    "shakes at high speed",
)
_PLACES: Final = ("in hall one", "near the gate", "on the second floor", "by the window", "behind the store")


def text(number: int) -> str:
    """The text of that number."""
    thing = _THINGS[number % len(_THINGS)]
    fault = _FAULTS[number // len(_THINGS) % len(_FAULTS)]
    place = _PLACES[number // (len(_THINGS) * len(_FAULTS)) % len(_PLACES)]
    return f"Note {number}: the {thing} {place} {fault}."


def is_bad(number: int) -> bool:
    """Whether the row of that number is one to be refused."""
    return number % BAD_EVERY == BAD_EVERY - 1


def row_id(number: int) -> str:
    """The custom id of a row."""
    return f"note-{number}"


def request(number: int) -> dict[str, Any]:
    """The body of the request of a row."""
    return {"model": MODEL, "input": "" if is_bad(number) else text(number)}


def batch_file(count: int) -> bytes:
    """The batch file, a line for each row."""
    return b"".join(_lines(count))


def _lines(count: int) -> Iterator[bytes]:
    for number in range(count):
        row = {"custom_id": row_id(number), "method": "POST", "url": "/v1/embeddings"}
        yield json.dumps({**row, "body": request(number)}).encode() + b"\n"
