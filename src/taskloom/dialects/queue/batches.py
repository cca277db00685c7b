"""A batch as `openai` clients read it: every member there, null where there is nothing, times in seconds."""

from typing import Any

from msgspec import Raw, Struct

from taskloom.core.ids import spell
from taskloom.dialects.queue.files import PREFIX
from taskloom.flows.batch_state import Batch


class Counts(Struct, frozen=True):
    """How many rows there are and how many ended how."""

    total: int
    completed: int
    failed: int


class Errors(Struct, frozen=True, kw_only=True):
    """What is wrong with the input file."""

    object: str = "list"
    data: Raw


class Shown(Struct, frozen=True, kw_only=True):
    """A batch on the wire."""

    id: str
    object: str = "batch"
    endpoint: str
    model: str | None
    errors: Errors | None
    input_file_id: str
    completion_window: str
    status: str
    output_file_id: str | None
    error_file_id: str | None
    created_at: int
    in_progress_at: int | None
    expires_at: int
    finalizing_at: int | None
    completed_at: int | None
    failed_at: int | None
    expired_at: int | None
    cancelling_at: int | None
    cancelled_at: int | None
    request_counts: Counts
    usage: Raw | None
    metadata: Raw | None


def shown(batch: Batch) -> Shown:
    """The object of a batch."""
    made = batch.made
    return Shown(
        id=made.id,
        endpoint=made.endpoint,
        model=batch.model or None,
        errors=Errors(data=Raw(batch.errors)) if batch.errors else None,
        input_file_id=made.input_file,
        completion_window=made.window,
        status=batch.status,
        output_file_id=spell(PREFIX, batch.output_key) if batch.has_output else None,
        error_file_id=spell(PREFIX, batch.error_key) if batch.has_errors else None,
        created_at=batch.created_at // 1000,
        in_progress_at=_second(batch.in_progress_at),
        expires_at=batch.expires_at // 1000,
        finalizing_at=_second(batch.finalizing_at),
        completed_at=_second(batch.completed_at),
        failed_at=_second(batch.failed_at),
        expired_at=_second(batch.expired_at),
        cancelling_at=_second(batch.cancelling_at),
        cancelled_at=_second(batch.cancelled_at),
        request_counts=Counts(batch.total, batch.completed, batch.failed),
        usage=_raw(batch.usage),
        metadata=_raw(batch.made.metadata),
    )


def _second(at: int) -> int | None:
    return at // 1000 if at else None


def _raw(text: bytes) -> Any:
    return Raw(text) if text and text != b"null" else None
