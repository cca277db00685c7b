"""The kinds of values a filter compares: their operators, and how a value of the wire is read."""

from collections.abc import Callable
from typing import Any

from msgspec import Struct

from taskloom.dialects.operation import Refusal
from taskloom.dialects.processes.bodies import unknown_value
from taskloom.dialects.processes.problem import invalid
from taskloom.dialects.processes.translate import body_key, read_date, tenant_inside
from taskloom.views.view import Value


class UnreadableFilterError(Exception):
    """The filter cannot be understood; carries the refusal."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal


class Kind(Struct, frozen=True):
    """A kind of values: its operators, and how a value becomes one of the views'."""

    operators: frozenset[str]
    read: Callable[[str, Any], Value]


def _read_text(_name: str, value: Any) -> Value:
    if not isinstance(value, str):
        raise TypeError
    return value


def _read_tenant(name: str, value: Any) -> Value:
    return tenant_inside(str(_read_text(name, value)))


def _read_key(name: str, value: Any) -> Value:
    key = body_key(name, str(_read_text(name, value)))
    if isinstance(key, Refusal):
        raise UnreadableFilterError(key)
    return key


def _read_key_text(name: str, value: Any) -> Value:
    return str(_read_key(name, value))


def _read_integer(_name: str, value: Any) -> Value:
    if type(value) is not int or not -(2**31) <= value < 2**31:
        raise TypeError
    return value


def _read_date(name: str, value: Any) -> Value:
    instant = read_date(str(_read_text(name, value)))
    if instant is None:
        text = f"The provided {name} '{value}' cannot be parsed as a date according to RFC 3339, section 5.6"
        raise UnreadableFilterError(invalid(text))
    return instant


def one_of(*words: str) -> Kind:
    """The kind of an enumeration; letter case does not count."""

    def read(name: str, value: Any) -> Value:
        word = str(_read_text(name, value))
        if word.upper() not in words:
            raise UnreadableFilterError(unknown_value(word, name, words))
        return word.upper()

    return Kind(_WORD, read)


_LISTED = frozenset({"$eq", "$neq", "$exists", "$in", "$notIn"})
_ORDERED = frozenset({"$eq", "$neq", "$exists", "$gt", "$gte", "$lt", "$lte", "$in"})
_WORD = frozenset({"$eq", "$neq", "$exists", "$in", "$like"})

TEXT = Kind(_LISTED | {"$like"}, _read_text)
TENANT = Kind(_LISTED | {"$like"}, _read_tenant)
KEY = Kind(_LISTED, _read_key)
KEY_IN_ATTRIBUTES = Kind(_LISTED, _read_key_text)
INTEGER = Kind(_ORDERED, _read_integer)
DATE = Kind(_ORDERED, _read_date)
