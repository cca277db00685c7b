"""Rejections: why a command was refused. Values; a refused command leaves no trace.

Dialects translate the kind into their own words; the core never mentions HTTP.
"""

import enum

from msgspec import Struct

from taskloom.core.task import Task


class Kind(enum.Enum):
    """The reasons for a refusal, one meaning each."""

    NOT_FOUND = "not found"
    FINAL = "already final"
    WRONG_STATE = "wrong state"
    NOT_CLAIMED = "not claimed"
    STALE_LEASE = "stale lease"
    TOKEN_MISSING = "lease token missing"  # noqa: S105  a reason, not a secret
    NOT_HOLDER = "not the holder"
    ALREADY_ASSIGNED = "already assigned"
    CONSUMED = "outcome consumed"
    INVALID = "invalid"
    ALREADY_EXISTS = "already exists"
    VERSION_CONFLICT = "version conflict"
    KEY_REUSED = "idempotency key reused"
    QUEUE_FULL = "queue full"
    OVERLOADED = "overloaded"
    FAULT = "fault"


class Rejection(Struct, frozen=True, gc=False):
    """A refusal: its kind, the key it is about, a sentence, and the task as it stands where there is one."""

    kind: Kind
    key: int = 0
    detail: str = ""
    task: Task | None = None
    code: str = ""
    """A symbol of the flow that refused, for its own dialect."""
    data: bytes = b""
    """JSON with particulars, for its own dialect."""
