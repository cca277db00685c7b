"""Databases of both kinds as a test of upgrades fills and looks at them: by statements, past the adapters."""

import contextlib
import sqlite3

import asyncpg

from taskloom.core.task import Task
from taskloom.server.wiring import views
from taskloom.store.postgres import rows as postgres_rows
from taskloom.store.postgres.store import PostgresStore
from taskloom.store.sqlite import rows as sqlite_rows
from taskloom.store.sqlite.store import SqliteStore

ROWS = 1_000_000


PACKED = ("tasks", "history")
"""Tables that hold tasks whole."""
_PLACE = {name: place for place, name in enumerate(Task.__struct_fields__)}
_POSTGRES_TYPES = {int: "bigint", str: "text", bool: "boolean"}


async def _readable(databases, place):
    """Name -> columns, and those that earlier schemas had and that are stored within others now."""
    found = await databases.tables(place)
    for table in PACKED:
        if "body" in found.get(table, ()):
            found[table] += [name for name in Task.__struct_fields__ if name not in found[table]]
    return found


async def _read_from(databases, place, table, columns, spell):
    """What columns are read from, also those within a body."""
    has = (await databases.tables(place))[table]
    if table not in PACKED or "body" not in has:
        return columns
    return [name if name in has else spell(name) for name in columns]


class Sqlite:
    """Databases in folders."""

    package = "taskloom.store.sqlite"
    filled_by_migrations = ("migrations",)

    def __init__(self, tmp_path):
        self._folders = (tmp_path / f"place-{number}" for number in range(100))

    def place(self):
        return next(self._folders)

    def store(self, place):
        return SqliteStore(place)

    @contextlib.contextmanager
    def _connected(self, place):
        place.mkdir(exist_ok=True)
        with contextlib.closing(sqlite3.connect(place / "taskloom.db", isolation_level=None)) as connection:
            yield connection

    async def run(self, place, *statements):
        with self._connected(place) as connection:
            for statement in statements:
                connection.executescript(statement)

    async def insert(self, place, table, columns, rows):
        with self._connected(place) as connection:
            marks = ", ".join("?" for _ in columns)
            connection.executemany(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})", rows)

    async def tables(self, place):
        """Name -> columns."""
        with self._connected(place) as connection:
            names = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
            return {
                name: [row[1] for row in connection.execute(f"PRAGMA table_info({name})")]
                for (name,) in names
            }

    readable = _readable

    @staticmethod
    def _within_body(field):
        return f"json_extract(body, '$[{_PLACE[field]}]')"

    async def rows(self, place, table, columns):
        columns = await _read_from(self, place, table, columns, self._within_body)
        with self._connected(place) as connection:
            return sorted(connection.execute(f"SELECT {', '.join(columns)} FROM {table}").fetchall())

    async def make_views(self, place):
        """The tables of the views, which no migration makes."""
        with self._connected(place) as connection:
            sqlite_rows.views_create(connection, views())

    numbers = (
        f"(WITH RECURSIVE n (value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n WHERE value < {ROWS})"
        " SELECT value FROM n) AS numbers"
    )
    empty = "x'7b7d'"
    false = "0"


class Postgres:
    """Databases of one server."""

    package = "taskloom.store.postgres"
    filled_by_migrations = ("migrations", "nodes", "writers")
    numbers = f"generate_series(1, {ROWS}) AS numbers (value)"
    empty = "'{}'::bytea"
    false = "false"

    def __init__(self, server):
        self._server = server
        self._places = []

    def place(self):
        self._places.append(self._server.new_database())
        return self._places[-1]

    def store(self, place):
        return PostgresStore(place)

    def drop(self):
        for place in self._places:
            self._server.drop_database(place)

    async def _with(self, place, work):
        connection = await asyncpg.connect(place)
        try:
            return await work(connection)
        finally:
            await connection.close()

    async def run(self, place, *statements):
        for statement in statements:
            await self._with(place, lambda connection, sql=statement: connection.execute(sql))

    async def insert(self, place, table, columns, rows):
        marks = ", ".join(f"${number + 1}" for number in range(len(columns)))
        sql = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})"
        await self._with(place, lambda connection: connection.executemany(sql, rows))

    async def tables(self, place):
        sql = (
            "SELECT table_name, column_name FROM information_schema.columns JOIN information_schema.tables"
            " USING (table_schema, table_name) WHERE table_schema = 'public' AND table_type = 'BASE TABLE'"
            " ORDER BY table_name, ordinal_position"
        )
        found = {}
        for table, column in await self._with(place, lambda connection: connection.fetch(sql)):
            found.setdefault(table, []).append(column)
        return found

    readable = _readable

    @staticmethod
    def _within_body(field):
        return f"(body::json ->> {_PLACE[field]})::{_POSTGRES_TYPES[Task.__annotations__[field]]}"

    async def rows(self, place, table, columns):
        columns = await _read_from(self, place, table, columns, self._within_body)
        sql = f"SELECT {', '.join(columns)} FROM {table}"
        return sorted(tuple(row) for row in await self._with(place, lambda connection: connection.fetch(sql)))

    async def make_views(self, place):
        await self._with(place, lambda connection: postgres_rows.views_create(connection, views()))
