"""Reading parts of values: a member after a dot, an item, a selection, what a loop runs over."""

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Final

from taskloom.feel import civil
from taskloom.feel.diagnostics import Span, WarningCode
from taskloom.feel.run import Run
from taskloom.feel.text import describe
from taskloom.feel.values import (
    NANOS_PER_DAY,
    NANOS_PER_SECOND,
    NUMBERS,
    Date,
    DateTime,
    DayTimeDuration,
    Range,
    Time,
    Value,
    YearMonthDuration,
)


def member(run: Run, span: Span, source: Value, name: str) -> Value:
    """`source.name`: an entry of a context, a property; of a list, the member of each item."""
    kind = type(source)
    if kind is dict:
        if name in source:
            return source[name]
        return run.warn(WarningCode.NO_PROPERTY, f"The context has no entry '{name}'", span)
    if kind is list:
        run.spend(len(source))
        return [member(run, span, item, name) for item in source]
    properties = _PROPERTIES.get(kind)
    read = None if properties is None else properties.get(name)
    if read is None:
        return run.warn(WarningCode.NO_PROPERTY, f"'{describe(source)}' has no property '{name}'", span)
    return read(source)


def _seconds(value: Time | DateTime) -> int:
    return value.nanos // NANOS_PER_SECOND


def _whole(nanos: int, unit_s: int) -> int:
    size = abs(nanos) // (unit_s * NANOS_PER_SECOND)
    return -size if nanos < 0 else size


def _second(value: Time | DateTime) -> int | Decimal:
    return value.nanos // NANOS_PER_SECOND % 60


def _offset(value: Time | DateTime) -> DayTimeDuration | None:
    offset_s = value.offset()
    return None if offset_s is None else DayTimeDuration(offset_s * NANOS_PER_SECOND)


def _part(amount: int, unit: int) -> int:
    """The amount within its next larger unit, with the sign of the whole."""
    return -(-amount % unit) if amount < 0 else amount % unit


Properties = dict[str, Callable[[Value], Value]]

_DATE: Final[Properties] = {
    "year": lambda value: civil.from_ordinal(value.days)[0],
    "month": lambda value: civil.from_ordinal(value.days)[1],
    "day": lambda value: civil.from_ordinal(value.days)[2],
    "weekday": lambda value: civil.weekday(value.days),
}
_TIME: Final[Properties] = {
    "hour": lambda value: _seconds(value) // 3600,
    "minute": lambda value: _seconds(value) // 60 % 60,
    "second": _second,
    "time offset": _offset,
    "timezone": lambda value: value.zone,
}
_PROPERTIES: Final[dict[type, Properties]] = {
    Date: _DATE,
    Time: _TIME,
    DateTime: {**_DATE, **_TIME},
    DayTimeDuration: {
        "days": lambda value: _whole(value.nanos, NANOS_PER_DAY // NANOS_PER_SECOND),
        "hours": lambda value: _part(_whole(value.nanos, 3600), 24),
        "minutes": lambda value: _part(_whole(value.nanos, 60), 60),
        "seconds": lambda value: _part(_whole(value.nanos, 1), 60),
    },
    YearMonthDuration: {
        "years": lambda value: -(-value.months // 12) if value.months < 0 else value.months // 12,
        "months": lambda value: _part(value.months, 12),
    },
    Range: {
        "start": lambda value: value.start,
        "end": lambda value: value.end,
        "start included": lambda value: value.start_included,
        "end included": lambda value: value.end_included,
    },
}


def whole_number(value: Value) -> int | None:
    """A number without fraction as an `int`; None for anything else."""
    if type(value) is int:
        return value
    if type(value) is Decimal and value == value.to_integral_value() and value.adjusted() < 20:
        return int(value)
    return None


def as_list(value: Value) -> list[Value]:
    """A list as it is, another value as a list of one."""
    return value if type(value) is list else [value]


def item_at(run: Run, span: Span, source: Value, position: Value) -> Value:
    """By position, 1 first and -1 last; out of bounds gives null."""
    if source is None:
        return None
    items = as_list(source)
    index = whole_number(position)
    if index is not None and 1 <= index <= len(items):
        return items[index - 1]
    if index is not None and -len(items) <= index <= -1:
        return items[index]
    message = f"The list has {len(items)} items and none at position {describe(position)}"
    return run.warn(WarningCode.OUT_OF_RANGE, message, span)


def select(run: Run, span: Span, source: Value, condition: Callable[[Value], Value], cost: int) -> Value:
    """`source[condition]`: the condition sees each item; a number for the first item selects by position."""
    if source is None:
        return None
    items = as_list(source)
    run.spend(len(items) * cost + 1)
    chosen: list[Value] = []
    for index, item in enumerate(items):
        truth = condition(item)
        if truth is True:
            chosen.append(item)
        elif truth is not False and truth is not None:
            return odd_filter(run, span, items, truth, index == 0)
    return chosen


def select_from_nothing(run: Run, span: Span, condition: Callable[[Value], Value]) -> Value:
    """A filter on an empty list: by position there is no item, by condition an empty list is left."""
    run.spend(1)
    truth = condition(None)
    return [] if truth is None or type(truth) is bool else odd_filter(run, span, [], truth, True)


def odd_filter(run: Run, span: Span, items: list[Value], truth: Value, is_first: bool) -> Value:
    """What a filter gives whose condition is neither a boolean nor null: a number is a position."""
    if is_first and type(truth) in NUMBERS:
        return item_at(run, span, items, truth)
    message = f"A filter must be a boolean or a number but is '{describe(truth)}'"
    return run.warn(WarningCode.INVALID_TYPE, message, span)


def items_of(run: Run, span: Span, source: Value) -> Iterable[Value] | None:
    """What a loop runs over: the items of a list, the whole numbers or days of a range, a single value."""
    if type(source) is list:
        return source
    if type(source) is Range:
        return _range_items(run, span, source)
    if source is None:
        run.warn(WarningCode.INVALID_TYPE, "Can't iterate over null", span)
        return None
    return [source]


def _range_items(run: Run, span: Span, source: Range) -> Iterable[Value] | None:
    items = counted(run, span, source.start, source.end)
    if items is None:
        return None
    found = list(items)
    begin = 0 if source.start_included else 1
    return found[begin:] if source.end_included else found[begin:-1]


def counted(run: Run, span: Span, start: Value, end: Value) -> Iterable[Value] | None:
    """`start..end`: whole numbers or days, up or down, both ends included."""
    first, last = whole_number(start), whole_number(end)
    days = type(start) is Date and type(end) is Date
    if days:
        first, last = start.days, end.days
    if first is None or last is None:
        message = f"Can't iterate from '{describe(start)}' to '{describe(end)}'"
        run.warn(WarningCode.INVALID_TYPE, message, span)
        return None
    run.check_items(abs(last - first) + 1)
    step = 1 if first <= last else -1
    numbers = range(first, last + step, step)
    return [Date(number) for number in numbers] if days else numbers
