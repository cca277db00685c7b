"""Runs the patterns that RE2 cannot, those that refer back to a group, by backtracking.

The tree becomes functions that take a position and what must match after it, and give the end of the match or
None. A pattern whose search takes too many steps, or nests too deeply, is refused with a `PatternError`.
"""

from collections.abc import Callable, Iterator
from typing import Final

from taskloom.feel import charsets
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
)

STEPS_MAX: Final = 100_000

Rest = Callable[["_State", int], int | None]
Matcher = Callable[["_State", int, Rest], int | None]


class _State:
    """One search: the text, where groups begin and end, and the steps left."""

    __slots__ = ("groups", "steps_left", "text")

    def __init__(self, text: str, groups: int) -> None:
        self.text = text
        self.groups: list[tuple[int, int] | None] = [None] * (groups + 1)
        self.steps_left = STEPS_MAX

    def step(self) -> None:
        self.steps_left -= 1
        if self.steps_left < 0:
            raise PatternError("the pattern needs too many steps")


class Match:
    """A match, with the methods that the matches of RE2 have."""

    __slots__ = ("_groups", "_text")

    def __init__(self, text: str, groups: list[tuple[int, int] | None]) -> None:
        self._text = text
        self._groups = groups

    def span(self) -> tuple[int, int]:
        """Where it begins and ends."""
        whole = self._groups[0]
        assert whole is not None, "a match has been found"
        return whole

    def start(self) -> int:
        """Where it begins."""
        return self.span()[0]

    def group(self, number: int) -> str | None:
        """The text of a group, None when the group took no part."""
        place = self._groups[number]
        return None if place is None else self._text[place[0] : place[1]]


class BacktrackingPattern:
    """A compiled pattern, with the methods of RE2 that are used here."""

    __slots__ = ("_match", "groups")

    def __init__(self, node: Node, groups: int, *, ignores_case: bool, by_line: bool) -> None:
        self.groups = groups
        self._match = _Builder(ignores_case, by_line).matcher(node)

    def search(self, text: str, begin: int = 0) -> Match | None:
        """The first match at or after a position."""
        state = _State(text, self.groups)
        try:
            for position in range(begin, len(text) + 1):
                end = self._match(state, position, _accept)
                if end is not None:
                    state.groups[0] = (position, end)
                    return Match(text, state.groups.copy())
        except RecursionError:
            raise PatternError("the pattern nests too deeply on this text") from None
        return None

    def finditer(self, text: str) -> Iterator[Match]:
        """All matches from left to right."""
        position = 0
        while position <= len(text):
            found = self.search(text, position)
            if found is None:
                return
            yield found
            begin, end = found.span()
            position = end + 1 if begin == end else end

    def fullmatch(self, text: str) -> int | None:
        """The end of a match of the whole text."""
        return self._match(_State(text, self.groups), 0, lambda _, end: end if end == len(text) else None)


def _accept(_state: _State, position: int) -> int | None:
    return position


class _Builder:
    def __init__(self, ignores_case: bool, by_line: bool) -> None:
        self._ignores_case = ignores_case
        self._by_line = by_line

    def matcher(self, node: Node) -> Matcher:
        if isinstance(node, Chars):
            return _one_of(node)
        if isinstance(node, Anchor):
            return self._anchor(node.sign)
        if isinstance(node, Sequence):
            return _in_order([self.matcher(part) for part in node.parts])
        if isinstance(node, Choice):
            return _first_of([self.matcher(branch) for branch in node.branches])
        if isinstance(node, Group):
            return _captured(self.matcher(node.inner), node.number)
        if isinstance(node, BackReference):
            return self._reference(node.number)
        if isinstance(node.inner, Chars):
            return _run_of(_one_of(node.inner), node)
        return _repeated(self.matcher(node.inner), node)

    def _anchor(self, sign: str) -> Matcher:
        by_line = self._by_line

        def match(state: _State, position: int, rest: Rest) -> int | None:
            text = state.text
            if sign == "^":
                holds = position == 0 or (by_line and text[position - 1] == "\n")
            else:
                holds = position == len(text) or (by_line and text[position] == "\n")
            return rest(state, position) if holds else None

        return match

    def _reference(self, number: int) -> Matcher:
        ignores_case = self._ignores_case

        def match(state: _State, position: int, rest: Rest) -> int | None:
            place = state.groups[number]
            wanted = "" if place is None else state.text[place[0] : place[1]]
            found = state.text[position : position + len(wanted)]
            same = found == wanted or (ignores_case and _same_but_case(found, wanted))
            return rest(state, position + len(wanted)) if same else None

        return match


def _same_but_case(found: str, wanted: str) -> bool:
    return len(found) == len(wanted) and all(
        own in charsets.case_variants(other) for own, other in zip(found, wanted, strict=True)
    )


def _one_of(node: Chars) -> Matcher:
    members = node.members()

    def match(state: _State, position: int, rest: Rest) -> int | None:
        state.step()
        if position < len(state.text) and charsets.contains(members, state.text[position]):
            return rest(state, position + 1)
        return None

    return match


def _in_order(parts: list[Matcher]) -> Matcher:
    def match(state: _State, position: int, rest: Rest) -> int | None:
        def following(index: int) -> Rest:
            if index == len(parts):
                return rest
            return lambda inner, at: parts[index](inner, at, following(index + 1))

        return following(0)(state, position)

    return match


def _first_of(branches: list[Matcher]) -> Matcher:
    def match(state: _State, position: int, rest: Rest) -> int | None:
        state.step()
        ends = (branch(state, position, rest) for branch in branches)
        return next((end for end in ends if end is not None), None)

    return match


def _captured(inner: Matcher, number: int) -> Matcher:
    if not number:
        return inner

    def match(state: _State, position: int, rest: Rest) -> int | None:
        def closed(own: _State, end: int) -> int | None:
            before = own.groups[number]
            own.groups[number] = (position, end)
            found = rest(own, end)
            if found is None:
                own.groups[number] = before
            return found

        return inner(state, position, closed)

    return match


def _run_of(single: Matcher, node: Repeat) -> Matcher:
    """A repeated set of characters, without nesting: how far it can reach, then each length in turn."""

    def match(state: _State, position: int, rest: Rest) -> int | None:
        reach = position
        limit = len(state.text) if node.most is None else min(len(state.text), position + node.most)
        while reach < limit and single(state, reach, _accept) is not None:
            reach += 1
        ends = range(position + node.least, reach + 1)
        for end in ends if node.lazy else reversed(ends):
            found = rest(state, end)
            if found is not None:
                return found
        return None

    return match


def _repeated(inner: Matcher, node: Repeat) -> Matcher:
    def again(state: _State, position: int, rest: Rest, count: int) -> int | None:
        state.step()

        def following(own: _State, end: int) -> int | None:
            if end == position and count >= node.least:
                return None
            return again(own, end, rest, count + 1)

        if count < node.least:
            return inner(state, position, following)
        if node.lazy:
            found = rest(state, position)
            if found is not None:
                return found
        if node.most is None or count < node.most:
            found = inner(state, position, following)
            if found is not None:
                return found
        return None if node.lazy else rest(state, position)

    return lambda state, position, rest: again(state, position, rest, 0)
