"""FEEL values as text: what `string()` gives, and the short form used in warnings."""

import re
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Final

from taskloom.feel import decimals, iso
from taskloom.feel.run import Run
from taskloom.feel.values import (
    Date,
    DateTime,
    DayTimeDuration,
    Function,
    Range,
    Time,
    Value,
    YearMonthDuration,
)

_SHOWN_CHARS: Final = 60
_PLAIN_KEY: Final = re.compile(r"[^\W\d]\w*(?: [^\W\d]\w*)*")
_ESCAPES: Final = str.maketrans({'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"})

_SCALARS: Final[dict[type, Callable[..., str]]] = {
    type(None): lambda _: "null",
    bool: lambda value: "true" if value else "false",
    int: str,
    Decimal: decimals.text_of,
    Date: iso.write_date,
    Time: iso.write_time,
    DateTime: iso.write_date_time,
    DayTimeDuration: iso.write_duration,
    YearMonthDuration: iso.write_duration,
}


def string_of(run: Run, value: Value) -> str:
    """A string as it is, any other value as FEEL writes it; strings inside lists and contexts are quoted."""
    return value if type(value) is str else _nested(run, value)


def describe(value: Value) -> str:
    """A value for a warning: short, and cheap for any size."""
    kind = type(value)
    if kind is str:
        return quoted(value[:_SHOWN_CHARS])
    if kind is list:
        shown = ", ".join(describe(item) if _is_scalar(item) else "..." for item in value[:5])
        return f"[{shown}{', ...' if len(value) > 5 else ''}]"
    if kind is dict:
        keys = [str(key)[:_SHOWN_CHARS] for key in list(value)[:5]]
        return f"{{{', '.join(keys)}{', ...' if len(value) > 5 else ''}}}"
    scalar = _SCALARS.get(kind)
    if scalar is not None:
        return scalar(value)[:_SHOWN_CHARS]
    if kind is Range:
        return _range_text(value, describe)
    return "a function" if isinstance(value, Function) else "an unknown value"


def quoted(text: str) -> str:
    """A string literal."""
    return f'"{text.translate(_ESCAPES)}"'


def key_text(key: str) -> str:
    """A key of a context as FEEL writes it: quoted unless it is plain words."""
    return key if _PLAIN_KEY.fullmatch(key) else quoted(key)


def _is_scalar(value: Value) -> bool:
    return type(value) is str or type(value) in _SCALARS


def _nested(run: Run, value: Value) -> str:
    kind = type(value)
    if kind is str:
        return quoted(value)
    scalar = _SCALARS.get(kind)
    if scalar is not None:
        return scalar(value)
    if kind is list:
        return _joined(run, "[", (_nested(run, item) for item in value), "]", len(value))
    if kind is dict:
        entries = (f"{key_text(key)}: {_nested(run, item)}" for key, item in value.items())
        return _joined(run, "{", entries, "}", len(value))
    if kind is Range:
        return _range_text(value, lambda end: _nested(run, end))
    return f"function({', '.join(value.parameters)})" if isinstance(value, Function) else "null"


def _joined(run: Run, begin: str, parts: Iterable[str], end: str, count: int) -> str:
    run.spend(count + 1)
    written: list[str] = []
    chars = 0
    for part in parts:
        chars += len(part) + 2
        run.check_chars(chars)
        written.append(part)
    return begin + ", ".join(written) + end


def _range_text(value: Range, write: Callable[[Value], str]) -> str:
    if value.form != "..":
        end = value.end if value.start is None or value.form in ("=", "!=") else value.start
        return f"({value.form} {write(end)})"
    begin = "[" if value.start_included else "("
    close = "]" if value.end_included else ")"
    return f"{begin}{write(value.start)}..{write(value.end)}{close}"
