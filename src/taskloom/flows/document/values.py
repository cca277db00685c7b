"""From the text people see to the value rules compare: one normal spelling per entity type.

amount, number: plain digits with a point · date: ISO 8601 · iban, vat: without blanks · enum: as declared ·
checkbox: `true` or `false` · string: single blanks. Text that does not fit its type has no value.
"""

import re
from collections.abc import Callable
from decimal import Decimal

from taskloom.core.limits import FIELD_LENGTH
from taskloom.flows.document.amounts import FORMATS, SIGNS, parse_amount, parse_number
from taskloom.flows.document.dates import ORDERS, parse_date
from taskloom.flows.document.identifiers import parse_iban, parse_vat
from taskloom.flows.document.schema import Entity, EntityType

_PLAIN_DECIMAL = re.compile(r"-?\d{1,30}(?:\.\d{1,15})?")
_ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_TRUE = frozenset({"true", "yes", "x", "1", "on", "checked", "ja", "☑", "☒", "✓", "✗"})
_FALSE = frozenset({"false", "no", "0", "off", "unchecked", "nein", "☐", ""})


def normalize(entity: Entity, content: str) -> str | None:
    """The value of a shown text in its normal spelling; None when the text does not fit the entity's type."""
    if len(content) > FIELD_LENGTH:
        return None
    return _NORMALIZERS[entity.type](entity, content)


def is_normal(entity: Entity, value: str) -> bool:
    """Whether a value is already in the normal spelling of its type."""
    if len(value) > FIELD_LENGTH:
        return False
    if entity.type in {EntityType.AMOUNT, EntityType.NUMBER}:
        return _PLAIN_DECIMAL.fullmatch(value) is not None
    if entity.type is EntityType.DATE:
        return _ISO_DATE.fullmatch(value) is not None and parse_date(value) is not None
    return normalize(entity, value) == value


def plain_decimal(number: Decimal) -> str:
    """A decimal without exponent, as written."""
    return format(number, "f")


def _string(_entity: Entity, content: str) -> str | None:
    return " ".join(content.split()) or None


def _amount(entity: Entity, content: str) -> str | None:
    number = parse_amount(content, FORMATS.get(entity.format or ""))
    return None if number is None else plain_decimal(number)


def _number(entity: Entity, content: str) -> str | None:
    number = parse_number(content, FORMATS.get(entity.format or ""))
    return None if number is None else plain_decimal(number)


def _date(entity: Entity, content: str) -> str | None:
    order = entity.format if entity.format in ORDERS else None
    read = parse_date(content, order)
    return None if read is None else read.day.isoformat()


def _iban(_entity: Entity, content: str) -> str | None:
    return parse_iban(content)


def _vat(_entity: Entity, content: str) -> str | None:
    return parse_vat(content)


def _enum(entity: Entity, content: str) -> str | None:
    """The declared value that is meant; a currency sign means its code."""
    shown = " ".join(content.split())
    wanted = SIGNS.get(shown, shown).casefold()
    return next((value for value in entity.values if value.casefold() == wanted), None)


def _checkbox(_entity: Entity, content: str) -> str | None:
    word = content.strip().casefold()
    if word in _TRUE:
        return "true"
    return "false" if word in _FALSE else None


_NORMALIZERS: dict[EntityType, Callable[[Entity, str], str | None]] = {
    EntityType.STRING: _string,
    EntityType.NUMBER: _number,
    EntityType.AMOUNT: _amount,
    EntityType.DATE: _date,
    EntityType.IBAN: _iban,
    EntityType.VAT: _vat,
    EntityType.ENUM: _enum,
    EntityType.CHECKBOX: _checkbox,
}
