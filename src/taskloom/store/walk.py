"""Filters and sorts as functions over rows: how the memory store searches."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from taskloom.core.limits import TOTAL_EXACT
from taskloom.store.query import absent, attribute_name, column_type, fitting, fitting_edge, full_order
from taskloom.views.view import (
    And,
    Compare,
    Exists,
    Filter,
    In,
    Like,
    Not,
    Or,
    Page,
    Query,
    Related,
    Sort,
    Value,
    View,
)

Row = dict[str, Any]
Test = Callable[[Row], bool]
Rows = Callable[[str], Iterable[Row]]
"""The rows of a view, by its name."""

_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "eq": lambda left, right: left == right,
    "gt": lambda left, right: left > right,
    "gte": lambda left, right: left >= right,
    "lt": lambda left, right: left < right,
    "lte": lambda left, right: left <= right,
}


class Walk:
    """Answers queries over rows in memory."""

    def __init__(self, views: Mapping[str, View], rows: Rows) -> None:
        self._views = views
        self._rows = rows

    def search(self, query: Query) -> Page:
        """A page of a view."""
        view = self._views[query.view]
        order = full_order(query.sort)
        found = self._found(view, query)
        total = len(found)
        found = _sorted(view, found, order)
        if query.after is not None:
            edge = fitting_edge(view, order, query.after)
            found = [row for row in found if _beyond(view, row, order, edge)]
        if query.before is not None:
            edge = fitting_edge(view, order, query.before)
            found = [row for row in found if _before(view, row, order, edge)]
            found = found[max(0, len(found) - query.limit) :]
        rows = [dict(row) for row in found[query.offset : query.offset + query.limit]]
        if not query.total:
            return Page(rows, 0)
        return Page(rows, min(total, TOTAL_EXACT), total > TOTAL_EXACT)

    def aggregate(self, query: Query, group_by: tuple[str, ...]) -> list[tuple[tuple[Any, ...], int]]:
        """Counts per combination of columns."""
        view = self._views[query.view]
        reads = [reader(view, column) for column in group_by]
        counts: dict[tuple[Any, ...], int] = {}
        for row in self._found(view, query):
            group = tuple(read(row) for read in reads)
            counts[group] = counts.get(group, 0) + 1
        return list(counts.items())

    def _found(self, view: View, query: Query) -> list[Row]:
        test = self._test(view, query.filter)
        wall = query.tenants
        return [row for row in self._rows(view.name) if (wall is None or row["tenant"] in wall) and test(row)]

    def _test(self, view: View, node: Filter) -> Test:
        if isinstance(node, And | Or):
            tests = [self._test(view, part) for part in node.parts]
            together = all if isinstance(node, And) else any
            return lambda row: together(test(row) for test in tests)
        if isinstance(node, Not):
            inner = self._test(view, node.part)
            return lambda row: not inner(row)
        if isinstance(node, Related):
            return self._related(view, node)
        return _column_test(view, node)

    def _related(self, view: View, node: Related) -> Test:
        other = self._views[node.view]
        test, read = self._test(other, node.filter), reader(other, node.column)
        own = reader(view, node.own)
        values = {read(row) for row in self._rows(other.name) if test(row)}
        return lambda row: own(row) in values


def _column_test(view: View, node: Compare | In | Like | Exists) -> Test:
    read = reader(view, node.column)
    if isinstance(node, Compare):
        holds, value = _OPERATORS[node.op], fitting(view, node.column, node.value)
        return lambda row: holds(read(row), value)
    if isinstance(node, In):
        values = {fitting(view, node.column, value) for value in node.values}
        return lambda row: read(row) in values
    if isinstance(node, Like):
        fitting(view, node.column, node.pattern)
        matches = re.compile(pattern(node.pattern), re.DOTALL).fullmatch
        return lambda row: matches(read(row).partition("\0")[0]) is not None
    nothing = absent(view, node.column)
    return lambda row: bool(read(row) != nothing)


def pattern(text: str) -> str:
    """A pattern of `*`, `?` and backslash as a regular expression."""
    out: list[str] = []
    escaped = False
    for char in text.partition("\0")[0]:
        if escaped:
            out.append(re.escape(char))
            escaped = False
        elif char == "\\":
            escaped = True
        else:
            out.append({"*": ".*", "?": "."}.get(char) or re.escape(char))
    return "".join(out)


def reader(view: View, column: str) -> Callable[[Row], Any]:
    """How to read a column of a row; raises for one that cannot be searched."""
    column_type(view, column)
    member = attribute_name(view, column)
    if member is None:
        return lambda row: row[column]
    return lambda row: attribute(row["attributes"], member)


def attribute(body: bytes, member: str) -> str:
    """The text of a member: strings, integers and booleans are searched, all else is as if absent."""
    value = msgspec.json.decode(body, type=dict[str, Any]).get(member)
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int) else ""


def _sorted(view: View, rows: list[Row], order: Sequence[Sort]) -> list[Row]:
    for sort in reversed(order):
        rows = sorted(rows, key=reader(view, sort.column), reverse=sort.descending)
    return rows


def _side(view: View, row: Row, order: Sequence[Sort], edge: tuple[Value, ...]) -> int:
    """Where a row lies: -1 before the edge, 0 on it, 1 after it."""
    for sort, value in zip(order, edge, strict=True):
        own: Any = reader(view, sort.column)(row)
        if own != value:
            return 1 if (own > value) != sort.descending else -1
    return 0


def _beyond(view: View, row: Row, order: Sequence[Sort], edge: tuple[Value, ...]) -> bool:
    return _side(view, row, order, edge) > 0


def _before(view: View, row: Row, order: Sequence[Sort], edge: tuple[Value, ...]) -> bool:
    return _side(view, row, order, edge) < 0
