"""Files that nothing refers to, because a server died between a file and its row: they go a day later.

Only files that are loose for a day are looked at. Each dialect says in `Dialect.refers` which of them its
rows refer to; those are kept, the others deleted. A day is longer than any request lasts, so no row is on its
way.
"""

import asyncio
import logging
from collections.abc import Sequence
from collections.abc import Set as AbstractSet

from taskloom.core.limits import ORPHANS_AT_ONCE, ORPHANS_SWEEP_S
from taskloom.dialects.operation import Dialect, Services
from taskloom.ports.blobs import Blobs

log = logging.getLogger(__name__)


class Orphans:
    """One background duty; several servers over one folder may do it at once."""

    def __init__(self, dialects: Sequence[Dialect]) -> None:
        self._dialects = dialects
        self._duty: asyncio.Task[None] | None = None

    async def start(self, services: Services) -> None:
        """Begin; the first look is taken at once."""
        self._duty = asyncio.create_task(self._run(services))

    async def stop(self, _services: Services) -> None:
        """End."""
        if self._duty is not None:
            self._duty.cancel()
            await asyncio.gather(self._duty, return_exceptions=True)

    async def _run(self, services: Services) -> None:
        while True:
            try:
                await self.sweep(services)
            except Exception:
                log.exception("files that nothing refers to could not be looked for; trying again later")
            await asyncio.sleep(ORPHANS_SWEEP_S)

    async def sweep(self, services: Services) -> None:
        """Look at everything that is loose, step by step."""
        blobs: Blobs = services.resources["blobs"]
        after = ""
        while loose := await asyncio.to_thread(blobs.loose, after, ORPHANS_AT_ONCE):
            referred = await self._referred(services, loose)
            await asyncio.to_thread(_settle, blobs, loose, referred)
            after = loose[-1]

    async def _referred(self, services: Services, loose: Sequence[str]) -> AbstractSet[str]:
        found: set[str] = set()
        for dialect in self._dialects:
            if dialect.refers is not None:
                found |= await dialect.refers(services, loose)
        return found


def _settle(blobs: Blobs, loose: Sequence[str], referred: AbstractSet[str]) -> None:
    blobs.keep([key for key in loose if key in referred])
    orphans = [key for key in loose if key not in referred]
    for key in orphans:
        blobs.delete(key)
    if orphans:
        log.info("removed %d files that nothing refers to", len(orphans))


def dialect(dialects: Sequence[Dialect]) -> Dialect:
    """The duty as something the server starts and stops with its dialects."""
    orphans = Orphans(dialects)
    return Dialect(
        name="orphans",
        operations=(),
        render=dialects[0].render,
        owns=lambda _path: False,
        start=orphans.start,
        stop=orphans.stop,
    )
