"""Finds values of a type in a row of tokens: amounts, dates, identifiers, numbers of documents."""

import re
from collections.abc import Callable, Iterator, Sequence

from msgspec import Struct

from taskloom.dialects.documents.steps.lines import Token
from taskloom.flows.document.amounts import CURRENCIES, SIGNS, currency_of, parse_amount
from taskloom.flows.document.dates import DATE_PATTERN, parse_date
from taskloom.flows.document.identifiers import has_iban_check, parse_iban, parse_vat
from taskloom.flows.document.schema import Entity, EntityType
from taskloom.flows.document.values import normalize, plain_decimal

_AMOUNT_WORD = re.compile(r"[-\u2212\u2013+(]?[€£$]?[-\u2212]?\d[\d.,'\u2019]*[)]?[€£$]?-?")
_GROUP = re.compile(r"\d{3}(?:[.,]\d{2})?[€£$]?")
_HAS_DECIMALS = re.compile(r"[.,]\d{2}(?!\d)")
_FILLERS = frozenset({"", "#", "=", "-", "nr", "no", "num", "number", "nummer", "n°", "id"})
"""Words that may stand between a label and what a document is called by."""
_TOKENS_MAX = 60
_IBAN_TOKENS = 9
_STRING_TOKENS = 12


class Reading(Struct, frozen=True):
    """A value read from some tokens: first and last index, its text, its normal spelling, how plausible."""

    first: int
    last: int
    text: str
    value: str
    weight: float = 1.0


class Styles(Struct, frozen=True):
    """How this document writes what a single number leaves open."""

    decimal_sign: str | None = None
    date_order: str | None = None


Reader = Callable[[Sequence[Token], Entity, Styles], Iterator[Reading]]


def readings(tokens: Sequence[Token], entity: Entity, styles: Styles) -> Iterator[Reading]:
    """Every value of the entity's type in these tokens, from left to right."""
    return _READERS[entity.type](tokens[:_TOKENS_MAX], entity, styles)


def _amounts(tokens: Sequence[Token], _entity: Entity, styles: Styles) -> Iterator[Reading]:
    index = 0
    while index < len(tokens):
        last = _amount_end(tokens, index)
        if last is None:
            index += 1
            continue
        text = " ".join(token.text for token in tokens[index : last + 1])
        number = parse_amount(text, styles.decimal_sign)
        if number is None:
            number = parse_amount(text)
        is_share = last + 1 < len(tokens) and tokens[last + 1].text.startswith("%")
        if number is not None and not is_share:
            weight = 1.0 if _HAS_DECIMALS.search(text) or currency_of(text) else 0.5
            yield Reading(index, last, text, plain_decimal(number), weight)
        index = last + 1


def _amount_end(tokens: Sequence[Token], start: int) -> int | None:
    """The last token of an amount that begins here: `-`, `EUR 1 234,56`, `1 234,56 €`; None without one."""
    index = start
    while (
        index < len(tokens)
        and index - start < 2
        and (_is_currency(tokens[index].text) or tokens[index].text in "-+")
    ):
        index += 1
    if index >= len(tokens) or not _AMOUNT_WORD.fullmatch(tokens[index].text.rstrip(",;.:*")):
        return None
    is_groupable = re.fullmatch(r"[-(€£$]*\d{1,3}", tokens[index].text) is not None
    while (
        is_groupable
        and index + 1 < len(tokens)
        and _GROUP.fullmatch(tokens[index + 1].text)
        and _is_near(tokens, index)
    ):
        index += 1
    if index + 1 < len(tokens) and _is_currency(tokens[index + 1].text) and _is_near(tokens, index):
        index += 1
    return index


def _is_near(tokens: Sequence[Token], index: int) -> bool:
    return tokens[index + 1].left - tokens[index].right < tokens[index].height


def _is_currency(text: str) -> bool:
    return text in SIGNS or text.strip("()") in CURRENCIES


