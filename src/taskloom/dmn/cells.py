"""Which input entries of a table say nothing but literals and intervals of literals.

Such a cell needs no evaluation: it can be put into the index of its column. Every other cell is "open" and is
evaluated when all indexed columns have let its rule through.
"""

from decimal import Decimal
from typing import Final

import msgspec

from taskloom.feel.nodes import (
    AtLiteral,
    ComparisonRange,
    Constant,
    Expr,
    Interval,
    Literal,
    Negation,
    UnaryTests,
)
from taskloom.feel.values import Date, DayTimeDuration, Value, YearMonthDuration

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
    low_included: bool
    high_included: bool

    @property
    def is_point(self) -> bool:
        """Whether it is one literal."""
        return self.low is not None and self.low == self.high and self.low_included and self.high_included


class Cell(msgspec.Struct, frozen=True):
    """A cell that is a union of spans, or with `negated` everything of their kind outside them."""

    spans: tuple[Span, ...]
    negated: bool = False


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


def cell_of(tests: UnaryTests) -> Cell | None:
    """The cell that these tests are; None when it is open. A dash is a cell without spans, negated."""
    if not tests.tests:
        return Cell((), negated=True)
    spans = tuple(_span(test) for test in tests.tests)
    known = tuple(span for span in spans if span is not None)
    if len(known) < len(spans):
        return None
    return Cell(known, tests.negated)


def literal_of(node: Expr) -> tuple[Value] | None:
    """The value of a literal, in a tuple because null is one; None when the node is no literal."""
    if isinstance(node, Literal | Constant):
        return (node.value,)
    if isinstance(node, Negation):
        inner = literal_of(node.operand)
        if inner is not None and type(inner[0]) in (int, Decimal):
            return (-inner[0],)
    return None


def _span(node: Expr) -> Span | None:
    if isinstance(node, Interval):
        return _between(node)
    if isinstance(node, ComparisonRange):
        return _compared(node)
    if isinstance(node, AtLiteral):
        return None
    end = _end(node)
    return None if end is None else Span(end[0], end[1], end[1], True, True)


def _end(node: Expr) -> tuple[str, Sortable] | None:
    literal = literal_of(node)
    kind = None if literal is None else KINDS.get(type(literal[0]))
    return None if literal is None or kind is None else (kind, sortable(literal[0]))


def _between(node: Interval) -> Span | None:
    low, high = _end(node.start), _end(node.end)
    if low is None or high is None or low[0] != high[0] or low[0] == "boolean":
        return None
    if low[1] >= high[1]:  # type: ignore[operator]  # both are of one kind, so they compare
        return None
    return Span(low[0], low[1], high[1], node.start_included, node.end_included)


def _compared(node: ComparisonRange) -> Span | None:
    end = _end(node.operand)
    if end is None:
        return None
    kind, value = end
    if node.operator == "=":
        return Span(kind, value, value, True, True)
    if kind == "boolean" or node.operator not in {"<", "<=", ">", ">="}:
        return None
    if node.operator[0] == "<":
        return Span(kind, None, value, False, node.operator == "<=")
    return Span(kind, value, None, node.operator == ">=", False)
