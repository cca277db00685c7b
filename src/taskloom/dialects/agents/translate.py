"""Between wire and core: spellings and tables, and nothing that decides."""

import re
from datetime import UTC, datetime
from typing import Final

import msgspec
from msgspec import Raw, Struct

from taskloom.core.keys import is_key
from taskloom.core.task import LEASED, Task, TaskState
from taskloom.dialects.agents.wire_params import FinalStatus, Metadata, Status
from taskloom.dialects.agents.wire_results import Lease

BOARD: Final = "board"
"""The queue of the tasks born here: one line for all, at the middle level."""
BOARD_LEVEL: Final = 1
DIALECT_NAME: Final = "agents"
LEASE_MS: Final = 900_000
LOSS_BACKOFF_MS: Final = 60_000
LOSSES_MAX: Final = 3
NULL: Final = Raw(b"null")

_TO_SECONDS: Final = len("2025-01-19T12:45:00")
_TASK_ID: Final = re.compile(r"t-([1-9][0-9]{0,18})", re.ASCII)

STATUS: Final[dict[TaskState, Status]] = {
    TaskState.WAITING: "pending",
    TaskState.READY: "pending",
    TaskState.SUSPENDED: "pending",
    TaskState.LEASED: "in_progress",
    TaskState.COMPLETED: "completed",
    TaskState.FAILED: "failed",
    TaskState.CANCELLED: "failed",
}
FINAL_STATUS: Final[dict[TaskState, FinalStatus]] = {
    TaskState.COMPLETED: "completed",
    TaskState.FAILED: "failed",
    TaskState.CANCELLED: "failed",
}


class Attributes(Struct, frozen=True):
    """What a task of the board says about itself, beside what the core knows."""

    text: str
    metadata: Raw = NULL
    changed_at: int = 0
    """When task.update was last called; 0 for never."""


class _Laid(Struct, frozen=True, omit_defaults=True):
    """What an update lays over the attributes."""

    text: str | None = None
    metadata: Metadata | None = None
    changed_at: int = 0


class _Input(Struct, frozen=True):
    """What workers of every dialect are given to work on."""

    text: str
    metadata: Metadata | None


_attributes: Final = msgspec.json.Decoder(Attributes)


def spelled(key: int) -> str:
    """A key on the wire."""
    return f"t-{key}"


def key_of(task_id: str) -> int | None:
    """The key a task id spells; None when it cannot be one."""
    found = _TASK_ID.fullmatch(task_id)
    if found is None:
        return None
    key = int(found[1])
    return key if is_key(key) else None


def instant(at_ms: int) -> str:
    """ISO-8601 in UTC; milliseconds only where there are any."""
    seconds, ms = divmod(at_ms, 1000)
    text = datetime.fromtimestamp(seconds, UTC).isoformat()[:_TO_SECONDS]
    return f"{text}.{ms:03}Z" if ms else f"{text}Z"


def instant_or_none(at_ms: int) -> str | None:
    """The instant, None for "never"."""
    return instant(at_ms) if at_ms else None


def status(task: Task) -> Status:
    """The status word of a task."""
    return STATUS[task.state]


def assigned_to(task: Task) -> str | None:
    """Whose task it is: the worker that holds or ended it, else the one it is reserved for."""
    held = task.state == LEASED or task.is_final
    return (task.worker if held else "") or task.assignee or None


def lease(task: Task) -> Lease:
    """The lease of a task that is held."""
    return Lease(epoch=task.attempt, expires_at=instant(task.lease_until))


def token_of(lease_token: str | None) -> int | None:
    """The core's token of a spelled one."""
    return None if lease_token is None else int(lease_token)


def attributes(dialect: str, queue: str, stored: bytes) -> Attributes:
    """What a task says about itself; one of another dialect is called by its queue."""
    return _attributes.decode(stored) if dialect == DIALECT_NAME else Attributes(queue)


def stored_attributes(text: str, metadata: Metadata | None) -> bytes:
    """The attributes of a new task."""
    return msgspec.json.encode(_Laid(text, metadata))


def laid_attributes(text: str | None, metadata: Metadata | None, at_ms: int) -> bytes:
    """What a call of task.update lays over the attributes."""
    return msgspec.json.encode(_Laid(text, metadata, at_ms))


def task_input(text: str, metadata: Metadata | None) -> bytes:
    """The input of a new task."""
    return msgspec.json.encode(_Input(text, metadata))


def updated_at(task: Task, about: Attributes) -> int:
    """The last change that is recorded: its end, a call of task.update, its creation."""
    return task.finished_at or max(about.changed_at, task.created_at)
