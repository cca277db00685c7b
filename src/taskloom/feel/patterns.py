"""Regular expressions of XPath, if possible run by RE2, which takes linear time whatever the pattern is.

A pattern is parsed by the rules of XPath (`pattern_syntax`) and written anew for RE2. Case is not left to RE2
but folded into the sets of characters, because XPath folds characters and ranges, never categories. Patterns
that refer back to a group are run by `pattern_search`.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final

import re2  # type: ignore[import-untyped]  # it has no type information

from taskloom.feel import charsets
from taskloom.feel.diagnostics import limit_passed
from taskloom.feel.pattern_search import BacktrackingPattern
from taskloom.feel.pattern_syntax import (
    Anchor,
    BackReference,
    Chars,
    Choice,
    Group,
    Node,
    PatternError,
    Repeat,
    Sequence,
    parse_pattern,
    written,
)
from taskloom.feel.run import Run

__all__ = ["Pattern", "PatternError", "compile_pattern", "template_of"]

_CACHED: Final = 512
_FLAGS: Final = frozenset("smixq")
_MEMORY_BYTES: Final = 8 << 20
_SURROGATES: Final = re.compile("[\ud800-\udfff]")
_GROUP: Final = re.compile(r"\\([\\$])|\$(\d+)|([\\$])")


class Pattern:
    """A compiled pattern."""

    __slots__ = ("_compiled", "groups", "matches_empty")

    def __init__(self, compiled: Any) -> None:
        self._compiled = compiled
        self.groups = int(compiled.groups)
        self.matches_empty = compiled.fullmatch("") is not None

    def found_in(self, text: str) -> bool:
        """Whether it matches anywhere."""
        try:
            return self._compiled.search(_speakable(text)) is not None
        except PatternError as fault:
            raise limit_passed(str(fault)) from None

    def matches(self, run: Run, text: str) -> Iterator[Any]:
        """All matches from left to right; each costs a step."""
        try:
            for match in self._compiled.finditer(_speakable(text)):
                run.spend(1)
                yield match
        except PatternError as fault:
            raise limit_passed(str(fault)) from None

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


def _speakable(text: str) -> str:
    """The text with halves of surrogate pairs replaced, for they cannot be encoded."""
    return text if text.isascii() else _SURROGATES.sub("\ufffd", text)


@lru_cache(maxsize=_CACHED)
def compile_pattern(pattern: str, flags: str, *, chars_max: int) -> Pattern:
    """Compiles a pattern of XPath; `PatternError` when it cannot."""
    if len(pattern) > chars_max:
        raise PatternError(f"the pattern has more than {chars_max} characters")
    if not set(flags) <= _FLAGS:
        raise PatternError(f"the flags may only be s, m, i, x and q, not '{flags[:20]}'")
    if "q" in flags:
        sequence = Sequence(tuple(_literal(char, ignores_case="i" in flags) for char in pattern))
        return _compiled(sequence, 0, flags)
    try:
        node, groups = parse_pattern(pattern, flags)
        return _compiled(node, groups, flags)
    except RecursionError:
        raise PatternError("the pattern is nested too deeply") from None


def _literal(char: str, *, ignores_case: bool) -> Chars:
    variants = charsets.case_variants(char) if ignores_case else {char}
    members = charsets.union((ord(variant), ord(variant)) for variant in variants)
    return Chars(written(members), lambda: members)


def _compiled(node: Node, groups: int, flags: str) -> Pattern:
    if _refers_back(node):
        by_line, ignores_case = "m" in flags, "i" in flags
        return Pattern(BacktrackingPattern(node, groups, ignores_case=ignores_case, by_line=by_line))
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MEMORY_BYTES
    text = _written(node)
    try:
        return Pattern(re2.compile(f"(?m){text}" if "m" in flags else text, options))
    except (re2.error, UnicodeError) as fault:
        raise PatternError(f"the pattern cannot be used: {str(fault)[:100]}") from None


def _refers_back(node: Node) -> bool:
    if isinstance(node, Group | Repeat):
        return _refers_back(node.inner)
    parts = node.parts if isinstance(node, Sequence) else node.branches if isinstance(node, Choice) else ()
    return isinstance(node, BackReference) or any(_refers_back(part) for part in parts)


def _written(node: Node) -> str:
    """The node as RE2 writes it."""
    if isinstance(node, Chars):
        text = node.text if node.text is not None else written(node.members())
        return f"[{text}]" if text else "[^\\x00-\\x{10FFFF}]"
    if isinstance(node, Anchor):
        return node.sign
    if isinstance(node, Sequence):
        return "".join(_written(part) for part in node.parts)
    if isinstance(node, Choice):
        return "(?:" + "|".join(_written(branch) for branch in node.branches) + ")"
    if isinstance(node, Group):
        return ("(" if node.number else "(?:") + _written(node.inner) + ")"
    assert isinstance(node, Repeat), "references back are not for RE2"
    most = "" if node.most is None else str(node.most)
    return f"(?:{_written(node.inner)}){{{node.least},{most}}}" + ("?" if node.lazy else "")


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
