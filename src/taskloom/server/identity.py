"""What identity needs before the first call: the root key and the secret that signs tokens; and tenants."""

import re
import secrets
from typing import Final

import msgspec

from taskloom.core.access import EVERY_TENANT
from taskloom.core.credentials import KEY, ROOT, KeyRecord, digest_of, key_changes
from taskloom.core.limits import TENANT_NAME_LENGTH, TENANTS_CACHED
from taskloom.core.records import PutRecords, RecordChange
from taskloom.core.rejections import Kind, Rejection
from taskloom.core.tenants import TENANT, TenantBody
from taskloom.dialects.native.secrets import SECRET, new_key_id, new_key_secret
from taskloom.engine.engine import Engine
from taskloom.engine.outcome import Outcome

_TENANT_NAME: Final = re.compile(rf"[A-Za-z0-9_][A-Za-z0-9._@+-]{{0,{TENANT_NAME_LENGTH - 1}}}")


class IdentityError(Exception):
    """The store refused what identity needs."""


async def root_key(engine: Engine, preset: str | None) -> str | None:
    """See to it that there is an admin key; returns the secret when it was made here, for it is shown once.

    A preset key takes the place of whatever was there; without one the first start makes a key by chance.
    """
    record = await engine.store.record(KEY, EVERY_TENANT, ROOT)
    stored = None if record is None else msgspec.json.decode(record.body, type=KeyRecord)
    if stored is not None and (preset is None or stored.digest == digest_of(preset)):
        return None
    secret = preset or new_key_secret()
    key = KeyRecord(
        name=ROOT,
        tenant=EVERY_TENANT,
        id=new_key_id(),
        digest=digest_of(secret),
        scopes=("admin",),
        rate=0,
        created_at=engine.clock.now_ms(),
        created_by=ROOT,
    )
    version = 0 if record is None else record.version
    outcome = await engine.submit(PutRecords(key_changes(key, stored, version)))
    if _lost_the_race(outcome):
        return await root_key(engine, preset)
    return None if preset else secret


async def signing_secret(engine: Engine) -> bytes:
    """The secret that signs tokens, the same on every server of the store."""
    record = await engine.store.record(SECRET, EVERY_TENANT, "tokens")
    if record is not None:
        return record.body
    body = secrets.token_bytes(32)
    change = RecordChange(SECRET, EVERY_TENANT, "tokens", body, 0)
    if _lost_the_race(await engine.submit(PutRecords((change,)))):
        return await signing_secret(engine)
    return body


def _lost_the_race(outcome: Outcome) -> bool:
    """Whether another server was faster; any other refusal is a fault."""
    if not isinstance(outcome, Rejection):
        return False
    if outcome.kind is Kind.VERSION_CONFLICT:
        return True
    raise IdentityError(outcome.detail)


class Tenants:
    """The tenants this server has met. The first use of one by the administrator creates its record."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._known: set[str] = set()

    @staticmethod
    def is_name(name: str) -> bool:
        """Whether a tenant may be called so."""
        return _TENANT_NAME.fullmatch(name) is not None

    def known(self, name: str) -> bool:
        """Whether it is certain, without asking the store, that there is a record."""
        return name in self._known

    async def ensure(self, name: str) -> None:
        """Make the record of a tenant unless there is one."""
        if await self._engine.store.record(TENANT, EVERY_TENANT, name) is None:
            body = msgspec.json.encode(TenantBody(created_at=self._engine.clock.now_ms()))
            outcome = await self._engine.submit(
                PutRecords((RecordChange(TENANT, EVERY_TENANT, name, body, 0),))
            )
            if isinstance(outcome, Rejection) and outcome.kind is not Kind.VERSION_CONFLICT:
                return
        if len(self._known) >= TENANTS_CACHED:
            self._known.clear()
        self._known.add(name)
