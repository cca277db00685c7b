"""The stores the kill tests run on, as seen from outside the server."""

import asyncio
import contextlib
import sqlite3
from collections.abc import Callable
from pathlib import Path

import asyncpg

from taskloom.ports.store import Store
from taskloom.store.postgres.store import PostgresStore
from taskloom.store.sqlite.store import SqliteStore
from tests.faults import checker

_OPEN = (
    "SELECT (SELECT count(*) FROM tasks) + (SELECT count(*) FROM outbox) + (SELECT count(*) FROM follow_ups)"
)


class StoreUnderTest:
    """A store's name and address, and two looks at it."""

    def __init__(
        self, name: str, url: str, count_open: Callable[[], int], adapter: Callable[[], Store]
    ) -> None:
        self.name = name
        self.url = url
        self._count_open = count_open
        self._adapter = adapter

    def is_at_rest(self) -> bool:
        """No task is open, no call and no follow-up command waits."""
        return self._count_open() == 0

    def gather(self) -> checker.Evidence:
        """Everything it holds, read through the adapter after the server has ended."""

        async def read() -> checker.Evidence:
            store = self._adapter()
            await store.open(())
            try:
                return await checker.gather(store)
            finally:
                await store.close()

        return asyncio.run(read())


def sqlite_store(data: Path) -> StoreUnderTest:
    """The store under a data folder."""

    def count_open() -> int:
        with contextlib.closing(
            sqlite3.connect(f"file:{data / 'taskloom.db'}?mode=ro", uri=True)
        ) as connection:
            return int(connection.execute(_OPEN).fetchone()[0])

    return StoreUnderTest("sqlite", "", count_open, lambda: SqliteStore(data))


def postgres_store(url: str) -> StoreUnderTest:
    """The store in a database."""

    async def count() -> int:
        connection = await asyncpg.connect(url)
        try:
            return int(await connection.fetchval(_OPEN))
        finally:
            await connection.close()

    return StoreUnderTest("postgres", url, lambda: asyncio.run(count()), lambda: PostgresStore(url))
