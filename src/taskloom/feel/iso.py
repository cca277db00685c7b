"""ISO 8601 texts of dates, times and durations, read and written as FEEL wants them.

Readers answer None for a text that is not in the form, or that names a day or a zone that does not exist.
"""

import re
from datetime import date
from typing import Final

from taskloom.feel import civil, zones
from taskloom.feel.limits import DURATION_DIGITS_MAX, OFFSET_MAX_S, YEAR_MAX
from taskloom.feel.values import (
    NANOS_PER_DAY,
    NANOS_PER_SECOND,
    Date,
    DateTime,
    DayTimeDuration,
    Time,
    YearMonthDuration,
)

Duration = DayTimeDuration | YearMonthDuration

_ZONE_PART: Final = r"(?P<offset>[Zz]|[+-]\d\d:\d\d(?::\d\d)?)?(?:@(?P<zone>[A-Za-z][A-Za-z0-9_+/-]*))?"
_DATE: Final = re.compile(r"(-?)([1-9]\d{4,8}|\d{4})-(\d\d)-(\d\d)", re.ASCII)
_TIME: Final = re.compile(r"(\d\d):(\d\d):(\d\d)(?:\.(\d{1,18}))?" + _ZONE_PART, re.ASCII)
_LENIENT_TIME: Final = re.compile(
    r"(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,18}))?)?"
    r"(?P<offset>[Zz]|[+-]\d\d:\d\d(?::\d\d)?)?(?:@(?P<zone>[A-Za-z][A-Za-z0-9_+/-]*)"
    r"|\[(?P<bracket>[A-Za-z][A-Za-z0-9_+/-]*)\])?",
    re.ASCII,
)
_DIGITS: Final = rf"(\d{{1,{DURATION_DIGITS_MAX}}})"
_MONTHS: Final = re.compile(rf"(-?)P(?=\d)(?:{_DIGITS}Y)?(?:{_DIGITS}M)?", re.ASCII)
_NANOS: Final = re.compile(
    rf"(-?)P(?=\d|T\d)(?:{_DIGITS}D)?(?:T(?=\d)(?:{_DIGITS}H)?(?:{_DIGITS}M)?(?:{_DIGITS}(?:\.(\d{{0,18}}))?S)?)?",
    re.ASCII,
)


def read_date(text: str) -> Date | None:
    """`2024-02-29`; years may be negative or have up to nine digits."""
    if len(text) == 10 and text[4] == text[7] == "-":
        try:
            return Date(date.fromisoformat(text).toordinal())
        except ValueError:
            pass  # year 0 and negative years are read below
    match = _DATE.fullmatch(text)
    if match is None:
        return None
    sign, year_text, month, day = match.groups()
    return date_of(int(sign + year_text), int(month), int(day))


def date_of(year: int, month: int, day: int) -> Date | None:
    """A day of the calendar, or None when it has no such day."""
    if not -YEAR_MAX <= year <= YEAR_MAX or not civil.is_valid(year, month, day):
        return None
    return Date.of(year, month, day)


def read_time(text: str, *, lenient: bool = False) -> Time | None:
    """`10:15:00.5+02:00` or `10:15:00@Europe/Paris`; 24:00:00 is midnight."""
    read = _read_clock(text, lenient=lenient)
    if read is None:
        return None
    nanos, offset_s, zone = read
    return Time(nanos % NANOS_PER_DAY, offset_s, zone)


