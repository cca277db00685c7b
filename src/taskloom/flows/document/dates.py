"""Reads dates as people print them: 2024-03-05, 05.03.2024, 5/3/24, 5. März 2024, March 5, 2024."""

import re
from datetime import date

from msgspec import Struct

from taskloom.core.limits import FIELD_LENGTH

ORDERS = frozenset({"DMY", "MDY", "YMD"})

_MONTHS = {
    1: "january jan januar jänner janvier janv enero",
    2: "february feb februar feber février fevrier févr febrero",
    3: "march mar märz maerz mär mrz mars marzo",
    4: "april apr avril avr abril",
    5: "may mai mayo",
    6: "june jun juni juin junio",
    7: "july jul juli juillet juil julio",
    8: "august aug août aout agosto",
    9: "september sep sept septembre septiembre",
    10: "october oct oktober okt octobre octubre",
    11: "november nov novembre noviembre",
    12: "december dec dezember dez décembre decembre déc diciembre",
}
_MONTH_OF = {name: month for month, names in _MONTHS.items() for name in names.split()}

_NAME = "|".join(sorted(_MONTH_OF, key=len, reverse=True))
_ISO = re.compile(r"(\d{4})[-./](\d{1,2})[-./](\d{1,2})")
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})")
_NUMERIC = re.compile(r"(\d{1,2})\s?([./-])\s?(\d{1,2})\s?\2\s?(\d{4}|\d{2})")
_DAY_FIRST = re.compile(
    rf"(\d{{1,2}})(?:\.|st|nd|rd|th|er)?[\s-]+(?:de\s+|of\s+)?({_NAME})\.?,?[\s-]+(?:de\s+)?(\d{{4}})",
    re.IGNORECASE,
)
_MONTH_FIRST = re.compile(rf"({_NAME})\.?\s+(\d{{1,2}})(?:st|nd|rd|th)?,?\s+(\d{{4}})", re.IGNORECASE)

DATE_PATTERN = re.compile(
    rf"(?<![\d./-])(?:\d{{4}}-\d{{1,2}}-\d{{1,2}}|\d{{1,2}}\s?[./-]\s?\d{{1,2}}\s?[./-]\s?(?:\d{{4}}|\d{{2}})"
    rf"|\d{{1,2}}(?:\.|st|nd|rd|th|er)?[\s-]+(?:of\s+|de\s+)?(?:{_NAME})\.?,?[\s-]+\d{{4}}"
    rf"|(?:{_NAME})\.?\s+\d{{1,2}}(?:st|nd|rd|th)?,?\s+\d{{4}})(?![\d/-])",
    re.IGNORECASE,
)
"""Finds what looks like a date inside a longer text; `parse_date` decides."""

_YEARS = range(1900, 2200)


class ReadDate(Struct, frozen=True):
    """A day, and whether day and month could be the other way round."""

    day: date
    is_ambiguous: bool = False


def parse_date(text: str, order: str | None = None) -> ReadDate | None:
    """The date in a text that holds nothing else; None when it is not one.

    `order` decides between day and month where the numbers do not; without it the day comes first.
    """
    bare = " ".join(text[:FIELD_LENGTH].split()).strip(" .,;:")
    for pattern, places in ((_ISO, (1, 2, 3)), (_COMPACT, (1, 2, 3))):
        if match := pattern.fullmatch(bare):
            return _read(*(match.group(place) for place in places))
    if match := _DAY_FIRST.fullmatch(bare):
        return _read(match.group(3), str(_MONTH_OF[match.group(2).lower()]), match.group(1))
    if match := _MONTH_FIRST.fullmatch(bare):
        return _read(match.group(3), str(_MONTH_OF[match.group(1).lower()]), match.group(2))
    if match := _NUMERIC.fullmatch(bare):
        return _numeric(match, order)
    return None


def order_of(text: str) -> str | None:
    """The order of day and month that this date proves, None when it proves nothing."""
    match = _NUMERIC.fullmatch(text.strip())
    if match is None:
        return None
    first, second = int(match.group(1)), int(match.group(3))
    if match.group(2) == "." or (first > 12 >= second):
        return "DMY"
    return "MDY" if second > 12 >= first else None


def _numeric(match: re.Match[str], order: str | None) -> ReadDate | None:
    first, sign, second, year = match.groups()
    if order == "YMD" and len(year) == 2 and sign != ".":
        return _read(first, second, year)
    day, month = first, second
    can_swap = sign != "." and int(first) <= 12 and int(second) <= 12 and first != second
    if (can_swap and order == "MDY") or (sign != "." and int(second) > 12):
        day, month = second, first
    return _read(year, month, day, is_ambiguous=can_swap and order is None)


def _read(year: str, month: str, day: str, *, is_ambiguous: bool = False) -> ReadDate | None:
    full_year = int(year)
    if len(year) == 2:
        full_year += 2000 if full_year < 70 else 1900
    if full_year not in _YEARS:
        return None
    try:
        return ReadDate(date(full_year, int(month), int(day)), is_ambiguous)
    except ValueError:
        return None
