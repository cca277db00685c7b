"""The SQLite store: one file, WAL, synchronous=FULL, one writer thread, readers on their own connections.

One process owns the data folder (a lock file sees to it), so nothing else can change the database.
"""

import asyncio
import contextlib
import fcntl
import logging
import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import IO, Any, Concatenate, Final, ParamSpec, TypeVar

from taskloom.core.lanes import Gate, Lane, Share
from taskloom.core.records import Record
from taskloom.core.task import Task
from taskloom.ports.faults import fault_point
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
    Work,
    WorkSource,
)
from taskloom.store.migrations import migrations, pending, standing
from taskloom.store.sqlite import lanes, rows, statements
from taskloom.store.sqlite.batches import answer
from taskloom.store.sqlite.copying import copied
from taskloom.store.sqlite.hot import HotTasks
from taskloom.store.sqlite.hot_lanes import HotLanes
from taskloom.views.dead_letters import DEAD_LETTERS
from taskloom.views.tasks import TASKS
from taskloom.views.view import Page, Query, View

log = logging.getLogger(__name__)

Arguments = ParamSpec("Arguments")
Answer = TypeVar("Answer")

_PACKAGE: Final = "taskloom.store.sqlite"
_NODE: Final = 1
_READERS: Final = 2
_CHECKPOINT_PAGES: Final = 10_000
_BUSY: Final = frozenset({"database or disk is full", "disk I/O error", "database is locked"})


class DataInUseError(Exception):
    """Another process works on this data folder."""


def connect(path: Path, *, synchronous: str = "FULL", readonly: bool = False) -> sqlite3.Connection:
    """A connection with the settings the promises rest on."""
    connection = sqlite3.connect(
        path, isolation_level=None, check_same_thread=False, cached_statements=512, timeout=30
    )
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute(f"PRAGMA synchronous = {synchronous}")
    connection.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
    connection.execute("PRAGMA cache_size = -65536")
    connection.execute("PRAGMA temp_store = MEMORY")
    if readonly:
        connection.execute("PRAGMA query_only = ON")
    return connection


