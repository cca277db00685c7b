"""Wake-ups between servers of one PostgreSQL: LISTEN and NOTIFY on a connection of their own."""

from typing import Any, ClassVar, Final

import asyncpg

from taskloom.bus import shared
from taskloom.bus.shared import CHANNEL, SharedBus
from taskloom.ports.clock import Clock

_SETTINGS: Final = {"application_name": "taskloom-bus", "synchronous_commit": "off"}


class PostgresBus(SharedBus):
    """Hints through the database the servers share."""

    interruptions: ClassVar = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError)

    def __init__(self, url: str, clock: Clock | None = None) -> None:
        super().__init__(clock)
        self._url = url

    async def _session(self) -> None:
        connection: Any = await asyncpg.connect(self._url, timeout=shared.BEAT_S, server_settings=_SETTINGS)
        try:
            await connection.add_listener(CHANNEL, self._notified)
            await self._talk(lambda text: connection.execute("SELECT pg_notify($1, $2)", CHANNEL, text))
        finally:
            connection.terminate()

    def _notified(self, _connection: Any, _pid: int, _channel: str, text: str) -> None:
        self._received(text)
