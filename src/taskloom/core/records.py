"""Records: small named configuration objects with a version (queue, key, project, definition, …)."""

from msgspec import Struct

from taskloom.core.events import FlowEvent


class Record(Struct, frozen=True, gc=False):
    """One record; (kind, tenant, name) names it and `version` counts its changes from 1."""

    kind: str
    tenant: str
    name: str
    version: int
    body: bytes
    key: int = 0

    @property
    def id(self) -> tuple[str, str, str]:
        """What names it."""
        return (self.kind, self.tenant, self.name)


class RecordChange(Struct, frozen=True, gc=False):
    """Put a new body, or remove the record (None).

    `expected` is the version the caller saw: 0 for "there is none", None for "whatever is there".
    """

    kind: str
    tenant: str
    name: str
    body: bytes | None
    expected: int | None = None
    key: int = 0
    """A key for whoever refers to this record by key; 0 keeps the one it has."""

    @property
    def id(self) -> tuple[str, str, str]:
        """What names it."""
        return (self.kind, self.tenant, self.name)


class PutRecords(Struct, frozen=True, gc=False):
    """Change several records, all or none. Answered with their new versions."""

    changes: tuple[RecordChange, ...]
    told: tuple[FlowEvent, ...] = ()
    """What views and listeners are told with it, in the same transaction."""
