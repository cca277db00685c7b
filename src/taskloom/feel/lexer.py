"""Reads the smallest pieces of a text at a position that the parser holds.

There is no list of tokens: whether `a-b` is one name depends on what is in scope, which only the parser
knows.
"""

import re
from typing import Final

from taskloom.feel.diagnostics import FeelSyntaxError, Position
from taskloom.feel.names import BLANK, IDENTIFIER, NAME_PART

_SKIP: Final = re.compile(rf"(?:{BLANK}+|//[^\n]*|/\*.*?\*/)*", re.DOTALL)
_INK: Final = frozenset(chr(code) for code in range(0x21, 0x7F)) - {"/"}
_NUMBER: Final = re.compile(r"(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_STRING: Final = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_ESCAPE: Final = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{6})|(.))", re.DOTALL)
_SIMPLE_ESCAPES: Final = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "'": "'", "\\": "\\"}
_SURROGATE: Final = re.compile("[\ud800-\udfff]")

KEYWORDS: Final = frozenset(
    [
        "null",
        "true",
        "false",
        "function",
        "in",
        "return",
        "then",
        "else",
        "satisfies",
        "and",
        "or",
        "if",
        "for",
        "some",
        "every",
        "between",
        "instance",
        "of",
    ]
)
"""Words that are never read as plain identifiers."""


class Lexer:
    """A text and the position up to which it is read."""

    __slots__ = ("_blank_begin", "_blank_end", "position", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0
        self._blank_begin = self._blank_end = 0

    def skip(self) -> None:
        """Over blanks and comments."""
        if self.text[self.position : self.position + 1] in _INK:
            return
        match = _SKIP.match(self.text, self.position)
        if match is not None and match.end() > self.position:
            self._blank_begin, self._blank_end = match.span()
            self.position = self._blank_end

    def end(self) -> int:
        """Where the piece read last ends, before blanks that were passed since."""
        return self._blank_begin if self.position == self._blank_end else self.position

    def peek(self, count: int = 1) -> str:
        """The next characters after blanks and comments, without reading them."""
        self.skip()
        return self.text[self.position : self.position + count]

    def take(self, symbol: str) -> bool:
        """Reads a symbol if it comes next."""
        self.skip()
        if not self.text.startswith(symbol, self.position):
            return False
        self.position += len(symbol)
        return True

    def expect(self, symbol: str) -> None:
        """Reads a symbol that must come next."""
        if not self.take(symbol):
            raise self.error(f"Expected '{symbol}', found {self.found()}")

    def at_word(self, word: str) -> bool:
        """Whether a keyword comes next, as a whole word."""
        self.skip()
        end = self.position + len(word)
        return self.text.startswith(word, self.position) and not NAME_PART.match(self.text, end)

    def take_word(self, word: str) -> bool:
        """Reads a keyword if it comes next."""
        if not self.at_word(word):
            return False
        self.position += len(word)
        return True

    def expect_word(self, word: str) -> None:
        """Reads a keyword that must come next."""
        if not self.take_word(word):
            raise self.error(f"Expected '{word}', found {self.found()}")

    def identifier(self) -> str | None:
        """The identifier at the position, without reading it."""
        self.skip()
        match = IDENTIFIER.match(self.text, self.position)
        return None if match is None else match.group()

    def take_number(self) -> str | None:
        """Reads digits with point and exponent, if they come next."""
        match = _NUMBER.match(self.text, self.position)
        if match is None:
            return None
        self.position = match.end()
        return match.group()

    def take_string(self) -> str:
        """Reads a string literal, which must come next, and resolves its escapes."""
        match = _STRING.match(self.text, self.position)
        if match is None:
            raise self.error("The string does not end")
        self.position = match.end()
        body = match.group(1)
        return _unescaped(body) if "\\" in body else body

    def at_end(self) -> bool:
        """Whether only blanks and comments are left."""
        self.skip()
        return self.position == len(self.text)

    def found(self) -> str:
        """What comes next, for an error message."""
        if self.at_end():
            return "the end of the text"
        word = self.identifier()
        return f"'{word or self.text[self.position]}'"

    def error(self, message: str, offset: int | None = None) -> FeelSyntaxError:
        """A syntax error at the position, or at another one."""
        return FeelSyntaxError(message, Position.of(self.text, self.position if offset is None else offset))


def _unescaped(body: str) -> str:
    text = _ESCAPE.sub(_escape, body)
    if _SURROGATE.search(text) is None:
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _escape(match: re.Match[str]) -> str:
    code = match[1] or match[2]
    if code is None:
        return _SIMPLE_ESCAPES.get(match[3], match[0])
    number = int(code, 16)
    return chr(number) if number <= 0x10FFFF else match[0]
