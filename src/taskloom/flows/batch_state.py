"""What is known of a batch, in which words: its state, its commands, and what others are told of it."""

from typing import Final

import msgspec
from msgspec import Struct

KIND: Final = "batch"
CREATE: Final = "create"
VALIDATED: Final = "validated"
INVALID: Final = "invalid"
ROWS: Final = "rows"
CANCEL: Final = "cancel"

PREPARE: Final = "batch:prepare"
STOP: Final = "batch:stop"
ASSEMBLE: Final = "batch:assemble"
EXPIRE: Final = "expire"
ROW_DIALECT: Final = "queue"
ROW_LEVEL: Final = 1

VALIDATING: Final = "validating"
FAILED: Final = "failed"
IN_PROGRESS: Final = "in_progress"
FINALIZING: Final = "finalizing"
COMPLETED: Final = "completed"
EXPIRED: Final = "expired"
CANCELLING: Final = "cancelling"
CANCELLED: Final = "cancelled"
ENDED: Final = frozenset({FAILED, COMPLETED, EXPIRED, CANCELLED})

NOT_CANCELLABLE: Final = "batch_not_cancellable"


class CreateBatch(Struct, frozen=True, array_like=True):
    """What a batch is made with; `window_ms` after its creation it expires."""

    id: str
    """How it is named towards the outside."""
    endpoint: str
    input_file: str
    input_blob: str
    window: str
    window_ms: int
    lane: str
    queue: str = ""
    """The queue its maker named, "" to go by the model."""
    metadata: bytes = b""
    output_expires_ms: int = 0
    is_partial: bool = False
    """Whether a bad line of the file only counts itself out."""


class Validated(Struct, frozen=True, array_like=True):
    """The file can be run: how many lines it has and how many of them are bad, and where the others go."""

    total: int
    model: str
    queue: str
    bad: int = 0


class Rows(Struct, frozen=True, array_like=True):
    """A portion of rows: the number of the first (from 0), and the attributes of each; inputs come beside."""

    first: int
    attributes: list[bytes]


class Assembled(Struct, frozen=True, omit_defaults=True):
    """What the files of results came to."""

    output_lines: int
    error_lines: int
    usage: msgspec.Raw = msgspec.Raw(b"null")


class Batch(Struct, frozen=True, omit_defaults=True):
    """A batch as it stands. Instants are Unix ms, 0 means "not yet"."""

    made: CreateBatch
    by: str
    created_at: int
    expires_at: int
    status: str = VALIDATING
    queue: str = ""
    model: str = ""
    total: int = 0
    bad: int = 0
    """Lines that never become tasks, and have failed."""
    created: int = 0
    """Rows that are tasks by now."""
    completed: int = 0
    failed: int = 0
    errors: bytes = b""
    """JSON: what is wrong with the file."""
    stopping: str = ""
    """The status it will end in because it was stopped before all rows were done."""
    assembling: bool = False
    output_key: int = 0
    error_key: int = 0
    has_output: bool = False
    has_errors: bool = False
    usage: bytes = b""
    in_progress_at: int = 0
    finalizing_at: int = 0
    completed_at: int = 0
    failed_at: int = 0
    expired_at: int = 0
    cancelling_at: int = 0
    cancelled_at: int = 0

    @property
    def is_ended(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.status in ENDED

    @property
    def rows(self) -> int:
        """How many tasks it comes to."""
        return self.total - self.bad

    @property
    def ended_at(self) -> int:
        """When it ended."""
        return self.completed_at or self.failed_at or self.expired_at or self.cancelled_at


class BatchNamed(Struct, frozen=True):
    """Which batch."""

    id: str


class BatchEnded(Struct, frozen=True, kw_only=True):
    """What webhooks are told when a batch ends, in the form that `openai` clients unwrap."""

    id: str
    object: str = "event"
    created_at: int
    type: str
    data: BatchNamed


class BatchTold(Struct, frozen=True):
    """What views are told of a batch when its status changes."""

    status: str
    endpoint: str
    input_blob: str
    created_at: int
    ended_at: int
    total: int
    completed: int
    failed: int
