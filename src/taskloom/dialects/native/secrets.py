"""Secrets that the server makes and keeps: what signs callbacks, and new keys."""

import secrets
from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec import Struct

from taskloom.core.limits import SECRET_OVERLAP_MS
from taskloom.core.records import PutRecords, RecordChange
from taskloom.core.rejections import Kind, Rejection
from taskloom.engine.engine import Engine

SECRET: Final = "secret"  # noqa: S105  the name of a kind of record
CALLBACKS: Final = "callbacks"


class SecretsError(Exception):
    """The store refused a secret."""


class Stored(Struct, frozen=True):
    """The secrets of a tenant's callbacks: the older one signs too until receivers changed over."""

    newest: bytes
    older: bytes = b""
    older_until: int = 0


def new_key_secret() -> str:
    """A secret nobody can guess."""
    return f"tlk_{secrets.token_urlsafe(32)}"


def new_key_id() -> str:
    """An id that no other secret of a key ever had."""
    return secrets.token_hex(8)


async def callback_secrets(engine: Engine, tenant: str) -> Sequence[bytes]:
    """What signs the calls of a tenant, the newest first; whoever asks first makes it."""
    found = await _stored(engine, tenant)
    if found is None:
        await _put(engine, tenant, Stored(secrets.token_bytes(32)), 0)
        return await callback_secrets(engine, tenant)
    stored, _ = found
    return (stored.newest, stored.older) if stored.older_until > engine.clock.now_ms() else (stored.newest,)


async def rotate(engine: Engine, tenant: str) -> None:
    """A new secret signs from now on, beside the one before it for a day."""
    found = await _stored(engine, tenant)
    until = engine.clock.now_ms() + SECRET_OVERLAP_MS
    older, version = (b"", 0) if found is None else (found[0].newest, found[1])
    await _put(engine, tenant, Stored(secrets.token_bytes(32), older, until if older else 0), version)


async def _stored(engine: Engine, tenant: str) -> tuple[Stored, int] | None:
    record = await engine.store.record(SECRET, tenant, CALLBACKS)
    return None if record is None else (msgspec.msgpack.decode(record.body, type=Stored), record.version)


async def _put(engine: Engine, tenant: str, secret: Stored, version: int) -> None:
    """Store it; that another server was faster is as good."""
    change = RecordChange(SECRET, tenant, CALLBACKS, msgspec.msgpack.encode(secret), version)
    outcome = await engine.submit(PutRecords((change,)))
    if isinstance(outcome, Rejection) and outcome.kind is not Kind.VERSION_CONFLICT:
        raise SecretsError(outcome.detail)