def _dates(tokens: Sequence[Token], _entity: Entity, styles: Styles) -> Iterator[Reading]:
    text, starts = _joined(tokens)
    for match in DATE_PATTERN.finditer(text):
        read = parse_date(match.group(), styles.date_order)
        if read is None:
            continue
        first, last = _token_at(starts, match.start()), _token_at(starts, match.end() - 1)
        yield Reading(first, last, match.group(), read.day.isoformat(), 0.8 if read.is_ambiguous else 1.0)


def _ibans(tokens: Sequence[Token], _entity: Entity, _styles: Styles) -> Iterator[Reading]:
    for first, token in enumerate(tokens):
        if not re.match(r"[A-Za-z]{2}\d\d", token.text):
            continue
        text = ""
        for last in range(first, min(first + _IBAN_TOKENS, len(tokens))):
            text = f"{text} {tokens[last].text}".strip()
            iban = parse_iban(text.rstrip(",;.|"))
            if iban is not None and has_iban_check(iban):
                yield Reading(first, last, text, iban)
                break


def _vats(tokens: Sequence[Token], _entity: Entity, _styles: Styles) -> Iterator[Reading]:
    for index, token in enumerate(tokens):
        vat = parse_vat(token.text.strip(",;.|"))
        if vat is not None:
            yield Reading(index, index, token.text, vat)


def _strings(tokens: Sequence[Token], entity: Entity, _styles: Styles) -> Iterator[Reading]:
    """What a document is called by: the next word, if it has a digit and begins no date."""
    text, starts = _joined(tokens[:8])
    date_starts = {match.start() for match in DATE_PATTERN.finditer(text)}
    for index, token in enumerate(tokens[:4]):
        shown = token.text.strip(",;:()|#").rstrip(".")
        if any(sign.isdigit() for sign in shown):
            value = normalize(entity, shown)
            if value is not None and starts[index] not in date_starts:
                yield Reading(index, index, shown, value)
            return
        if token.plain not in _FILLERS:
            return


def _numbers(tokens: Sequence[Token], entity: Entity, _styles: Styles) -> Iterator[Reading]:
    for index, token in enumerate(tokens):
        value = normalize(entity, token.text.rstrip(",;:*"))
        if value is not None:
            yield Reading(index, index, token.text, value)


def _enums(tokens: Sequence[Token], entity: Entity, _styles: Styles) -> Iterator[Reading]:
    for length in range(1, min(4, len(tokens)) + 1):
        for first in range(len(tokens) - length + 1):
            text = " ".join(token.text for token in tokens[first : first + length])
            value = normalize(entity, text.strip(",;.:()"))
            if value is not None:
                yield Reading(first, first + length - 1, text, value)


def _phrases(tokens: Sequence[Token], entity: Entity, _styles: Styles) -> Iterator[Reading]:
    """The words of one cell as they stand, for texts that are no identifier."""
    if tokens:
        shown = tokens[:_STRING_TOKENS]
        text = " ".join(token.text for token in shown)
        value = normalize(entity, text)
        if value is not None:
            yield Reading(0, len(shown) - 1, text, value)


def _joined(tokens: Sequence[Token]) -> tuple[str, list[int]]:
    """The tokens as one text, and where in it each begins."""
    text, starts = "", []
    for token in tokens:
        starts.append(len(text))
        text += token.text + " "
    return text, starts


def _token_at(starts: Sequence[int], place: int) -> int:
    return max(index for index, start in enumerate(starts) if start <= place)


_READERS: dict[EntityType, Reader] = {
    EntityType.AMOUNT: _amounts,
    EntityType.DATE: _dates,
    EntityType.IBAN: _ibans,
    EntityType.VAT: _vats,
    EntityType.STRING: _strings,
    EntityType.NUMBER: _numbers,
    EntityType.ENUM: _enums,
    EntityType.CHECKBOX: _enums,
}
