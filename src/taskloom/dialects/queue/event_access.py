"""Who may write on the event bus: each key has a user and a topic of its own, while it is the same key.

Passwords are records of our store, because the streams' server forgets its users when it starts anew, and
workers ask for an address only once.
"""

import hashlib
import secrets
from typing import Final
from urllib.parse import quote, unquote

import msgspec
from msgspec import Struct

from taskloom.core.access import EVERY_TENANT, Principal
from taskloom.core.credentials import KEY, KeyRecord, principal_of
from taskloom.core.records import PutRecords, RecordChange
from taskloom.core.rejections import Kind, Rejection
from taskloom.dialects.queue.finishing import Actor
from taskloom.engine.engine import Engine
from taskloom.ports.bus import Streams

PREFIX: Final = "taskloom:eventbus:"
"""How every stream's name begins."""

_ACCESS: Final = "event_access"
"""Kind of the records that hold an `Access`: tenant `*`, named by tenant and key."""
_PAGE: Final = 500


class Access(Struct, frozen=True):
    """What a key has on the event bus."""

    tenant: str
    name: str
    home: str
    """The tenant of the key itself."""
    id: str
    """Which of the keys that ever had the name."""
    password: str

    @property
    def topic(self) -> str:
        """How the streams begin that it may write to."""
        return topic(self.tenant, self.name)

    @property
    def user(self) -> str:
        """Its name at the streams' server."""
        return "taskloom-" + hashlib.sha256(self.topic.encode()).hexdigest()[:24]

    @property
    def record(self) -> str:
        """What its record is called."""
        return f"{self.tenant}/{self.name}"


def topic(tenant: str, key: str) -> str:
    """How the streams of a key begin."""
    return f"{PREFIX}{tenant}:{quote(key, safe='')}:"


class Accesses:
    """The accesses in the store, and their users at the streams' server."""

    def __init__(self, engine: Engine, streams: Streams) -> None:
        self._engine = engine
        self._streams = streams

    async def of(self, tenant: str, principal: Principal) -> Access | None:
        """What the key has already, or has from now on; None when it cannot be stored now."""
        key = await self._key(principal.tenant, principal.name)
        if key is None:
            return None
        wanted = Access(tenant, principal.name, principal.tenant, key.id, secrets.token_hex(24))
        record = await self._engine.store.record(_ACCESS, EVERY_TENANT, wanted.record)
        if record is not None:
            found = msgspec.json.decode(record.body, type=Access)
            if (found.home, found.id) == (wanted.home, wanted.id):
                return found
        version = 0 if record is None else record.version
        change = RecordChange(_ACCESS, EVERY_TENANT, wanted.record, msgspec.json.encode(wanted), version)
        outcome = await self._engine.submit(PutRecords((change,)))
        if not isinstance(outcome, Rejection):
            return wanted
        return await self.of(tenant, principal) if outcome.kind is Kind.VERSION_CONFLICT else None

    async def admit_all(self) -> None:
        """See to it that every key has its user, and that nobody else has one."""
        after = ""
        while page := await self._engine.store.records(_ACCESS, EVERY_TENANT, after, _PAGE):
            for record in page:
                access = msgspec.json.decode(record.body, type=Access)
                if await self._actor(access) is None:
                    await self._forget(access)
                else:
                    await self._streams.admit(access.user, access.password, access.topic)
            after = page[-1].name

    async def actor(self, stream: str) -> Actor | None:
        """Who wrote to a stream; None when it is nobody who may work now."""
        tenant, _, rest = stream.removeprefix(PREFIX).partition(":")
        name = unquote(rest.partition(":")[0])
        record = await self._engine.store.record(_ACCESS, EVERY_TENANT, f"{tenant}/{name}")
        if record is None:
            return None
        access = msgspec.json.decode(record.body, type=Access)
        found = await self._actor(access)
        if found is None:
            await self._forget(access)
        return found

    async def _actor(self, access: Access) -> Actor | None:
        """The key as it is now; None when it is another one, or may not work any more."""
        key = await self._key(access.home, access.name)
        if key is None or key.id != access.id:
            return None
        now = self._engine.clock.now_ms()
        over = key.revoked_at or (key.expires_at and key.expires_at <= now)
        principal = principal_of(key)
        if over or not principal.may("task.work"):
            return None
        return Actor(principal.wall, principal.name, principal.worker)

    async def _key(self, home: str, name: str) -> KeyRecord | None:
        record = await self._engine.store.record(KEY, home, name)
        return None if record is None else msgspec.json.decode(record.body, type=KeyRecord)

    async def _forget(self, access: Access) -> None:
        """The key is gone: so is its way in."""
        await self._streams.dismiss(access.user)
        change = RecordChange(_ACCESS, EVERY_TENANT, access.record, None)
        await self._engine.submit(PutRecords((change,)))
