"""Reads numbers as people print them: 1.234,56 and 1,234.56, with signs, currencies, blanks in groups."""

import re
from decimal import Decimal

from taskloom.core.limits import FIELD_LENGTH

FORMATS = {"1.234,56": ",", "1,234.56": "."}
"""Format name of an entity -> its decimal sign."""

_CODES = (
    "AED AUD BGN BRL CAD CHF CNY CZK DEM DKK EUR FRF GBP HKD HRK HUF IDR ILS INR ISK ITL JPY KRW MXN MYR NLG"
    " NOK NZD PHP PLN RON RSD RUB SAR SEK SGD THB TRY TWD UAH USD ZAR"
)
CURRENCIES = frozenset(_CODES.split())
"""Codes of ISO 4217 that may stand beside an amount (with a few that invoices of old still carry)."""

SIGNS = {"€": "EUR", "£": "GBP", "$": "USD", "¥": "JPY"}

_MINUS = "-\u2212\u2013"
_BLANKS = " \u00a0\u202f\u2009"
_GROUPED = r"\d{1,3}(?:[.,'\u2019 \u00a0\u202f\u2009]\d{3})+(?:[.,]\d{1,6})?"
_NUMBER = re.compile(rf"(?:{_GROUPED}|\d+(?:[.,]\d{{1,8}})?)")
_DIGITS_MAX = 30


def parse_amount(text: str, decimal_sign: str | None = None) -> Decimal | None:
    """The amount of money in a text that holds nothing else; None when it is not one.

    A single sign before three digits is read as parting thousands, because money has two decimals.
    """
    return _parse(text, decimal_sign, lone_sign_groups=True)


def parse_number(text: str, decimal_sign: str | None = None) -> Decimal | None:
    """The number in a text that holds nothing else; a single sign is the decimal sign."""
    return _parse(text, decimal_sign, lone_sign_groups=False)


def decimal_sign_of(text: str) -> str | None:
    """The decimal sign that this number proves, None when it could be read both ways."""
    digits = text.strip()
    match = re.search(r"([.,])(\d+)\D*$", digits)
    if match is None or not any(sign in digits for sign in ".,"):
        return None
    both = "." in digits and "," in digits
    return match.group(1) if both or len(match.group(2)) == 2 else None


def currency_of(text: str) -> str | None:
    """The currency that a text names by code or sign."""
    for word in re.findall(r"[A-Za-z]{3,}|[€£$¥]", text[:FIELD_LENGTH]):
        if word in SIGNS:
            return SIGNS[word]
        if word.upper() in CURRENCIES:
            return str(word.upper())
    return None


def _parse(text: str, decimal_sign: str | None, *, lone_sign_groups: bool) -> Decimal | None:
    bare, is_negative = _without_marks(text)
    if not _NUMBER.fullmatch(bare) or sum(sign.isdigit() for sign in bare) > _DIGITS_MAX:
        return None
    plain = _plain(bare, decimal_sign, lone_sign_groups=lone_sign_groups)
    if plain is None:
        return None
    number = Decimal(plain)
    return -number if is_negative and number else number


def _without_marks(text: str) -> tuple[str, bool]:
    """The digits and signs of a number without its currency and minus, and whether there was a minus."""
    bare = text[:FIELD_LENGTH].strip()
    is_negative = bare.startswith("(") and bare.endswith(")")
    bare = bare.strip("()")
    for _ in range(3):
        bare = bare.strip(_BLANKS + ":*")
        word = re.match(r"[A-Za-z]{3}(?![A-Za-z])|[€£$¥]", bare) or re.search(
            r"(?<![A-Za-z])[A-Za-z]{3}$|[€£$¥]$", bare
        )
        if word is not None and (word.group() in SIGNS or word.group().upper() in CURRENCIES):
            bare = bare[word.end() :] if word.start() == 0 else bare[: word.start()]
        elif bare and bare[0] in _MINUS + "+":
            is_negative, bare = is_negative or bare[0] in _MINUS, bare[1:]
        elif bare and bare[-1] in _MINUS:
            is_negative, bare = True, bare[:-1]
    return bare.strip(_BLANKS), is_negative


def _plain(bare: str, decimal_sign: str | None, *, lone_sign_groups: bool) -> str | None:
    """Digits with a point at most; None when groups and decimal sign contradict each other."""
    bare = re.sub(r"(?<=\d)['\u2019 \u00a0\u202f\u2009](?=\d{3})", "", bare)
    points, commas = bare.count("."), bare.count(",")
    if points == 0 and commas == 0:
        return bare
    if decimal_sign is None:
        decimal_sign = _guess_decimal_sign(bare, points, commas, lone_sign_groups=lone_sign_groups)
    group_sign = "," if decimal_sign == "." else "."
    whole, _, fraction = bare.partition(decimal_sign)
    if decimal_sign in fraction or group_sign in fraction:
        return None
    if group_sign in whole and not re.fullmatch(rf"\d{{1,3}}(?:\{group_sign}\d{{3}})+", whole):
        return None
    return whole.replace(group_sign, "") + (f".{fraction}" if fraction else "")


def _guess_decimal_sign(bare: str, points: int, commas: int, *, lone_sign_groups: bool) -> str:
    """The last of two kinds is the decimal sign; one that comes twice is not."""
    if points and commas:
        return "." if bare.rfind(".") > bare.rfind(",") else ","
    sign, other = (".", ",") if points else (",", ".")
    if points + commas > 1:
        return other
    whole, _, fraction = bare.partition(sign)
    groups = lone_sign_groups and len(fraction) == 3 and 1 <= len(whole) <= 3 and whole[0] != "0"
    return other if groups else sign
