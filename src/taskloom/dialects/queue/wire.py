"""What goes over the wire: bodies of requests and answers, in snake_case, times in epoch milliseconds."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, Raw, Struct, UnsetType, field

from taskloom.core.limits import (
    ATTEMPTS_MAX,
    BACKOFF_MS_MAX,
    CALLBACK_URL_LENGTH,
    ERROR_CODE_LENGTH,
    ERROR_MESSAGE_LENGTH,
    FILE_LIFE_S_MAX,
    FILE_LIFE_S_MIN,
    FINAL_CODES,
    LEASE_MS_MAX,
    LEVELS,
    NAME_LENGTH,
    QUEUE_MODELS,
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


class Register(Struct, frozen=True):
    """A queue, the endpoint it serves, and (ours) the models that are asked of it and its policy."""

    queue: BaseName
    endpoint: Text
    policy: Policy | None = None
    models: Annotated[tuple[Text, ...], Meta(max_length=QUEUE_MODELS)] = ()


class Metadata(Struct, frozen=True):
    """What a registration said."""

    queue: str
    endpoint: str


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


class EventBusPlace(Struct, frozen=True):
    """Where a worker may write events: an address with a user of its own, and how streams are called."""

    url: str
    topic: str


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


class QueueHead(Struct, frozen=True, kw_only=True):
    """The totals of a queue at a level, as the original names them; times without a zone, in UTC."""

    id: int
    queue: str
    level: int
    last_wrote_sharding_key: str = ""
    last_wrote_id: int
    last_scanned_sharding_key: str = ""
    last_scanned_id: int
    total_put_cnt: int
    total_loaded_cnt: int
    """Tasks that a worker took, or that ended without one."""
    total_completed_cnt: int
    cuid: int = 0
    muid: int = 0
    cu_name: str
    mu_name: str
    ctime: str
    mtime: str


class QueueDetails(Struct, frozen=True, kw_only=True):
    """How a queue at a level stands now: tasks by status, and how it moves."""

    queue: str
    level: int
    waiting: int
    queued: int
    """Tasks in the hands of workers."""
    succeeded: int
    failed: int
    timeout: int
    cancelled: int
    oldest_age_seconds: int
    """Of the tasks that wait."""
    rate: float
    """Tasks that ended in the last minute, for each second of it."""


class Attempt(Struct, frozen=True):
    """An attempt that came to nothing; number 0 is an end that came while nobody held the task."""

    number: int
    worker: str
    start_time: int
    end_time: int
    error: TaskError


class DeadLetter(Struct, frozen=True):
    """A task that failed for good, and the last of its attempts."""

    task_id: str
    died_at: int
    error: TaskError
    attempts: list[Attempt]


class DeadLetterList(Struct, frozen=True, kw_only=True):
    """A page of dead letters, the newest first."""

    object: str = "list"
    data: list[DeadLetter]
    last_id: str | None
    has_more: bool


class Attributes(Struct, frozen=True, omit_defaults=True):
    """What a task of this dialect keeps about itself."""

    endpoint: str = ""
    mode: str = "C"
    queue_id: int = 0
    trace_id: str = ""
    callback_url: str = ""
    custom_id: str = ""
    batch_id: str = ""


class Model(Struct, frozen=True, kw_only=True):
    """A model as `openai` clients list it."""

    id: str
    object: str = "model"
    created: int
    owned_by: str


class ModelList(Struct, frozen=True, kw_only=True):
    """All models."""

    object: str = "list"
    data: list[Model]


class FileObject(Struct, frozen=True, kw_only=True):
    """A file as `openai` clients read it; times in seconds."""

    id: str
    object: str = "file"
    bytes: int
    created_at: int
    filename: str
    purpose: str
    status: str = "processed"
    status_details: None = None
    expires_at: int | None


class FileList(Struct, frozen=True, kw_only=True):
    """A page of files."""

    object: str = "list"
    data: list[FileObject]
    first_id: str | None
    last_id: str | None
    has_more: bool


class DeletedFile(Struct, frozen=True, kw_only=True):
    """A file that is gone."""

    id: str
    object: str = "file"
    deleted: bool = True


class OutputLife(Struct, frozen=True):
    """How long the files of results live."""

    anchor: Literal["created_at"]
    seconds: Annotated[int, Meta(ge=FILE_LIFE_S_MIN, le=FILE_LIFE_S_MAX)]


class NewBatch(Struct, frozen=True):
    """A batch to be made."""

    input_file_id: Annotated[str, Meta(max_length=NAME_LENGTH)]
    endpoint: Text
    completion_window: Annotated[str, Meta(max_length=16)]
    metadata: dict[str, str] | None = None
    output_expires_after: OutputLife | None = None


class BatchList(Struct, frozen=True, kw_only=True):
    """A page of batches."""

    object: str = "list"
    data: list[Any]
    first_id: str | None
    last_id: str | None
    has_more: bool


class Question(Struct, frozen=True):
    """What an inference endpoint reads of the body it passes on."""

    model: Any = None
    stream: Any = False
    background: Any = False
    store: Any = True


class ItemList(Struct, frozen=True, kw_only=True):
    """What a response was asked, as items."""

    object: str = "list"
    data: list[dict[str, Any]]
    first_id: str | None
    last_id: str | None
    has_more: bool


class DeletedResponse(Struct, frozen=True, kw_only=True):
    """A response that is gone."""

    id: str
    object: str = "response.deleted"
    deleted: bool = True


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