def read_date_time(text: str, *, lenient: bool = False) -> DateTime | None:
    """A date, `T`, a time; 24:00:00 is the start of the next day."""
    date_text, separator, time_text = text.partition("T")
    day = read_date(date_text)
    if day is None or not separator:
        return None
    read = _read_clock(time_text, lenient=lenient)
    if read is None:
        return None
    nanos, offset_s, zone = read
    return DateTime(day.days + nanos // NANOS_PER_DAY, nanos % NANOS_PER_DAY, offset_s, zone)


def read_duration(text: str) -> Duration | None:
    """`P1Y2M` or `P1DT2H3M4.5S`; the two kinds do not mix."""
    match = _MONTHS.fullmatch(text)
    if match is not None:
        sign, years, months = match.groups()
        total = int(years or 0) * 12 + int(months or 0)
        return YearMonthDuration(-total if sign else total)
    match = _NANOS.fullmatch(text)
    if match is None:
        return None
    sign, days, hours, minutes, seconds, fraction = match.groups()
    whole = int(days or 0) * 86_400 + int(hours or 0) * 3600 + int(minutes or 0) * 60 + int(seconds or 0)
    nanos = whole * NANOS_PER_SECOND + int((fraction or "")[:9].ljust(9, "0"))
    return DayTimeDuration(-nanos if sign else nanos)


def read_any(text: str, *, lenient: bool = False) -> Date | Time | DateTime | Duration | None:
    """What stands in `@"..."`: whichever of the forms the text has."""
    return (
        read_date(text)
        or read_date_time(text, lenient=lenient)
        or read_time(text, lenient=lenient)
        or read_duration(text)
    )


def _read_clock(text: str, *, lenient: bool) -> tuple[int, int | None, str | None] | None:
    match = (_LENIENT_TIME if lenient else _TIME).fullmatch(text)
    if match is None:
        return None
    hour, minute, second = int(match[1]), int(match[2]), int(match[3] or 0)
    fraction = int((match[4] or "")[:9].ljust(9, "0"))
    nanos = clock_nanos(hour, minute, second, fraction)
    offset_s = _read_offset(match["offset"])
    if nanos is None or offset_s == _INVALID:
        return None
    bracket = match["bracket"] if lenient else None
    zone = match["zone"] or bracket
    if zone is not None and (zones.find(zone) is None or (offset_s is not None and not bracket)):
        return None
    return nanos, None if zone else offset_s, zone


def clock_nanos(hour: int, minute: int, second: int, fraction: int = 0) -> int | None:
    """Nanoseconds since midnight, or None when clocks do not show that; 24:00:00 is one whole day."""
    if hour == 24 and minute == second == fraction == 0:
        return NANOS_PER_DAY
    if not (0 <= hour < 24 and 0 <= minute < 60 and 0 <= second < 60):
        return None
    return (hour * 3600 + minute * 60 + second) * NANOS_PER_SECOND + fraction


_INVALID: Final = -(10**9)


def _read_offset(text: str | None) -> int | None:
    if text is None:
        return None
    if text in ("Z", "z"):
        return 0
    hour, minute, second = int(text[1:3]), int(text[4:6]), int(text[7:9] or 0)
    total = hour * 3600 + minute * 60 + second
    if minute > 59 or second > 59 or total > OFFSET_MAX_S:
        return _INVALID
    return -total if text[0] == "-" else total


def write_date(value: Date) -> str:
    """The year has at least four digits."""
    return _date_text(value.days)


def write_time(value: Time) -> str:
    """Fractions without trailing zeros, then the zone as it was written."""
    return _clock_text(value.nanos) + _zone_text(value.offset_s, value.zone)


def write_date_time(value: DateTime) -> str:
    """Date, `T`, time, zone."""
    zone = _zone_text(value.offset_s, value.zone)
    return f"{_date_text(value.days)}T{_clock_text(value.nanos)}{zone}"


def write_duration(value: Duration) -> str:
    """The components normalised; zero is PT0S or P0M."""
    if isinstance(value, YearMonthDuration):
        years, months = divmod(abs(value.months), 12)
        text = (f"{years}Y" if years else "") + (f"{months}M" if months else "")
        return ("-P" if value.months < 0 else "P") + (text or "0M")
    days, rest = divmod(abs(value.nanos), NANOS_PER_DAY)
    seconds, fraction = divmod(rest, NANOS_PER_SECOND)
    hours, minutes = seconds // 3600, seconds // 60 % 60
    clock = (f"{hours}H" if hours else "") + (f"{minutes}M" if minutes else "")
    if seconds % 60 or fraction:
        clock += f"{seconds % 60}{_fraction_text(fraction)}S"
    text = (f"{days}D" if days else "") + (f"T{clock}" if clock else "")
    return ("-P" if value.nanos < 0 else "P") + (text or "T0S")


def _date_text(days: int) -> str:
    year, month, day = civil.from_ordinal(days)
    sign = "-" if year < 0 else ""
    return f"{sign}{abs(year):04d}-{month:02d}-{day:02d}"


def _clock_text(nanos: int) -> str:
    seconds, fraction = divmod(nanos, NANOS_PER_SECOND)
    clock = f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
    return clock + _fraction_text(fraction)


def _fraction_text(fraction: int) -> str:
    return f".{fraction:09d}".rstrip("0") if fraction else ""


def _zone_text(offset_s: int | None, zone: str | None) -> str:
    if zone is not None:
        return f"@{zone}"
    if offset_s is None:
        return ""
    if offset_s == 0:
        return "Z"
    total = abs(offset_s)
    text = f"{'-' if offset_s < 0 else '+'}{total // 3600:02d}:{total // 60 % 60:02d}"
    return text + (f":{total % 60:02d}" if total % 60 else "")
