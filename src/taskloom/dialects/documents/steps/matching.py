"""Finds labels among the lines of a document, and the tokens right of and below them."""

from collections.abc import Iterator, Sequence

from msgspec import Struct

from taskloom.dialects.documents.steps.labels import STOPPERS, Label
from taskloom.dialects.documents.steps.lines import Line, Token, plain

_GAP_WORDS = 5
_LABEL_GAP = 2.0
"""Words of one label are at most this many letter heights apart."""
_BELOW = 3.2
"""A value below a label is at most this many letter heights away."""
_LINES_BELOW = 3
_SHARED = 0.4
"""Words that share this part of their height stand beside each other."""


class Hit(Struct, frozen=True):
    """A label found: the index of its line, its first token and the one after its last."""

    label: Label
    line: int
    start: int
    end: int


class LabelIndex:
    """The words of a document by spelling, so that a label is looked up and not searched for."""

    def __init__(self, lines: Sequence[Line]) -> None:
        self.lines = lines
        self._places: dict[str, list[tuple[int, int]]] = {}
        for number, line in enumerate(lines):
            for index, token in enumerate(line.tokens):
                self._places.setdefault(token.plain, []).append((number, index))

    def hits(self, label: Label) -> Iterator[Hit]:
        """Every place where the label stands, in reading order."""
        for number, start in self._starts(label.words[0]):
            end = _match_end(self.lines[number].tokens, start, label.words)
            if end is not None:
                yield Hit(label, number, start, end)

    def _starts(self, word: str) -> list[tuple[int, int]]:
        if not word.startswith("*"):
            return self._places.get(_plain_word(word), [])
        end = word[1:]
        return sorted(
            place for spelling, places in self._places.items() if spelling.endswith(end) for place in places
        )


def right_of(lines: Sequence[Line], hit: Hit) -> tuple[Token, ...]:
    """The tokens after the label in its line, without the colon; else what stands beside it a little off."""
    tokens = lines[hit.line].tokens[hit.end :] or _beside(lines, hit)
    while tokens and not tokens[0].plain and tokens[0].text != "-":
        tokens = tokens[1:]
    return tokens


def wrapped_after(lines: Sequence[Line], hit: Hit) -> tuple[Token, ...]:
    """The next line's tokens when the label ends a sentence that was broken there."""
    follows = hit.line + 1
    here = lines[hit.line]
    is_sentence = hit.end > 1 and here.cell_end(0) == len(here.tokens) == hit.end
    if not is_sentence or follows >= len(lines):
        return ()
    there = lines[follows]
    is_close = there.page == here.page and there.top - here.top < _BELOW * here.height
    return there.tokens if is_close else ()


def below(lines: Sequence[Line], hit: Hit) -> Iterator[tuple[Token, ...]]:
    """The cells under the label, nearest first: those that begin or end where the label does."""
    here = lines[hit.line]
    first, last = here.tokens[hit.start], here.tokens[hit.end - 1]
    height = here.height
    for line in lines[hit.line + 1 : hit.line + 1 + _LINES_BELOW]:
        if line.page != here.page or line.top - here.top > _BELOW * height + height:
            return
        start = 0
        while start < len(line.tokens):
            end = line.cell_end(start)
            cell = line.tokens[start:end]
            is_left_aligned = abs(cell[0].left - first.left) < height
            is_right_aligned = abs(cell[-1].right - last.right) < height
            if is_left_aligned or is_right_aligned:
                yield cell
            start = end


def _beside(lines: Sequence[Line], hit: Hit) -> tuple[Token, ...]:
    """Tokens right of the label that overlap it in height, though their baseline makes them another line."""
    here = lines[hit.line]
    label = here.tokens[hit.end - 1]
    found: list[Token] = []
    for line in lines[max(hit.line - 1, 0) : hit.line + 2]:
        if line is here or line.page != here.page:
            continue
        for token in line.tokens:
            shared = min(token.bottom, label.bottom) - max(token.top, label.top)
            if token.left > label.right and shared > _SHARED * min(token.height, label.height):
                found.append(token)
    return tuple(found)


def _match_end(tokens: Sequence[Token], start: int, words: Sequence[str]) -> int | None:
    index = start
    for place, word in enumerate(words):
        if word == "...":
            index = _skip_gap(tokens, index, words[place + 1])
            if index < 0:
                return None
        elif index >= len(tokens) or not _is_word(tokens[index], word) or _is_far(tokens, start, index):
            return None
        else:
            index += 1
    return index


def _skip_gap(tokens: Sequence[Token], start: int, word: str) -> int:
    """Where the word after a gap stands, -1 when it does not or something foreign is between."""
    for index in range(start, min(start + _GAP_WORDS + 1, len(tokens))):
        if _is_word(tokens[index], word):
            return index
        if tokens[index].plain in STOPPERS:
            return -1
    return -1


def _is_word(token: Token, word: str) -> bool:
    if word.startswith("*"):
        return token.plain.endswith(word[1:])
    return token.plain == _plain_word(word)


def _plain_word(word: str) -> str:
    return plain(word) or word


def _is_far(tokens: Sequence[Token], start: int, index: int) -> bool:
    if index == start:
        return False
    before, after = tokens[index - 1], tokens[index]
    return after.left - before.right > _LABEL_GAP * max(before.height, after.height)
