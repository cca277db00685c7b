"""Drives batches on one writer connection, each in a transaction of its own.

What becomes of a batch when the connection is lost depends on when. Before the COMMIT was sent nothing
stands, and the batch may be run again. After it was sent the transaction may stand or not; the mark every
batch writes with its changes answers that on a new connection. Where even this cannot be found out, the batch
is reported as unknown and never run again.
"""

import asyncio
import logging
import secrets
from collections.abc import Mapping
from typing import Any, Final

import asyncpg

from taskloom.ports.faults import fault_point
from taskloom.ports.store import (
    TransientError,
    UnavailableError,
    UnknownOutcomeError,
    Work,
    WorkSource,
)
from taskloom.store.postgres.batches import Mark, Session
from taskloom.store.postgres.connections import UNREACHABLE, WRITE_S, connect, let_go, meaning
from taskloom.views.view import View

log = logging.getLogger(__name__)

_PATIENCE_S: Final = 2.0
"""How long a batch waits for a lost database to come back before it is refused."""
_PAUSE_S: Final = 0.05
_RESOLVE_S: Final = 10.0


class Writer:
    """One writer connection; `ring` it when something waits."""

    def __init__(
        self, url: str, number: int, node: tuple[int, str], views: Mapping[str, View], source: WorkSource
    ) -> None:
        self._url = url
        self._number = number
        self._node = node
        self._views = views
        self._source = source
        self._bell = asyncio.Event()
        self._connection: Any = None
        self._down = False
        self._stopping = False

    def ring(self) -> None:
        """Something waits in the source."""
        self._bell.set()

    def stop(self) -> None:
        """Finish what waits, then end."""
        self._stopping = True
        self._bell.set()

    async def run(self) -> None:
        """Drive batches until stopped."""
        try:
            while True:
                await self._bell.wait()
                self._bell.clear()
                while (work := self._source.next()) is not None:
                    await self._drive(work)
                if self._stopping:
                    return
        finally:
            await self._drop()

    async def _drop(self) -> None:
        if self._connection is not None:
            connection, self._connection = self._connection, None
            await let_go(connection)

    async def _connected(self) -> Any:
        """The connection, made anew if it was lost; patient the first time, quick to refuse after that."""
        if self._connection is not None and not self._connection.is_closed():
            return self._connection
        self._connection = None
        loop = asyncio.get_running_loop()
        deadline = loop.time() + (0 if self._down else _PATIENCE_S)
        while True:
            try:
                self._connection = await connect(self._url, writing=True)
            except UnavailableError:
                self._down = True
                if loop.time() >= deadline:
                    raise
                await asyncio.sleep(_PAUSE_S)
            else:
                self._down = False
                return self._connection

    async def _drive(self, work: Work) -> None:
        try:
            connection = await self._connected()
        except UnavailableError as error:
            work.close()
            self._source.failed(work, error)
            await asyncio.sleep(_PAUSE_S)
            return
        mark = Mark(*self._node, self._number, secrets.randbits(63))
        session = Session(connection, self._views, mark)
        try:
            async with asyncio.timeout(WRITE_S):
                await connection.execute("BEGIN")
                result = await self._steps(session, work)
        except Exception as error:  # noqa: BLE001  whatever it was, the batch is undone and the source told
            work.close()
            await self._roll_back(connection)
            self._source.failed(work, meaning(error))
            return
        await self._commit(connection, session, mark, work, result)

    @staticmethod
    async def _steps(session: Session, work: Work) -> Any:
        try:
            request = next(work)
            while True:
                request = work.send(await session.answer(request))
        except StopIteration as stop:
            return stop.value

    async def _roll_back(self, connection: Any) -> None:
        try:
            async with asyncio.timeout(1):
                await connection.execute("ROLLBACK")
        except Exception:  # noqa: BLE001  a transaction without its connection is rolled back by the server
            connection.terminate()

    async def _commit(self, connection: Any, session: Session, mark: Mark, work: Work, result: Any) -> None:
        fault_point("before_commit")
        try:
            async with asyncio.timeout(WRITE_S):
                await connection.execute("COMMIT")
        except UNREACHABLE as error:
            connection.terminate()
            await self._find_out(session, mark, work, result, error)
        except asyncpg.PostgresError as error:
            await self._roll_back(connection)
            self._source.failed(work, meaning(error))
        else:
            self._source.done(work, result)

    async def _find_out(
        self, session: Session, mark: Mark, work: Work, result: Any, error: Exception
    ) -> None:
        """The answer to COMMIT was lost: ask the database whether it took place."""
        if not session.saved:
            self._source.failed(work, TransientError(str(error)))
            return
        stands = await stands_after_all(self._url, mark)
        log.warning("a commit lost its connection; it stands: %s", stands)
        if stands is None:
            self._source.failed(work, UnknownOutcomeError(str(error)))
        elif stands:
            self._source.done(work, result)
        else:
            self._source.failed(work, TransientError(str(error)))


async def stands_after_all(url: str, mark: Mark) -> bool | None:
    """Whether the batch of a mark was committed; None when that cannot be found out in time.

    The mark is read under its node's lock: while the lost transaction is under way the read waits for it.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + _RESOLVE_S
    while loop.time() < deadline:
        try:
            async with asyncio.timeout_at(deadline):
                connection = await connect(url)
                try:
                    return await _is_last(connection, mark)
                finally:
                    await let_go(connection)
        except (UnavailableError, *UNREACHABLE, asyncpg.PostgresError):
            await asyncio.sleep(_PAUSE_S)
    return None


async def _is_last(connection: Any, mark: Mark) -> bool | None:
    async with connection.transaction():
        owner = await connection.fetchval("SELECT owner FROM nodes WHERE node = $1 FOR UPDATE", mark.node)
        if owner != mark.owner:
            return None
        batch = await connection.fetchval(
            "SELECT batch FROM writers WHERE node = $1 AND writer = $2", mark.node, mark.writer
        )
    return bool(batch == mark.batch)
