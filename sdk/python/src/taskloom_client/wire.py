"""The shapes that go over the wire, as far as the client reads them."""

from typing import Any

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType


class NewTask(Struct, omit_defaults=True):
    """A task to be made."""

    queue: str
    input: Raw | UnsetType = UNSET
    level: int = 1
    priority: int = 0
    retries: int = 0
    ready_at: str | None = None
    expires_at: str | None = None
    metadata: dict[str, Any] | UnsetType = UNSET


class ItemError(Struct):
    """Why an item was refused."""

    code: str
    detail: str = ""


class ItemOutcome(Struct):
    """What became of an item."""

    key: str = ""
    status: str = ""
    cancelled: bool = False
    error: ItemError | None = None


class Outcomes(Struct):
    """What became of each item."""

    items: list[ItemOutcome]


class Claimed(Struct):
    """A task as its worker receives it."""

    key: str
    queue: str
    level: int
    attempt: int
    lease_token: str
    attributes: Raw
    input: Raw


class ClaimedTasks(Struct):
    """The tasks handed out."""

    items: list[Claimed]


class TaskView(Struct):
    """A task as it is now."""

    key: str
    queue: str
    state: str
    attempt: int = 0
    error: ItemError | None = None
    input: Raw = Raw(b"null")
    result: Raw = Raw(b"null")

    @property
    def is_final(self) -> bool:
        """Whether it has ended."""
        return self.state in ("completed", "failed", "cancelled")


class TaskPage(Struct):
    """A page of tasks."""

    items: list[TaskView]
    next: str | None = None


class Problem(Struct):
    """Why a call was refused."""

    code: str = ""
    detail: str = ""


encode = msgspec.json.encode