class SqliteStore:
    """The store port on SQLite."""

    shared = False

    def __init__(self, folder: Path, *, synchronous: str = "FULL") -> None:
        self._folder = folder
        self._synchronous = synchronous
        self._views: dict[str, View] = {}
        self._lock: IO[bytes] | None = None
        self._connection: sqlite3.Connection | None = None
        self._hot = HotTasks()
        self._hot_lanes = HotLanes()
        self._source: WorkSource | None = None
        self._thread: threading.Thread | None = None
        self._bell: SimpleQueue[None] = SimpleQueue()
        self._rung = False
        self._stopping = False
        self._readers = ThreadPoolExecutor(_READERS, thread_name_prefix="store-reader")
        self._local = threading.local()
        self._opened: list[sqlite3.Connection] = []
        self._errands: deque[Callable[[sqlite3.Connection], None]] = deque()

    # Opening and closing -------------------------------------------------------------------------------

    async def open(self, views: Sequence[View]) -> None:
        """Take the data folder, migrate, make the tables of the views."""
        self._views = {view.name: view for view in (TASKS, DEAD_LETTERS, *views)}
        await asyncio.get_running_loop().run_in_executor(self._readers, self._open)

    def _open(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock = (self._folder / "lock").open("wb")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._lock.close()
            raise DataInUseError(f"another process works on {self._folder}") from error
        self._connection = connect(self._path, synchronous=self._synchronous)
        self._migrate(self._connection)
        rows.views_create(self._connection, self._views.values())

    @property
    def _path(self) -> Path:
        return self._folder / "taskloom.db"

    @staticmethod
    def _migrate(connection: sqlite3.Connection) -> None:
        connection.execute(
            "CREATE TABLE IF NOT EXISTS migrations (number INTEGER PRIMARY KEY, name TEXT, digest TEXT)"
        )
        for migration in pending(migrations(_PACKAGE), statements.migrations_applied(connection)):
            connection.executescript(f"BEGIN IMMEDIATE;\n{migration.sql}")
            connection.execute(
                "INSERT INTO migrations VALUES (?, ?, ?)",
                (migration.number, migration.name, migration.digest),
            )
            connection.execute("COMMIT")

    async def close(self) -> None:
        """Finish the running batch, checkpoint, let go of the folder."""
        self._stopping = True
        self._bell.put(None)
        loop = asyncio.get_running_loop()
        if self._thread is not None:
            await loop.run_in_executor(None, self._thread.join)
        await loop.run_in_executor(None, self._readers.shutdown)
        for reader in self._opened:
            reader.close()
        if self._connection is not None:
            await loop.run_in_executor(None, self._close)

    def _close(self) -> None:
        assert self._connection is not None
        self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._connection.close()
        if self._lock is not None:
            self._lock.close()

    async def standing(self) -> Standing:
        """Which migrations are applied; a file that is not there has none."""
        applied = await asyncio.to_thread(self._looked_at, statements.migrations_applied, {})
        return standing(migrations(_PACKAGE), applied)

    async def complaints(self, *, thorough: bool) -> list[str]:
        """What SQLite's own check finds."""
        return await asyncio.to_thread(self._looked_at, statements.faults, []) if thorough else []

    async def copy_to(self, target: Path, tell: Tell) -> dict[str, int]:
        """A copy by SQLite's online backup."""

        def copy(source: sqlite3.Connection) -> dict[str, int]:
            return copied(source, target, tell)

        rows = await asyncio.to_thread(self._looked_at, copy, {})
        if not rows:
            raise NotCopiedError(f"there is no database in {self._folder}")
        return rows

    def _looked_at(self, function: Callable[[sqlite3.Connection], Answer], absent: Answer) -> Answer:
        """What a connection of its own says, whoever works on the file; makes no file."""
        if not self._path.is_file():
            return absent
        try:
            with contextlib.closing(connect(self._path, readonly=True)) as connection:
                return function(connection)
        except sqlite3.Error as error:
            raise UnavailableError(f"{self._path}: {error}") from error

    async def hold(self, *, held: bool) -> bool:
        """No checkpoint while held: the main file stays as it is, the log only grows."""
        pages = 0 if held else _CHECKPOINT_PAGES
        done: Future[None] = Future()

        def set_pages(connection: sqlite3.Connection) -> None:
            connection.execute(f"PRAGMA wal_autocheckpoint = {pages}")
            done.set_result(None)

        self._errands.append(set_pages)
        self.kick()
        await asyncio.wrap_future(done)
        return True

    async def lease_node(self, now: int) -> tuple[int, int]:
        """There is one node; the last key it recorded stands in the head."""
        del now
        row = await self._read(lambda c: c.execute("SELECT last_key FROM head").fetchone())
        return _NODE, int(row[0])

    async def keep_node(self, node: int, now: int) -> bool:
        """The lock on the folder is the lease."""
        del now
        return node == _NODE

    # Writing -------------------------------------------------------------------------------------------

    def start(self, source: WorkSource) -> None:
        """Drive batches in the writer thread."""
        self._source = source
        self._thread = threading.Thread(target=self._write, name="store-writer", daemon=True)
        self._thread.start()

    def kick(self) -> None:
        """Ring the writer; many rings before it looks are one."""
        if not self._rung:
            self._rung = True
            self._bell.put(None)

    def _write(self) -> None:
        assert self._source is not None
        while True:
            self._bell.get()
            self._rung = False
            self._run_errands()
            while (work := self._source.next()) is not None:
                self._drive(work)
                self._run_errands()
            if self._stopping:
                return

    def _run_errands(self) -> None:
        """What concerns the writer's connection is done between two batches."""
        assert self._connection is not None
        while self._errands:
            self._errands.popleft()(self._connection)

    def _drive(self, work: Work) -> None:
        assert self._connection is not None
        assert self._source is not None
        connection = self._connection
        try:
            connection.execute("BEGIN IMMEDIATE")
            request = next(work)
            while True:
                request = work.send(answer(connection, request, self._hot, self._hot_lanes))
        except StopIteration as stop:
            try:
                fault_point("before_commit")
                connection.execute("COMMIT")
            except sqlite3.Error as error:
                self._undo(work, error)
            else:
                self._source.done(work, stop.value)
        except Exception as error:  # noqa: BLE001  whatever it was, the batch is undone and the source told
            self._undo(work, error)

    def _undo(self, work: Work, error: Exception) -> None:
        assert self._connection is not None
        assert self._source is not None
        self._hot.forget()
        self._hot_lanes.forget()
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")
        full = isinstance(error, sqlite3.OperationalError) and str(error) in _BUSY
        self._source.failed(work, UnavailableError(str(error)) if full else error)

    # Reading -------------------------------------------------------------------------------------------

    async def _read(
        self,
        function: Callable[Concatenate[sqlite3.Connection, Arguments], Answer],
        *arguments: Arguments.args,
        **named: Arguments.kwargs,
    ) -> Answer:
        def call() -> Answer:
            connection = getattr(self._local, "connection", None)
            if connection is None:
                connection = self._local.connection = connect(self._path, readonly=True)
                self._opened.append(connection)
            return function(connection, *arguments, **named)

        try:
            return await asyncio.get_running_loop().run_in_executor(self._readers, call)
        except sqlite3.OperationalError as error:
            raise UnavailableError(str(error)) from error

    async def task(self, key: int) -> Task | None:
        """A task, hot or ended."""
        return (await self.tasks((key,))).get(key)

    async def tasks(self, keys: Sequence[int]) -> dict[int, Task]:
        """Several tasks, hot or ended."""
        return await self._read(statements.tasks_by_key, keys) if keys else {}

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
        row = await self._read(lambda c: c.execute("SELECT sequence FROM head").fetchone())
        return int(row[0])

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
        found = await self._read(
            lambda c: c.execute("SELECT key, body FROM follow_ups ORDER BY key LIMIT ?", (limit,)).fetchall()
        )
        return [FollowUpRow(*row) for row in found]

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
        """What waits, is under way and was."""
        return await self._read(lanes.shares, queue, tenant, limit)
