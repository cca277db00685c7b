"""The policy of a queue: what holds for a task of it that does not say otherwise."""

from typing import Final

from msgspec import Struct, structs

from taskloom.core.commands import Create
from taskloom.core.retry import RetryPolicy, written

QUEUE_POLICY: Final = "queue_policy"
"""The kind of its record, which is named like the queue."""


class QueuePolicy(Struct, frozen=True, gc=False, omit_defaults=True):
    """Deadlines and retries; 0 and None stand for none."""

    start_ms: int = 0
    """How long after it was made somebody must have begun with a task."""
    run_ms: int = 0
    """How long one attempt may last."""
    retry: RetryPolicy | None = None


NO_POLICY: Final = QueuePolicy()


def with_policy(create: Create, policy: QueuePolicy, now: int) -> Create:
    """The creation with what the policy says where it says nothing itself."""
    if policy == NO_POLICY:
        return create
    begins = max(now, create.ready_at)
    asks_for_retries = bool(create.retry or create.retries)
    return structs.replace(
        create,
        start_by=create.start_by or (begins + policy.start_ms if policy.start_ms else 0),
        run_ms=create.run_ms or policy.run_ms,
        retry=create.retry if asks_for_retries or policy.retry is None else written(policy.retry),
    )
