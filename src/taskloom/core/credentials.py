"""Keys of callers as they are kept: never the secret, only its digest.

A secret has 256 bits of chance (the preset root key at least 24 characters), so one round of SHA-256 is
enough; a slow hash per request would only slow the server down.
"""

import hashlib
import hmac
from typing import Final

import msgspec
from msgspec import Struct

from taskloom.core.access import EVERY_TENANT, Principal, scopes
from taskloom.core.records import RecordChange

KEY: Final = "key"
"""Kind of the records that hold a `KeyRecord`, named by tenant and name."""
KEY_DIGEST: Final = "key_digest"
"""Kind of the records that lead from a digest to the key: tenant `*`, name the digest, body a `KeyName`."""
ROOT: Final = "root"


class KeyName(Struct, frozen=True):
    """What names a key."""

    tenant: str
    name: str


class KeyRecord(Struct, frozen=True, kw_only=True):
    """A key as stored. Instants are Unix milliseconds, 0 means never."""

    name: str
    tenant: str
    id: str
    """Another one for every secret the name ever had; tokens name it."""
    digest: str
    scopes: tuple[str, ...]
    worker: str = ""
    rate: int | None = None
    created_at: int = 0
    created_by: str = ""
    expires_at: int = 0
    revoked_at: int = 0


def digest_of(secret: str) -> str:
    """What is kept of a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


def opens(key: KeyRecord, digest: str) -> bool:
    """Whether a secret with this digest is the key's; takes the same time wherever they differ."""
    return hmac.compare_digest(key.digest, digest)


def principal_of(key: KeyRecord) -> Principal:
    """Who calls with this key."""
    return Principal(
        name=key.name,
        tenant=key.tenant,
        scopes=scopes(key.scopes),
        worker=key.worker,
        rate=key.rate,
        expires_at=key.expires_at,
    )


def key_changes(
    key: KeyRecord, replaced: KeyRecord | None, expected: int | None = None
) -> tuple[RecordChange, ...]:
    """The record changes that store a key, in place of the one that had its name."""
    changes = [
        RecordChange(KEY, key.tenant, key.name, msgspec.json.encode(key), expected),
        RecordChange(
            KEY_DIGEST, EVERY_TENANT, key.digest, msgspec.json.encode(KeyName(key.tenant, key.name))
        ),
    ]
    if replaced is not None and replaced.digest != key.digest:
        changes.append(RecordChange(KEY_DIGEST, EVERY_TENANT, replaced.digest, None))
    return tuple(changes)
