"""The `=` of FEEL: three-valued.

Same kind: true or false. null against a value: false. Two different kinds that are not null: null, because
they cannot be compared. Times and date-times are equal when they show the same second of the same instant,
as the standard defines it; the Camunda dialect compares them exactly. Nested values are compared part by
part; parts of different kinds make the whole null, in the Camunda dialect false.
"""

from collections.abc import Iterable

from taskloom.feel.run import Run
from taskloom.feel.values import (
    NANOS_PER_DAY,
    NANOS_PER_SECOND,
    NUMBERS,
    DateTime,
    Function,
    Range,
    Time,
    Value,
)


def equals(run: Run, left: Value, right: Value) -> bool | None:
    """Whether two values are equal; None when their kinds differ."""
    kind = type(left)
    if kind is not type(right):
        return _equals_mixed(left, right)
    if kind is list:
        return _equal_lists(run, left, right)
    if kind is dict:
        return _equal_contexts(run, left, right)
    if kind is Time or kind is DateTime:
        return equal_instants(left, right, exact=run.camunda)
    if kind is Range:
        return _equal_ranges(run, left, right)
    if isinstance(left, Function):
        return left is right
    return bool(left == right)


def _equals_mixed(left: Value, right: Value) -> bool | None:
    if left is None or right is None:
        return False
    if type(left) in NUMBERS and type(right) in NUMBERS:
        return bool(left == right)
    return left is right if isinstance(left, Function) and isinstance(right, Function) else None


def instant_nanos(value: Time | DateTime) -> tuple[int, bool]:
    """Nanoseconds on the time line, and whether they count from UTC."""
    days = value.days * NANOS_PER_DAY if type(value) is DateTime else 0
    offset_s = value.offset()
    if offset_s is None:
        return days + value.nanos, False
    return days + value.nanos - offset_s * NANOS_PER_SECOND, True


def equal_instants(left: Time | DateTime, right: Time | DateTime, *, exact: bool) -> bool:
    """Whether both show the same instant; a local time never equals one with an offset or zone."""
    left_nanos, left_zoned = instant_nanos(left)
    right_nanos, right_zoned = instant_nanos(right)
    if left_zoned is not right_zoned:
        return False
    if exact:
        return left_nanos == right_nanos
    return left_nanos // NANOS_PER_SECOND == right_nanos // NANOS_PER_SECOND


def _equal_lists(run: Run, left: list[Value], right: list[Value]) -> bool | None:
    if len(left) != len(right):
        return False
    run.spend(len(left))
    return _all_equal(run, zip(left, right, strict=True))


def _equal_contexts(run: Run, left: dict[str, Value], right: dict[str, Value]) -> bool | None:
    if left.keys() != right.keys():
        return False
    run.spend(len(left))
    return _all_equal(run, ((value, right[key]) for key, value in left.items()))


def _all_equal(run: Run, pairs: Iterable[tuple[Value, Value]]) -> bool | None:
    outcome: bool | None = True
    for left, right in pairs:
        same = equals(run, left, right)
        if same is False or (same is None and run.camunda):
            return False
        if same is None:
            outcome = None
    return outcome


def _equal_ranges(run: Run, left: Range, right: Range) -> bool | None:
    if left.form != right.form:
        return False
    if left.start_included is not right.start_included or left.end_included is not right.end_included:
        return False
    return _all_equal(run, ((left.start, right.start), (left.end, right.end)))
