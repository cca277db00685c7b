"""Reading request bodies: into the wire's shapes, or into the refusal that names the offending property."""

import re
from collections.abc import Sequence
from typing import Any, TypeVar

import msgspec

from taskloom.core.payload import strict_error
from taskloom.dialects.operation import Refusal
from taskloom.dialects.processes.problem import (
    BODY_MISSING,
    BODY_UNREADABLE,
    bad_json,
    bad_request,
    must_be,
    unparsable,
)

Shape = TypeVar("Shape")

_UNKNOWN = re.compile(r"Object contains unknown field `(.*?)`")
_PLACE = re.compile(r" - at `\$\.?(.*)`$")

OPAQUE = frozenset({"variables"})
"""Members whose value is kept as it came."""

_decoders: dict[type, msgspec.json.Decoder[Any]] = {}


def read(body: bytes, shape: type[Shape], *, optional: bool = False) -> Shape | Refusal:
    """The body as its shape; an absent optional one is empty."""
    if not body:
        if not optional:
            return BODY_MISSING
        body = b"{}"
    fault = strict_error(body, OPAQUE)
    if fault is not None:
        return bad_json(fault)
    try:
        decoder = _decoders.get(shape)
        if decoder is None:
            decoder = _decoders[shape] = msgspec.json.Decoder(shape)
        decoded: Shape = decoder.decode(body)
    except msgspec.ValidationError as error:
        return _misfit(str(error))
    return decoded


def _misfit(message: str) -> Refusal:
    """Which property does not fit, from the decoder's sentence."""
    place = _PLACE.search(message)
    path = place[1] if place is not None else ""
    unknown = _UNKNOWN.match(message)
    if unknown is not None:
        path = f"{path}.{unknown[1]}" if path else unknown[1]
    return unparsable(path) if path else BODY_UNREADABLE


def read_variables(raw: msgspec.Raw, field: str = "variables") -> bytes | Refusal | None:
    """The bytes of a JSON object; None for nothing and for null."""
    body = bytes(raw).strip()
    if body[:1] == b"{":
        return body
    return None if body in (b"", b"null") else unparsable(field)


def check_reference(reference: int | None) -> Refusal | None:
    """`operationReference`, which is accepted and of no further use."""
    if reference is not None and reference <= 0:
        return must_be("operationReference", reference, "> 0")
    return None


def unknown_value(value: str, field: str, allowed: Sequence[str]) -> Refusal:
    """A word that is none of those a field knows."""
    return bad_request(
        f"Unexpected value '{value}' for enum field '{field}'. "
        f"Use any of the following values: [{', '.join(allowed)}]"
    )
