"""Regular expressions of XPath, run by RE2, which takes linear time whatever the pattern is.

XPath patterns differ from RE2's in a few escapes and flags; they are translated here. What RE2 cannot express
(references back to a group, subtraction of character classes other than plain ranges) is refused.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final

import re2  # type: ignore[import-untyped]  # it has no type information

from taskloom.feel.run import Run

_CACHED: Final = 512
_FLAGS: Final = frozenset("smixq")
_MEMORY_BYTES: Final = 4 << 20
_NAME_START: Final = r"\p{L}\p{Nl}_:"
_NAME_CHAR: Final = r"\p{L}\p{Nl}\p{Nd}\p{Mn}\p{Mc}\-._:·"
_WORD: Final = r"\p{L}\p{M}\p{N}\p{S}"
_ESCAPES: Final = {
    "d": (r"\p{Nd}", r"\P{Nd}"),
    "s": (r" \t\n\r", None),
    "w": (_WORD, None),
    "i": (_NAME_START, None),
    "c": (_NAME_CHAR, None),
}
_GROUP: Final = re.compile(r"\\([\\$])|\$(\d+)|([\\$])")
_RANGE_ITEM: Final = re.compile(r"(\\?[^\[\]])(?:-(\\?[^\[\]\-]))?", re.DOTALL)


class PatternError(ValueError):
    """The pattern, its flags or the replacement is not one that can be used."""


class Pattern:
    """A compiled pattern."""

    __slots__ = ("_compiled", "groups", "matches_empty")

    def __init__(self, compiled: Any) -> None:
        self._compiled = compiled
        self.groups = int(compiled.groups)
        self.matches_empty = compiled.fullmatch("") is not None

    def found_in(self, text: str) -> bool:
        """Whether it matches anywhere."""
        return self._compiled.search(text) is not None

    def matches(self, run: Run, text: str) -> Iterator[Any]:
        """All matches from left to right; each costs a step."""
        for match in self._compiled.finditer(text):
            run.spend(1)
            yield match

    def replaced(self, run: Run, text: str, template: list[str | int]) -> str:
        """The text with each match replaced by the template."""
        parts: list[str] = []
        position = size = 0
        for match in self.matches(run, text):
            begin, end = match.span()
            filled = "".join(part if isinstance(part, str) else match.group(part) or "" for part in template)
            parts += (text[position:begin], filled)
            size += len(filled)
            run.check_chars(size)
            position = end
        parts.append(text[position:])
        return "".join(parts)

    def split(self, run: Run, text: str) -> list[str]:
        """The text between the matches."""
        parts: list[str] = []
        position = 0
        for match in self.matches(run, text):
            parts.append(text[position : match.start()])
            position = match.end()
        return [*parts, text[position:]]


@lru_cache(maxsize=_CACHED)
def compile_pattern(pattern: str, flags: str, *, chars_max: int) -> Pattern:
    """Compiles a pattern of XPath; `PatternError` when it cannot."""
    if len(pattern) > chars_max:
        raise PatternError(f"the pattern has more than {chars_max} characters")
    if not set(flags) <= _FLAGS:
        raise PatternError(f"the flags may only be s, m, i, x and q, not '{flags[:20]}'")
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MEMORY_BYTES
    translated = re2.escape(pattern) if "q" in flags else _translated(pattern, extended="x" in flags)
    inline = "".join(sorted(set(flags) & set("smi")))
    try:
        return Pattern(re2.compile(f"(?{inline}){translated}" if inline else translated, options))
    except (re2.error, UnicodeError) as fault:
        raise PatternError(f"the pattern cannot be used: {str(fault)[:100]}") from None


def template_of(replacement: str, pattern: Pattern, *, literal: bool) -> list[str | int]:
    """A replacement as texts and group numbers; `$` and backslash stand for themselves only when escaped."""
    if literal:
        return [replacement]
    parts: list[str | int] = []
    position = 0
    for match in _GROUP.finditer(replacement):
        parts.append(replacement[position : match.start()])
        position = match.end()
        if match[3]:
            raise PatternError("the replacement has a '$' or '\\' that is not escaped")
        if match[1]:
            parts.append(match[1])
        else:
            parts.extend(_group(match[2], pattern.groups))
    parts.append(replacement[position:])
    return parts


def _group(digits: str, groups: int) -> list[str | int]:
    """The longest number that names a group; digits after it are text, a group that is not there is empty."""
    taken = len(digits)
    while taken > 1 and int(digits[:taken]) > groups:
        taken -= 1
    number = int(digits[:taken])
    return [number if number <= groups else "", digits[taken:]]


def _translated(pattern: str, *, extended: bool) -> str:
    parts: list[str] = []
    position = 0
    while position < len(pattern):
        char = pattern[position]
        if char == "\\":
            parts.append(_escape(pattern, position, in_class=False))
            position += 2
        elif char == "[":
            text, position = _class(pattern, position, extended=extended)
            parts.append(text)
        else:
            if not (extended and char in " \t\n\r"):
                parts.append(char)
            position += 1
    return "".join(parts)


def _escape(pattern: str, position: int, *, in_class: bool) -> str:
    letter = pattern[position + 1 : position + 2]
    if letter.isdigit():
        raise PatternError("references back to a group are not supported")
    known = _ESCAPES.get(letter.lower())
    if known is None:
        return "\\" + letter
    positive, negative = known
    if letter.islower():
        return positive if in_class else f"[{positive}]"
    if in_class and negative is None:
        raise PatternError(f"\\{letter} within a character class is not supported")
    return negative if in_class and negative is not None else f"[^{positive}]"


def _class(pattern: str, position: int, *, extended: bool) -> tuple[str, int]:
    """A character class that begins at the position, translated, and where it ends."""
    begin = position
    parts = ["["]
    position += 1
    if pattern.startswith("^", position):
        parts.append("^")
        position += 1
    while position < len(pattern):
        char = pattern[position]
        if char == "]" and position > begin + 1:
            return "".join(parts) + "]", position + 1
        if char == "\\":
            parts.append(_escape(pattern, position, in_class=True))
            position += 2
        elif char == "-" and pattern.startswith("[", position + 1):
            return _subtraction(pattern, begin, position)
        elif char == "[":
            raise PatternError("a '[' within a character class must be escaped")
        else:
            if not (extended and char in " \t\n\r"):
                parts.append(char)
            position += 1
    raise PatternError("a character class does not end")


def _subtraction(pattern: str, begin: int, hyphen: int) -> tuple[str, int]:
    """`[a-z-[aeiou]]` for plain characters and ranges."""
    close = pattern.find("]]", hyphen)
    if close < 0:
        raise PatternError("a character class does not end")
    kept = _intervals(pattern[begin + 1 : hyphen])
    for low, high in _intervals(pattern[hyphen + 2 : close]):
        kept = [part for item in kept for part in _without(item, low, high)]
    if not kept:
        raise PatternError("a character class is empty")
    text = "".join(f"\\x{{{low:x}}}-\\x{{{high:x}}}" for low, high in kept)
    return f"[{text}]", close + 2


def _intervals(body: str) -> list[tuple[int, int]]:
    items = []
    position = 0
    while position < len(body):
        match = _RANGE_ITEM.match(body, position)
        if match is None or body.startswith("^") or (match[1].startswith("\\") and match[1][1].isalnum()):
            raise PatternError("only characters and ranges can be subtracted")
        low, high = match[1][-1], (match[2] or match[1])[-1]
        items.append((ord(low), ord(high)))
        position = match.end()
    return items


def _without(item: tuple[int, int], low: int, high: int) -> list[tuple[int, int]]:
    begin, end = item
    left, right = (begin, min(end, low - 1)), (max(begin, high + 1), end)
    return [(first, last) for first, last in dict.fromkeys((left, right)) if first <= last]
