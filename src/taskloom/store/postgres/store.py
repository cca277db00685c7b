"""The PostgreSQL store: any number of servers over one database; batches on two writer connections each.

Every acknowledged batch was committed with `synchronous_commit=on`. Connections that break are replaced;
while the database is away, commands and reads end in `UnavailableError`.
"""

import asyncio
import contextlib
import secrets
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

import asyncpg

from taskloom.core.lanes import Gate, Lane, Share
from taskloom.core.records import Record
from taskloom.core.task import Task
from taskloom.ports.store import (
    Details,
    FlowRow,
    FollowUpRow,
    HotCount,
    JournalChunk,
    NotCopiedError,
    OutboxRow,
    Shelf,
    Standing,
    Tell,
    TimerRow,
    UnavailableError,
    UsageQuery,
    UsageSum,
    WorkSource,
)
from taskloom.store.migrations import migrations, pending, standing
from taskloom.store.postgres import lanes, nodes, rows, statements
from taskloom.store.postgres.connections import REFUSED, UNREACHABLE, connect, let_go, make_pool
from taskloom.store.postgres.driver import Writer
from taskloom.views.dead_letters import DEAD_LETTERS
from taskloom.views.tasks import TASKS
from taskloom.views.view import Page, Query, View

Arguments = ParamSpec("Arguments")
Answer = TypeVar("Answer")

_PACKAGE: Final = "taskloom.store.postgres"
_BACK_UP_BY: Final = (
    "PostgreSQL is backed up by its own tools: pg_dump for a dump, pg_basebackup with archived WAL for a copy"
    " up to any instant. Copy the folder of blobs after it."
)
_WRITERS: Final = 2
_READERS: Final = 6
_SCHEMA_LOCK: Final = 0x7461736B6C6F6F6D
"""Servers that start at the same time migrate one after another."""


