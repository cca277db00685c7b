"""Reads what carries its own check: IBAN (mod 97) and European VAT numbers."""

import re

from taskloom.core.limits import FIELD_LENGTH

# Length of an IBAN by country (ISO 13616 register), for the countries whose money meets us most.
_IBAN_LENGTHS = {
    "AD": 24, "AE": 23, "AT": 20, "BE": 16, "BG": 22, "CH": 21, "CY": 28, "CZ": 24, "DE": 22, "DK": 18,
    "EE": 20, "ES": 24, "FI": 18, "FR": 27, "GB": 22, "GI": 23, "GR": 27, "HR": 21, "HU": 28, "IE": 22,
    "IL": 23, "IS": 26, "IT": 27, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "MC": 27, "MT": 31, "NL": 18,
    "NO": 15, "PL": 28, "PT": 25, "RO": 24, "RS": 22, "SA": 24, "SE": 24, "SI": 19, "SK": 24, "SM": 27,
    "TR": 26, "UA": 29,
}  # fmt: skip

_VAT_FORMS = {
    "AT": r"U\d{8}", "BE": r"[01]\d{9}", "BG": r"\d{9,10}", "CY": r"\d{8}[A-Z]", "CZ": r"\d{8,10}",
    "DE": r"[1-9]\d{8}", "DK": r"\d{8}", "EE": r"\d{9}", "EL": r"\d{9}", "ES": r"[A-Z0-9]\d{7}[A-Z0-9]",
    "FI": r"\d{8}", "FR": r"[A-HJ-NP-Z0-9]{2}\d{9}", "GB": r"(?:\d{9}|\d{12}|GD\d{3}|HA\d{3})",
    "GR": r"\d{9}", "HR": r"\d{11}", "HU": r"\d{8}", "IE": r"\d[0-9A-Z+*]\d{5}[A-Z]{1,2}", "IT": r"\d{11}",
    "LT": r"(?:\d{9}|\d{12})", "LU": r"\d{8}", "LV": r"\d{11}", "MT": r"\d{8}", "NL": r"[0-9A-Z+*]{10}\d{2}",
    "PL": r"\d{10}", "PT": r"\d{9}", "RO": r"\d{2,10}", "SE": r"\d{12}", "SI": r"\d{8}", "SK": r"\d{10}",
    "XI": r"(?:\d{9}|\d{12})", "CHE": r"\d{9}(?:MWST|TVA|IVA)?",
}  # fmt: skip

_VAT = re.compile("|".join(f"(?:{country}{form})" for country, form in _VAT_FORMS.items()))
_IBAN = re.compile(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}")


def compact(text: str) -> str:
    """The text without blanks, dots and dashes, in capitals: how identifiers are compared."""
    return re.sub(r"[\s.\-\u00a0\u202f/]", "", text[:FIELD_LENGTH]).upper()


def parse_iban(text: str) -> str | None:
    """The IBAN without blanks when it looks like one; `has_iban_check` says whether it is right."""
    bare = compact(text).removeprefix("IBAN").lstrip(":")
    return bare if _IBAN.fullmatch(bare) else None


def has_iban_check(iban: str) -> bool:
    """Whether length and check digits (ISO 7064 mod 97-10) of a compact IBAN are right."""
    length = _IBAN_LENGTHS.get(iban[:2])
    if length is not None and len(iban) != length:
        return False
    return int("".join(str(int(sign, 36)) for sign in iban[4:] + iban[:4])) % 97 == 1


def parse_vat(text: str) -> str | None:
    """The VAT number without blanks when country and form fit."""
    bare = compact(text)
    return bare if _VAT.fullmatch(bare) else None


def has_vat_check(vat: str) -> bool:
    """Whether the check digit is right; true where we know no rule for the country."""
    if not vat.startswith("DE"):
        return True
    product = 10
    for digit in vat[2:10]:
        product = 2 * ((int(digit) + product) % 10 or 10) % 11
    return int(vat[10]) == (11 - product) % 10
