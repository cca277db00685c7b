"""The shapes about queues: registration, statistics, dead letters."""

from typing import Annotated

from msgspec import Meta, Struct

from taskloom.core.limits import QUEUE_MODELS
from taskloom.dialects.queue.wire import BaseName, Policy, TaskError, Text


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


class EventBusPlace(Struct, frozen=True):
    """Where a worker may write events: an address with a user of its own, and how streams are called."""

    url: str
    topic: str


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
