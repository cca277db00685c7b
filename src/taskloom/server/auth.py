"""Who calls: Bearer keys, Basic credentials and tokens, all of them lead to one principal.

What was proved is remembered under the digest of the header, so that a hot call costs one hash and one
look-up. A change of a key forgets everything at once on this server; where others share the store, what is
remembered is read again after five seconds.
"""

import base64
import binascii
import hashlib
from typing import Final

import msgspec
from msgspec import Struct

from taskloom.core.access import EVERY_TENANT, Principal
from taskloom.core.credentials import (
    KEY,
    KEY_DIGEST,
    KeyName,
    KeyRecord,
    digest_of,
    opens,
    principal_of,
)
from taskloom.core.limits import CREDENTIAL_LENGTH, CREDENTIALS_CACHED, CREDENTIALS_FRESH_MS
from taskloom.dialects.operation import Refusal
from taskloom.ports.clock import Clock
from taskloom.ports.store import Store
from taskloom.server.tokens import Tokens

ADMINISTRATOR: Final = Principal(name="root", tenant=EVERY_TENANT, scopes=frozenset({"admin"}), rate=0)
"""Whoever calls a server without authentication."""

NOBODY: Final = Principal(name="", tenant="", scopes=frozenset())
"""Whoever calls an operation that asks for no key."""

MISSING: Final = Refusal(401, "unauthorized", "a key is needed: Authorization: Bearer <key>")
_MALFORMED: Final = Refusal(401, "unauthorized", "the Authorization header must be Bearer or Basic")
_UNKNOWN: Final = Refusal(401, "unauthorized", "the key is not known")
_EXPIRED: Final = Refusal(401, "unauthorized", "the key has expired")
_REVOKED: Final = Refusal(401, "unauthorized", "the key was revoked")


class Credentials(Struct, frozen=True):
    """What a caller shows; the name is "" where the scheme carries none."""

    name: str
    secret: str


class _Proved(Struct, gc=False):
    principal: Principal
    at_ms: int


class Authenticator:
    """Turns the Authorization header into a principal."""

    def __init__(self, store: Store, clock: Clock, tokens: Tokens, *, required: bool) -> None:
        self.tokens = tokens
        self._store = store
        self._clock = clock
        self._required = required
        self._proved: dict[bytes, _Proved] = {}
        self._changes = 0

    def remembered(self, header: bytes) -> Principal | None:
        """The principal of a header that was proved before and need not be proved again."""
        if not self._required:
            return ADMINISTRATOR
        if not header:
            return None
        proved = self._proved.get(hashlib.sha256(header).digest())
        if proved is None:
            return None
        principal = proved.principal
        if principal.expires_at and self._clock.now_ms() >= principal.expires_at:
            return None
        if self._store.shared and self._clock.monotonic_ms() - proved.at_ms >= CREDENTIALS_FRESH_MS:
            return None
        return principal

    async def prove(self, header: bytes) -> Principal | Refusal:
        """The principal of a header, read from the store."""
        if not header:
            return MISSING
        shown = credentials(header)
        if shown is None:
            return _MALFORMED
        at_ms, changes = self._clock.monotonic_ms(), self._changes
        proved = await self.principal(shown)
        if isinstance(proved, Refusal):
            self._proved.pop(hashlib.sha256(header).digest(), None)
            return proved
        if changes != self._changes:
            return proved  # a key changed meanwhile, perhaps this one: true now, but not to be remembered
        while len(self._proved) >= CREDENTIALS_CACHED:
            del self._proved[next(iter(self._proved))]
        self._proved[hashlib.sha256(header).digest()] = _Proved(proved, at_ms)
        return proved

    async def principal(self, shown: Credentials) -> Principal | Refusal:
        """The principal these credentials belong to."""
        if Tokens.is_token(shown.secret):
            return await self._of_token(shown.secret)
        key = await self.key(shown)
        return key if isinstance(key, Refusal) else principal_of(key)

    async def key(self, shown: Credentials) -> KeyRecord | Refusal:
        """The live key whose secret this is, and whose name where one is given."""
        digest = digest_of(shown.secret)
        pointer = await self._store.record(KEY_DIGEST, EVERY_TENANT, digest)
        if pointer is None:
            return _UNKNOWN
        key = await self._key(msgspec.json.decode(pointer.body, type=KeyName))
        if key is None or not opens(key, digest) or shown.name not in {"", key.name}:
            return _UNKNOWN
        return self._alive(key)

    async def _of_token(self, token: str) -> Principal | Refusal:
        claims = self.tokens.read(token, self._clock.now_ms())
        if claims is None:
            return _UNKNOWN
        key = await self._key(KeyName(claims.tenant, claims.name))
        if key is None or key.id != claims.id:
            return _UNKNOWN
        alive = self._alive(key)
        if isinstance(alive, Refusal):
            return alive
        ends = min(filter(None, (key.expires_at, claims.expires_at)))
        return msgspec.structs.replace(principal_of(key), expires_at=ends)

    async def _key(self, name: KeyName) -> KeyRecord | None:
        record = await self._store.record(KEY, name.tenant, name.name)
        return None if record is None else msgspec.json.decode(record.body, type=KeyRecord)

    def _alive(self, key: KeyRecord) -> KeyRecord | Refusal:
        if key.revoked_at:
            return _REVOKED
        if key.expires_at and self._clock.now_ms() >= key.expires_at:
            return _EXPIRED
        return key

    def forget(self) -> None:
        """A key changed: prove everybody again."""
        self._changes += 1
        self._proved.clear()


def credentials(header: bytes) -> Credentials | None:
    """What an Authorization header shows; None when it is neither Bearer nor Basic or cannot be read."""
    if len(header) > CREDENTIAL_LENGTH:
        return None
    scheme, _, rest = header.partition(b" ")
    try:
        if scheme.lower() == b"bearer":
            secret = rest.strip().decode()
            return Credentials("", secret) if secret else None
        if scheme.lower() == b"basic":
            name, colon, secret = base64.b64decode(rest.strip(), validate=True).decode().partition(":")
            return Credentials(name, secret) if colon and name and secret else None
    except (UnicodeDecodeError, binascii.Error):
        return None
    return None
