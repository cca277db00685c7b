"""Connections to PostgreSQL, and what their errors mean to the port."""

import asyncio
from typing import Any, Final

import asyncpg

from taskloom.ports.store import TransientError, UnavailableError

CONNECT_S: Final = 5
WRITE_S: Final = 30
READ_S: Final = 20

_SETTINGS: Final = {
    "application_name": "taskloom",
    "synchronous_commit": "on",
    "jit": "off",
    "lock_timeout": "5s",
    "idle_in_transaction_session_timeout": "15s",
    "statement_timeout": f"{READ_S}s",
}

UNREACHABLE: Final = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.CannotConnectNowError,
    asyncpg.TooManyConnectionsError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.IdleInTransactionSessionTimeoutError,
)
"""The connection is not there any more, or was not to be had."""

REFUSED: Final = (*UNREACHABLE, asyncpg.PostgresError)
"""While connecting, whatever the database says means that there is no connection."""

_UNLUCKY: Final = (
    asyncpg.TransactionRollbackError,
    asyncpg.LockNotAvailableError,
    asyncpg.UniqueViolationError,
    asyncpg.QueryCanceledError,
)
"""Another transaction was in the way; the same batch may do the next time."""

_UNABLE: Final = (asyncpg.InsufficientResourcesError, asyncpg.ReadOnlySQLTransactionError)


def meaning(error: Exception) -> Exception:
    """The port's word for an error before the commit; an error of the batch itself stays what it is."""
    if isinstance(error, (*_UNLUCKY, *UNREACHABLE)):
        return TransientError(str(error))
    if isinstance(error, _UNABLE):
        return UnavailableError(str(error))
    return error


async def connect(url: str, *, writing: bool = False) -> Any:
    """A connection with the settings the promises rest on; raises `UnavailableError` when there is none."""
    settings = dict(_SETTINGS)
    if writing:
        settings["plan_cache_mode"] = "force_generic_plan"
    try:
        return await asyncpg.connect(
            url,
            timeout=CONNECT_S,
            server_settings=settings,
            statement_cache_size=256,
            max_cached_statement_lifetime=0,
        )
    except REFUSED as error:
        raise UnavailableError(f"PostgreSQL cannot be reached: {error}") from error


async def make_pool(url: str, size: int) -> Any:
    """Connections for reading; one that broke is replaced when it is next asked for."""
    try:
        return await asyncpg.create_pool(
            url,
            min_size=1,
            max_size=size,
            timeout=CONNECT_S,
            command_timeout=READ_S,
            server_settings=_SETTINGS,
            statement_cache_size=256,
        )
    except REFUSED as error:
        raise UnavailableError(f"PostgreSQL cannot be reached: {error}") from error


async def let_go(connection: Any) -> None:
    """Close a connection in good order if it still answers, else at once."""
    try:
        async with asyncio.timeout(1):
            await connection.close()
    except Exception:  # noqa: BLE001  it is being given up; how it ends does not matter
        connection.terminate()
