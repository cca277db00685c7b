"""What both clients ask and understand: calls as values, and answers read."""

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from msgspec import UNSET, Raw

from taskloom_client.errors import ITEM_STATUS, TaskFailedError, error_of
from taskloom_client.transport import Call
from taskloom_client.wire import ItemOutcome, NewTask, Outcomes, TaskPage, TaskView, encode


def new_task(
    queue: str,
    input: Any = UNSET,  # noqa: A002  the word of the wire
    *,
    level: int = 1,
    priority: int = 0,
    retries: int = 0,
    ready_at: datetime | None = None,
    expires_at: datetime | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> NewTask:
    """A task to be submitted; `input` is anything that JSON can say."""
    return NewTask(
        queue=queue,
        input=UNSET if input is UNSET else Raw(encode(input)),
        level=level,
        priority=priority,
        retries=retries,
        ready_at=_instant(ready_at),
        expires_at=_instant(expires_at),
        metadata=dict(metadata) if metadata is not None else UNSET,
    )


def _instant(at: datetime | None) -> str | None:
    if at is None:
        return None
    if at.tzinfo is None:
        raise ValueError("an instant must name its time zone")
    return at.isoformat()


def create(tasks: Sequence[NewTask], idempotency_key: str = "") -> Call:
    """Make tasks; the key makes a repeat harmless."""
    key = idempotency_key or secrets.token_hex(16)
    return Call("POST", "/api/v1/tasks", encode({"items": tasks}), headers={"idempotency-key": key})


def read(key: str, wait_ms: int = 0) -> Call:
    """Look at a task, perhaps once it has ended."""
    query = {"wait_ms": str(wait_ms)} if wait_ms else {}
    return Call("GET", f"/api/v1/tasks/{key}", query=query, wait_s=wait_ms / 1000)


def cancel(key: str, reason: str) -> Call:
    """End a task that is no longer wanted."""
    return Call("POST", f"/api/v1/tasks/{key}/cancel", encode({"reason": reason}))


def listing(query: Mapping[str, str]) -> Call:
    """A page of tasks."""
    return Call("GET", "/api/v1/tasks", query=query)


def keys_of(body: bytes) -> list[str]:
    """The keys of tasks just made; raises the error of the first that was not."""
    items = msgspec.json.decode(body, type=Outcomes).items
    for item in items:
        raise_for(item)
    return [item.key for item in items]


def raise_for(item: ItemOutcome) -> None:
    """Raise the error of an item, if it has one."""
    if item.error is not None:
        status = ITEM_STATUS.get(item.error.code, 409)
        raise error_of(status, item.error.code, item.error.detail)


def view(body: bytes) -> TaskView:
    """A task."""
    return msgspec.json.decode(body, type=TaskView)


def page(body: bytes) -> TaskPage:
    """A page of tasks."""
    return msgspec.json.decode(body, type=TaskPage)


def result_of(task: TaskView, kind: Any = Any) -> Any:
    """The result of an ended task; raises `TaskFailedError` when it has none."""
    if task.state != "completed":
        code = task.error.code if task.error is not None else task.state
        detail = (
            task.error.detail if task.error is not None and task.error.detail else f"the task {task.state}"
        )
        raise TaskFailedError(detail, code, task.state)
    return msgspec.json.decode(task.result, type=kind)
