"""From filters of the wire to the views' filter tree. What can be asked of which entity stands in tables.

A field is a column, a word derived from several columns, a flag, or a set of tags. A plain value means `$eq`;
several operators on a field, and several fields, must all hold.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from msgspec import Struct

from taskloom.core.limits import FILTER_ALTERNATIVES, FILTER_VALUES
from taskloom.dialects.processes.filter_kinds import Kind, UnreadableFilterError
from taskloom.dialects.processes.problem import invalid, unparsable
from taskloom.views.view import (
    EVERYTHING,
    And,
    Compare,
    Exists,
    Filter,
    In,
    Like,
    Not,
    Or,
    Related,
    Value,
)

NOTHING: Filter = Or(())
OR = "$or"

Json = TypeVar("Json")


class Column(Struct, frozen=True):
    """A field that is a column; with a relation it is a column of related rows."""

    column: str
    kind: Kind
    relation: str = ""


class Words(Struct, frozen=True):
    """A field of a few words, each of which is a filter of its own."""

    words: Mapping[str, Filter]
    kind: Kind


class Flag(Struct, frozen=True):
    """A field that is true where its filter holds."""

    filter: Filter
    relation: str = ""


class Tags(Struct, frozen=True):
    """A field of several texts, all of which a row must have; `mark` stands around each of them."""

    column: str
    mark: str


Field = Column | Words | Flag | Tags


class Relation(Struct, frozen=True):
    """Rows of another view that belong to a row; conditions on one relation hold for one and the same row."""

    view: str
    column: str
    own: str
    always: Filter = EVERYTHING


class Fields(Struct, frozen=True):
    """What can be asked of an entity."""

    fields: Mapping[str, Field]
    relations: Mapping[str, Relation] = {}
    has_alternatives: bool = False
    unsupported: frozenset[str] = frozenset()
    """Fields of the original that we have nothing for; refused by name."""


def read_filter(asked: Mapping[str, Any] | None, entity: Fields) -> Filter:
    """The tree of a filter; raises `UnreadableFilterError`."""
    if not asked:
        return EVERYTHING
    alternatives = asked.get(OR) if entity.has_alternatives else None
    fields = {name: value for name, value in asked.items() if not (name == OR and entity.has_alternatives)}
    tree = _read_fields(fields, entity, "filter")
    if alternatives is None:
        return tree
    listed = _expect(list, alternatives, f"filter.{OR}")
    if len(listed) > FILTER_ALTERNATIVES:
        raise UnreadableFilterError(invalid(f"A filter may have at most {FILTER_ALTERNATIVES} alternatives"))
    parts = [
        _read_fields(_expect(dict, one, f"filter.{OR}[{at}]"), entity, f"filter.{OR}[{at}]")
        for at, one in enumerate(listed)
    ]
    return And((tree, Or(tuple(parts)))) if parts else tree


def _read_fields(asked: Mapping[str, Any], entity: Fields, path: str) -> Filter:
    parts: list[Filter] = []
    related: dict[str, list[Filter]] = {}
    for name, value in asked.items():
        if value is None:
            continue
        if name in entity.unsupported:
            raise UnreadableFilterError(invalid(f"The filter {name} is not supported"))
        field = entity.fields.get(name)
        if field is None:
            raise UnreadableFilterError(unparsable(f"{path}.{name}"))
        relation = getattr(field, "relation", "")
        target = related.setdefault(relation, []) if relation else parts
        target.append(_read_field(field, value, name, f"{path}.{name}"))
    for relation, inner in related.items():
        to = entity.relations[relation]
        parts.append(Related(to.view, to.column, to.own, And((to.always, *inner))))
    return And(tuple(parts))


def _read_field(field: Field, value: Any, name: str, path: str) -> Filter:
    if isinstance(field, Flag):
        return field.filter if _expect(bool, value, path) else Not(field.filter)
    if isinstance(field, Tags):
        tags = _each(_expect(list, value, path), path, str)
        return And(tuple(Like(field.column, f"*{field.mark}{_escaped(tag)}{field.mark}*") for tag in tags))
    conditions = value if isinstance(value, dict) else {"$eq": value}
    parts: list[Filter] = []
    for operator, operand in conditions.items():
        if operand is None:
            continue
        if operator not in field.kind.operators:
            raise UnreadableFilterError(unparsable(f"{path}.{operator}"))
        operand_path = f"{path}.{operator}" if isinstance(value, dict) else path
        parts.append(_condition(field, operator, _operand(field, operator, operand, name, operand_path)))
    return parts[0] if len(parts) == 1 else And(tuple(parts))


def _operand(field: Column | Words, operator: str, operand: Any, name: str, path: str) -> Any:
    """The right-hand side, of the type its operator needs."""
    if operator == "$exists":
        return _expect(bool, operand, path)
    if operator == "$like":
        return _expect(str, operand, path)
    if operator not in ("$in", "$notIn"):
        return _value(field.kind, operand, name, path)
    listed = _expect(list, operand, path)
    if len(listed) > FILTER_VALUES:
        raise UnreadableFilterError(invalid(f"A filter may have at most {FILTER_VALUES} values"))
    return tuple(_value(field.kind, one, name, f"{path}[{at}]") for at, one in enumerate(listed))


def _value(kind: Kind, value: Any, name: str, path: str) -> Value:
    try:
        return kind.read(name, value)
    except TypeError:
        raise UnreadableFilterError(unparsable(path)) from None


def _condition(field: Column | Words, operator: str, operand: Any) -> Filter:
    if isinstance(field, Words):
        chosen = [tree for word, tree in field.words.items() if _holds(word, operator, operand)]
        if operator == "$neq" and not field.words:
            return EVERYTHING
        if operator == "$exists":
            return EVERYTHING if bool(field.words) == operand else NOTHING
        return Or(tuple(chosen))
    return _ON_COLUMN[operator](field.column, operand)


def _holds(word: str, operator: str, operand: Any) -> bool:
    if operator == "$eq":
        return bool(word == operand)
    if operator == "$neq":
        return bool(word != operand)
    if operator == "$in":
        return word in operand
    if operator == "$notIn":
        return word not in operand
    return operator == "$like" and _like(operand).fullmatch(word) is not None


def _like(pattern: str) -> re.Pattern[str]:
    """A pattern of `*`, `?` and backslash."""
    parts = re.findall(r"\\.|.", pattern, re.DOTALL)
    found = {"*": ".*", "?": "."}
    return re.compile("".join(found.get(part) or re.escape(part[-1]) for part in parts), re.DOTALL)


def _escaped(text: str) -> str:
    return re.sub(r"([*?\\])", r"\\\1", text)


def _below(operator: str) -> Callable[[str, Value], Filter]:
    """What is absent is 0, and that is not less than anything."""
    return lambda column, value: And((Exists(column), Compare(column, operator, value)))


_ON_COLUMN: Mapping[str, Callable[[str, Any], Filter]] = {
    "$eq": lambda column, value: Compare(column, "eq", value),
    "$neq": lambda column, value: Not(Compare(column, "eq", value)),
    "$gt": lambda column, value: Compare(column, "gt", value),
    "$gte": lambda column, value: Compare(column, "gte", value),
    "$lt": _below("lt"),
    "$lte": _below("lte"),
    "$in": In,
    "$notIn": lambda column, values: Not(In(column, values)),
    "$exists": lambda column, value: Exists(column) if value else Not(Exists(column)),
    "$like": Like,
}


def _expect(kind: type[Json], value: Any, path: str) -> Json:
    if type(value) is not kind:
        raise UnreadableFilterError(unparsable(path))
    return value


def _each(values: list[Any], path: str, kind: type[Json]) -> list[Json]:
    if len(values) > FILTER_ALTERNATIVES:
        raise UnreadableFilterError(invalid(f"A filter may have at most {FILTER_ALTERNATIVES} of them"))
    return [_expect(kind, value, f"{path}[{at}]") for at, value in enumerate(values)]
