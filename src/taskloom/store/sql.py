"""Filters to SQL, once for all adapters that speak it; what differs between them is in a `SqlDialect`."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, Protocol

from taskloom.core.limits import TOTAL_EXACT
from taskloom.store.query import absent, attribute_name, column_type, fitting, fitting_edge, full_order
from taskloom.views.view import (
    And,
    Compare,
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

    def source(self, view: View, columns: AbstractSet[str]) -> str:
        """What the rows of a view are read from when only these columns are asked for; named as its table."""

    def among(self, keys: str) -> str:
        """Whether a row's key is among those a statement finds, which are few."""


class SearchSql:
    """Builds the statements of one search; parameters gather in `values`."""

    def __init__(self, dialect: SqlDialect, views: Mapping[str, View]) -> None:
        self._dialect = dialect
        self._views = views
        self.values: list[Value] = []
        self._named: dict[str, set[str]] = {}
        """View -> the columns that conditions and orders name."""

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
        found = f"WHERE {where} ORDER BY {by} LIMIT {limit}{offset}"
        source = self._source(view)
        if source == table(view):
            return f"SELECT {columns} FROM {source} {found}"  # noqa: S608
        keys = f"SELECT key FROM {source} {found}"  # noqa: S608
        return f"SELECT {columns} FROM {table(view)} WHERE {self._dialect.among(keys)} ORDER BY {by}"  # noqa: S608

    def total(self, query: Query) -> str:
        """The statement that counts the rows, up to one more than is counted exactly."""
        view = self._views[query.view]
        where = self._where(view, query)
        source = self._source(view)
        return f"SELECT count(*) FROM (SELECT 1 FROM {source} WHERE {where} LIMIT {TOTAL_EXACT + 1}) AS c"  # noqa: S608

    def groups(self, query: Query, group_by: tuple[str, ...]) -> str:
        """The statement that counts the rows per combination of columns."""
        view = self._views[query.view]
        by = ", ".join(self._column(view, column) for column in group_by)
        where = self._where(view, query)
        return f"SELECT {by}, count(*) FROM {self._source(view)} WHERE {where} GROUP BY {by}"  # noqa: S608

    def _source(self, view: View) -> str:
        return self._dialect.source(view, self._named.get(view.name, frozenset()))

    def _where(self, view: View, query: Query) -> str:
        condition = self._filter(view, query.filter)
        if query.tenants is None:
            return condition
        if not query.tenants:
            return "FALSE"
        marks = ", ".join(self._mark(tenant) for tenant in query.tenants)
        return f"tenant IN ({marks}) AND {condition}"

    def _column(self, view: View, name: str) -> str:
        column_type(view, name)
        member = attribute_name(view, name)
        self._named.setdefault(view.name, set()).add(name if member is None else "attributes")
        return name if member is None else self._dialect.attribute(member)

    def _fitting(self, view: View, column: str, value: Value) -> str:
        return self._mark(fitting(view, column, value))

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
            return f"({column} {_OPERATORS[node.op]} {self._fitting(view, node.column, node.value)})"
        if isinstance(node, In):
            marks = ", ".join(self._fitting(view, node.column, value) for value in node.values)
            return f"({column} IN ({marks}))" if node.values else "FALSE"
        if isinstance(node, Like):
            fitting(view, node.column, node.pattern)
            return self._dialect.like(column, self._mark(self._dialect.pattern(node.pattern)))
        return f"({column} <> {self._mark(absent(view, node.column))})"

    def _related(self, view: View, node: Related) -> str:
        other = self._views[node.view]
        inner = self._filter(other, node.filter)
        own, column = self._column(view, node.own), self._column(other, node.column)
        return (
            f"({table(view)}.{own} IN (SELECT {column}"  # noqa: S608
            f" FROM {self._source(other)} WHERE {inner}))"
        )

    def _beyond(self, view: View, order: Sequence[Sort], edge: tuple[Value, ...], *, backwards: bool) -> str:
        """Rows after the edge in the order: greater in the first criterion that differs."""
        edge = fitting_edge(view, order, edge)
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


def table(view: View) -> str:
    """The table or SQL view a declared view lives in."""
    return "task_view" if view.name == "tasks" else f"view_{view.name}"


def as_rows(view: View, rows: Sequence[Sequence[Any]]) -> list[dict[str, Any]]:
    """Database rows as mappings, columns by name."""
    names = ("key", "tenant", *view.columns)
    return [dict(zip(names, row, strict=True)) for row in rows]
