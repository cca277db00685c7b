"""Functions of numbers: rounding, absolute value, modulo, roots, logarithms, parity."""

from collections.abc import Callable
from decimal import (
    ROUND_CEILING,
    ROUND_DOWN,
    ROUND_FLOOR,
    ROUND_HALF_DOWN,
    ROUND_HALF_EVEN,
    ROUND_HALF_UP,
    ROUND_UP,
    Context,
    Decimal,
)
from typing import Final

from taskloom.feel.access import whole_number
from taskloom.feel.built_in import Refusal, built_in
from taskloom.feel.decimals import (
    CONTEXT,
    SCALE_MAX,
    SCALE_MIN,
    Number,
    compact,
    new_context,
    settled,
)
from taskloom.feel.run import Run
from taskloom.feel.values import DayTimeDuration, Value, YearMonthDuration

_WIDE_DIGITS: Final = 80
_NOT_FINITE: Final = Refusal("the result is no finite number")


def rounded(number: Value, scale: Value, context: Context) -> Value:
    """A number with at most `scale` digits after the point, rounded as the context says."""
    places = int(scale) if abs(scale) <= SCALE_MAX + 1 else SCALE_MAX + 1
    if not SCALE_MIN <= places <= SCALE_MAX:
        return Refusal(f"the scale must lie between {SCALE_MIN} and {SCALE_MAX}")
    exact = Decimal(number)
    exponent = exact.as_tuple().exponent
    if isinstance(exponent, int) and -exponent <= places:
        return number
    result = settled(exact.quantize(Decimal((0, (1,), -places)), context=context))
    return _NOT_FINITE if result is None else compact(CONTEXT.plus(result))


def _rounding(name: str, signature: str, rounding: str) -> Callable[..., Value]:
    context = new_context(rounding, _WIDE_DIGITS)

    @built_in(name, signature)
    def function(_: Run, number: Number, scale: Number = 0) -> Value:
        return rounded(number, scale, context)

    return function


decimal = _rounding("decimal", "n: number, scale: number", ROUND_HALF_EVEN)
floor = _rounding("floor", "n: number, scale?: number", ROUND_FLOOR)
ceiling = _rounding("ceiling", "n: number, scale?: number", ROUND_CEILING)
round_up = _rounding("round up", "n: number, scale: number", ROUND_UP)
round_down = _rounding("round down", "n: number, scale: number", ROUND_DOWN)
round_half_up = _rounding("round half up", "n: number, scale: number", ROUND_HALF_UP)
round_half_down = _rounding("round half down", "n: number, scale: number", ROUND_HALF_DOWN)


@built_in("abs", "n: number")
def absolute(_: Run, number: Value) -> Value:
    """The distance from zero."""
    return abs(number) if type(number) is int else CONTEXT.abs(number)


@built_in("abs", "n: duration")
def absolute_duration(
    _: Run, duration: DayTimeDuration | YearMonthDuration
) -> DayTimeDuration | YearMonthDuration:
    """The duration without its sign."""
    if isinstance(duration, YearMonthDuration):
        return YearMonthDuration(abs(duration.months))
    return DayTimeDuration(abs(duration.nanos))


@built_in("modulo", "dividend: number, divisor: number")
def modulo(_: Run, dividend: Number, divisor: Number) -> Number | Refusal:
    """The remainder of floored division: it has the sign of the divisor."""
    if not divisor:
        return Refusal("the divisor is zero")
    if type(dividend) is int and type(divisor) is int:
        return dividend % divisor
    remainder = CONTEXT.remainder(dividend, divisor)
    if remainder and (remainder < 0) is not (divisor < 0):
        remainder = CONTEXT.add(remainder, divisor)
    result = settled(remainder)
    return _NOT_FINITE if result is None else compact(result)


@built_in("sqrt", "number: number")
def square_root(_: Run, number: Number) -> Number | Refusal:
    """Of a number that is not negative."""
    return Refusal("the number is negative") if number < 0 else compact(CONTEXT.sqrt(number))


@built_in("log", "number: number")
def logarithm(_: Run, number: Number) -> Number | Refusal:
    """The natural logarithm of a positive number."""
    return Refusal("the number is not positive") if number <= 0 else compact(CONTEXT.ln(number))


@built_in("exp", "number: number")
def exponential(_: Run, number: Number) -> Number | Refusal:
    """E to the power of the number."""
    result = settled(CONTEXT.exp(number))
    return _NOT_FINITE if result is None else compact(result)


@built_in("odd", "number: number")
def odd(_: Run, number: Number) -> bool:
    """Whether a whole number leaves 1 when divided by two."""
    whole = whole_number(number)
    return whole is not None and whole % 2 == 1


@built_in("even", "number: number")
def even(_: Run, number: Number) -> bool:
    """Whether a whole number is divisible by two."""
    whole = whole_number(number)
    return whole is not None and whole % 2 == 0
