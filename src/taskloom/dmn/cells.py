"""Which input entries of a table say nothing but literals and intervals of literals.

Such a cell needs no evaluation: it can be put into the index of its column. Every other cell is "open" and is
evaluated when all indexed columns have let its rule through.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import Final

import msgspec

from taskloom.feel import Date, DayTimeDuration, Range, Value, YearMonthDuration, constant_of
from taskloom.feel.nodes import Expr, Literal, UnaryTests

Sortable = int | Decimal | str
"""What stands for a value inside an index: it hashes, and orders as FEEL orders the value."""

KINDS: Final[dict[type, str]] = {
    int: "number",
    Decimal: "number",
    str: "string",
    bool: "boolean",
    Date: "date",
    DayTimeDuration: "days and time duration",
    YearMonthDuration: "years and months duration",
}


class Span(msgspec.Struct, frozen=True):
    """The values of one kind between two ends; None is an end that is not there. A literal has equal ends."""

    kind: str
    low: Sortable | None
    high: Sortable | None
    low_included: bool = True
    high_included: bool = True
    is_literal: bool = False


class Cell(msgspec.Struct, frozen=True):
    """A cell that is a union of spans, or with `negated` everything of their kind outside them."""

    spans: tuple[Span, ...]
    negated: bool = False


ANYTHING: Final = Cell((), negated=True)
"""The dash."""


def sortable(value: Value) -> Sortable:
    """The stand-in of a value whose type is one of `KINDS`."""
    if type(value) is Date:
        return value.days
    if type(value) is DayTimeDuration:
        return value.nanos
    if type(value) is YearMonthDuration:
        return value.months
    found: Sortable = value
    return found


def cell_of(tests: Expr | None) -> Cell | None:
    """The cell that folded unary tests are; None when it is open."""
    if not isinstance(tests, UnaryTests):
        return None
    if not tests.tests:
        return ANYTHING
    values = list(_constants(tests))
    if None in values:
        return None
    if len(values) == 1 and not tests.negated:
        unequal = _unequal(values[0])
        if unequal is not None:
            return Cell((unequal,), negated=True)
    spans = [None if found is None else _span(found[0]) for found in values]
    known = tuple(span for span in spans if span is not None)
    return Cell(known, tests.negated) if len(known) == len(spans) else None


def _constants(tests: UnaryTests) -> Iterator[tuple[Value] | None]:
    """The value of each test, in a tuple because null is a value; the items of a list of constants."""
    for test in tests.tests:
        found = constant_of(test)
        if found is None or (type(found.value) is bool and not isinstance(test, Literal)):
            yield None  # a condition that is always true is no literal: it lets every value pass
        elif type(found.value) is not list:
            yield (found.value,)
        elif tests.negated:
            yield None  # outside a list is also what cannot be compared with its items
        else:
            yield from ((item,) for item in found.value)


def _unequal(found: tuple[Value] | None) -> Span | None:
    value = None if found is None else found[0]
    return _literal(value.start) if type(value) is Range and value.form == "!=" else None


def _literal(value: Value) -> Span | None:
    kind = KINDS.get(type(value))
    return None if kind is None else Span(kind, sortable(value), sortable(value), is_literal=True)


def _span(value: Value) -> Span | None:
    if type(value) is not Range:
        return _literal(value)
    if value.form == "=":
        return _literal(value.start)
    ends = [end for end in (value.start, value.end) if end is not None]
    kinds = {KINDS.get(type(end)) for end in ends}
    expected_ends = 2 if value.form == ".." else 1
    kind = kinds.pop() if len(kinds) == 1 else None
    if kind is None or kind == "boolean" or len(ends) != expected_ends or value.form == "!=":
        return None
    low = None if value.start is None else sortable(value.start)
    high = None if value.end is None else sortable(value.end)
    return Span(kind, low, high, value.start_included, value.end_included)
