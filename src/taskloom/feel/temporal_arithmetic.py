"""Arithmetic with points in time and durations.

Each function answers None when its operands do not go together or the result leaves the calendar. A date
plus a duration of days and time stays a date: the part that fills no day is dropped towards the past. A
date beside a date and time counts as midnight UTC. A point in a named zone moves along the time line, not
along its clock.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Final, TypeVar

from taskloom.feel import civil, zones
from taskloom.feel.decimals import CONTEXT, INTEGER_BOUND, compact, settled
from taskloom.feel.equality import instant_nanos
from taskloom.feel.limits import YEAR_MAX
from taskloom.feel.values import (
    DURATIONS,
    NANOS_PER_DAY,
    NANOS_PER_SECOND,
    NUMBERS,
    Date,
    DateTime,
    DayTimeDuration,
    Time,
    Value,
    YearMonthDuration,
)

Point = TypeVar("Point", Date, DateTime)

DAYS_MIN: Final = civil.to_ordinal(-YEAR_MAX, 1, 1)
DAYS_MAX: Final = civil.to_ordinal(YEAR_MAX, 12, 31)
_DAY_S: Final = NANOS_PER_DAY // NANOS_PER_SECOND


def add(left: Value, right: Value) -> Value:
    """A duration to a point in time in either order, or two durations of one kind."""
    operation = _ADD.get((type(left), type(right)))
    if operation is not None:
        return operation(left, right)
    operation = _ADD.get((type(right), type(left)))
    return None if operation is None else operation(right, left)


def subtract(left: Value, right: Value) -> Value:
    """A duration from a point in time or from its kind, or a point in time from another."""
    kind = type(right)
    if kind is DayTimeDuration:
        operation = _ADD.get((type(left), kind))
        return None if operation is None else operation(left, DayTimeDuration(-right.nanos))
    if kind is YearMonthDuration:
        operation = _ADD.get((type(left), kind))
        return None if operation is None else operation(left, YearMonthDuration(-right.months))
    operation = _DIFFERENCE.get((type(left), kind))
    return None if operation is None else operation(left, right)


def multiply(left: Value, right: Value) -> Value:
    """A duration and a number in either order; what is smaller than the unit is dropped towards zero."""
    if type(right) in DURATIONS:
        left, right = right, left
    if type(left) not in DURATIONS or type(right) not in NUMBERS:
        return None
    return _scaled(
        left, lambda amount: amount * right if type(right) is int else CONTEXT.multiply(amount, right)
    )


def divide(left: Value, right: Value) -> Value:
    """A duration by a number, or by a duration of its kind; by zero there is no result."""
    if type(left) not in DURATIONS:
        return None
    if type(right) in NUMBERS:
        return _scaled(left, lambda amount: CONTEXT.divide(amount, right)) if right else None
    if type(right) is not type(left):
        return None
    divisor = _amount(right)
    quotient = settled(CONTEXT.divide(_amount(left), divisor)) if divisor else None
    return None if quotient is None else compact(quotient)


def _amount(duration: DayTimeDuration | YearMonthDuration) -> int:
    return duration.months if isinstance(duration, YearMonthDuration) else duration.nanos


def _scaled(duration: Value, scale: Callable[[int], int | Decimal]) -> Value:
    amount = scale(_amount(duration))
    if type(amount) is Decimal and not amount.is_finite():
        return None
    return _in_bounds(type(duration), int(amount))


def _in_bounds(kind: type[Value], amount: int) -> Value:
    return kind(amount) if -INTEGER_BOUND < amount < INTEGER_BOUND else None


def _date_plus_time(day: Date, duration: DayTimeDuration) -> Date | None:
    return _in_calendar(Date(day.days + duration.nanos // NANOS_PER_DAY))


def _date_plus_months(day: Date, duration: YearMonthDuration) -> Date | None:
    days = _months_on(day.days, duration.months)
    return None if days is None else Date(days)


def _moment_plus_time(moment: DateTime, duration: DayTimeDuration) -> DateTime | None:
    if moment.zone is not None:
        return _along_time_line(moment, duration.nanos)
    days, nanos = divmod(moment.nanos + duration.nanos, NANOS_PER_DAY)
    return _in_calendar(DateTime(moment.days + days, nanos, moment.offset_s, None))


def _along_time_line(moment: DateTime, nanos: int) -> DateTime | None:
    utc, _ = instant_nanos(moment)
    utc += nanos
    days, second = divmod(utc // NANOS_PER_SECOND, _DAY_S)
    if not DAYS_MIN <= days <= DAYS_MAX:
        return None
    offset_s = zones.to_local(moment.zone or "", days, second)
    local_days, local_nanos = divmod(utc + offset_s * NANOS_PER_SECOND, NANOS_PER_DAY)
    return _in_calendar(DateTime(local_days, local_nanos, None, moment.zone))


def _moment_plus_months(moment: DateTime, duration: YearMonthDuration) -> DateTime | None:
    days = _months_on(moment.days, duration.months)
    return None if days is None else DateTime(days, moment.nanos, moment.offset_s, moment.zone)


def _time_plus_time(time: Time, duration: DayTimeDuration) -> Time:
    return Time((time.nanos + duration.nanos) % NANOS_PER_DAY, time.offset_s, time.zone)


def _months_on(days: int, months: int) -> int | None:
    if abs(months) > 24 * YEAR_MAX:
        return None
    moved = civil.add_months(days, months)
    return moved if DAYS_MIN <= moved <= DAYS_MAX else None


def _in_calendar(point: Point) -> Point | None:
    return point if DAYS_MIN <= point.days <= DAYS_MAX else None


def _instants_apart(left: Value, right: Value) -> DayTimeDuration | None:
    left_nanos, left_zoned = instant_nanos(left)
    right_nanos, right_zoned = instant_nanos(right)
    return None if left_zoned is not right_zoned else DayTimeDuration(left_nanos - right_nanos)


def _days_apart(left: Date, right: Date) -> DayTimeDuration:
    return DayTimeDuration((left.days - right.days) * NANOS_PER_DAY)


def midnight_utc(day: Date) -> DateTime:
    """What a date means where a date and time is expected."""
    return DateTime(day.days, 0, 0)


_ADD: Final[dict[tuple[type, type], Callable[..., Value]]] = {
    (Date, DayTimeDuration): _date_plus_time,
    (Date, YearMonthDuration): _date_plus_months,
    (DateTime, DayTimeDuration): _moment_plus_time,
    (DateTime, YearMonthDuration): _moment_plus_months,
    (Time, DayTimeDuration): _time_plus_time,
    (DayTimeDuration, DayTimeDuration): lambda a, b: _in_bounds(DayTimeDuration, a.nanos + b.nanos),
    (YearMonthDuration, YearMonthDuration): lambda a, b: _in_bounds(YearMonthDuration, a.months + b.months),
}

_DIFFERENCE: Final[dict[tuple[type, type], Callable[..., Value]]] = {
    (Date, Date): _days_apart,
    (DateTime, DateTime): _instants_apart,
    (Time, Time): _instants_apart,
    (Date, DateTime): lambda day, moment: _instants_apart(midnight_utc(day), moment),
    (DateTime, Date): lambda moment, day: _instants_apart(moment, midnight_utc(day)),
}
