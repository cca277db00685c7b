"""JSON has no dates: text becomes a temporal value where the declared type of an input asks for one."""

from collections.abc import Callable
from typing import Final

from taskloom.feel import ConstrainedType, ContextType, FeelType, ListType, SimpleType, Value, iso

_READERS: Final[dict[str, Callable[[str], Value]]] = {
    "date": iso.read_date,
    "time": iso.read_time,
    "date and time": iso.read_date_time,
    "days and time duration": iso.read_duration,
    "years and months duration": iso.read_duration,
}


def as_declared(value: Value, kind: FeelType) -> Value:
    """The value with its texts read as the type says; a text that does not read so stays a text."""
    if isinstance(kind, ConstrainedType):
        return as_declared(value, kind.base)
    if type(value) is str and isinstance(kind, SimpleType):
        reader = _READERS.get(kind.name)
        found = None if reader is None else reader(value)
        return value if found is None else found
    if isinstance(kind, ListType):
        if type(value) is list:
            return [as_declared(item, kind.item) for item in value]
        return as_declared(value, kind.item)
    if isinstance(kind, ContextType) and type(value) is dict:
        entries = {name: as_declared(value[name], part) for name, part in kind.entries if name in value}
        return {**value, **entries}
    return value
