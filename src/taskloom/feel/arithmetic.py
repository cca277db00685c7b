"""`+ - * / **` and unary minus: numbers here, temporal operands by a table of pairs of types.

Each operation takes the run and the place in the source; operands that do not go together give null and a
warning.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Final

from taskloom.feel import temporal_arithmetic as temporal
from taskloom.feel.decimals import CONTEXT, Number, bounded, settled
from taskloom.feel.diagnostics import Span, WarningCode
from taskloom.feel.run import Run
from taskloom.feel.text import describe
from taskloom.feel.values import NUMBERS, DayTimeDuration, Value, YearMonthDuration

_POWER_BITS_MAX: Final = 113
"""A power of integers with at most this many bits is computed exactly: it fits into 34 digits."""


def add(run: Run, span: Span, left: Value, right: Value) -> Value:
    """Numbers, strings, durations, a duration to a date, time or date and time."""
    kind = type(left)
    if kind is int and type(right) is int:
        return bounded(left + right)
    if kind is str and type(right) is str:
        run.check_chars(len(left) + len(right))
        run.read(left)
        run.read(right)
        return left + right
    if kind in NUMBERS and type(right) in NUMBERS:
        return _number(run, span, CONTEXT.add(left, right))
    outcome = temporal.add(left, right)
    return outcome if outcome is not None else _refuse(run, span, f"Can't add '{describe(right)}' to", left)


def subtract(run: Run, span: Span, left: Value, right: Value) -> Value:
    """Numbers, durations, points in time, a duration from a point in time."""
    if type(left) is int and type(right) is int:
        return bounded(left - right)
    if type(left) in NUMBERS and type(right) in NUMBERS:
        return _number(run, span, CONTEXT.subtract(left, right))
    outcome = temporal.subtract(left, right)
    return (
        outcome
        if outcome is not None
        else _refuse(run, span, f"Can't subtract '{describe(right)}' from", left)
    )


def multiply(run: Run, span: Span, left: Value, right: Value) -> Value:
    """Numbers, or a duration and a number in either order."""
    if type(left) is int and type(right) is int:
        return bounded(left * right)
    if type(left) in NUMBERS and type(right) in NUMBERS:
        return _number(run, span, CONTEXT.multiply(left, right))
    outcome = temporal.multiply(left, right)
    return (
        outcome if outcome is not None else _refuse(run, span, f"Can't multiply '{describe(left)}' by", right)
    )


def divide(run: Run, span: Span, left: Value, right: Value) -> Value:
    """Numbers, a duration by a number, a duration by one of its kind; by zero gives null."""
    if type(left) in NUMBERS and type(right) in NUMBERS:
        if not right:
            return run.warn(WarningCode.OUT_OF_RANGE, f"Can't divide '{describe(left)}' by zero", span)
        if type(left) is int and type(right) is int and left % right == 0:
            return left // right
        return _number(run, span, CONTEXT.divide(left, right))
    outcome = temporal.divide(left, right)
    return (
        outcome if outcome is not None else _refuse(run, span, f"Can't divide '{describe(left)}' by", right)
    )


def power(run: Run, span: Span, left: Value, right: Value) -> Value:
    """Numbers only; exact while the result is an integer of 34 digits."""
    if type(left) not in NUMBERS or type(right) not in NUMBERS:
        return _refuse(run, span, f"Can't raise '{describe(left)}' to the power", right)
    whole = type(left) is int and type(right) is int and 0 <= right <= _POWER_BITS_MAX
    if whole and left.bit_length() * right <= _POWER_BITS_MAX:
        return bounded(left**right)
    return _number(run, span, CONTEXT.power(left, right))


def negate(run: Run, span: Span, value: Value) -> Value:
    """Of a number or a duration."""
    kind = type(value)
    if kind is int:
        return -value
    if kind is Decimal:
        return CONTEXT.minus(value)
    if kind is DayTimeDuration:
        return DayTimeDuration(-value.nanos)
    if kind is YearMonthDuration:
        return YearMonthDuration(-value.months)
    return _refuse(run, span, "Can't negate", value)


OPERATIONS: Final[dict[str, Callable[[Run, Span, Value, Value], Value]]] = {
    "+": add,
    "-": subtract,
    "*": multiply,
    "/": divide,
    "**": power,
}


def _number(run: Run, span: Span, value: Decimal) -> Number | None:
    outcome = settled(value)
    if outcome is None:
        run.warn(WarningCode.OUT_OF_RANGE, "The result is no finite number", span)
    return outcome


def _refuse(run: Run, span: Span, what: str, operand: Value) -> None:
    run.warn(WarningCode.INVALID_TYPE, f"{what} '{describe(operand)}'", span)
