"""From the body of `PUT ~/schema` to a schema: all faults at once, each with the path to it."""

import re
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec
from msgspec import Struct

from taskloom.core import limits
from taskloom.flows.document.amounts import FORMATS
from taskloom.flows.document.dates import ORDERS, parse_date
from taskloom.flows.document.fields import is_known_field
from taskloom.flows.document.patterns import pattern_fault
from taskloom.flows.document.rules import rule_fault
from taskloom.flows.document.schema import Entity, EntityType, Label, Rule, Schema, Step, StepType

_NAME_RANGE = range(2, 26)
_DESCRIPTION_RANGE = range(20, 10_001)
_ENTITY_ID = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,63}")
_PARTS: tuple[tuple[str, type, int], ...] = (
    ("steps", Step, limits.SCHEMA_STEPS),
    ("entities", Entity, limits.SCHEMA_ENTITIES),
    ("labels", Label, limits.SCHEMA_LABELS),
    ("rules", Rule, limits.SCHEMA_RULES),
)
_NUMERIC = frozenset({EntityType.AMOUNT, EntityType.NUMBER})


class SchemaFault(Struct, frozen=True):
    """One thing that is wrong, and where."""

    path: str
    message: str


def parse_schema(body: bytes) -> Schema | tuple[SchemaFault, ...]:
    """The declared schema, or everything that is wrong with it."""
    if len(body) > limits.SCHEMA_BYTES:
        return (SchemaFault("", f"a schema has at most {limits.SCHEMA_BYTES} bytes"),)
    try:
        raw = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return (SchemaFault("", f"not JSON: {error}"),)
    if not isinstance(raw, dict):
        return (SchemaFault("", "expected an object"),)
    raw.pop("version", None)
    faults = list(_shape_faults(raw))
    if faults:
        return tuple(faults)
    schema = msgspec.convert(raw, Schema)
    return tuple(_meaning_faults(schema)) or schema


def _shape_faults(raw: dict[str, Any]) -> Iterator[SchemaFault]:
    """Wrong types, missing and unknown members; part by part, so that one fault does not hide the next."""
    whole = {name: value for name, value in raw.items() if name not in {part for part, _, _ in _PARTS}}
    yield from _convert_fault({**whole, "steps": []}, Schema, "")
    if "steps" not in raw:
        yield SchemaFault("steps", "is required")
    for name, kind, most in _PARTS:
        items = raw.get(name, [])
        if not isinstance(items, list):
            yield SchemaFault(name, "expected an array")
        elif len(items) > most:
            yield SchemaFault(name, f"at most {most} allowed")
        else:
            for index, item in enumerate(items):
                yield from _convert_fault(item, kind, f"{name}[{index}]")


def _convert_fault(raw: Any, kind: type[Any], path: str) -> Iterator[SchemaFault]:
    try:
        msgspec.convert(raw, kind)
    except msgspec.ValidationError as error:
        message, _, inner = str(error).partition(" - at `$")
        where = path + inner.rstrip("`")
        yield SchemaFault(where.lstrip("."), message)


def _meaning_faults(schema: Schema) -> Iterator[SchemaFault]:
    if len(schema.name) not in _NAME_RANGE or not all(
        sign.isalnum() or sign in " _-" for sign in schema.name
    ):
        yield SchemaFault("name", "2 to 25 letters, digits, blanks, '_' or '-'")
    if len(schema.description) not in _DESCRIPTION_RANGE:
        yield SchemaFault("description", "20 to 10,000 characters")
    yield from _share_faults("threshold", schema.threshold)
    yield from _share_faults("sample_rate", schema.sample_rate)
    for name, _kind, _most in _PARTS:
        yield from _id_faults(name, getattr(schema, name))
    yield from _step_faults(schema)
    for index, entity in enumerate(schema.entities):
        yield from _entity_faults(f"entities[{index}]", entity, schema)
    for index, rule in enumerate(schema.rules):
        yield from _rule_faults(f"rules[{index}]", rule, schema)


def _id_faults(name: str, items: tuple[Any, ...]) -> Iterator[SchemaFault]:
    pattern = _ENTITY_ID if name == "entities" else _ID
    signs = "letters, digits, '_'" + ("" if name == "entities" else ", '-'")
    counts = Counter(item.id for item in items)
    for index, item in enumerate(items):
        if not pattern.fullmatch(item.id):
            yield SchemaFault(
                f"{name}[{index}].id", f"1 to 64 {signs}; an entity begins with a letter or '_'"
            )
        if counts[item.id] > 1:
            yield SchemaFault(f"{name}[{index}].id", f"{item.id!r} is used more than once")


def _share_faults(path: str, share: float | None) -> Iterator[SchemaFault]:
    if share is not None and not 0 <= share <= 1:
        yield SchemaFault(path, "a number between 0 and 1")


