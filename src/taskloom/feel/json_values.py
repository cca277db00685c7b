"""JSON to FEEL values and back.

JSON numbers become exact: integers `int`, others `Decimal`. Temporal values leave as ISO text and come back
as text; functions and ranges cannot be stored and leave as text too, as `string()` gives it.
"""

from decimal import Decimal
from typing import Any, Final

import msgspec

from taskloom.feel import decimals
from taskloom.feel.limits import DEFAULT_LIMITS, Limits
from taskloom.feel.run import Run
from taskloom.feel.text import string_of
from taskloom.feel.values import Value

_DECODER: Final = msgspec.json.Decoder(float_hook=Decimal)
_DEPTH_MAX: Final = 200


class UnfitJson(ValueError):  # noqa: N818 - the name says what the text or value is
    """The text is no JSON, or the value cannot be written as JSON within the limits."""


def from_json(source: bytes | str) -> Value:
    """The FEEL value of a JSON text."""
    try:
        return _settled(_DECODER.decode(source), 0)
    except (msgspec.DecodeError, RecursionError, UnicodeError) as fault:
        raise UnfitJson(str(fault)) from None


def from_python(value: Any) -> Value:
    """The FEEL value of parsed JSON: floats become decimals as they are written, tuples lists."""
    try:
        return _settled(value, 0)
    except RecursionError as fault:
        raise UnfitJson(str(fault)) from None


def _settled(value: Any, depth: int) -> Value:
    kind = type(value)
    if kind is dict:
        return {str(key): _settled(item, depth + 1) for key, item in value.items()}
    if kind in (list, tuple):
        return [_settled(item, depth + 1) for item in value]
    if kind is int:
        return decimals.bounded(value)
    if kind is Decimal:
        number = decimals.settled(decimals.CONTEXT.plus(value))
        return None if number is None else decimals.compact(number)
    return _settled(Decimal(repr(value)), depth) if kind is float else value


def to_json(value: Value, *, limits: Limits = DEFAULT_LIMITS) -> bytes:
    """The value as JSON text; `UnfitJson` when it is too large."""
    try:
        text = msgspec.json.encode(_Plain(limits.output_bytes).of(value, 0))
    except RecursionError:
        raise UnfitJson("The value is nested too deeply") from None
    except UnicodeEncodeError:
        raise UnfitJson("A string of the value is no Unicode text") from None
    if len(text) > limits.output_bytes:
        raise UnfitJson(f"The value needs more than {limits.output_bytes} bytes")
    return text


class _Plain:
    """Turns values into what the JSON encoder knows, within a number of bytes."""

    def __init__(self, bytes_left: int) -> None:
        self.bytes_left = bytes_left

    def of(self, value: Value, depth: int) -> Any:
        kind = type(value)
        if kind is list:
            self._spend(len(value), depth)
            return [self.of(item, depth + 1) for item in value]
        if kind is dict:
            self._spend(len(value), depth)
            return {key: self.of(item, depth + 1) for key, item in value.items()}
        if kind is int or kind is Decimal:
            return msgspec.Raw(decimals.text_of(value).encode())
        if value is None or kind is bool:
            return value
        text = value if kind is str else string_of(Run(), value)
        self._spend(len(text), depth)
        return text

    def _spend(self, count: int, depth: int) -> None:
        self.bytes_left -= count + 1
        if self.bytes_left < 0 or depth > _DEPTH_MAX:
            raise UnfitJson("The value is too large to be written")
