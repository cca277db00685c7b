"""What goes over the wire: bodies of requests and answers, in snake_case, times in epoch milliseconds."""

from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, Raw, Struct, UnsetType, field

from taskloom.core.limits import (
    ATTEMPTS_MAX,
    BACKOFF_MS_MAX,
    CALLBACK_URL_LENGTH,
    ERROR_CODE_LENGTH,
    ERROR_MESSAGE_LENGTH,
    FINAL_CODES,
    LEASE_MS_MAX,
    LEVELS,
    NAME_LENGTH,
    QUEUE_NAME_LENGTH,
    RUN_MS_MAX,
    TRACE_ID_LENGTH,
    WORKER_NAME_LENGTH,
)

BaseName = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{1,64}\Z", description="the name of a queue")]
Text = Annotated[str, Meta(min_length=1, max_length=NAME_LENGTH, pattern=r"^[^\x00-\x1f\x7f]*\Z")]
FullName = Annotated[str, Meta(max_length=QUEUE_NAME_LENGTH + 2, pattern=r"^[^\x00-\x1f\x7f]*\Z")]
Level = Annotated[int, Meta(ge=0, lt=LEVELS)]
Deadline = Annotated[int, Meta(ge=-(2**31), le=RUN_MS_MAX // 1000, description="seconds; 0 for none")]
Seconds = Annotated[int, Meta(ge=-(2**31), le=LEASE_MS_MAX // 1000)]


class Retry(Struct, frozen=True):
    """How often a task is tried again, after which pauses (seconds), and after which errors not at all."""

    max_retries: Annotated[int, Meta(ge=0, le=ATTEMPTS_MAX)]
    first_pause: Annotated[int, Meta(ge=0, le=BACKOFF_MS_MAX // 1000)] = 1
    longest_pause: Annotated[int, Meta(ge=0, le=BACKOFF_MS_MAX // 1000)] = 3_600
    final_codes: Annotated[
        tuple[Annotated[str, Meta(min_length=1, max_length=ERROR_CODE_LENGTH)], ...],
        Meta(max_length=FINAL_CODES),
    ] = ()


class Policy(Struct, frozen=True):
    """What holds for tasks of a queue that say nothing themselves; seconds."""

    start_timeout: Deadline | None = None
    run_timeout: Deadline | None = None
    retry: Retry | None = None


class Put(Struct, frozen=True):
    """A task to be put into a queue."""

    endpoint: Annotated[str, Meta(max_length=NAME_LENGTH, pattern=r"^[^\x00-\x1f\x7f]*\Z")]
    data: Raw
    queue: str | None = None
    level: Level = 0
    response_mode: str | None = None
    callback_url: Annotated[str, Meta(max_length=CALLBACK_URL_LENGTH)] | None = None
    timeout: Annotated[int, Meta(ge=-(2**31), lt=2**31)] | None = None
    start_timeout: Deadline | None = None
    run_timeout: Deadline | None = None
    retry: Retry | None = None
    trace_id: Annotated[str, Meta(max_length=TRACE_ID_LENGTH)] | None = None


class PutAnswer(Struct, frozen=True):
    """The id of a task that was put in callback mode."""

    code: int
    timestamp: int
    data: str


class Worker(Struct, frozen=True):
    """Who takes; its capacities are not needed to hand out the oldest."""

    id: Annotated[str, Meta(max_length=WORKER_NAME_LENGTH, pattern=r"^[^\x00-\x1f\x7f]*\Z")] = ""


class Take(Struct, frozen=True):
    """Which queues a worker takes from, and on which terms."""

    queues: Annotated[tuple[FullName, ...], Meta(min_length=1)]
    size: Annotated[int, Meta(ge=1)] = 1
    strategy: str | None = None
    process_timeout: Annotated[int, Meta(ge=0, le=LEASE_MS_MAX // 1000)] | None = None
    process_max_retries: Annotated[int, Meta(ge=-1, lt=2**31)] | None = None
    min_age_seconds: Annotated[int, Meta(ge=0, lt=2**31)] | None = None
    wait_seconds: Annotated[int, Meta(ge=0, le=30)] = 0
    worker: Worker | None = None


class Progress(Struct, frozen=True):
    """One event of a worker's progress; for a streaming task, one frame."""

    event_data: Raw = field(default_factory=lambda: Raw(b"null"))
    event_id: int | str | None = None
    event_name: Annotated[str, Meta(max_length=64, pattern=r"^[^\x00-\x1f\x7f]*\Z")] | None = None
    lease_id: str | None = None


class Heartbeat(Struct, frozen=True):
    """The worker still works; the lease ends `extend_seconds` from now."""

    lease_id: str | None = None
    extend_seconds: Annotated[int, Meta(ge=1, le=LEASE_MS_MAX // 1000)] | None = None


class Failed(Struct, frozen=True):
    """A worker's attempt came to nothing."""

    lease_id: str | None = None
    worker: Worker | None = None
    code: Annotated[str, Meta(max_length=ERROR_CODE_LENGTH, pattern=r"^[^\x00-\x1f\x7f]*\Z")] = "failed"
    message: Annotated[str, Meta(max_length=ERROR_MESSAGE_LENGTH)] = ""
    retry_after: Annotated[int, Meta(ge=0, le=BACKOFF_MS_MAX // 1000)] | None = None
    """Seconds until it is offered again; the policy's pause when absent."""
    final: bool = False
    """No further attempt would do better."""


class Released(Struct, frozen=True):
    """A worker gives a task back, for another one or for later."""

    lease_id: str | None = None
    worker: Worker | None = None
    retry_after: Annotated[int, Meta(ge=0, le=BACKOFF_MS_MAX // 1000)] = 0


class AttemptEnded(Struct, frozen=True):
    """What became of a task whose attempt ended without a result."""

    task_id: str
    status: str
    attempt: int
    retries_left: int
    retry_at: int
    """When it is offered again; 0 for now, or never where the status is an end."""


class TaskError(Struct, frozen=True):
    """Why a task ended without a result."""

    code: str
    message: str


class Signal(Struct, frozen=True):
    """Whether the worker may stop."""

    cancelled: bool


class TaskView(Struct, frozen=True, kw_only=True):
    """A task as `get` and `take` show it; what it does not have is left out."""

    task_id: str
    custom_id: str | UnsetType = UNSET
    batch_id: str = ""
    trace_id: str = ""
    tenant: str
    endpoint: str
    queue: str
    level: int
    data: Raw
    result: Raw | UnsetType = UNSET
    status: str
    start_time: int
    running_time: int
    expire_time: int
    completed_time: int
    callback_url: str
    response_mode: str
    lease_id: str | UnsetType = UNSET
    attempt: int | UnsetType = UNSET
    instance_id: str | UnsetType = UNSET
    """Where on the event bus its worker writes, when there is one."""
    error: TaskError | UnsetType = UNSET


class Attributes(Struct, frozen=True, omit_defaults=True):
    """What a task of this dialect keeps about itself."""

    endpoint: str = ""
    mode: str = "C"
    queue_id: int = 0
    trace_id: str = ""
    callback_url: str = ""
    custom_id: str = ""
    batch_id: str = ""


class Fault(Struct, frozen=True):
    """What went wrong, as `openai` clients read it."""

    message: str
    type: str
    param: str | None
    code: str


class ErrorBody(Struct, frozen=True):
    """One error body for both families of clients."""

    code: int
    message: str
    timestamp: int
    error: Fault


class ErrorFrame(Struct, frozen=True):
    """An error inside a stream."""

    error: Fault


encode = msgspec.json.encode
