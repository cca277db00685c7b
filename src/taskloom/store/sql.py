"""Filters to SQL, once for all adapters that speak it; what differs between them is in a `SqlDialect`."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from taskloom.core.limits import TOTAL_EXACT
from taskloom.views.view import (
    ATTRIBUTE_PREFIX,
    And,
    Compare,
    Exists,
    Filter,
    In,
    Like,
    Not,
    Or,
    Query,
    Related,
    Sort,
    Value,
    View,
)

_OPERATORS = {"eq": "=", "gt": ">", "gte": ">=", "lt": "<", "lte": "<="}


class SqlDialect(Protocol):
    """The few things in which databases differ."""

    def placeholder(self, position: int) -> str:
        """The mark of the parameter at a position, from 1."""

    def like(self, expression: str, mark: str) -> str:
        """A case-sensitive match of an expression against the pattern at a mark."""

    def pattern(self, text: str) -> str:
        """A pattern of `*`, `?` and backslash in the database's own form."""

    def attribute(self, name: str) -> str:
        """The text of a member of the task view's attributes; `name` is safe to be put in."""


class UnknownColumnError(ValueError):
    """A filter or sort names a column the view does not declare."""


class SearchSql:
    """Builds the statements of one search; parameters gather in `values`."""

    def __init__(self, dialect: SqlDialect, views: Mapping[str, View]) -> None:
        self._dialect = dialect
        self._views = views
        self.values: list[Value] = []

    def _mark(self, value: Value) -> str:
        self.values.append(value)
        return self._dialect.placeholder(len(self.values))

    def page(self, query: Query) -> str:
        """The statement of the page; with `before` its rows come in reverse."""
        view = self._views[query.view]
        order = full_order(query.sort)
        backwards = query.before is not None
        where = self._where(view, query)
        edge = query.before if backwards else query.after
        if edge is not None:
            where = f"{where} AND {self._beyond(view, order, edge, backwards=backwards)}"
        by = ", ".join(
            f"{self._column(view, sort.column)} {'DESC' if sort.descending != backwards else 'ASC'}"
            for sort in order
        )
        columns = ", ".join(("key", "tenant", *view.columns))
        limit = self._mark(query.limit)
        offset = f" OFFSET {self._mark(query.offset)}" if query.offset else ""
        return f"SELECT {columns} FROM {table(view)} WHERE {where} ORDER BY {by} LIMIT {limit}{offset}"  # noqa: S608

    def total(self, query: Query) -> str:
        """The statement that counts the rows, up to one more than is counted exactly."""
        view = self._views[query.view]
        where = self._where(view, query)
        return (
            f"SELECT count(*) FROM (SELECT 1 FROM {table(view)} WHERE {where} LIMIT {TOTAL_EXACT + 1}) AS c"  # noqa: S608
        )

    def groups(self, query: Query, group_by: tuple[str, ...]) -> str:
        """The statement that counts the rows per combination of columns."""
        view = self._views[query.view]
        by = ", ".join(self._column(view, column) for column in group_by)
        return f"SELECT {by}, count(*) FROM {table(view)} WHERE {self._where(view, query)} GROUP BY {by}"  # noqa: S608

    def _where(self, view: View, query: Query) -> str:
        condition = self._filter(view, query.filter)
        if query.tenants is None:
            return condition
        marks = ", ".join(self._mark(tenant) for tenant in query.tenants)
        return f"tenant IN ({marks}) AND {condition}"

    def _column(self, view: View, name: str) -> str:
        if name in ("key", "tenant") or name in view.columns:
            return name
        if name.startswith(ATTRIBUTE_PREFIX) and "attributes" in view.columns:
            member = name.removeprefix(ATTRIBUTE_PREFIX)
            if member.isidentifier() and member.isascii():
                return self._dialect.attribute(member)
        raise UnknownColumnError(name)

    def _filter(self, view: View, node: Filter) -> str:
        if isinstance(node, And | Or):
            word, empty = (" AND ", "TRUE") if isinstance(node, And) else (" OR ", "FALSE")
            return f"({word.join(self._filter(view, part) for part in node.parts)})" if node.parts else empty
        if isinstance(node, Not):
            return f"(NOT {self._filter(view, node.part)})"
        if isinstance(node, Related):
            return self._related(view, node)
        column = self._column(view, node.column)
        if isinstance(node, Compare):
            return f"({column} {_OPERATORS[node.op]} {self._mark(node.value)})"
        if isinstance(node, In):
            marks = ", ".join(self._mark(value) for value in node.values)
            return f"({column} IN ({marks}))" if node.values else "FALSE"
        if isinstance(node, Like):
            return self._dialect.like(column, self._mark(self._dialect.pattern(node.pattern)))
        return f"({column} <> {self._mark(self._absent(view, node))})"

    def _absent(self, view: View, node: Exists) -> Value:
        declared = view.columns.get(node.column)
        return 0 if node.column == "key" or (declared and declared.value == "integer") else ""

    def _related(self, view: View, node: Related) -> str:
        other = self._views[node.view]
        inner = self._filter(other, node.filter)
        own = self._column(view, node.own)
        return (
            f"({table(view)}.{own} IN (SELECT {self._column(other, node.column)}"  # noqa: S608
            f" FROM {table(other)} WHERE {inner}))"
        )

    def _beyond(self, view: View, order: Sequence[Sort], edge: tuple[Value, ...], *, backwards: bool) -> str:
        """Rows after the edge in the order: greater in the first criterion that differs."""
        if len(edge) != len(order):
            raise UnknownColumnError("the cursor does not belong to this sort")
        cases = []
        for place, sort in enumerate(order):
            equal = [
                f"{self._column(view, other.column)} = {self._mark(edge[at])}"
                for at, other in enumerate(order[:place])
            ]
            sign = "<" if sort.descending != backwards else ">"
            last = f"{self._column(view, sort.column)} {sign} {self._mark(edge[place])}"
            cases.append(f"({' AND '.join([*equal, last])})")
        return f"({' OR '.join(cases)})"


def full_order(sort: Sequence[Sort]) -> tuple[Sort, ...]:
    """The sort with the key as its last criterion, so that every order is total."""
    if any(one.column == "key" for one in sort):
        return tuple(sort)
    return (*sort, Sort("key", descending=bool(sort) and sort[-1].descending))


def table(view: View) -> str:
    """The table or SQL view a declared view lives in."""
    return "task_view" if view.name == "tasks" else f"view_{view.name}"


def as_rows(view: View, rows: Sequence[Sequence[Any]]) -> list[dict[str, Any]]:
    """Database rows as mappings, columns by name."""
    names = ("key", "tenant", *view.columns)
    return [dict(zip(names, row, strict=True)) for row in rows]
