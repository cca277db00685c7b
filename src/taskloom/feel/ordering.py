"""`< <= > >=`, `between` and containment in ranges: both sides of the same kind, else null with a warning."""

from collections.abc import Callable
from decimal import Decimal
from typing import Final

from taskloom.feel.diagnostics import Span, WarningCode
from taskloom.feel.equality import equals, instant_nanos
from taskloom.feel.run import Run
from taskloom.feel.text import describe
from taskloom.feel.values import (
    NUMBERS,
    Date,
    DateTime,
    DayTimeDuration,
    Range,
    Time,
    Value,
    YearMonthDuration,
)

_LIKE = frozenset((int, Decimal, str))


def compare(left: Value, right: Value) -> int | None:
    """-1, 0 or 1; None when the two cannot be ordered."""
    kind = type(left)
    if kind is not type(right):
        if kind not in NUMBERS or type(right) not in NUMBERS:
            return None
    elif kind is Time or kind is DateTime:
        left, left_zoned = instant_nanos(left)
        right, right_zoned = instant_nanos(right)
        if left_zoned is not right_zoned:
            return None
    elif kind is Date:
        left, right = left.days, right.days
    elif kind is DayTimeDuration:
        left, right = left.nanos, right.nanos
    elif kind is YearMonthDuration:
        left, right = left.months, right.months
    elif kind not in _LIKE:
        return None
    return 0 if left == right else (-1 if left < right else 1)


def _not_comparable(run: Run, span: Span, left: Value, right: Value) -> Value:
    message = f"Can't compare '{describe(left)}' with '{describe(right)}'"
    return run.warn(WarningCode.NOT_COMPARABLE, message, span)


def less(run: Run, span: Span, left: Value, right: Value) -> bool | None:
    """`left < right`."""
    order = compare(left, right)
    return _not_comparable(run, span, left, right) if order is None else order < 0


def less_or_equal(run: Run, span: Span, left: Value, right: Value) -> bool | None:
    """`left <= right`."""
    order = compare(left, right)
    return _not_comparable(run, span, left, right) if order is None else order <= 0


def greater(run: Run, span: Span, left: Value, right: Value) -> bool | None:
    """`left > right`."""
    order = compare(left, right)
    return _not_comparable(run, span, left, right) if order is None else order > 0


def greater_or_equal(run: Run, span: Span, left: Value, right: Value) -> bool | None:
    """`left >= right`."""
    order = compare(left, right)
    return _not_comparable(run, span, left, right) if order is None else order >= 0


def equal(run: Run, span: Span, left: Value, right: Value) -> bool | None:
    """`left = right`, with a warning when the kinds differ."""
    same = equals(run, left, right)
    return _not_comparable(run, span, left, right) if same is None else same


def unequal(run: Run, span: Span, left: Value, right: Value) -> bool | None:
    """`left != right`, with a warning when the kinds differ."""
    return negated(equal(run, span, left, right))


OPERATIONS: Final[dict[str, Callable[[Run, Span, Value, Value], bool | None]]] = {
    "<": less,
    "<=": less_or_equal,
    ">": greater,
    ">=": greater_or_equal,
}


def between(run: Run, span: Span, value: Value, low: Value, high: Value) -> bool | None:
    """Closed on both ends."""
    above = greater_or_equal(run, span, value, low)
    below = less_or_equal(run, span, value, high)
    if above is None or below is None:
        return None
    return above and below


def in_range(run: Run, span: Span, value: Value, interval: Range) -> bool | None:
    """Whether a range contains a value; a null end of an interval makes the answer null."""
    form = interval.form
    if form == "=":
        return equals(run, value, interval.start)
    if form == "!=":
        return negated(equals(run, value, interval.start))
    above: bool | None = True
    below: bool | None = True
    if form in ("..", ">", ">="):
        above = (greater_or_equal if interval.start_included else greater)(run, span, value, interval.start)
    if form in ("..", "<", "<="):
        below = (less_or_equal if interval.end_included else less)(run, span, value, interval.end)
    if above is None or below is None:
        return None
    return above and below


def negated(truth: bool | None) -> bool | None:
    """Three-valued not of a truth value."""
    return None if truth is None else not truth


def contained(run: Run, span: Span, value: Value, container: Value) -> bool | None:
    """`value in container`: in a range, in a list (an equal item, or inside a range item), else equal."""
    kind = type(container)
    if kind is Range:
        return in_range(run, span, value, container)
    if kind is list:
        return _in_list(run, span, value, container)
    return equals(run, value, container)


def _in_list(run: Run, span: Span, value: Value, items: list[Value]) -> bool:
    run.spend(len(items))
    for item in items:
        if type(item) is Range and type(value) is not Range:
            if in_range(run, span, value, item) is True:
                return True
        elif equals(run, value, item) is True:
            return True
    return type(value) is list and equals(run, value, items) is True


def passes(run: Run, span: Span, value: Value, outcome: Value) -> bool | None:
    """One unary test that does not mention `?`; true itself passes for an input that is no boolean."""
    if outcome is True and type(value) is not bool:
        return True
    return contained(run, span, value, outcome)
