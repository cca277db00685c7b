"""Tables of the declared views: made from their declaration, changed by row changes, searched by filters."""

import functools
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

from taskloom.core.limits import TOTAL_EXACT
from taskloom.core.usage import UsageCount
from taskloom.ports.store import UsageQuery, UsageSum
from taskloom.store import packed
from taskloom.store.sql import SearchSql, as_rows, table
from taskloom.store.sqlite.statements import Connection
from taskloom.store.usage_sql import sums
from taskloom.views.fold import folded
from taskloom.views.view import ColumnType, Page, Query, RowChange, View

_TYPES = {
    ColumnType.INTEGER: "INTEGER NOT NULL DEFAULT 0",
    ColumnType.TEXT: "TEXT NOT NULL DEFAULT ''",
    ColumnType.JSON: "BLOB NOT NULL DEFAULT x''",
}


class SqliteDialect:
    """How SQLite spells what databases spell differently."""

    def placeholder(self, position: int) -> str:
        """Numbered, so that the order of building is the order of values."""
        return f"?{position}"

    def like(self, expression: str, mark: str) -> str:
        """GLOB, for LIKE ignores letter case."""
        return f"({expression} GLOB {mark})"

    def pattern(self, text: str) -> str:
        """`*` and `?` are GLOB's own; what a backslash escapes and `[` go into a class of one."""
        out: list[str] = []
        escaped = False
        for char in text:
            if not escaped and char == "\\":
                escaped = True
                continue
            special = char == "[" or (escaped and char in "*?")
            out.append(f"[{char}]" if special else char)
            escaped = False
        return "".join(out)

    def attribute(self, name: str) -> str:
        """Strings and integers as text, booleans by name; all else is as if absent."""
        body = "CAST(attributes AS TEXT)"
        value = f"CAST(json_extract({body}, '$.{name}') AS TEXT)"
        return (
            f"(CASE json_type({body}, '$.{name}') WHEN 'text' THEN {value} WHEN 'integer' THEN {value}"
            " WHEN 'true' THEN 'true' WHEN 'false' THEN 'false' ELSE '' END)"
        )

    def source(self, view: View, columns: AbstractSet[str]) -> str:
        """For tasks no more than is asked for, since each column that is none in the table takes its time."""
        named = table(view)
        return f"{packed.source(columns, _column)} AS {named}" if named == "task_view" else named

    def among(self, keys: str) -> str:
        """IN, of which SQLite makes a look-up for each."""
        return f"key IN ({keys})"


def _column(name: str) -> str:
    return f"t.{name}" if name in packed.COLUMNS else f"json_extract(t.body, '$[{packed.PLACES[name]}]')"


def views_create(connection: Connection, views: Iterable[View]) -> None:
    """Make the tables of views that are new, add columns that are new."""
    for view in views:
        if table(view) == "task_view":
            continue
        columns = ", ".join(f"{name} {_TYPES[kind]}" for name, kind in view.columns.items())
        connection.execute(
            f"CREATE TABLE IF NOT EXISTS {table(view)}"
            f" (key INTEGER PRIMARY KEY, tenant TEXT NOT NULL, {columns})"
        )
        present = {row[1] for row in connection.execute(f"PRAGMA table_info({table(view)})")}
        for name, kind in view.columns.items():
            if name not in present:
                connection.execute(f"ALTER TABLE {table(view)} ADD COLUMN {name} {_TYPES[kind]}")
        for index in view.indexes:
            name = f"{table(view)}_{'_'.join(index)}"
            connection.execute(
                f"CREATE INDEX IF NOT EXISTS {name} ON {table(view)} (tenant, {', '.join(index)})"
            )


def rows_apply(connection: Connection, changes: Sequence[RowChange]) -> None:
    """Insert, change or remove rows; what several changes make of one row is written once."""
    for view, folds in folded(changes).items():
        removed = [(key,) for key, fold in folds.items() if fold.removed]
        if removed:
            connection.executemany(f"DELETE FROM view_{view} WHERE key = ?", removed)  # noqa: S608
        groups: dict[tuple[str, ...], list[tuple[Any, ...]]] = {}
        for key, fold in folds.items():
            if fold.values is not None:
                row = (key, fold.tenant, *fold.values.values())
                groups.setdefault(tuple(fold.values), []).append(row)
        for columns, rows in groups.items():
            connection.executemany(_upsert(view, columns), rows)


@functools.lru_cache(maxsize=512)
def _upsert(view: str, columns: tuple[str, ...]) -> str:
    marks = ", ".join("?" for _ in range(len(columns) + 2))
    updates = ", ".join(f"{column} = excluded.{column}" for column in columns) or "tenant = tenant"
    return (
        f"INSERT INTO view_{view} ({', '.join(('key', 'tenant', *columns))}) VALUES ({marks})"  # noqa: S608
        f" ON CONFLICT (key) DO UPDATE SET {updates}"
    )


def search(connection: Connection, views: Mapping[str, View], query: Query) -> Page:
    """A page of a view."""
    builder = SearchSql(SqliteDialect(), views)
    rows = connection.execute(builder.page(query), builder.values).fetchall()
    if query.before is not None:
        rows.reverse()
    total = 0
    if query.total:
        counter = SearchSql(SqliteDialect(), views)
        total = connection.execute(counter.total(query), counter.values).fetchone()[0]
    found = as_rows(views[query.view], rows)
    return Page(found, min(total, TOTAL_EXACT), total > TOTAL_EXACT)


def aggregate(
    connection: Connection, views: Mapping[str, View], query: Query, group_by: tuple[str, ...]
) -> list[tuple[tuple[Any, ...], int]]:
    """Counts per combination of columns."""
    builder = SearchSql(SqliteDialect(), views)
    rows = connection.execute(builder.groups(query, group_by), builder.values).fetchall()
    return [(tuple(row[:-1]), row[-1]) for row in rows]


def usage_sums(connection: Connection, query: UsageQuery) -> list[UsageSum]:
    """Sums of usage."""
    sql, values = sums(SqliteDialect(), query)
    width = len(query.group_by)
    return [(tuple(row[:width]), UsageCount(*row[width:])) for row in connection.execute(sql, values)]
