"""Functions that make a value of one type from others: string, number, dates, times, durations."""

import re
from decimal import Decimal
from typing import Final

from taskloom.feel import civil, decimals, iso
from taskloom.feel.access import whole_number
from taskloom.feel.built_in import Refusal, built_in
from taskloom.feel.decimals import Number
from taskloom.feel.dialect import Dialect
from taskloom.feel.limits import OFFSET_MAX_S
from taskloom.feel.run import Run
from taskloom.feel.text import quoted, string_of
from taskloom.feel.values import (
    NANOS_PER_SECOND,
    Date,
    DateTime,
    DayTimeDuration,
    Time,
    Value,
    YearMonthDuration,
)

_NUMBER: Final = re.compile(r"-?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,9})?", re.ASCII)
_GROUPING: Final = (" ", ",", ".", None)
_DECIMAL: Final = (",", ".", None)


@built_in("string", "from: any")
def string(run: Run, value: Value) -> Value:
    """Null stays null."""
    return None if value is None else string_of(run, value)


@built_in("number", "from: string, grouping separator?: string?, decimal separator?: string?")
def number(
    _: Run, text: str, grouping: str | None = None, point: str | None = None
) -> Number | Refusal | None:
    """Digits with the given separators; they must differ."""
    if grouping not in _GROUPING or point not in _DECIMAL or (grouping is not None and grouping == point):
        return Refusal("the separators must differ and be a blank, a comma or a point")
    plain = text.replace(grouping, "") if grouping else text
    if point == ",":
        if "." in plain:
            return Refusal(f"{quoted(text)} is no number")
        plain = plain.replace(",", ".")
    if _NUMBER.fullmatch(plain) is None or len(plain) > decimals.SCALE_MAX:
        return Refusal(f"{quoted(text)} is no number")
    return decimals.number_of(plain)


def _unread(kind: str, text: str) -> Refusal:
    return Refusal(f"Failed to parse {kind} from '{text[:60]}'")


@built_in("date", "from: string")
def date_from_text(_: Run, text: str) -> Date | Refusal:
    """ISO 8601."""
    return iso.read_date(text) or _unread("date", text)


@built_in("date", "from: date|date and time")
def date_from_moment(_: Run, moment: Date | DateTime) -> Date:
    """The date part."""
    return Date(moment.days)


@built_in("date", "year: number, month: number, day: number")
def date_from_parts(_: Run, year: Number, month: Number, day: Number) -> Date | Refusal:
    """A day of the calendar; nothing is rolled over."""
    parts = [whole_number(part) for part in (year, month, day)]
    whole = [part for part in parts if part is not None]
    found = iso.date_of(*whole) if len(whole) == 3 else None
    return found or Refusal("there is no such day")


@built_in("time", "from: string", dialects=(Dialect.DMN,))
def time_from_text(_: Run, text: str) -> Time | Refusal:
    """ISO 8601, or a time with a zone id after `@`."""
    return iso.read_time(text) or _unread("time", text)


@built_in("time", "from: string", dialects=(Dialect.CAMUNDA,))
def time_from_lenient_text(_: Run, text: str) -> Time | Refusal:
    """As in the standard, or without seconds, or with offset and zone id as in `+02:00[Europe/Berlin]`."""
    return iso.read_time(text, lenient=True) or _unread("time", text)


@built_in("time", "from: time|date and time")
def time_from_moment(_: Run, moment: Time | DateTime) -> Time:
    """The time part with its zone; a date has come as midnight UTC."""
    return Time(moment.nanos, moment.offset_s, moment.zone)


@built_in("time", "hour: number, minute: number, second: number, offset?: days and time duration?")
def time_from_parts(
    _: Run, hour: Number, minute: Number, second: Number, offset: DayTimeDuration | None = None
) -> Time | Refusal:
    """Seconds may have a fraction; without offset it is a local time."""
    hours, minutes = whole_number(hour), whole_number(minute)
    if hours is None or minutes is None or not 0 <= second < 60:
        return Refusal("there is no such time")
    seconds, fraction = divmod(Decimal(second), 1)
    nanos = iso.clock_nanos(hours, minutes, int(seconds), int(fraction * NANOS_PER_SECOND))
    if nanos is None or hours == 24:
        return Refusal("there is no such time")
    if offset is None:
        return Time(nanos)
    offset_s, rest = divmod(offset.nanos, NANOS_PER_SECOND)
    if rest or abs(offset_s) > OFFSET_MAX_S:
        return Refusal("there is no such offset")
    return Time(nanos, offset_s)


@built_in("date and time", "from: string", dialects=(Dialect.DMN,))
def moment_from_text(_: Run, text: str) -> DateTime | Refusal:
    """ISO 8601; a date alone means its midnight."""
    return _moment(text, lenient=False)


@built_in("date and time", "from: string", dialects=(Dialect.CAMUNDA,))
def moment_from_lenient_text(_: Run, text: str) -> DateTime | Refusal:
    """As in the standard, or without seconds, or with offset and zone id as in `+02:00[Europe/Berlin]`."""
    return _moment(text, lenient=True)


def _moment(text: str, *, lenient: bool) -> DateTime | Refusal:
    moment = iso.read_date_time(text, lenient=lenient)
    if moment is not None:
        return moment
    day = iso.read_date(text)
    return _unread("date and time", text) if day is None else DateTime(day.days, 0)


@built_in("date and time", "date: date|date and time, time: time")
def moment_from_parts(_: Run, day: Date | DateTime, time: Time) -> DateTime:
    """The date of the one, the time and zone of the other."""
    return DateTime(day.days, time.nanos, time.offset_s, time.zone)


@built_in("duration", "from: string")
def duration(_: Run, text: str) -> iso.Duration | Refusal:
    """ISO 8601, of either kind."""
    return iso.read_duration(text) or _unread("duration", text)


@built_in("years and months duration", "from: date|date and time, to: date|date and time")
def months_between(_: Run, begin: Date | DateTime, end: Date | DateTime) -> YearMonthDuration:
    """Whole months, towards zero; the time of day does not count."""
    begin_year, begin_month, begin_day = civil.from_ordinal(begin.days)
    end_year, end_month, end_day = civil.from_ordinal(end.days)
    months = (end_year - begin_year) * 12 + end_month - begin_month
    if months > 0 and end_day < begin_day:
        months -= 1
    elif months < 0 and end_day > begin_day:
        months += 1
    return YearMonthDuration(months)
