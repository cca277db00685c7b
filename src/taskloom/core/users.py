"""People who sign in with a name and a password, as they are kept; their role says what they may do."""

from typing import Final

from msgspec import Struct

USER: Final = "user"
"""Kind of the records that hold a `UserRecord`, named by tenant and name."""

_VIEWER: Final = ("task.read", "document.read", "upload.read", "process.read")
_REVIEWER: Final = (*_VIEWER, "document.edit")
_OPERATOR: Final = (
    *_REVIEWER,
    "task.write",
    "task.work",
    "task.supervise",
    "upload.create",
    "upload.edit",
    "project.edit",
    "process.deploy",
    "process.run",
    "metrics.read",
)
ROLES: Final = {"viewer": _VIEWER, "reviewer": _REVIEWER, "operator": _OPERATOR, "admin": ("admin",)}
"""Role -> scopes; each role may do what the one before it may."""


class UserRecord(Struct, frozen=True, kw_only=True):
    """A user as stored. Instants are Unix milliseconds; the password is kept as its slow hash only."""

    name: str
    tenant: str
    role: str
    password: str
    created_at: int
    created_by: str
    password_at: int
    """When the password was set."""
