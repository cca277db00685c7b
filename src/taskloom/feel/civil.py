"""The proleptic Gregorian calendar for any year.

A day is a number: 1 is 0001-01-01, as in `datetime.date.toordinal`, which serves the years 1 to 9999
directly. Other years are moved by whole cycles of 400 years (146,097 days) into that reach.
"""

from datetime import date
from typing import Final

CYCLE_YEARS: Final = 400
CYCLE_DAYS: Final = 146_097
_LAST_ORDINAL: Final = date.max.toordinal()
_MONTH_DAYS: Final = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def is_leap(year: int) -> bool:
    """Whether February has 29 days; year 0 exists and is one."""
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def days_in_month(year: int, month: int) -> int:
    """The length of a month, 1 to 12."""
    return 29 if month == 2 and is_leap(year) else _MONTH_DAYS[month - 1]


def is_valid(year: int, month: int, day: int) -> bool:
    """Whether the calendar has that day."""
    return 1 <= month <= 12 and 1 <= day <= days_in_month(year, month)


def to_ordinal(year: int, month: int, day: int) -> int:
    """The number of a valid calendar day."""
    if 1 <= year <= 9999:
        return date(year, month, day).toordinal()
    cycles, year_in_cycle = divmod(year - 1, CYCLE_YEARS)
    return date(year_in_cycle + 1, month, day).toordinal() + cycles * CYCLE_DAYS


def from_ordinal(ordinal: int) -> tuple[int, int, int]:
    """Year, month and day of a day number."""
    if 1 <= ordinal <= _LAST_ORDINAL:
        day = date.fromordinal(ordinal)
        return day.year, day.month, day.day
    cycles, in_cycle = divmod(ordinal - 1, CYCLE_DAYS)
    day = date.fromordinal(in_cycle + 1)
    return day.year + cycles * CYCLE_YEARS, day.month, day.day


def weekday(ordinal: int) -> int:
    """1 is Monday, 7 is Sunday."""
    return (ordinal - 1) % 7 + 1


def day_of_year(ordinal: int) -> int:
    """1 for the first of January."""
    return ordinal - to_ordinal(from_ordinal(ordinal)[0], 1, 1) + 1


def iso_week(ordinal: int) -> int:
    """The week by ISO 8601: it belongs to the year that holds its Thursday."""
    thursday = ordinal - weekday(ordinal) + 4
    return (day_of_year(thursday) - 1) // 7 + 1


def add_months(ordinal: int, months: int) -> int:
    """The same day some months on, or the last day of that month when it has no such day."""
    year, month, day = from_ordinal(ordinal)
    year_on, month_index = divmod(year * 12 + month - 1 + months, 12)
    last = days_in_month(year_on, month_index + 1)
    return to_ordinal(year_on, month_index + 1, min(day, last))
