"""The syntax of patterns in XPath: that of XML Schema, with anchors, lazy quantifiers, back references.

Text becomes a tree; what is no such expression is a `PatternError`, however other languages read it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from taskloom.feel import charsets
from taskloom.feel.charsets import Intervals


class PatternError(ValueError):
    """The pattern, its flags or the replacement is not one that can be used."""


@dataclass(frozen=True, slots=True)
class Chars:
    """One character out of a set.

    `text` is the set as RE2 writes it inside brackets, None where it cannot; `members` computes the set, for
    a category by a walk over all of Unicode, so it is only asked when it is needed.
    """

    text: str | None
    members: Callable[[], Intervals] = field(compare=False)


@dataclass(frozen=True, slots=True)
class Anchor:
    """`^` or `$`."""

    sign: str


@dataclass(frozen=True, slots=True)
class Sequence:
    """One after the other."""

    parts: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """Any of these."""

    branches: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Group:
    """Parentheses; `number` is 0 for those that do not capture."""

    inner: "Node"
    number: int


@dataclass(frozen=True, slots=True)
class Repeat:
    """A quantifier; `most` is None for no upper bound."""

    inner: "Node"
    least: int
    most: int | None
    lazy: bool


@dataclass(frozen=True, slots=True)
class BackReference:
    """The text that a group matched before."""

    number: int


Node = Chars | Anchor | Sequence | Choice | Group | Repeat | BackReference

_DEPTH_MAX: Final = 50
_REPEAT_MAX: Final = 1_000
_META: Final = frozenset(".\\?*+{}()|^$[]")
_SINGLE: Final = {"n": "\n", "r": "\r", "t": "\t", **{char: char for char in "\\|.?*+(){}-[]^$"}}
_BLANKS: Final[Intervals] = ((9, 10), (13, 13), (32, 32))
_NAME_START: Final[Intervals] = charsets.union(
    ((58, 58), (65, 90), (95, 95), (97, 122), (0xC0, 0xD6), (0xD8, 0xF6), (0xF8, 0x2FF), (0x370, 0x37D)),
    ((0x37F, 0x1FFF), (0x200C, 0x200D), (0x2070, 0x218F), (0x2C00, 0x2FEF), (0x3001, 0xD7FF)),
    ((0xF900, 0xFDCF), (0xFDF0, 0xFFFD), (0x10000, 0xEFFFF)),
)
_NAME_CHAR: Final[Intervals] = charsets.union(
    _NAME_START, ((45, 46), (48, 57), (0xB7, 0xB7), (0x300, 0x36F), (0x203F, 0x2040))
)
_WORD_CATEGORIES: Final = ("L", "M", "N", "S")
_ANY_BUT_NEWLINE: Final = charsets.complement(((10, 10),))


def parse_pattern(pattern: str, flags: str) -> tuple[Node, int]:
    """The tree of the pattern and the number of its groups; flags `s`, `i` and `x` change what is read."""
    parser = _Parser(_without_blanks(pattern) if "x" in flags else pattern, "i" in flags, "s" in flags)
    node = parser.choice()
    if parser.position < len(parser.text):
        raise PatternError("the pattern has a ')' too many")
    return node, parser.groups


def _without_blanks(pattern: str) -> str:
    """The pattern without white space, except within classes of characters."""
    kept: list[str] = []
    depth = 0
    escaped = False
    for char in pattern:
        if char in " \t\n\r" and not depth:
            continue
        kept.append(char)
        if not escaped and char in "[]":
            depth += 1 if char == "[" else -1
        escaped = char == "\\" and not escaped
    return "".join(kept)


class _Parser:
    def __init__(self, text: str, ignores_case: bool, dot_is_all: bool) -> None:
        self.text = text
        self.position = 0
        self.groups = 0
        self._closed: set[int] = set()
        self._depth = 0
        self._ignores_case = ignores_case
        self._dot_is_all = dot_is_all

    def choice(self) -> Node:
        """Branches up to a closing parenthesis or the end."""
        self._depth += 1
        if self._depth > _DEPTH_MAX:
            raise PatternError("the pattern is nested too deeply")
        branches = [self._branch()]
        while self._take("|"):
            branches.append(self._branch())
        self._depth -= 1
        return branches[0] if len(branches) == 1 else Choice(tuple(branches))

    def _take(self, text: str) -> bool:
        if not self.text.startswith(text, self.position):
            return False
        self.position += len(text)
        return True

    def _next(self) -> str:
        if self.position >= len(self.text):
            raise PatternError("the pattern ends too early")
        self.position += 1
        return self.text[self.position - 1]

    def _branch(self) -> Node:
        parts: list[Node] = []
        while self.position < len(self.text) and self.text[self.position] not in "|)":
            parts.append(self._quantified(self._atom()))
        return parts[0] if len(parts) == 1 else Sequence(tuple(parts))

    def _quantified(self, atom: Node) -> Node:
        bounds = self._bounds()
        if bounds is None:
            return atom
        return Repeat(atom, *bounds, lazy=self._take("?"))

    def _bounds(self) -> tuple[int, int | None] | None:
        if self._take("?"):
            return 0, 1
        if self._take("*"):
            return 0, None
        if self._take("+"):
            return 1, None
        if not self._take("{"):
            return None
        least = self._number()
        most: int | None = least
        if self._take(","):
            most = None if self.text.startswith("}", self.position) else self._number()
        if not self._take("}") or (most is not None and most < least):
            raise PatternError("a quantifier must be {n}, {n,} or {n,m}")
        return least, most

    def _number(self) -> int:
        begin = self.position
        while self.position < len(self.text) and self.text[self.position] in "0123456789":
            self.position += 1
        digits = self.text[begin : self.position]
        if not digits or len(digits) > 6 or int(digits) > _REPEAT_MAX:
            raise PatternError(f"a quantifier needs numbers up to {_REPEAT_MAX}")
        return int(digits)

    def _atom(self) -> Node:
        char = self._next()
        if char == "(":
            return self._group()
        if char == "[":
            return self._class()
        if char == ".":
            members = charsets.EVERYTHING if self._dot_is_all else _ANY_BUT_NEWLINE
            return Chars(written(members), lambda: members)
        if char in "^$":
            return Anchor(char)
        if char == "\\":
            return self._escape()
        if char in _META:
            raise PatternError(f"'{char}' must be escaped here")
        return self._literal(char)

    def _group(self) -> Node:
        number = 0
        if not self._take("?:"):
            self.groups += 1
            number = self.groups
        inner = self.choice()
        if not self._take(")"):
            raise PatternError("a group does not end")
        self._closed.add(number)
        return Group(inner, number)

    def _literal(self, char: str) -> Chars:
        variants = charsets.case_variants(char) if self._ignores_case else {char}
        members = charsets.union((ord(variant), ord(variant)) for variant in variants)
        return Chars(written(members), lambda: members)

    def _escape(self) -> Node:
        char = self._next()
        if char in "123456789":
            return self._reference(char)
        single = _SINGLE.get(char)
        return self._multi(char) if single is None else self._literal(single)

    def _multi(self, char: str) -> Chars:
        """An escape that stands for many characters; upper case is all others."""
        small = char.lower()
        if small == "p":
            return self._category(char)
        if small == "d":
            return Chars("\\p{Nd}" if char == "d" else "\\P{Nd}", lambda: _side(char, _known("Nd")))
        if small == "w":
            text = "".join(f"\\p{{{name}}}" for name in _WORD_CATEGORIES) if char == "w" else None
            return Chars(text, lambda: _side(char, charsets.union(*map(_known, _WORD_CATEGORIES))))
        members = {"s": _BLANKS, "i": _NAME_START, "c": _NAME_CHAR}.get(small)
        if members is None:
            raise PatternError(f"the escape '\\{char}' does not exist")
        side = _side(char, members)
        return Chars(written(side), lambda: side)

    def _category(self, char: str) -> Chars:
        end = self.text.find("}", self.position)
        if not self._take("{") or end < 0:
            raise PatternError("a category must be named in braces")
        name = self.text[self.position : end]
        self.position = end + 1
        if not charsets.is_category(name):
            raise PatternError("the category of characters is not known")
        text = None if name.startswith("Is") or name in {"Cn", "C"} else f"\\{char}{{{name}}}"
        return Chars(text, lambda: _side(char, _known(name)))

    def _class(self) -> Chars:
        """What stands in brackets: characters, ranges and escapes, negated or with a class subtracted."""
        negated = self._take("^")
        parts: list[Chars] = []
        subtracted: Chars | None = None
        while not self._take("]"):
            if parts and self._take("-["):
                subtracted = self._class()
                if not self._take("]"):
                    raise PatternError("a subtracted class must come last")
                break
            parts.append(self._class_part())
        if not parts:
            raise PatternError("a character class is empty")
        return _combined(parts, negated, subtracted)

    def _class_part(self) -> Chars:
        first = self._class_char()
        if isinstance(first, Chars):
            return first
        following = self.text[self.position + 1 : self.position + 2]
        if not self.text.startswith("-", self.position) or following in ("", "]", "["):
            return self._literal(first)
        self.position += 1
        last = self._class_char()
        if isinstance(last, Chars) or last < first:
            raise PatternError("a range of characters must ascend")
        members: Intervals = ((ord(first), ord(last)),)
        if self._ignores_case:
            members = charsets.case_closed(members)
        return Chars(written(members), lambda: members)

    def _class_char(self) -> str | Chars:
        char = self._next()
        if char == "\\":
            escaped = self._next()
            return _SINGLE.get(escaped) or self._multi(escaped)
        if char == "[":
            raise PatternError("a '[' within a character class must be escaped")
        return char

    def _reference(self, digits: str) -> Node:
        """As many digits as name a group that is complete."""
        while self.position < len(self.text) and self.text[self.position] in "0123456789":
            longer = digits + self.text[self.position]
            if int(longer) not in self._closed:
                break
            digits = longer
            self.position += 1
        if int(digits) not in self._closed:
            raise PatternError(f"there is no complete group {digits} to refer to")
        return BackReference(int(digits))


def _known(name: str) -> Intervals:
    found = charsets.category(name)
    assert found is not None, "asked before"
    return found


def _side(letter: str, members: Intervals) -> Intervals:
    """The set for a small letter, all others for a capital."""
    return members if letter.islower() else charsets.complement(members)


def _combined(parts: list[Chars], negated: bool, subtracted: Chars | None) -> Chars:
    texts = [part.text for part in parts]

    def members() -> Intervals:
        own = charsets.union(*(part.members() for part in parts))
        own = charsets.complement(own) if negated else own
        return own if subtracted is None else charsets.difference(own, subtracted.members())

    if subtracted is not None or None in texts:
        return Chars(None, members)
    text = "".join(text for text in texts if text is not None)
    return Chars(f"^{text}" if negated else text, members)


def written(members: Intervals) -> str:
    """A set as RE2 writes it inside brackets; surrogates are no characters there."""
    parts: list[str] = []
    for first, last in members:
        for begin, end in ((first, min(last, 0xD7FF)), (max(first, 0xE000), last)):
            if begin <= end:
                parts.append(f"\\x{{{begin:x}}}-\\x{{{end:x}}}")
    return "".join(parts)