def _step_faults(schema: Schema) -> Iterator[SchemaFault]:
    """Steps lead forward only, so that no pipeline runs in circles; exporting ends it."""
    if not schema.steps:
        yield SchemaFault("steps", "at least one step is needed")
    places = {step.id: index for index, step in enumerate(schema.steps)}
    labels = {label.id for label in schema.labels}
    for index, step in enumerate(schema.steps):
        path = f"steps[{index}]"
        yield from _share_faults(f"{path}.threshold", step.threshold)
        if not 1 <= step.reviewers <= limits.REVIEWERS_MAX:
            yield SchemaFault(f"{path}.reviewers", f"1 to {limits.REVIEWERS_MAX}")
        if step.type is StepType.EXPORT and index != len(schema.steps) - 1:
            yield SchemaFault(f"{path}.type", "EXPORT is the last step")
        if step.type is StepType.CLASSIFY and not schema.labels:
            yield SchemaFault(f"{path}.type", "CLASSIFY needs labels to choose from")
        targets = [("next", step.next)] if step.next is not None else []
        targets += [(f"next_by_label.{label}", target) for label, target in step.next_by_label.items()]
        for name, target in targets:
            if places.get(target or "", -1) <= index:
                yield SchemaFault(f"{path}.{name}", f"{target!r} is no later step")
        for label in step.next_by_label:
            if label not in labels:
                yield SchemaFault(f"{path}.next_by_label", f"the label {label!r} is not declared")


def _entity_faults(path: str, entity: Entity, schema: Schema) -> Iterator[SchemaFault]:
    yield from _share_faults(f"{path}.threshold", entity.threshold)
    yield from _label_faults(path, entity.labels, schema)
    if entity.field is not None and not is_known_field(entity.field):
        yield SchemaFault(f"{path}.field", f"{entity.field!r} is no known invoice field")
    if not 1 <= entity.max_occurrences <= limits.ENTITY_OCCURRENCES:
        yield SchemaFault(f"{path}.max_occurrences", f"1 to {limits.ENTITY_OCCURRENCES}")
    if (entity.type is EntityType.ENUM) != bool(entity.values):
        yield SchemaFault(f"{path}.values", "an enum, and nothing else, lists its values")
    if len(entity.anchors) > limits.ENTITY_ANCHORS:
        yield SchemaFault(f"{path}.anchors", f"at most {limits.ENTITY_ANCHORS} allowed")
    for index, anchor in enumerate(entity.anchors):
        if not anchor.text.strip() or len(anchor.text) > limits.NAME_LENGTH:
            yield SchemaFault(f"{path}.anchors[{index}].text", f"1 to {limits.NAME_LENGTH} characters")
    yield from _format_faults(path, entity)
    yield from _bound_faults(path, entity)
    if entity.regex is not None:
        fault = pattern_fault(entity.regex)
        if fault is not None:
            yield SchemaFault(f"{path}.regex", fault)


def _format_faults(path: str, entity: Entity) -> Iterator[SchemaFault]:
    if entity.format is None:
        return
    allowed: set[str] = set()
    if entity.type in _NUMERIC:
        allowed = set(FORMATS)
    elif entity.type is EntityType.DATE:
        allowed = set(ORDERS)
    if entity.format not in allowed:
        text = f"one of {', '.join(sorted(allowed))}" if allowed else f"{entity.type} has no formats"
        yield SchemaFault(f"{path}.format", text)


def _bound_faults(path: str, entity: Entity) -> Iterator[SchemaFault]:
    for name, bound in (("min", entity.min), ("max", entity.max)):
        if bound is None:
            continue
        if entity.type in _NUMERIC:
            if not _is_number(str(bound)):
                yield SchemaFault(f"{path}.{name}", "a number")
        elif entity.type is EntityType.DATE:
            if parse_date(str(bound)) is None or len(str(bound)) != 10:
                yield SchemaFault(f"{path}.{name}", "a date as YYYY-MM-DD")
        else:
            yield SchemaFault(f"{path}.{name}", f"{entity.type} has no order")


def _is_number(text: str) -> bool:
    try:
        return Decimal(text).is_finite()
    except InvalidOperation:
        return False


def _rule_faults(path: str, rule: Rule, schema: Schema) -> Iterator[SchemaFault]:
    yield from _label_faults(path, rule.labels, schema)
    for entity_id in rule.entities:
        if schema.entity(entity_id) is None:
            yield SchemaFault(f"{path}.entities", f"the entity {entity_id!r} is not declared")
    fault = rule_fault(rule)
    if fault is not None:
        yield SchemaFault(f"{path}.expr", fault)


def _label_faults(path: str, used: tuple[str, ...], schema: Schema) -> Iterator[SchemaFault]:
    declared = {label.id for label in schema.labels}
    for label in used:
        if label not in declared:
            yield SchemaFault(f"{path}.labels", f"the label {label!r} is not declared")
