"""What the methods give. Instants are ISO-8601 in UTC, JSON of others stays byte for byte what it was."""

from typing import Any

from msgspec import UNSET, Raw, Struct, UnsetType

from taskloom.dialects.agents.wire_params import FinalStatus, Metadata, Status


class Result(Struct, frozen=True, kw_only=True, rename="camel"):
    """What all results have in common."""


class Lease(Result, frozen=True, kw_only=True):
    """The right to finish: `epoch` goes back as `claimEpoch`."""

    epoch: int
    expires_at: str


class CreateResult(Result, frozen=True, kw_only=True):
    """task.create."""

    id: str
    text: str
    status: Status
    priority: int
    created_at: str
    metadata: Metadata | UnsetType = UNSET


class UpdateResult(CreateResult, frozen=True, kw_only=True):
    """task.update."""

    updated_at: str


class TaskView(Result, frozen=True, kw_only=True):
    """A task, whole. `result` is JSON as the worker sent it, byte for byte."""

    id: str
    text: str
    status: Status
    priority: int
    assigned_to: str | None
    metadata: Raw
    result: Raw
    error: str | None
    created_at: str
    updated_at: str
    completed_at: str | None
    attachment_count: int = 0
    lease: Lease | UnsetType = UNSET


class GetResult(TaskView, frozen=True, kw_only=True):
    """task.get."""

    attachments: dict[str, Any] = {}


class ClaimedTask(GetResult, frozen=True, kw_only=True):
    """A task as its worker receives it; `input` is what another dialect gave it to work on."""

    lease_token: str
    queue: str
    input: Raw | UnsetType = UNSET


class ClaimResult(Result, frozen=True, kw_only=True):
    """task.claim."""

    claimed: bool
    task_id: str | UnsetType = UNSET
    task: ClaimedTask | UnsetType = UNSET
    lease: Lease | UnsetType = UNSET
    lease_token: str | UnsetType = UNSET
    tasks: list[ClaimedTask] | UnsetType = UNSET


class CompleteResult(Result, frozen=True, kw_only=True):
    """task.complete."""

    id: str
    status: FinalStatus
    completed_at: str


class HeartbeatResult(Result, frozen=True, kw_only=True):
    """task.heartbeat."""

    alive: bool
    expires_at: str


class ReleaseResult(Result, frozen=True, kw_only=True):
    """task.release."""

    task_id: str
    released: bool


class AssignResult(Result, frozen=True, kw_only=True):
    """task.assign."""

    task_id: str
    instance_id: str
    assigned_at: str


class UnassignResult(Result, frozen=True, kw_only=True):
    """task.unassign."""

    task_id: str
    previous_assignment: str | None
    unassigned_at: str


class ListedTask(TaskView, frozen=True, kw_only=True):
    """A task in a list; `resultExcluded` where the page's results together would be too much."""

    attachment_keys: list[str] = []
    result_attachment: None = None
    result_excluded: bool | UnsetType = UNSET


class ListResult(Result, frozen=True, kw_only=True):
    """task.list."""

    tasks: list[ListedTask]
    total_count: int
    has_more: bool


class RegisterResult(Result, frozen=True, kw_only=True):
    """system.register."""

    registered: bool


class AliveResult(Result, frozen=True, kw_only=True):
    """system.heartbeat; false means: register again."""

    alive: bool


class UnregisterResult(Result, frozen=True, kw_only=True):
    """system.unregister."""

    unregistered: bool
    tasks_reassigned: int


class DiscoverResult(Result, frozen=True, kw_only=True):
    """system.discover."""

    methods: list[dict[str, Any]]