class PostgresStore:
    """The store port on PostgreSQL; `url` as in `postgresql://user:password@host/database`."""

    shared = True

    def __init__(self, url: str) -> None:
        self._url = url
        self._owner = secrets.token_hex(16)
        self._node = 0
        self._views: dict[str, View] = {}
        self._pool: Any = None
        self._writers: list[Writer] = []
        self._runs: list[asyncio.Task[None]] = []
        self._loop: asyncio.AbstractEventLoop | None = None

    # Opening and closing -------------------------------------------------------------------------------

    async def open(self, views: Sequence[View]) -> None:
        """Migrate, make the tables of the views, connect."""
        self._loop = asyncio.get_running_loop()
        self._views = {view.name: view for view in (TASKS, DEAD_LETTERS, *views)}
        connection = await connect(self._url)
        try:
            await connection.execute("SET statement_timeout = 0; SET lock_timeout = 0")
            await connection.fetchval("SELECT pg_advisory_lock($1)", _SCHEMA_LOCK)
            await self._migrate(connection)
            await rows.views_create(connection, self._views.values())
        finally:
            await let_go(connection)
        self._pool = await make_pool(self._url, _READERS)

    @staticmethod
    async def _migrate(connection: Any) -> None:
        await connection.execute(
            "CREATE TABLE IF NOT EXISTS migrations (number INTEGER PRIMARY KEY, name TEXT, digest TEXT)"
        )
        for migration in pending(migrations(_PACKAGE), await statements.migrations_applied(connection)):
            async with connection.transaction():
                await connection.execute(migration.sql)
                await connection.execute(
                    "INSERT INTO migrations VALUES ($1, $2, $3)",
                    migration.number,
                    migration.name,
                    migration.digest,
                )

    async def close(self) -> None:
        """Finish the batches in line, give the node number back, disconnect."""
        for writer in self._writers:
            writer.stop()
        await asyncio.gather(*self._runs)
        if self._pool is None:
            return
        with contextlib.suppress(UnavailableError):  # then the lease runs out by itself
            await self._read(nodes.give_back, self._owner)
        try:
            async with asyncio.timeout(2):
                await self._pool.close()
        except TimeoutError:
            self._pool.terminate()

    async def standing(self) -> Standing:
        """Which migrations are applied to the database."""
        connection = await connect(self._url)
        try:
            return standing(migrations(_PACKAGE), await statements.migrations_applied(connection))
        finally:
            await let_go(connection)

    async def complaints(self, *, thorough: bool) -> list[str]:
        """Settings of the database that break a promise."""
        del thorough
        connection = await connect(self._url)
        try:
            return await statements.faults(connection)
        finally:
            await let_go(connection)

    async def copy_to(self, target: Path, tell: Tell) -> dict[str, int]:
        """PostgreSQL has better tools for that."""
        del target, tell
        raise NotCopiedError(_BACK_UP_BY)

    async def hold(self, *, held: bool) -> bool:
        """Its files belong to PostgreSQL."""
        del held
        return False

    async def lease_node(self, now: int) -> tuple[int, int]:
        """A node number nobody else has, and the last key it recorded."""
        self._node, last_key = await self._read(nodes.lease, self._owner, now)
        return self._node, last_key

    async def keep_node(self, node: int, now: int) -> bool:
        """Renew the node's lease."""
        return await self._read(nodes.keep, node, self._owner, now)

    # Writing -------------------------------------------------------------------------------------------

    def start(self, source: WorkSource) -> None:
        """Drive batches on the writer connections, on the event loop."""
        node = (self._node, self._owner)
        self._writers = [Writer(self._url, number, node, self._views, source) for number in range(_WRITERS)]
        self._runs = [asyncio.create_task(writer.run()) for writer in self._writers]

    def kick(self) -> None:
        """Ring the writers; the first that is free takes all that waits."""
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._ring)

    def _ring(self) -> None:
        for writer in self._writers:
            writer.ring()

    # Reading -------------------------------------------------------------------------------------------

    async def _read(
        self,
        function: Callable[Concatenate[Any, Arguments], Awaitable[Answer]],
        *arguments: Arguments.args,
        **named: Arguments.kwargs,
    ) -> Answer:
        try:
            return await self._attempt(function, *arguments, **named)
        except UNREACHABLE:
            pass  # a connection may have died while it lay idle: once more, on a new one
        try:
            return await self._attempt(function, *arguments, **named)
        except UNREACHABLE as error:
            raise UnavailableError(f"PostgreSQL cannot be reached: {error}") from error

    async def _attempt(
        self,
        function: Callable[Concatenate[Any, Arguments], Awaitable[Answer]],
        *arguments: Arguments.args,
        **named: Arguments.kwargs,
    ) -> Answer:
        try:
            connection = await self._pool.acquire(timeout=5)
        except REFUSED as error:
            raise UnavailableError(f"PostgreSQL cannot be reached: {error}") from error
        try:
            return await function(connection, *arguments, **named)
        except (asyncpg.InsufficientResourcesError, asyncpg.QueryCanceledError) as error:
            raise UnavailableError(str(error)) from error
        finally:
            await self._pool.release(connection)

    async def task(self, key: int) -> Task | None:
        """A task, hot or ended."""
        return (await self.tasks((key,))).get(key)

    async def tasks(self, keys: Sequence[int]) -> dict[int, Task]:
        """Several tasks, hot or ended."""
        return await self._read(statements.tasks_and_history, keys) if keys else {}

    async def details(self, keys: Sequence[int]) -> dict[int, Details]:
        """What was written once with these tasks."""
        return await self._read(statements.details_by_key, keys) if keys else {}

    async def inputs(self, keys: Sequence[int]) -> dict[int, bytes]:
        """The inputs these tasks were made with."""
        return await self._read(statements.inputs_by_key, keys) if keys else {}

    async def payloads(self, keys: Sequence[int]) -> dict[int, bytes]:
        """Payloads by their own key."""
        return await self._read(statements.payloads_by_key, keys) if keys else {}

    async def flow(self, key: int) -> FlowRow | None:
        """A flow as it stands."""
        return (await self._read(statements.flows_by_key, (key,))).get(key)

    async def record(self, kind: str, tenant: str, name: str) -> Record | None:
        """One record."""
        return await self._read(statements.record_by_id, kind, tenant, name)

    async def record_by_key(self, key: int) -> Record | None:
        """The record that was given this key."""
        return await self._read(statements.record_by_key, key)

    async def records(self, kind: str, tenant: str | None, after: str, limit: int) -> list[Record]:
        """Records of a kind, names above `after`."""
        return await self._read(statements.records_after, kind, tenant, after, limit)

    async def search(self, query: Query) -> Page:
        """A page of a view."""
        return await self._read(rows.search, self._views, query)

    async def aggregate(self, query: Query, group_by: tuple[str, ...]) -> list[tuple[tuple[Any, ...], int]]:
        """Counts per combination of columns."""
        return await self._read(rows.aggregate, self._views, query, group_by)

    async def usage(self, query: UsageQuery) -> list[UsageSum]:
        """Sums of usage."""
        return await self._read(rows.usage_sums, query)

    async def hot_counts(self, queue: str, tenant: str | None) -> list[HotCount]:
        """The living tasks of a queue by level and state."""
        return await self._read(statements.hot_counts, queue, tenant)

    async def unheld(self, shelf: Shelf, upto: int, limit: int) -> list[int]:
        """The oldest tasks of a shelf that no worker holds."""
        return await self._read(statements.unheld, shelf, upto, limit)

    async def journal(self, after: int, limit: int) -> list[JournalChunk]:
        """Chunks that hold events numbered above `after`."""
        return await self._read(statements.journal_after, after, limit)

    async def sequence(self) -> int:
        """The number of the last event."""
        return await self._read(statements.sequence)

    async def due_tasks(self, now: int, limit: int) -> list[int]:
        """Tasks whose instant has come."""
        return await self._read(statements.due_tasks, now, limit)

    async def due_timers(self, now: int, limit: int) -> list[TimerRow]:
        """Timers whose instant has come."""
        return await self._read(statements.due_timers, now, limit)

    async def due_outbox(
        self, now: int, limit: int, each: int = 1, busy: Sequence[str] = (), busy_tenants: Sequence[str] = ()
    ) -> list[OutboxRow]:
        """Calls that may leave now."""
        return await self._read(statements.outbox_due, now, limit, each, (busy, busy_tenants))

    async def follow_ups(self, limit: int) -> list[FollowUpRow]:
        """Follow-up commands not yet done."""
        return await self._read(statements.follow_ups_first, limit)

    async def next_due(self) -> int | None:
        """The earliest instant anything is due."""
        return await self._read(statements.next_due)

    async def ready_queues(self, limit: int) -> list[tuple[str, str, int]]:
        """Where something is ready."""
        return await self._read(lanes.ready_queues, limit)

    async def lanes(self, queue: str, tenant: str | None, limit: int) -> list[Lane]:
        """The lanes of a queue."""
        return await self._read(lanes.of_queue, queue, tenant, limit)

    async def gate(self, queue: str, tenant: str) -> Gate:
        """The limits of a tenant's queue."""
        return await self._read(lanes.gate, queue, tenant)

    async def shares(self, queue: str | None, tenant: str | None, limit: int) -> list[Share]:
        """What waits and is under way."""
        return await self._read(lanes.shares, queue, tenant, limit)
