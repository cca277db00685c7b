"""The index of one input column: from a value to the set of rules whose cell it passes.

A set of rules is an integer with one bit per rule, so that columns are combined with `&`. Literals stand in a
dictionary; intervals in a sorted list of their ends, with one set for each end and each gap between two ends,
found by bisection. Cells of the form `not(...)` have an index of what they exclude.

Values of other kinds than a cell's literals cannot be compared with them, which is null and so no match; this
holds for a negated cell too. A null value is only let through by negated literals and by a dash.
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from taskloom.dmn.cells import KINDS, Cell, Sortable, Span, sortable
from taskloom.feel import Value

_SIMPLE: Final = frozenset({int, str})


class ColumnIndex:
    """The cells of a column that are no open ones; `cells` maps the number of the rule to its cell."""

    __slots__ = ("_by_type", "always", "indexed", "when_null")

    def __init__(self, cells: Mapping[int, Cell]) -> None:
        self.indexed = _bits(cells)
        self.always = _bits(rule for rule, cell in cells.items() if not cell.spans)
        self.when_null = self.always | _bits(
            rule
            for rule, cell in cells.items()
            if cell.negated and all(span.is_literal for span in cell.spans)
        )
        kinds = {span.kind for cell in cells.values() for span in cell.spans}
        by_kind = {kind: _KindIndex(kind, cells) for kind in sorted(kinds)}
        self._by_type = {type_: by_kind[kind] for type_, kind in KINDS.items() if kind in by_kind}

    def rules_for(self, value: Value) -> int | None:
        """The rules that let the value pass; None when the index cannot tell and all must be evaluated."""
        if value is None:
            return self.when_null
        type_ = type(value)
        found = self._by_type.get(type_)
        if found is None:
            return self.always if type_ in KINDS else None
        return self.always | found.rules_for(value if type_ in _SIMPLE else sortable(value))


class _KindIndex:
    """The spans of one kind of values."""

    __slots__ = ("_ends", "_excluding", "_hits", "_literals", "_sets", "_when_other")

    def __init__(self, kind: str, cells: Mapping[int, Cell], *, negated: bool = False) -> None:
        own = {
            rule: [span for span in cell.spans if span.kind == kind]
            for rule, cell in cells.items()
            if cell.negated is negated and cell.spans
        }
        self._literals = _literal_sets(own)
        self._ends, self._sets = _interval_sets(own)
        self._excluding: _KindIndex | None = None
        self._hits = 0
        if not negated:
            pure = {
                rule: cell
                for rule, cell in cells.items()
                if cell.negated and cell.spans and all(span.kind == kind for span in cell.spans)
            }
            self._hits = _bits(pure)
            self._excluding = _KindIndex(kind, pure, negated=True) if pure else None

    def rules_for(self, value: Sortable) -> int:
        """The rules whose spans hold the value."""
        found = self._literals.get(value, 0)
        if self._ends:
            place = bisect_left(self._ends, value)
            is_end = place < len(self._ends) and self._ends[place] == value
            found |= self._sets[2 * place + 1 if is_end else 2 * place]
        if self._excluding is not None:
            found |= self._hits & ~self._excluding.rules_for(value)
        return found


def rules_in(bits: int) -> Iterable[int]:
    """The rules of a set, first rule first."""
    while bits:
        lowest = bits & -bits
        yield lowest.bit_length() - 1
        bits ^= lowest


def _bits(rules: Iterable[int]) -> int:
    found = 0
    for rule in rules:
        found |= 1 << rule
    return found


def _literal_sets(own: Mapping[int, list[Span]]) -> dict[Sortable, int]:
    sets: dict[Sortable, int] = {}
    for rule, spans in own.items():
        for span in spans:
            if span.is_literal and span.low is not None:
                sets[span.low] = sets.get(span.low, 0) | 1 << rule
    return sets


def _interval_sets(own: Mapping[int, list[Span]]) -> tuple[list[Sortable], list[int]]:
    """The ends in order, and the sets: before the first end, at it, between it and the second, and so on."""
    intervals = [(rule, span) for rule, spans in own.items() for span in spans if not span.is_literal]
    found = {end for _, span in intervals for end in (span.low, span.high) if end is not None}
    ends: list[Sortable] = sorted(found)
    place = {end: position for position, end in enumerate(ends)}
    starting: dict[int, list[int]] = {}
    stopping: dict[int, list[int]] = {}
    for rule, span in intervals:
        first = 0 if span.low is None else 2 * place[span.low] + (1 if span.low_included else 2)
        last = 2 * len(ends) if span.high is None else 2 * place[span.high] + (1 if span.high_included else 0)
        if first <= last:
            starting.setdefault(first, []).append(rule)
            stopping.setdefault(last + 1, []).append(rule)
    return ends, _sweep(2 * len(ends) + 1, starting, stopping)


def _sweep(
    count: int, starting: Mapping[int, Sequence[int]], stopping: Mapping[int, Sequence[int]]
) -> list[int]:
    """The set at each place, from where rules start and stop; a rule may be covered more than once."""
    sets: list[int] = []
    covered: dict[int, int] = {}
    bits = 0
    for position in range(count):
        for rule in stopping.get(position, ()):
            covered[rule] -= 1
            if not covered[rule]:
                bits ^= 1 << rule
        for rule in starting.get(position, ()):
            if not covered.get(rule, 0):
                bits ^= 1 << rule
            covered[rule] = covered.get(rule, 0) + 1
        sets.append(bits)
    return sets
