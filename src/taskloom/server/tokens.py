"""Short-lived tokens of `POST /oauth/token`: claims and their signature, so that none need be stored.

A token names the key it was given for and that key's id; a key that is revoked or got a new secret takes its
tokens along.
"""

import base64
import binascii
import hashlib
import hmac
from typing import Final

import msgspec
from msgspec import Struct

_PREFIX: Final = "tlt_"


class Claims(Struct, frozen=True, array_like=True):
    """What a token says."""

    tenant: str
    name: str
    id: str
    expires_at: int


class Tokens:
    """Makes and reads the tokens of one installation."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    @staticmethod
    def is_token(secret: str) -> bool:
        """Whether it looks like one of ours and not like a key."""
        return secret.startswith(_PREFIX) and "." in secret

    def make(self, claims: Claims) -> str:
        """A token that says this."""
        body = base64.urlsafe_b64encode(msgspec.msgpack.encode(claims))
        return f"{_PREFIX}{body.decode()}.{self._signature(body)}"

    def read(self, token: str, now_ms: int) -> Claims | None:
        """What the token says; None when it is not ours or its time is over."""
        body, _, signature = token.removeprefix(_PREFIX).encode("utf-8", "replace").partition(b".")
        if not hmac.compare_digest(self._signature(body).encode(), signature):
            return None
        try:
            claims = msgspec.msgpack.decode(base64.urlsafe_b64decode(body), type=Claims)
        except (binascii.Error, msgspec.DecodeError):
            return None
        return claims if now_ms < claims.expires_at else None

    def _signature(self, body: bytes) -> str:
        digest = hmac.digest(self._secret, body, hashlib.sha256)
        return base64.urlsafe_b64encode(digest).decode()
