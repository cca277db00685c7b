"""The shapes of the native API's tasks. Keys and lease tokens are strings of digits."""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from taskloom.core.limits import (
    BACKOFF_MS_MAX,
    BULK_ITEMS,
    CLAIM_SIZE_MAX,
    ERROR_CODE_LENGTH,
    ERROR_MESSAGE_LENGTH,
    FINAL_CODES,
    LEASE_MS_DEFAULT,
    LEASE_MS_MAX,
    LEASE_MS_MIN,
    LEVEL_DEFAULT,
    LEVELS,
    NAME_LENGTH,
    PRIORITY_MAX,
    QUEUE_NAME_LENGTH,
    QUEUES_PER_TAKE,
    RETRIES_MAX,
    RUN_MS_MAX,
    USAGE_TOKENS_MAX,
    WAIT_MS_MAX,
    WORKER_NAME_LENGTH,
)

_PLAIN = r"^[^\x00-\x1f\x7f]*$(?!\n)"
QueueName = Annotated[str, Meta(min_length=1, max_length=QUEUE_NAME_LENGTH, pattern=_PLAIN)]
WorkerName = Annotated[str, Meta(max_length=WORKER_NAME_LENGTH, pattern=_PLAIN)]
Number = Annotated[str, Meta(max_length=32)]
Instant = Annotated[datetime, Meta(tz=True)]
Pause = Annotated[int, Meta(ge=0, le=BACKOFF_MS_MAX)]
ErrorCode = Annotated[str, Meta(min_length=1, max_length=ERROR_CODE_LENGTH)]
Tokens = Annotated[int, Meta(ge=0, le=USAGE_TOKENS_MAX)]
TaskStateName = Literal["waiting", "ready", "leased", "suspended", "completed", "failed", "cancelled"]


class Retry(Struct, forbid_unknown_fields=True, omit_defaults=True):
    """How often a task is tried again, after which pauses, and after which errors not at all."""

    max_retries: Annotated[int, Meta(ge=0, le=RETRIES_MAX)] = 0
    """Attempts that may come to nothing: failed ones, lost ones and those that took too long together."""
    first_pause_ms: Pause = 1_000
    longest_pause_ms: Pause = 3_600_000
    final_codes: Annotated[list[ErrorCode], Meta(max_length=FINAL_CODES)] = []


class NewTask(Struct, forbid_unknown_fields=True, omit_defaults=True):
    """A task to be made."""

    queue: QueueName
    level: Annotated[int, Meta(ge=0, lt=LEVELS)] = LEVEL_DEFAULT
    priority: Annotated[int, Meta(ge=-PRIORITY_MAX, le=PRIORITY_MAX)] = 0
    retries: Annotated[int, Meta(ge=0, le=RETRIES_MAX)] = 0
    """Failures that are forgiven."""
    ready_at: Instant | None = None
    expires_at: Instant | None = None
    start_by: Instant | None = None
    """When somebody must have begun with it."""
    run_ms: Annotated[int, Meta(ge=0, le=RUN_MS_MAX)] = 0
    """How long one attempt may last, however often its lease is extended; 0 for any time."""
    retry: Retry | None = None
    """Takes the place of `retries`, with pauses."""
    metadata: dict[str, Raw] | UnsetType = UNSET
    """The caller's own words about it, kept as `attributes.metadata`."""
    input: Raw | UnsetType = UNSET


class NewTasks(Struct, forbid_unknown_fields=True):
    """Tasks to be made."""

    items: Annotated[list[NewTask], Meta(min_length=1, max_length=BULK_ITEMS)]


class Usage(Struct, forbid_unknown_fields=True, omit_defaults=True):
    """What a task used up."""

    model: Annotated[str, Meta(max_length=NAME_LENGTH)] = ""
    input_tokens: Tokens = 0
    output_tokens: Tokens = 0
    cached_tokens: Tokens = 0
    reasoning_tokens: Tokens = 0
    total_tokens: Tokens = 0


class Completion(Struct, forbid_unknown_fields=True, omit_defaults=True):
    """An attempt to be finished; `result` is null where it is absent."""

    key: Number
    lease_token: Number | None = None
    worker: WorkerName = ""
    result: Raw | UnsetType = UNSET
    usage: Usage | None = None
    """Counted for the key that submitted the task."""


class Completions(Struct, forbid_unknown_fields=True):
    """Attempts to be finished."""

    items: Annotated[list[Completion], Meta(min_length=1, max_length=BULK_ITEMS)]


class Failure(Struct, forbid_unknown_fields=True, omit_defaults=True):
    """An attempt that came to nothing; `retries` replaces the stored count, absent takes one off."""

    key: Number
    lease_token: Number | None = None
    worker: WorkerName = ""
    code: Annotated[str, Meta(max_length=ERROR_CODE_LENGTH)] = ""
    message: Annotated[str, Meta(max_length=ERROR_MESSAGE_LENGTH)] = ""
    retries: Annotated[int, Meta(ge=0, le=RETRIES_MAX)] | None = None
    backoff_ms: Annotated[int, Meta(ge=0, le=BACKOFF_MS_MAX)] | None = None
    """Pause before the next attempt; absent leaves it to the policy of the task."""
    final: bool = False
    """Fail for good whatever retries are left."""


