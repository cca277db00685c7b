"""How points and ranges lie to each other; and `range`, which reads one from text."""

import re
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from taskloom.feel import decimals, iso, ordering
from taskloom.feel.built_in import Refusal, built_in
from taskloom.feel.ranges import comparison_range
from taskloom.feel.run import Run
from taskloom.feel.values import Range, Value


class _Incomparable(Exception):  # noqa: N818 - it never leaves this module
    """Two ends of different kinds."""


def _order(left: Value, right: Value) -> int:
    order = ordering.compare(left, right)
    if order is None:
        raise _Incomparable
    return order


def _starts(left: Range, right: Range) -> int:
    """-1 when the left range begins before the right one; an open start lies before everything."""
    if left.start is None or right.start is None:
        return (right.start is None) - (left.start is None)
    order = _order(left.start, right.start)
    return order or (right.start_included - left.start_included)


def _ends(left: Range, right: Range) -> int:
    """-1 when the left range ends before the right one; an open end lies behind everything."""
    if left.end is None or right.end is None:
        return (left.end is None) - (right.end is None)
    order = _order(left.end, right.end)
    return order or (left.end_included - right.end_included)


def _gap(left: Range, right: Range) -> bool:
    """Whether the left range ends before the right one begins."""
    if left.end is None or right.start is None:
        return False
    order = _order(left.end, right.start)
    return order < 0 or (order == 0 and not (left.end_included and right.start_included))


def _point(value: Value) -> Range:
    return Range(value, value, True, True)


Relation = Callable[[Range, Range], bool]


def _relation(name: str, *signatures: tuple[str, str], swap: bool = False) -> Callable[[Relation], Relation]:
    """Declares a relation of ranges and points; `swap` turns the arguments round."""

    def declare(holds: Relation) -> Relation:
        for first, second in signatures:
            built_in(name, f"{first}, {second}")(partial(_answer, holds, swap))
        return holds

    return declare


def _answer(holds: Relation, swap: bool, _run: Run, first: Value, second: Value) -> bool | Refusal:
    left = first if type(first) is Range else _point(first)
    right = second if type(second) is Range else _point(second)
    try:
        return holds(right, left) if swap else holds(left, right)
    except _Incomparable:
        return Refusal("the arguments cannot be compared")


_POINTS: Final = ("point1: point", "point2: point")
_POINT_RANGE: Final = ("point: point", "range: range")
_RANGE_POINT: Final = ("range: range", "point: point")
_RANGES: Final = ("range1: range", "range2: range")


@_relation("before", _POINTS, _POINT_RANGE, _RANGE_POINT, _RANGES)
@_relation("after", _POINTS, _POINT_RANGE, _RANGE_POINT, _RANGES, swap=True)
def before(left: Range, right: Range) -> bool:
    """All of the one lies before all of the other."""
    return _gap(left, right)


@_relation("meets", _RANGES)
@_relation("met by", _RANGES, swap=True)
def meets(left: Range, right: Range) -> bool:
    """The one ends where the other begins, and both have that point."""
    return left.end is not None and _shares(left, right)


def _shares(left: Range, right: Range) -> bool:
    if right.start is None or not (left.end_included and right.start_included):
        return False
    return _order(left.end, right.start) == 0


@_relation("overlaps", _RANGES)
def overlaps(left: Range, right: Range) -> bool:
    """They have a point in common."""
    return not _gap(left, right) and not _gap(right, left)


@_relation("overlaps before", _RANGES)
@_relation("overlaps after", _RANGES, swap=True)
def overlaps_before(left: Range, right: Range) -> bool:
    """The one begins first, they have a point in common, and the other does not end first."""
    return _starts(left, right) < 0 and overlaps(left, right) and _ends(left, right) <= 0


@_relation("finishes", _POINT_RANGE, _RANGES)
@_relation("finished by", _RANGE_POINT, _RANGES, swap=True)
def finishes(left: Range, right: Range) -> bool:
    """Both end alike, and the one does not begin first."""
    return _ends(left, right) == 0 and _starts(left, right) >= 0


@_relation("includes", _RANGE_POINT, _RANGES)
@_relation("during", _POINT_RANGE, _RANGES, swap=True)
def includes(left: Range, right: Range) -> bool:
    """All of the other lies within the one."""
    return _starts(left, right) <= 0 and _ends(left, right) >= 0


@_relation("starts", _POINT_RANGE, _RANGES)
@_relation("started by", _RANGE_POINT, _RANGES, swap=True)
def starts(left: Range, right: Range) -> bool:
    """Both begin alike, and the one does not end last."""
    return _starts(left, right) == 0 and _ends(left, right) <= 0


@_relation("coincides", _POINTS, _RANGES)
def coincides(left: Range, right: Range) -> bool:
    """Both begin and end alike."""
    return _starts(left, right) == 0 and _ends(left, right) == 0


_TEXT_CHARS_MAX: Final = 200
_RANGE_TEXT: Final = re.compile(r"\s*([\[\](])\s*(.*?)\s*\.\.\s*(.*?)\s*([\[\])])\s*", re.DOTALL)
_NUMBER: Final = re.compile(r"-?(?:\d+(?:\.\d+)?|\.\d+)", re.ASCII)
_STRING: Final = re.compile(r'"([^"\\]*)"')
_AT: Final = re.compile(r'@\s*"([^"\\]*)"')
_CALL: Final = re.compile(r'(date|time|date and time|duration)\s*\(\s*"([^"\\]*)"\s*\)')
_READERS: Final[dict[str, Callable[[str], Any]]] = {
    "date": iso.read_date,
    "time": iso.read_time,
    "date and time": iso.read_date_time,
    "duration": iso.read_duration,
}


@built_in("range", "from: string")
def range_from_text(_: Run, text: str) -> Range | Refusal:
    """An interval of two literals of one kind, the lower one first; an open end may be left out."""
    match = _RANGE_TEXT.fullmatch(text) if len(text) <= _TEXT_CHARS_MAX else None
    if match is None:
        return Refusal("the text is no interval")
    start_included, end_included = match[1] == "[", match[4] == "]"
    start, end = _end_of(match[2]), _end_of(match[3])
    if start is not None and not match[3] and not end_included:
        return comparison_range(">=" if start_included else ">", start)
    if end is not None and not match[2] and not start_included:
        return comparison_range("<=" if end_included else "<", end)
    order = None if start is None or end is None else ordering.compare(start, end)
    if order is None or order > 0:
        return Refusal("the ends are no literals in ascending order")
    return Range(start, end, start_included, end_included)


def _end_of(text: str) -> Value:
    if _NUMBER.fullmatch(text):
        return decimals.number_of(text)
    match = _STRING.fullmatch(text)
    if match is not None:
        return match[1]
    match = _AT.fullmatch(text)
    if match is not None:
        return iso.read_any(match[1])
    match = _CALL.fullmatch(text)
    return None if match is None else _READERS[match[1]](match[2])
