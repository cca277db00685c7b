"""The shapes of policies, dead letters and usage."""

from datetime import date, datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

from taskloom.core.limits import (
    DEAD_LETTERS_AT_ONCE,
    DEAD_LETTERS_LISTED,
    ERROR_CODE_LENGTH,
    LEVELS,
    NAME_LENGTH,
    RUN_MS_MAX,
    TENANT_NAME_LENGTH,
    USAGE_GROUPS,
)
from taskloom.dialects.native.wire_tasks import Instant, ItemError, Number, QueueName, Retry

Milliseconds = Annotated[int, Meta(ge=0, le=RUN_MS_MAX)]
Name = Annotated[str, Meta(max_length=NAME_LENGTH)]
Group = Literal["day", "key", "model", "queue", "tenant"]


class Policy(Struct, forbid_unknown_fields=True):
    """What holds for tasks of a queue that say nothing themselves; 0 and null for none."""

    start_ms: Milliseconds = 0
    run_ms: Milliseconds = 0
    retry: Retry | None = None


class UsageRow(Struct, omit_defaults=True):
    """Usage of many tasks together; of what it is grouped by, the others are absent."""

    day: date | None = None
    tenant: str | None = None
    key: str | None = None
    model: str | None = None
    queue: str | None = None
    tasks: int = 0
    run_ms: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    total_tokens: int = 0


class UsageTable(Struct):
    """Usage by group; `total` sums up the rows that are shown."""

    items: list[UsageRow]
    total: UsageRow


class UsageAsked(Struct, forbid_unknown_fields=True):
    """The query string of usage, as it is understood."""

    since: date | None = None
    until: date | None = None
    group_by: tuple[Group, ...] = ("day",)
    key: Name | None = None
    model: Name | None = None
    queue: QueueName | None = None
    tenant: Annotated[str, Meta(max_length=TENANT_NAME_LENGTH)] = ""
    limit: Annotated[int, Meta(ge=1, le=USAGE_GROUPS)] = 1_000


class Attempt(Struct):
    """An attempt that came to nothing; number 0 is an end that came while nobody held the task."""

    number: int
    worker: str
    started_at: datetime | None
    ended_at: datetime | None
    error: ItemError


class DeadLetter(Struct):
    """A task that failed for good: why, after how many attempts, and how the last of them ended."""

    key: str
    tenant: str
    queue: str
    level: int
    lane: str
    """Whose line it stood in: begins with the name of the key that submitted it."""
    dialect: str
    attempt: int
    created_at: datetime | None
    died_at: datetime | None
    error: ItemError
    attempts: list[Attempt]


class DeadLetterPage(Struct):
    """A page of dead letters; `next` is what `after` must be to see more, null at the end."""

    items: list[DeadLetter]
    next: str | None


class Letters(Struct, forbid_unknown_fields=True):
    """Which dead letters; what is absent does not matter."""

    queue: QueueName | None = None
    level: Annotated[int, Meta(ge=0, lt=LEVELS)] | None = None
    code: Annotated[str, Meta(max_length=ERROR_CODE_LENGTH)] | None = None
    dialect: Name | None = None
    lane: Name | None = None
    died_after: Instant | None = None
    died_before: Instant | None = None
    tenant: Annotated[str, Meta(max_length=TENANT_NAME_LENGTH)] = ""


class LettersAsked(Letters):
    """The query string of a list of dead letters."""

    order: Literal["newest", "oldest"] = "newest"
    after: Number = ""
    limit: Annotated[int, Meta(ge=1, le=DEAD_LETTERS_LISTED)] = 100


class ManyLetters(Letters):
    """Which dead letters to act on, the oldest first, and at most how many."""

    limit: Annotated[int, Meta(ge=1, le=DEAD_LETTERS_AT_ONCE)] = DEAD_LETTERS_AT_ONCE