class Failures(Struct, forbid_unknown_fields=True):
    """Attempts that came to nothing."""

    items: Annotated[list[Failure], Meta(min_length=1, max_length=BULK_ITEMS)]


class Renewal(Struct, forbid_unknown_fields=True, omit_defaults=True):
    """An attempt that goes on; its lease ends `lease_ms` from now."""

    key: Number
    lease_token: Number | None = None
    worker: WorkerName = ""
    lease_ms: Annotated[int, Meta(ge=LEASE_MS_MIN, le=LEASE_MS_MAX)] = LEASE_MS_DEFAULT


class Renewals(Struct, forbid_unknown_fields=True):
    """Attempts that go on."""

    items: Annotated[list[Renewal], Meta(min_length=1, max_length=BULK_ITEMS)]


class Return(Struct, forbid_unknown_fields=True, omit_defaults=True):
    """An attempt that is given back unfinished; it does not count against the task."""

    key: Number
    lease_token: Number | None = None
    worker: WorkerName = ""


class Returns(Struct, forbid_unknown_fields=True):
    """Attempts that are given back."""

    items: Annotated[list[Return], Meta(min_length=1, max_length=BULK_ITEMS)]


class Told(Struct, forbid_unknown_fields=True, omit_defaults=True):
    """Something that a worker tells on the way; who reads the task's stream along sees it as a frame."""

    key: Number
    lease_token: Number | None = None
    worker: WorkerName = ""
    number: Annotated[int, Meta(ge=-1, lt=1 << 62)] = -1
    """The worker's own count, so that a repeat is recognised; -1 for none."""
    data: Raw | UnsetType = UNSET


class Reports(Struct, forbid_unknown_fields=True):
    """What workers tell on the way."""

    items: Annotated[list[Told], Meta(min_length=1, max_length=BULK_ITEMS)]


class ItemError(Struct):
    """Why one item was refused."""

    code: str
    detail: str


class ItemOutcome(Struct):
    """What became of one item: a status, or an error. A task that was not made has no key."""

    key: str | UnsetType = UNSET
    status: str | UnsetType = UNSET
    cancelled: bool | UnsetType = UNSET
    """Whether the worker may stop, because nobody wants the result any more."""
    error: ItemError | UnsetType = UNSET


class Outcomes(Struct):
    """What became of each item, in their order."""

    items: list[ItemOutcome]


class QueueLevel(Struct, forbid_unknown_fields=True):
    """Where to take tasks from; without a level from every one."""

    queue: QueueName
    level: Annotated[int, Meta(ge=0, lt=LEVELS)] | None = None


class ClaimTasks(Struct, forbid_unknown_fields=True):
    """Tasks wanted by a worker."""

    queues: Annotated[list[QueueLevel], Meta(min_length=1, max_length=QUEUES_PER_TAKE)]
    size: Annotated[int, Meta(ge=1, le=CLAIM_SIZE_MAX)] = 1
    worker: WorkerName = ""
    lease_ms: Annotated[int, Meta(ge=LEASE_MS_MIN, le=LEASE_MS_MAX)] = LEASE_MS_DEFAULT
    wait_ms: Annotated[int, Meta(ge=0, le=WAIT_MS_MAX)] = 0


class ClaimedTask(Struct):
    """A task as its worker receives it."""

    key: str
    queue: str
    level: int
    attempt: int
    lease_token: str
    lease_until: datetime | None
    attributes: Raw
    input: Raw


class ClaimedTasks(Struct):
    """The tasks handed out; none when there were none in time."""

    items: list[ClaimedTask]


class TaskSummary(Struct, kw_only=True):
    """A task as it is now, without what it holds."""

    key: str
    tenant: str
    queue: str
    level: int
    priority: int
    state: TaskStateName
    dialect: str
    """The protocol it was made in."""
    attempt: int
    retries: int
    worker: str
    created_at: datetime | None
    ready_at: datetime | None
    expires_at: datetime | None
    lease_until: datetime | None
    finished_at: datetime | None
    finished_by: str
    error: ItemError | None


class TaskPage(Struct):
    """A page of tasks; `next` is what `after` must be to see more, null at the end."""

    items: list[TaskSummary]
    next: str | None


class CancelTask(Struct, forbid_unknown_fields=True):
    """Why a task is ended."""

    reason: Annotated[str, Meta(max_length=ERROR_MESSAGE_LENGTH)] = "cancelled"


class TaskView(TaskSummary, kw_only=True):
    """A task as it is now."""

    attributes: Raw
    input: Raw
    result: Raw | UnsetType = UNSET
    """Once it ended."""
