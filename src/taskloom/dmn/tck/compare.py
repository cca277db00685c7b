"""Whether a result is the expected one: typed values, never texts.

Numbers agree within a relative 1e-8, because the files give rounded decimals; lists agree item by item,
contexts by the same set of names; temporal values by what they show and their offset from UTC.
"""

from decimal import Decimal
from typing import Final

from taskloom.feel import Date, DateTime, DayTimeDuration, Time, Value, YearMonthDuration

_TOLERANCE: Final = Decimal("1e-8")


def agrees(expected: Value, actual: Value) -> bool:
    """Whether the actual value is the expected one by the rules of the kit."""
    if type(expected) is bool or type(actual) is bool or expected is None or actual is None:
        return expected is actual
    if isinstance(expected, int | Decimal):
        return isinstance(actual, int | Decimal) and _numbers_agree(Decimal(expected), Decimal(actual))
    if isinstance(expected, list):
        return (
            isinstance(actual, list)
            and len(expected) == len(actual)
            and all(agrees(one, other) for one, other in zip(expected, actual, strict=True))
        )
    if isinstance(expected, dict):
        return (
            isinstance(actual, dict)
            and expected.keys() == actual.keys()
            and all(agrees(value, actual[name]) for name, value in expected.items())
        )
    return type(expected) is type(actual) and _plain_agree(expected, actual)


def _numbers_agree(expected: Decimal, actual: Decimal) -> bool:
    return abs(expected - actual) <= _TOLERANCE * max(abs(expected), abs(actual), Decimal(1))


def _plain_agree(expected: Value, actual: Value) -> bool:
    if isinstance(expected, Time):
        return (expected.nanos, expected.offset()) == (actual.nanos, actual.offset())
    if isinstance(expected, DateTime):
        return (expected.days, expected.nanos, expected.offset()) == (
            actual.days,
            actual.nanos,
            actual.offset(),
        )
    if isinstance(expected, str | Date | DayTimeDuration | YearMonthDuration):
        return bool(expected == actual)
    return False
