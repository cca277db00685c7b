"""Tables of the declared views: made from their declaration, changed by row changes, searched by filters."""

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, Final

from taskloom.core.limits import TOTAL_EXACT
from taskloom.core.usage import UsageCount
from taskloom.ports.store import UsageQuery, UsageSum
from taskloom.store import packed
from taskloom.store.postgres import bodies
from taskloom.store.postgres.statements import Connection
from taskloom.store.postgres.text import all_stored, shown, stored
from taskloom.store.sql import SearchSql, as_rows, table
from taskloom.store.usage_sql import sums
from taskloom.views.fold import RowFold, folded
from taskloom.views.view import ColumnType, Page, Query, RowChange, Value, View

_TYPES: Final = {
    ColumnType.INTEGER: "BIGINT NOT NULL DEFAULT 0",
    ColumnType.TEXT: "TEXT COLLATE \"C\" NOT NULL DEFAULT ''",
    ColumnType.JSON: "BYTEA NOT NULL DEFAULT ''",
}
_ARRAYS: Final = {ColumnType.INTEGER: "bigint[]", ColumnType.TEXT: "text[]", ColumnType.JSON: "bytea[]"}


class PostgresDialect:
    """How PostgreSQL spells what databases spell differently."""

    def placeholder(self, position: int) -> str:
        """Numbered."""
        return f"${position}"

    def like(self, expression: str, mark: str) -> str:
        """LIKE minds letter case; a text is seen up to its first NUL, which is stored as two U+0001."""
        return f"(split_part({expression}, E'\\x01\\x01', 1) LIKE {mark})"

    def pattern(self, text: str) -> str:
        """`*` and `?` become `%` and `_`; what LIKE would take for its own is escaped."""
        out: list[str] = []
        escaped = False
        for char in text.partition("\0")[0]:
            if escaped:
                out.append(f"\\{char}" if char in "\\%_" else char)
                escaped = False
            elif char == "\\":
                escaped = True
            else:
                out.append({"*": "%", "?": "_", "%": "\\%", "_": "\\_"}.get(char, char))
        return "".join(out)

    def attribute(self, name: str) -> str:
        """A member of the attributes as text."""
        return f"(attribute(attributes, '{name}') COLLATE \"C\")"

    def source(self, view: View, columns: AbstractSet[str]) -> str:
        """For tasks no more than is asked for: without attributes there is nothing to join."""
        named = table(view)
        return f"{packed.source(columns, bodies.column)} AS {named}" if named == "task_view" else named

    def among(self, keys: str) -> str:
        """An array, made first; IN would join them to all tasks there are."""
        return f"key = ANY (ARRAY({keys}))"


async def views_create(connection: Connection, views: Iterable[View]) -> None:
    """Make the tables of views that are new, add columns that are new."""
    for view in views:
        if table(view) == "task_view":
            continue
        columns = ", ".join(f"{name} {_TYPES[kind]}" for name, kind in view.columns.items())
        await connection.execute(
            f"CREATE TABLE IF NOT EXISTS {table(view)}"
            f' (key BIGINT PRIMARY KEY, tenant TEXT COLLATE "C" NOT NULL, {columns})'
        )
        for name, kind in view.columns.items():
            await connection.execute(
                f"ALTER TABLE {table(view)} ADD COLUMN IF NOT EXISTS {name} {_TYPES[kind]}"
            )
        for index in view.indexes:
            name = f"{table(view)}_{'_'.join(index)}"
            await connection.execute(
                f"CREATE INDEX IF NOT EXISTS {name} ON {table(view)} (tenant, {', '.join(index)})"
            )


async def rows_apply(connection: Connection, views: Mapping[str, View], changes: Sequence[RowChange]) -> None:
    """Insert, change or remove rows: by view, then by key, so that no two batches wait for each other."""
    for name, folds in sorted(folded(changes).items()):
        view = views[name]
        removed = sorted(key for key, fold in folds.items() if fold.removed)
        if removed:
            gone = f"DELETE FROM {table(view)} WHERE key = ANY($1::bigint[])"  # noqa: S608
            await connection.execute(gone, removed)
        groups: dict[tuple[str, ...], list[int]] = {}
        for key in sorted(folds):
            values = folds[key].values
            if values is not None:
                groups.setdefault(tuple(sorted(values)), []).append(key)
        if len(groups) > 1:
            keys = sorted(key for group in groups.values() for key in group)
            lock = f"SELECT FROM {table(view)} WHERE key = ANY($1::bigint[]) ORDER BY key FOR UPDATE"
            await connection.execute(lock, keys)
        for columns, keys in sorted(groups.items()):
            await _rows_put(connection, view, columns, [(key, folds[key]) for key in keys])


async def _rows_put(
    connection: Connection, view: View, columns: tuple[str, ...], rows: list[tuple[int, RowFold]]
) -> None:
    kinds = [view.columns[column] for column in columns]
    arrays = ["$1::bigint[]", "$2::text[]", *(f"${at}::{_ARRAYS[kind]}" for at, kind in enumerate(kinds, 3))]
    updates = ", ".join(f"{column} = excluded.{column}" for column in columns) or "tenant = excluded.tenant"
    values: list[list[Any]] = [[(fold.values or {})[column] for _, fold in rows] for column in columns]
    await connection.execute(
        f"INSERT INTO {table(view)} ({', '.join(('key', 'tenant', *columns))})"  # noqa: S608
        f" SELECT * FROM unnest({', '.join(arrays)}) ON CONFLICT (key) DO UPDATE SET {updates}",
        [key for key, _ in rows],
        all_stored(fold.tenant for _, fold in rows),
        *[
            all_stored(column) if kind is ColumnType.TEXT else column
            for kind, column in zip(kinds, values, strict=True)
        ],
    )


def _values(builder: SearchSql) -> list[Value]:
    return [stored(value) if isinstance(value, str) else value for value in builder.values]


async def search(connection: Connection, views: Mapping[str, View], query: Query) -> Page:
    """A page of a view."""
    builder = SearchSql(PostgresDialect(), views)
    rows = await connection.fetch(builder.page(query), *_values(builder))
    if query.before is not None:
        rows.reverse()
    total = 0
    if query.total:
        counter = SearchSql(PostgresDialect(), views)
        total = await connection.fetchval(counter.total(query), *_values(counter))
    found = as_rows(views[query.view], [_shown(row) for row in rows])
    return Page(found, min(total, TOTAL_EXACT), total > TOTAL_EXACT)


async def aggregate(
    connection: Connection, views: Mapping[str, View], query: Query, group_by: tuple[str, ...]
) -> list[tuple[tuple[Any, ...], int]]:
    """Counts per combination of columns."""
    builder = SearchSql(PostgresDialect(), views)
    rows = await connection.fetch(builder.groups(query, group_by), *_values(builder))
    return [(tuple(_shown(row)[:-1]), row[-1]) for row in rows]


def _shown(row: Sequence[Any]) -> list[Any]:
    return [shown(value) if isinstance(value, str) else value for value in row]


async def usage_sums(connection: Connection, query: UsageQuery) -> list[UsageSum]:
    """Sums of usage."""
    sql, values = sums(PostgresDialect(), query)
    marks = [stored(value) if isinstance(value, str) else value for value in values]
    width = len(query.group_by)
    rows = [_shown(row) for row in await connection.fetch(sql, *marks)]
    return [(tuple(row[:width]), UsageCount(*row[width:])) for row in rows]
