"""The functions that only Camunda's engine has, and the ones it reads more leniently than the standard."""

import base64
import binascii

from taskloom.feel import civil, iso, zones
from taskloom.feel.access import whole_number
from taskloom.feel.built_in import Refusal, built_in
from taskloom.feel.decimals import Number
from taskloom.feel.diagnostics import EvaluationEnded, Failure, FailureCode
from taskloom.feel.dialect import Dialect
from taskloom.feel.equality import instant_nanos
from taskloom.feel.json_values import UnfitJson, from_json, to_json
from taskloom.feel.library.contexts import Context, context_merge, entries_of, put_nested
from taskloom.feel.library.lists import distinct
from taskloom.feel.library.strings import compiled_for, joined
from taskloom.feel.patterns import PatternError
from taskloom.feel.run import Run
from taskloom.feel.values import (
    NANOS_PER_DAY,
    NANOS_PER_SECOND,
    Date,
    DateTime,
    DayTimeDuration,
    Value,
    YearMonthDuration,
)

_ONLY = (Dialect.CAMUNDA,)


@built_in("is defined", "value: any", dialects=_ONLY)
def is_defined(_: Run, value: Value) -> bool:
    """Whether the value is anything but null; a variable that exists with null is not defined."""
    return value is not None


@built_in("get or else", "value: any, default: any", dialects=_ONLY)
def get_or_else(_: Run, value: Value, default: Value) -> Value:
    """The default when the value is null."""
    return default if value is None else value


@built_in("assert", "value: any, condition: any, cause?: string?", dialects=_ONLY, pure=False)
def assertion(_: Run, value: Value, condition: Value, cause: str | None = None) -> Value:
    """The value when the condition is true; anything else ends the evaluation with a failure."""
    if condition is True:
        return value
    message = cause or "The condition is not fulfilled"
    raise EvaluationEnded(Failure(FailureCode.ASSERTION, message))


