"""`Idempotency-Key` on a POST: the same call again gets the first answer, whatever has happened since."""

import hashlib
from collections.abc import Callable
from typing import Any

from taskloom.core.limits import IDEMPOTENCY_KEY_LENGTH
from taskloom.dialects.documents.errors import invalid
from taskloom.dialects.operation import Refusal, Request
from taskloom.engine.outcome import Idempotency, Replay


def once(request: Request, said: bytes, answer: Callable[[Any], bytes]) -> Idempotency | Refusal | None:
    """How a command is done once per key, caller and path; None without a key.

    `said` is all of the request that matters, `answer` makes the body of the answer out of the reply.
    """
    key = request.headers.get("idempotency-key")
    if key is None:
        return None
    if not 0 < len(key) <= IDEMPOTENCY_KEY_LENGTH or not key.isprintable():
        return invalid(f"An idempotency key has 1 to {IDEMPOTENCY_KEY_LENGTH} printable characters.")
    scope = f"{request.principal.name} {request.operation.method} {request.path}"
    return Idempotency(request.tenant, scope, key, hashlib.sha256(said).digest(), answer)


def body_of(reply: Any, answer: Callable[[Any], bytes]) -> bytes:
    """The body of the answer: the stored one, or made of the reply now."""
    return reply.answer if isinstance(reply, Replay) else answer(reply)
