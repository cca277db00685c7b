"""Words as lines of tokens: what labels are compared with, and where their values are looked for."""

import re

from msgspec import Struct

from taskloom.dialects.documents.steps.text import TextPage, Word

_COLON = re.compile(r"^(\D*[^\W\d]\D*[:#])(?=[^\s:/])(.+)$")
"""A label and its value without a blank: `Nr.:4711`, `Datum:05.03.2024`; not `http://`, not `15:39`."""
_EDGES = ".:;,*()[]|\u2022\u25cf"
_CELL_GAP = 1.2
"""A gap wider than this many letter heights parts two cells of a line."""


class Token(Struct, frozen=True):
    """A word or the half of one, as shown and as compared."""

    text: str
    plain: str
    left: float
    top: float
    right: float
    bottom: float

    @property
    def height(self) -> float:
        """From the top of the letters to their bottom."""
        return self.bottom - self.top


class Line(Struct, frozen=True):
    """One line of a page; `page` counts from 0."""

    page: int
    tokens: tuple[Token, ...]

    @property
    def top(self) -> float:
        """The highest letter's top."""
        return min(token.top for token in self.tokens)

    @property
    def height(self) -> float:
        """The height of the tallest word."""
        return max(token.height for token in self.tokens)

    def cell_end(self, start: int) -> int:
        """The index after the last token that belongs to the same cell as the token at `start`."""
        end = start + 1
        while end < len(self.tokens):
            before, after = self.tokens[end - 1], self.tokens[end]
            if after.left - before.right > _CELL_GAP * max(before.height, after.height):
                break
            end += 1
        return end


def lines_of(pages: tuple[TextPage, ...]) -> tuple[Line, ...]:
    """All lines of a document from top to bottom, page by page."""
    lines: list[Line] = []
    for index, page in enumerate(pages):
        current: list[Token] = []
        number = -1
        for word in page.words:
            if word.line != number and current:
                lines.append(Line(index, tuple(current)))
                current = []
            number = word.line
            current += _tokens(word)
        if current:
            lines.append(Line(index, tuple(current)))
    return tuple(lines)


def plain(text: str) -> str:
    """A word as labels are compared: small letters, no signs around it."""
    return text.casefold().strip(_EDGES)


def _tokens(word: Word) -> list[Token]:
    match = _COLON.match(word.text)
    if match is None:
        return [_token(word.text, word, word.left, word.right)]
    share = match.end(1) / len(word.text)
    middle = round(word.left + (word.right - word.left) * share, 1)
    return [
        _token(match.group(1), word, word.left, middle),
        _token(match.group(2), word, middle, word.right),
    ]


def _token(text: str, word: Word, left: float, right: float) -> Token:
    return Token(text, plain(text), left, word.top, right, word.bottom)