@built_in("from json", "value: string", dialects=_ONLY)
def parsed_json(run: Run, text: str) -> Value:
    """The value of a JSON text."""
    run.spend(len(text) // 100)
    try:
        return from_json(text)
    except UnfitJson:
        return Refusal(f"Failed to parse JSON from '{text[:60]}'")


@built_in("to json", "value: any", dialects=_ONLY)
def written_json(run: Run, value: Value) -> str | Refusal:
    """The value as JSON text."""
    try:
        text = to_json(value, limits=run.env.limits).decode()
    except UnfitJson as fault:
        return Refusal(str(fault))
    run.spend(len(text) // 100)
    return text


@built_in("date and time", "date: date and time, timezone: string", dialects=_ONLY)
def moment_in_zone(_: Run, moment: DateTime, zone: str) -> DateTime | Refusal:
    """The same instant as clocks of another zone show it; a local one is taken to be in that zone."""
    if zones.find(zone) is None:
        return Refusal(f"there is no time zone '{zone[:60]}'")
    nanos, zoned = instant_nanos(moment)
    if not zoned:
        return DateTime(moment.days, moment.nanos, None, zone)
    days, second = divmod(nanos // NANOS_PER_SECOND, NANOS_PER_DAY // NANOS_PER_SECOND)
    local = nanos + zones.to_local(zone, days, second) * NANOS_PER_SECOND
    return DateTime(*divmod(local, NANOS_PER_DAY), None, zone)


@built_in("extract", "string: string, pattern: string", dialects=_ONLY)
def extract(run: Run, text: str, pattern: str) -> list[str] | Refusal:
    """All matches of a regular expression."""
    try:
        compiled = compiled_for(run, text, pattern, "")
    except PatternError as fault:
        return Refusal(str(fault))
    return [match.group() for match in compiled.matches(run, text)]


@built_in("trim", "string: string", dialects=_ONLY)
def trim(_: Run, text: str) -> str:
    """Without blanks at both ends."""
    return text.strip()


@built_in("is blank", "string: string", dialects=_ONLY)
def is_blank(_: Run, text: str) -> bool:
    """Whether the string is empty or all blanks."""
    return not text.strip()


@built_in("uuid", "", dialects=_ONLY, pure=False)
def unique_id(run: Run) -> str | Refusal:
    """What the injected source of unique ids gives."""
    return (
        Refusal("there is no source of unique ids here") if run.env.unique_id is None else run.env.unique_id()
    )


@built_in("random number", "", dialects=_ONLY, pure=False)
def random_number(run: Run) -> Number | Refusal:
    """What the injected source of random numbers gives: at least 0, less than 1."""
    return (
        Refusal("there is no source of random numbers here") if run.env.random is None else run.env.random()
    )


@built_in("to base64", "value: string", dialects=_ONLY)
def to_base64(run: Run, text: str) -> str:
    """The UTF-8 bytes of the string in Base64."""
    run.check_chars(len(text) * 4)
    return base64.b64encode(text.encode()).decode()


@built_in("from base64", "value: string", dialects=_ONLY)
def from_base64(_: Run, text: str) -> str | Refusal:
    """The string whose UTF-8 bytes are written in Base64."""
    try:
        return base64.b64decode(text, validate=True).decode()
    except (binascii.Error, UnicodeError, ValueError):
        return Refusal("the text is no Base64 of a string")


@built_in(
    "string join", "list: list, delimiter?: string?, prefix?: string?, suffix?: string?", dialects=_ONLY
)
def enclosed_join(
    run: Run,
    items: list[Value],
    delimiter: str | None = None,
    prefix: str | None = None,
    suffix: str | None = None,
) -> str | Refusal:
    """The strings with a delimiter between, a prefix before and a suffix after them; nulls are left out."""
    text = joined(run, items, delimiter or "")
    return text if isinstance(text, Refusal) else (prefix or "") + text + (suffix or "")


def _cut(items: list[Value], position: Number) -> int:
    """How many items stand before a position; beyond either end all or none."""
    whole = int(position)
    return max(0, whole - 1 if whole > 0 else len(items) + whole)


@built_in("sublist", "list: list, start position: number, length?: number", dialects=_ONLY)
def sublist(run: Run, items: list[Value], start: Number, length: Number | None = None) -> list[Value]:
    """The items from a position on, as many as there are."""
    run.spend(len(items))
    rest = items[_cut(items, start) :]
    return rest if length is None else rest[: max(0, int(length))]


@built_in("insert before", "list: list, position: number, newItem: any", dialects=_ONLY)
def insert_before(run: Run, items: list[Value], position: Number, item: Value) -> list[Value]:
    """The list with an item put before a position; beyond the end it becomes the last."""
    run.check_items(len(items) + 1)
    run.spend(len(items))
    cut = _cut(items, position)
    return [*items[:cut], item, *items[cut:]]


@built_in("remove", "list: list, position: number", dialects=_ONLY)
def remove(run: Run, items: list[Value], position: Number) -> list[Value]:
    """The list without the item at a position; the same list when there is none."""
    run.spend(len(items))
    cut = _cut(items, position)
    return items[:cut] + items[cut + 1 :]


@built_in("duplicate values", "list: list", dialects=_ONLY)
def duplicate_values(run: Run, items: list[Value]) -> list[Value]:
    """Each value that stands more than once, in the order of first appearance."""
    remaining = list(items)
    for item in distinct(run, items):
        remaining.remove(item)
    return distinct(run, remaining)


@built_in("is empty", "list: list", dialects=_ONLY)
def is_empty(_: Run, items: list[Value]) -> bool:
    """Whether the list has no items."""
    return not items


@built_in("partition", "list: list, size: number", dialects=_ONLY)
def partition(run: Run, items: list[Value], size: Number) -> list[list[Value]] | Refusal:
    """The list cut into lists of that many items; the last may be shorter."""
    whole = whole_number(size)
    if whole is None or whole < 1:
        return Refusal("the size must be a whole number of 1 or more")
    run.spend(len(items))
    return [items[index : index + whole] for index in range(0, len(items), whole)]


built_in("put all", "contexts: list", dialects=_ONLY)(context_merge)


@built_in("put", "context: context, key: string, value: any", dialects=_ONLY)
def put(run: Run, source: Context, key: str, value: Value) -> Value:
    """The older name of `context put`."""
    return put_nested(run, source, [key], value, create=True)


@built_in("get value", "context: context, key: string", dialects=_ONLY)
def value_or_null(_: Run, source: Context, key: str) -> Value:
    """The entry of that key, null without one and without a warning."""
    return source.get(key)


@built_in("get value", "context: context, keys: list", dialects=_ONLY)
def nested_value(_: Run, source: Context, keys: list[Value]) -> Value:
    """The entry at the end of a path of keys, null when the path ends before."""
    value: Value = source
    for key in keys:
        value = value.get(key) if type(value) is dict and type(key) is str else None
    return value


@built_in("get entries", "context: context", dialects=_ONLY)
def get_entries(run: Run, source: Context) -> list[Context]:
    """The entries as contexts of key and value."""
    return entries_of(run, source)


@built_in("last day of month", "date: date|date and time", dialects=_ONLY)
def last_day_of_month(_: Run, moment: Date | DateTime) -> Date:
    """The date on which the month ends."""
    year, month, _day = civil.from_ordinal(moment.days)
    return Date.of(year, month, civil.days_in_month(year, month))


@built_in("fromAi", "value: any, description?: any, type?: any, schema?: any, options?: any", dialects=_ONLY)
def from_ai(_: Run, value: Value, *_description: Value) -> Value:
    """The first argument; the others describe it to a language model."""
    return value


@built_in("cycle", "interval: duration", dialects=_ONLY)
def endless_cycle(_: Run, interval: DayTimeDuration | YearMonthDuration) -> str:
    """The text of a timer that repeats without end."""
    return f"R/{iso.write_duration(interval)}"


@built_in("cycle", "repetitions: number?, interval: duration", dialects=_ONLY)
def cycle(_: Run, repetitions: Number | None, interval: DayTimeDuration | YearMonthDuration) -> str | Refusal:
    """The text of a timer that repeats so many times, or without end for null."""
    count = None if repetitions is None else whole_number(repetitions)
    if count is None and repetitions is not None:
        return Refusal("the repetitions must be a whole number")
    return f"R{'' if count is None else count}/{iso.write_duration(interval)}"
