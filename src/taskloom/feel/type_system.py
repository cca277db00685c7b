"""The types of FEEL and what belongs to them.

`conforms` answers `instance of`: null is an instance of Null only. `coerce` is what happens where a value
meets a declared type: a one-element list becomes its element, an element a one-element list, a date a date
and time at midnight UTC; null passes everywhere.
"""

from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from taskloom.feel.temporal_arithmetic import midnight_utc
from taskloom.feel.values import Date, Function, Range, Value, kind_of


class FeelType(msgspec.Struct, frozen=True):
    """Any type."""


class SimpleType(FeelType, frozen=True):
    """A type without parameters, named as `kind_of` names the kinds of values."""

    name: str


class NamedType(FeelType, frozen=True):
    """A reference, such as an item definition of a model, that `resolve` replaces."""

    name: str


class ListType(FeelType, frozen=True):
    """`list<item>`."""

    item: FeelType


class RangeType(FeelType, frozen=True):
    """`range<item>`."""

    item: FeelType


class ContextType(FeelType, frozen=True):
    """`context<a: T>`: at least these entries."""

    entries: tuple[tuple[str, FeelType], ...]


class FunctionType(FeelType, frozen=True):
    """`function<T, ...> -> R`."""

    parameters: tuple[FeelType, ...]
    result: FeelType


class ConstrainedType(FeelType, frozen=True):
    """A type of a model: values of `base` that `allows` accepts; null is never shown to `allows`."""

    name: str
    base: FeelType
    allows: Callable[[Value], bool] | None = None


ANY: Final = SimpleType("Any")
NULL: Final = SimpleType("Null")
NUMBER: Final = SimpleType("number")
STRING: Final = SimpleType("string")
BOOLEAN: Final = SimpleType("boolean")
DATE: Final = SimpleType("date")
TIME: Final = SimpleType("time")
DATE_TIME: Final = SimpleType("date and time")
DAY_TIME_DURATION: Final = SimpleType("days and time duration")
YEAR_MONTH_DURATION: Final = SimpleType("years and months duration")
LIST: Final = ListType(ANY)
CONTEXT: Final = ContextType(())
RANGE: Final = RangeType(ANY)
FUNCTION: Final = SimpleType("function")

BUILT_IN: Final[dict[str, FeelType]] = {
    "Any": ANY,
    "Null": NULL,
    "number": NUMBER,
    "string": STRING,
    "boolean": BOOLEAN,
    "date": DATE,
    "time": TIME,
    "date and time": DATE_TIME,
    "dateTime": DATE_TIME,
    "days and time duration": DAY_TIME_DURATION,
    "dayTimeDuration": DAY_TIME_DURATION,
    "years and months duration": YEAR_MONTH_DURATION,
    "yearMonthDuration": YEAR_MONTH_DURATION,
    "list": LIST,
    "context": CONTEXT,
    "range": RANGE,
    "function": FUNCTION,
}

CAMUNDA: Final[dict[str, FeelType]] = {
    "date time": DATE_TIME,
    "day-time-duration": DAY_TIME_DURATION,
    "year-month-duration": YEAR_MONTH_DURATION,
}
"""Names that only the Camunda dialect knows."""


class Mismatch:
    """The one value `MISMATCH`: what `coerce` answers when a value does not fit."""


MISMATCH: Final = Mismatch()


def resolve(kind: FeelType, types: Mapping[str, FeelType]) -> FeelType | None:
    """The type with its references replaced; None when one of them is not known."""
    if isinstance(kind, NamedType):
        return types.get(kind.name)
    if isinstance(kind, ListType | RangeType):
        item = resolve(kind.item, types)
        return None if item is None else type(kind)(item)
    if isinstance(kind, ContextType):
        entries = [(name, resolve(entry, types)) for name, entry in kind.entries]
        known = tuple((name, entry) for name, entry in entries if entry is not None)
        return ContextType(known) if len(known) == len(entries) else None
    if isinstance(kind, FunctionType):
        parameters = tuple(
            resolved for part in kind.parameters if (resolved := resolve(part, types)) is not None
        )
        result = resolve(kind.result, types)
        if result is None or len(parameters) != len(kind.parameters):
            return None
        return FunctionType(parameters, result)
    return kind


def conforms(value: Value, kind: FeelType, *, nulls: bool = False) -> bool:
    """Whether a value belongs to a type; with `nulls`, null belongs to every type."""
    if value is None:
        return nulls or kind == NULL
    if isinstance(kind, SimpleType):
        return kind.name == "Any" or kind_of(value) == kind.name
    if isinstance(kind, ListType):
        if type(value) is not list:
            return False
        return kind.item is ANY or all(conforms(item, kind.item, nulls=nulls) for item in value)
    if isinstance(kind, ContextType):
        return type(value) is dict and all(
            conforms(value[name], part, nulls=nulls) if name in value else nulls
            for name, part in kind.entries
        )
    if isinstance(kind, RangeType):
        return type(value) is Range and _ends_conform(value, kind.item)
    if isinstance(kind, FunctionType):
        return isinstance(value, Function) and _function_conforms(value, kind)
    if isinstance(kind, ConstrainedType):
        return conforms(value, kind.base, nulls=nulls) and (kind.allows is None or kind.allows(value))
    return False


def _ends_conform(value: Range, item: FeelType) -> bool:
    ends = [end for end in (value.start, value.end) if end is not None]
    return all(conforms(end, item) for end in ends)


def _function_conforms(value: Function, kind: FunctionType) -> bool:
    if len(value.parameters) != len(kind.parameters):
        return False
    declared = value.types or (None,) * len(value.parameters)
    accepted = all(
        own is None or is_subtype(given, own) for own, given in zip(declared, kind.parameters, strict=True)
    )
    return accepted and (value.apparent_type is None or is_subtype(value.apparent_type, kind.result))


def is_subtype(kind: FeelType, other: FeelType) -> bool:
    """Whether every value of `kind` is one of `other`."""
    if other in {ANY, kind} or kind == NULL:
        return True
    if isinstance(kind, ConstrainedType):
        return is_subtype(kind.base, other)
    if isinstance(kind, ListType) and isinstance(other, ListType):
        return is_subtype(kind.item, other.item)
    if isinstance(kind, RangeType) and isinstance(other, RangeType):
        return is_subtype(kind.item, other.item)
    if isinstance(kind, ContextType) and isinstance(other, ContextType):
        own = dict(kind.entries)
        return all(name in own and is_subtype(own[name], part) for name, part in other.entries)
    if isinstance(kind, FunctionType) and isinstance(other, FunctionType):
        return len(kind.parameters) == len(other.parameters) and (
            all(is_subtype(b, a) for a, b in zip(kind.parameters, other.parameters, strict=True))
            and is_subtype(kind.result, other.result)
        )
    return isinstance(kind, FunctionType) and other == FUNCTION


def coerce(value: Value, kind: FeelType) -> Value:
    """The value as the declared type wants it, or `MISMATCH`.

    The conversions are those of the standard and concern the value as a whole: a date becomes a date and
    time, a list of one its item, a value a list of one. What lies inside must conform as it is.
    """
    if value is None or kind is ANY or conforms(value, kind, nulls=True):
        return value
    if type(value) is Date and conforms(midnight := midnight_utc(value), kind):
        return midnight
    if type(value) is list and len(value) == 1 and conforms(value[0], kind, nulls=True):
        return value[0]
    return [value] if conforms([value], kind, nulls=True) else MISMATCH
