"""Functions of points in time, `is` and `not`; the clock comes from the environment."""

from typing import Final

from taskloom.feel import civil
from taskloom.feel.built_in import Refusal, built_in
from taskloom.feel.equality import equals
from taskloom.feel.run import Run
from taskloom.feel.values import TEMPORALS, Date, DateTime, Value, kind_of

_DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS: Final = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
_NO_CLOCK: Final = Refusal("there is no clock here")


@built_in("now", "", pure=False)
def now(run: Run) -> DateTime | Refusal:
    """What the injected clock shows."""
    return run.env.now or _NO_CLOCK


@built_in("today", "", pure=False)
def today(run: Run) -> Date | Refusal:
    """The date that the injected clock shows."""
    return _NO_CLOCK if run.env.now is None else Date(run.env.now.days)


@built_in("day of year", "date: date|date and time")
def day_of_year(_: Run, moment: Date | DateTime) -> int:
    """1 for the first of January."""
    return civil.day_of_year(moment.days)


@built_in("day of week", "date: date|date and time")
def day_of_week(_: Run, moment: Date | DateTime) -> str:
    """The English name."""
    return _DAYS[civil.weekday(moment.days) - 1]


@built_in("month of year", "date: date|date and time")
def month_of_year(_: Run, moment: Date | DateTime) -> str:
    """The English name."""
    return _MONTHS[civil.from_ordinal(moment.days)[1] - 1]


@built_in("week of year", "date: date|date and time")
def week_of_year(_: Run, moment: Date | DateTime) -> int:
    """By ISO 8601."""
    return civil.iso_week(moment.days)


@built_in("is", "value1: any, value2: any")
def identical(run: Run, left: Value, right: Value) -> bool:
    """Whether both are the same value of the same kind; times must also agree in offset and zone."""
    if kind_of(left) != kind_of(right):
        return False
    if type(left) in TEMPORALS:
        return bool(left == right)
    return equals(run, left, right) is True


@built_in("not", "negand: any")
def negation(_: Run, value: Value) -> bool | None:
    """Null of anything but a boolean."""
    return not value if type(value) is bool else None
