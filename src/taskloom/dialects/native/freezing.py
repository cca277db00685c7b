"""Holding the stored files still for a while, so that they can be copied with any tool.

While they are held there is no checkpoint and no file is deleted; work goes on. It ends by itself, so that a
copier that died does not let the log grow for ever. Whoever thaws is told whether the hold lasted: a copy
that outlived it is not to be trusted.
"""

import asyncio
import contextlib
import secrets
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from taskloom.core.limits import FREEZE_S_DEFAULT, FREEZE_S_MAX
from taskloom.dialects.native import wire
from taskloom.dialects.native.bodies import body_as
from taskloom.dialects.operation import Refusal, Reply, Request, Response, Services
from taskloom.ports.blobs import Blobs
from taskloom.ports.clock import Clock
from taskloom.ports.store import Store

FREEZER: Final = "freezer"
"""The resource that does it."""

_NOT_YOURS: Final = Refusal(404, "not_found", "the stored files are those of every tenant")
_NO_FILES: Final = Refusal(
    409, "not_supported", "copying files is no backup of this store: use the tools of its database"
)
_FROZEN: Final = Refusal(409, "conflict", "the files are frozen already")
_OVER: Final = Refusal(
    409, "freeze_over", "the freeze had ended before: what was copied is not to be trusted, copy it again"
)


class Freeze(Struct, forbid_unknown_fields=True):
    """For how long."""

    seconds: Annotated[int, Meta(ge=1, le=FREEZE_S_MAX)] = FREEZE_S_DEFAULT


class Thaw(Struct, forbid_unknown_fields=True):
    """Which freeze is to end."""

    id: Annotated[str, Meta(max_length=64)]


class Freezer:
    """At most one hold at a time."""

    def __init__(self, store: Store, blobs: Blobs, clock: Clock) -> None:
        self._store = store
        self._blobs = blobs
        self._clock = clock
        self._id = ""
        self._until = 0
        self._hold = contextlib.ExitStack()
        self._alarm: asyncio.Task[None] | None = None

    async def freeze(self, seconds: int) -> wire.Frozen | Refusal:
        """Hold the files."""
        if self._id:
            return _FROZEN
        self._id = secrets.token_hex(8)
        await asyncio.to_thread(self._hold.enter_context, self._blobs.held())
        if not await self._store.hold(held=True):
            await self._let_go()
            return _NO_FILES
        self._until = self._clock.now_ms() + 1000 * seconds
        self._alarm = asyncio.create_task(self._end_after(seconds))
        until = wire.instant(self._until)
        assert until is not None
        return wire.Frozen(self._id, until)

    async def thaw(self, freeze: str) -> bool:
        """Let go; whether this very freeze had lasted until now."""
        if not self._id or not secrets.compare_digest(freeze.encode(), self._id.encode()):
            return False
        if self._alarm is not None:
            self._alarm.cancel()
        await self._store.hold(held=False)
        await self._let_go()
        return True

    async def close(self) -> None:
        """The server ends, and with it the hold."""
        await self.thaw(self._id)

    async def _end_after(self, seconds: int) -> None:
        await asyncio.sleep(seconds)
        self._alarm = None
        await self.thaw(self._id)

    async def _let_go(self) -> None:
        self._id = ""
        await asyncio.to_thread(self._hold.close)


async def start(services: Services) -> None:
    """Be ready to hold the files."""
    engine, blobs = services.engine, services.resources["blobs"]
    services.resources[FREEZER] = Freezer(engine.store, blobs, engine.clock)


async def stop(services: Services) -> None:
    """End what is held."""
    await services.resources[FREEZER].close()


async def visible(request: Request) -> Refusal | None:
    """The files hold what belongs to every tenant, so only the administrator of all knows of them."""
    return None if request.wall is None else _NOT_YOURS


async def freeze(request: Request) -> Reply:
    """Hold the stored files still."""
    asked = body_as(Freeze, request.body or b"{}")
    if isinstance(asked, Refusal):
        return asked
    frozen = await request.services.resources[FREEZER].freeze(asked.seconds)
    return frozen if isinstance(frozen, Refusal) else Response(body=msgspec.json.encode(frozen))


async def thaw(request: Request) -> Reply:
    """Let go of them."""
    asked = body_as(Thaw, request.body)
    if isinstance(asked, Refusal):
        return asked
    lasted = await request.services.resources[FREEZER].thaw(asked.id)
    return Response(204) if lasted else _OVER
