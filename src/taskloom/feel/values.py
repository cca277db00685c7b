"""The values of FEEL.

Null, booleans, strings, lists and contexts are Python's `None`, `bool`, `str`, `list` and `dict`; numbers
are `int` when exact, else `Decimal` with 34 digits, never `float`. The rest has classes of its own here.
Lists and contexts are treated as immutable: whoever holds one may keep it.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import msgspec

from taskloom.feel import civil, zones

if TYPE_CHECKING:
    from taskloom.feel.type_system import FeelType

NANOS_PER_SECOND: Final = 1_000_000_000
NANOS_PER_DAY: Final = 86_400 * NANOS_PER_SECOND

Value = Any
"""A FEEL value: None, bool, int, Decimal, str, list, dict or one of the classes below."""

Scope = Mapping[str, Value]
"""Variables by their normalised names."""


class Date(msgspec.Struct, frozen=True):
    """A calendar day: the number of days, 1 for 0001-01-01."""

    days: int

    @classmethod
    def of(cls, year: int, month: int, day: int) -> "Date":
        """The day must exist in the calendar."""
        return cls(civil.to_ordinal(year, month, day))


class Time(msgspec.Struct, frozen=True):
    """A time of day; offset and zone are kept as written, a zone id wins over the offset."""

    nanos: int
    offset_s: int | None = None
    zone: str | None = None

    def offset(self) -> int | None:
        """Seconds east of UTC, or None for a local time."""
        return self.offset_s if self.zone is None else zones.standard_offset(self.zone)


class DateTime(msgspec.Struct, frozen=True):
    """A local date and time, with an offset, a zone id or neither."""

    days: int
    nanos: int
    offset_s: int | None = None
    zone: str | None = None

    def offset(self) -> int | None:
        """Seconds east of UTC at that date, or None for a local date and time."""
        if self.zone is None:
            return self.offset_s
        return zones.offset_at(self.zone, self.days, self.nanos // NANOS_PER_SECOND)


class DayTimeDuration(msgspec.Struct, frozen=True):
    """A number of nanoseconds; P1D and PT24H are the same duration."""

    nanos: int


class YearMonthDuration(msgspec.Struct, frozen=True):
    """A number of months."""

    months: int


class Range(msgspec.Struct, frozen=True):
    """An interval, or a comparison such as `(< 10)` whose form keeps the operator.

    `form` is `..` for an interval, else one of `< <= > >= = !=`. An end left open is None.
    """

    start: Value
    end: Value
    start_included: bool
    end_included: bool
    form: str = ".."


class Function:
    """A callable value: a function literal, a knowledge model, a decision service or a built-in.

    `body` takes the run and one value per parameter. A result is coerced to `result_type`; `apparent_type` is
    what its text says of the result, for `instance of`.
    """

    __slots__ = ("apparent_type", "body", "name", "parameters", "result_type", "types")

    def __init__(
        self,
        parameters: tuple[str, ...],
        body: Callable[..., Value],
        *,
        types: "tuple[FeelType | None, ...]" = (),
        result_type: "FeelType | None" = None,
        name: str = "",
        apparent_type: "FeelType | None" = None,
    ) -> None:
        self.parameters = parameters
        self.body = body
        self.types = types
        self.result_type = result_type
        self.name = name
        self.apparent_type = result_type or apparent_type


NUMBERS: Final = frozenset((int, Decimal))
TEMPORALS: Final = frozenset((Date, Time, DateTime))
DURATIONS: Final = frozenset((DayTimeDuration, YearMonthDuration))

_KINDS: Final[dict[type, str]] = {
    type(None): "null",
    bool: "boolean",
    int: "number",
    Decimal: "number",
    str: "string",
    list: "list",
    dict: "context",
    Date: "date",
    Time: "time",
    DateTime: "date and time",
    DayTimeDuration: "days and time duration",
    YearMonthDuration: "years and months duration",
    Range: "range",
    Function: "function",
}


def kind_of(value: Value) -> str:
    """The name of a value's type; equality and ordering need the same kind on both sides."""
    kind = _KINDS.get(type(value))
    if kind is not None:
        return kind
    return "function" if isinstance(value, Function) else "unknown"
