"""Files that callers brought or batches made: what is told of them. Their content lies in the blob store."""

from typing import Final

import msgspec
from msgspec import Struct

from taskloom.core.events import FlowEvent
from taskloom.core.limits import NEVER_MS

FILE: Final = "file"
FILE_STORED: Final = "file.stored"
FILE_DELETED: Final = "file.deleted"
FILE_REMOVED: Final = "file.removed"


class FileTold(Struct, frozen=True):
    """A file as it stands. Instants are Unix ms, 0 means none."""

    purpose: str
    filename: str
    bytes: int
    created_at: int
    expires_at: int
    deleted_at: int
    gone_at: int
    """When it is there no more: deleted or expired, whichever is first."""
    blob: str


def stored(*, purpose: str, filename: str, size: int, blob: str, now: int, expires_at: int) -> FileTold:
    """A new file."""
    return FileTold(purpose, filename, size, now, expires_at, 0, expires_at or NEVER_MS, blob)


def told(key: int, tenant: str, name: str, file: FileTold) -> FlowEvent:
    """What views are told of a file."""
    return FlowEvent(key, key, FILE, tenant, name, msgspec.json.encode(file))
