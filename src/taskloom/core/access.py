"""Who calls, and what they may do."""

from collections.abc import Iterable

from msgspec import Struct

EVERY_TENANT = "*"

SCOPES = frozenset(
    {
        "task.read",
        "task.write",
        "task.work",
        "task.supervise",
        "document.read",
        "document.edit",
        "upload.read",
        "upload.create",
        "upload.edit",
        "project.edit",
        "process.read",
        "process.deploy",
        "process.run",
        "metrics.read",
        "admin",
    }
)
"""Everything a key can be allowed; `admin` includes all others."""

_IMPLIED = {
    "document.edit": ("document.read",),
    "upload.edit": ("upload.read",),
    "task.read": ("document.read",),
}
_MEANT = {
    "task.edit": "document.edit",
    "tasks.edit": "document.edit",
    "tasks.view": "document.read",
    "uploads.view": "upload.read",
    "uploads.edit": "upload.edit",
    "uploads.create": "upload.create",
}
"""Other public spellings of the same scopes."""


class Principal(Struct, frozen=True, gc=False):
    """A key, user or worker after it proved who it is."""

    name: str
    tenant: str
    """The tenant it lives in, or `*` for the administrator."""
    scopes: frozenset[str]
    worker: str = ""
    """The only worker it may act as, or "" for any."""
    rate: int | None = None
    """Requests a minute and operation: None for the operation's default, 0 for unlimited."""
    expires_at: int = 0

    def may(self, scope: str) -> bool:
        """Whether it has a scope, by name or because it is the administrator; "" is what everybody has."""
        return not scope or scope in self.scopes or "admin" in self.scopes

    @property
    def wall(self) -> str | None:
        """The tenant its commands are confined to; None for every tenant."""
        return None if self.tenant == EVERY_TENANT else self.tenant


def scopes(names: Iterable[str]) -> frozenset[str]:
    """The set of scopes with what they imply; raises ValueError for an unknown name."""
    given = frozenset(_MEANT.get(name, name) for name in names)
    unknown = given - SCOPES
    if unknown:
        raise ValueError(f"unknown scope: {', '.join(sorted(unknown))}")
    return given.union(*(_IMPLIED.get(name, ()) for name in given))
