"""Sets of characters as sorted, disjoint intervals of code points, with the operations patterns need."""

import unicodedata
from bisect import bisect_right
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from taskloom.feel.unicode_blocks import BLOCKS

Intervals = tuple[tuple[int, int], ...]

LAST: Final = 0x10FFFF
EVERYTHING: Final[Intervals] = ((0, LAST),)
_KINDS: Final = {"L": "ultmo", "M": "nce", "N": "dlo", "P": "cdseifo", "Z": "slp", "S": "mcko", "C": "cfon"}
_CATEGORIES: Final = frozenset(group + kind for group, kinds in _KINDS.items() for kind in ("", *kinds))
_CASED_LAST: Final = 0x1E943
"""No character beyond this one has an upper or lower case."""


def union(*sets: Iterable[tuple[int, int]]) -> Intervals:
    """The characters of any of the sets; the intervals given may overlap and be in any order."""
    merged: list[tuple[int, int]] = []
    for first, last in sorted(interval for intervals in sets for interval in intervals):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        else:
            merged.append((first, last))
    return tuple(merged)


def complement(intervals: Intervals) -> Intervals:
    """All other characters."""
    found: list[tuple[int, int]] = []
    position = 0
    for first, last in intervals:
        if position < first:
            found.append((position, first - 1))
        position = last + 1
    if position <= LAST:
        found.append((position, LAST))
    return tuple(found)


def difference(intervals: Intervals, without: Intervals) -> Intervals:
    """The characters of the first set that the second lacks."""
    return complement(union(complement(intervals), without))


def contains(intervals: Intervals, char: str) -> bool:
    """Whether a character is in the set."""
    code = ord(char)
    place = bisect_right(intervals, (code, LAST))
    return place > 0 and intervals[place - 1][1] >= code


def is_category(name: str) -> bool:
    """Whether there is a general category or a block of that name."""
    return name in _CATEGORIES or (name.startswith("Is") and name[2:] in BLOCKS)


@lru_cache(maxsize=128)
def category(name: str) -> Intervals | None:
    """The characters of a general category such as `Lu` or `L`, or of a block such as `IsGreek`."""
    if name.startswith("Is"):
        block = BLOCKS.get(name[2:])
        return None if block is None else (block,)
    if name not in _CATEGORIES:
        return None
    return union(*(intervals for own, intervals in _by_category().items() if own.startswith(name)))


@lru_cache(maxsize=1)
def _by_category() -> dict[str, Intervals]:
    """One walk over all code points; surrogates are no characters."""
    found: dict[str, list[tuple[int, int]]] = {}
    begin, current = 0, unicodedata.category("\0")
    for code in range(1, LAST + 2):
        own = unicodedata.category(chr(code)) if code <= LAST else ""
        if own != current:
            found.setdefault(current, []).append((begin, code - 1))
            begin, current = code, own
    found.pop("Cs", None)
    return {name: tuple(intervals) for name, intervals in found.items()}


def case_variants(char: str) -> frozenset[str]:
    """The characters with the same lower or the same upper case, itself included."""
    if char.isascii() and not char.isalpha():
        return frozenset(char)
    by_lower, by_upper = _case_tables()
    return frozenset((char, *by_lower.get(char.lower(), ()), *by_upper.get(char.upper(), ())))


def case_closed(intervals: Intervals) -> Intervals:
    """The set with the case variants of all its characters."""
    by_lower, by_upper = _case_tables()
    cased = {char for group in (*by_lower.values(), *by_upper.values()) for char in group}
    found = [variant for char in cased if contains(intervals, char) for variant in case_variants(char)]
    return union(intervals, ((ord(char), ord(char)) for char in found))


@lru_cache(maxsize=1)
def _case_tables() -> tuple[dict[str, tuple[str, ...]], dict[str, tuple[str, ...]]]:
    by_lower: dict[str, tuple[str, ...]] = {}
    by_upper: dict[str, tuple[str, ...]] = {}
    for code in range(_CASED_LAST + 1):
        char = chr(code)
        lower, upper = char.lower(), char.upper()
        if lower != char or upper != char:
            by_lower[lower] = (*by_lower.get(lower, ()), char)
            by_upper[upper] = (*by_upper.get(upper, ()), char)
    return by_lower, by_upper
