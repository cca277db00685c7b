"""Usage: what completed work used up, counted per tenant, submitting key, model, queue and day.

A completion brings its `Usage` along, and the transaction that accepts it adds it to the counter. So it
counts exactly when the completion does: what is refused or is only a repeat adds nothing.
"""

from typing import Final

from msgspec import Struct

from taskloom.core.task import Task

DAY_MS: Final = 86_400_000

UsageId = tuple[str, str, str, str, int]
"""(tenant, submitter, model, queue, day); the day is a number, days since 1970-01-01 UTC."""


class Usage(Struct, frozen=True, gc=False, array_like=True):
    """What one task used up, by the word of whoever did it."""

    model: str = ""
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    """Of the input, what was not computed anew."""
    reasoning_tokens: int = 0
    """Of the output, what was thought and not said."""
    total_tokens: int = 0


class UsageCount(Struct, gc=False):
    """What many tasks used up together; also what a batch adds. Stores keep the fields in this order."""

    tasks: int = 0
    run_ms: int = 0
    """How long their last attempts took."""
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    total_tokens: int = 0

    def add(self, task: Task, usage: Usage) -> None:
        """One completed task more."""
        self.tasks += 1
        self.run_ms += max(0, task.finished_at - task.started_at) if task.started_at else 0
        self.input_tokens += usage.input_tokens
        self.output_tokens += usage.output_tokens
        self.cached_tokens += usage.cached_tokens
        self.reasoning_tokens += usage.reasoning_tokens
        self.total_tokens += usage.total_tokens


def usage_id(task: Task, usage: Usage) -> UsageId:
    """Where a completed task is counted; its lane begins with the name of the key that submitted it."""
    submitter = task.lane.partition("/")[0]
    return (task.tenant, submitter, usage.model, task.queue, task.finished_at // DAY_MS)
