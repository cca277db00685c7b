"""What a table compiler wants to know of unary tests: whether constants decide them."""

from collections.abc import Iterable

import msgspec

from taskloom.feel.dialect import Dialect
from taskloom.feel.fold import fold
from taskloom.feel.nodes import ComparisonRange, Constant, Expr, Interval, Literal, UnaryTests
from taskloom.feel.ranges import comparison_range
from taskloom.feel.values import Range, Value


class TestShape(msgspec.Struct, frozen=True):
    """Unary tests that are all constants: the input must equal a value or lie in a range.

    `is_any` is `-`, which accepts every input; `negated` turns the outcome round.
    """

    is_any: bool
    values: tuple[Value, ...] = ()
    ranges: tuple[Range, ...] = ()
    negated: bool = False


def shape_of(tests: Expr, dialect: Dialect = Dialect.DMN) -> TestShape | None:
    """The shape of unary tests made of scalar constants and ranges of them; None for anything else."""
    folded = fold(tests, dialect)
    if not isinstance(folded, UnaryTests):
        return None
    if not folded.tests:
        return TestShape(is_any=True)
    values: list[Value] = []
    ranges: list[Range] = []
    for test in folded.tests:
        found = constant_of(test)
        if found is None:
            return None
        for value in _members(found.value):
            if isinstance(value, list | dict) or callable(value):
                return None
            (ranges if isinstance(value, Range) else values).append(value)
    return TestShape(False, tuple(values), tuple(ranges), folded.negated)


def constant_of(node: Expr) -> Literal | Constant | None:
    """The node itself when it is a constant; a comparison or interval of constants as the range it makes."""
    if isinstance(node, Literal | Constant):
        return node
    if isinstance(node, ComparisonRange) and isinstance(node.operand, Literal | Constant):
        return Constant(comparison_range(node.operator, node.operand.value), node, span=node.span)
    if isinstance(node, Interval):
        start, end = node.start, node.end
        if isinstance(start, Literal | Constant) and isinstance(end, Literal | Constant):
            value = Range(start.value, end.value, node.start_included, node.end_included)
            return Constant(value, node, span=node.span)
    return None


def _members(value: Value) -> Iterable[Value]:
    return value if isinstance(value, list) else (value,)
