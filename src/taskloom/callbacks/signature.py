"""Signatures of Standard Webhooks 1.0: a receiver can tell that a call is ours, whole, and not an old one."""

import base64
import hashlib
import hmac
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

PREFIX: Final = "whsec_"

SecretSource = Callable[[str], Awaitable[Sequence[bytes]]]
"""Tenant -> its secrets, the newest first; older ones still sign so that receivers can change over."""


def spelled(secret: bytes) -> str:
    """A secret the way receivers configure it."""
    return PREFIX + base64.b64encode(secret).decode()


def signed(secrets: Sequence[bytes], message_id: str, at_s: int, body: bytes) -> Mapping[str, str]:
    """The three headers for one attempt; `message_id` stays the same over all of them."""
    content = b"%s.%d.%s" % (message_id.encode(), at_s, body)
    signatures = (
        base64.b64encode(hmac.digest(secret, content, hashlib.sha256)).decode() for secret in secrets
    )
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(at_s),
        "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
    }
