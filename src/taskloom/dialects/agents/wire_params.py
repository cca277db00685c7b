"""What the methods take: named members, checked here; unknown ones are dropped."""

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from taskloom.core.limits import (
    CLAIM_WAIT_MS_MAX,
    ERROR_MESSAGE_LENGTH,
    IDEMPOTENCY_KEY_LENGTH,
    LEASE_MS_MAX,
    QUEUE_NAME_LENGTH,
    ROLE_LENGTH,
    ROLES,
    TASK_TEXT_LENGTH,
    WORKER_NAME_LENGTH,
    WORKING_DIRECTORY_LENGTH,
)

TaskId = Annotated[str, Meta(min_length=1, max_length=64, description="`t-<digits>`")]
WorkerId = Annotated[
    str, Meta(min_length=1, max_length=WORKER_NAME_LENGTH, pattern=r"^[^\x00-\x1f\x7f]*$(?!\n)")
]
Text = Annotated[str, Meta(min_length=1, max_length=TASK_TEXT_LENGTH)]
Priority = Annotated[int, Meta(ge=0, le=100)]
Epoch = Annotated[int, Meta(ge=0, le=2_147_483_647)]
LeaseToken = Annotated[str, Meta(pattern=r"^[0-9]{1,19}$(?!\n)")]
LeaseMs = Annotated[int, Meta(ge=1_000, le=LEASE_MS_MAX)]
Status = Literal["pending", "in_progress", "completed", "failed"]
FinalStatus = Literal["completed", "failed"]
Metadata = dict[str, Any]


class Params(Struct, frozen=True, kw_only=True, rename="camel"):
    """What all params have in common: named members, unknown ones are dropped."""


class Named(Params, frozen=True, kw_only=True):
    """Params that name one task, as `id` or as `taskId`."""

    id: TaskId | None = None
    task_id: TaskId | None = None


class Held(Named, frozen=True, kw_only=True):
    """Params of whoever holds a task."""

    worker_id: WorkerId | None = None
    claim_epoch: Epoch | None = None
    lease_token: LeaseToken | None = None


class CreateParams(Params, frozen=True, kw_only=True):
    """task.create."""

    text: Text
    priority: Priority = 50
    metadata: Metadata | None = None
    idempotency_key: Annotated[str, Meta(min_length=1, max_length=IDEMPOTENCY_KEY_LENGTH)] | None = None
    depends_on: list[TaskId] = []


class Updates(Params, frozen=True, kw_only=True):
    """What task.update changes; absent stays as it is."""

    text: Text | UnsetType = UNSET
    status: Status | UnsetType = UNSET
    priority: Priority | UnsetType = UNSET
    metadata: Metadata | UnsetType = UNSET


class UpdateParams(Named, frozen=True, kw_only=True):
    """task.update."""

    updates: Updates


class AssignParams(Named, frozen=True, kw_only=True):
    """task.assign."""

    instance_id: WorkerId


class UnassignParams(Named, frozen=True, kw_only=True):
    """task.unassign."""


class GetParams(Named, frozen=True, kw_only=True):
    """task.get."""


class ClaimParams(Params, frozen=True, kw_only=True):
    """task.claim. `queue` names the line of another dialect's tasks; the board is the default."""

    worker_id: WorkerId | None = None
    max_tasks: Annotated[int, Meta(ge=1, le=10)] = 1
    wait_ms: Annotated[int, Meta(ge=0, le=CLAIM_WAIT_MS_MAX)] = 0
    lease_ms: LeaseMs | None = None
    queue: Annotated[str, Meta(min_length=1, max_length=QUEUE_NAME_LENGTH)] | None = None


class CompleteParams(Held, frozen=True, kw_only=True):
    """task.complete."""

    result: Raw | UnsetType = UNSET
    status: FinalStatus | None = None
    error: Annotated[str, Meta(max_length=ERROR_MESSAGE_LENGTH)] | None = None


class HeartbeatParams(Held, frozen=True, kw_only=True):
    """task.heartbeat."""

    lease_ms: LeaseMs | None = None


class ReleaseParams(Held, frozen=True, kw_only=True):
    """task.release."""


class ListParams(Params, frozen=True, kw_only=True):
    """task.list."""

    status: Status | None = None
    assigned_to: WorkerId | None = None
    priority: Priority | None = None
    ready: bool | None = None
    limit: Annotated[int, Meta(ge=1, le=1000)] = 100
    offset: Annotated[int, Meta(ge=0, le=10_000_000)] = 0
    order_by: Literal["createdAt", "updatedAt", "completedAt", "priority", "status", "assignedTo"] = (
        "createdAt"
    )
    order: Literal["asc", "desc"] = "desc"


class WorkerMetadata(Params, frozen=True, kw_only=True):
    """What a worker says about itself."""

    working_directory: Annotated[str, Meta(max_length=WORKING_DIRECTORY_LENGTH)] | None = None


class RegisterParams(Params, frozen=True, kw_only=True):
    """system.register."""

    id: WorkerId
    roles: Annotated[list[Annotated[str, Meta(min_length=1, max_length=ROLE_LENGTH)]], Meta(max_length=ROLES)]
    metadata: WorkerMetadata | None = None


class InstanceParams(Params, frozen=True, kw_only=True):
    """system.heartbeat and system.unregister."""

    instance_id: WorkerId


class DiscoverParams(Params, frozen=True, kw_only=True):
    """system.discover."""

    domain: Annotated[str, Meta(min_length=1, max_length=64)] | None = None
