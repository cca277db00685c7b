"""A batch as `openai` clients read it: every member there, null where there is nothing.

Times are in seconds, unless the tenant wants them in milliseconds as the original has them.
"""

from typing import Any, Final

from msgspec import Raw, Struct

from taskloom.core.ids import spell
from taskloom.core.tenants import Switches
from taskloom.dialects.queue.files import PREFIX
from taskloom.flows.batch_state import Batch

_UNITS_MS: Final = {"s": 1_000, "ms": 1}


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


def shown(batch: Batch, switches: Switches) -> Shown:
    """The object of a batch."""
    made = batch.made
    unit_ms = _UNITS_MS[switches.bella_batch_times]
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
        created_at=batch.created_at // unit_ms,
        in_progress_at=_instant(batch.in_progress_at, unit_ms),
        expires_at=batch.expires_at // unit_ms,
        finalizing_at=_instant(batch.finalizing_at, unit_ms),
        completed_at=_instant(batch.completed_at, unit_ms),
        failed_at=_instant(batch.failed_at, unit_ms),
        expired_at=_instant(batch.expired_at, unit_ms),
        cancelling_at=_instant(batch.cancelling_at, unit_ms),
        cancelled_at=_instant(batch.cancelled_at, unit_ms),
        request_counts=Counts(batch.total, batch.completed, batch.failed),
        usage=_raw(batch.usage),
        metadata=_raw(batch.made.metadata),
    )


def _instant(at: int, unit_ms: int) -> int | None:
    return at // unit_ms if at else None


def _raw(text: bytes) -> Any:
    return Raw(text) if text and text != b"null" else None
