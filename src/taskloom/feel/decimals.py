"""Numbers: exact integers while they fit into 34 digits, else decimals rounded half even.

A result that is no number (division by zero, overflow, square root of a negative) is None.
"""

from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Final

DIGITS: Final = 34
INTEGER_BOUND: Final = 10**DIGITS
EXPONENT_MAX: Final = 6144
SCALE_MIN: Final = -6111
SCALE_MAX: Final = 6176

Number = int | Decimal


def new_context(rounding: str = ROUND_HALF_EVEN, digits: int = DIGITS) -> Context:
    """Decimal128 of IEEE 754 without traps: what fails gives NaN or infinity."""
    return Context(prec=digits, rounding=rounding, Emin=-6143, Emax=EXPONENT_MAX, traps=[], clamp=0)


CONTEXT: Final = new_context()


def bounded(value: int) -> Number:
    """An integer as it is while exact in 34 digits, else rounded."""
    if -INTEGER_BOUND < value < INTEGER_BOUND:
        return value
    return CONTEXT.create_decimal(value)


def settled(value: Decimal) -> Number | None:
    """A decimal result: None when it is no finite number."""
    return value if value.is_finite() else None


def compact(value: Number) -> Number:
    """The same number as an `int` when it is whole and written in few digits."""
    if isinstance(value, int):
        return value
    if value == value.to_integral_value() and value.adjusted() < DIGITS:
        return int(value)
    return value


def number_of(text: str) -> Number | None:
    """A number from digits with an optional point and exponent; None beyond the reach of decimal128."""
    if text.isdigit() and len(text) <= DIGITS:
        return int(text)
    number = settled(CONTEXT.create_decimal(text))
    return None if number is None else compact(number)


def text_of(value: Number) -> str:
    """Plain digits: no exponent, no trailing zeros, no negative zero."""
    if isinstance(value, int):
        return str(value)
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text
