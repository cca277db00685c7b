"""The bodies of requests. What they do not know they refuse; every member may be absent or null."""

from typing import Annotated, Any

from msgspec import Meta, Raw, Struct, field

Int32 = Annotated[int, Meta(ge=-(2**31), le=2**31 - 1)]
Int64 = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]


class RequestBody(Struct, frozen=True, gc=False, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """What every request body begins with: strictness."""


class Referenced(RequestBody, frozen=True):
    """A command that says no more than it is."""

    operation_reference: Int64 | None = None


class JobActivation(RequestBody, frozen=True):
    """POST /jobs/activation."""

    type: str | None = None
    timeout: Int64 | None = None
    max_jobs_to_activate: Int32 | None = None
    worker: str | None = None
    fetch_variable: tuple[str, ...] | None = None
    request_timeout: Int64 | None = None
    tenant_ids: tuple[str, ...] | None = None
    tenant_filter: str | None = None
    with_lease: bool | None = None


class Leased(RequestBody, frozen=True):
    """A command on a job; the token goes by two names among the clients."""

    lease_token: str | None = None
    job_lease_token: str | None = None


class JobCompletion(Leased, frozen=True):
    """POST /jobs/{jobKey}/completion. The result is read by listener jobs only, of which there are none."""

    variables: Raw = field(default_factory=Raw)
    result: "JobResult | None" = None
    business_id: str | None = None


class Corrections(RequestBody, frozen=True):
    """Changes to a user task."""

    assignee: str | None = None
    due_date: str | None = None
    follow_up_date: str | None = None
    candidate_users: tuple[str, ...] | None = None
    candidate_groups: tuple[str, ...] | None = None
    priority: Int32 | None = None


class ActivateElement(RequestBody, frozen=True):
    """An element of an ad-hoc sub-process."""

    element_id: str | None = None
    variables: dict[str, Any] | None = None


class JobResult(RequestBody, frozen=True):
    """The result of a listener job or of an ad-hoc sub-process's job."""

    type: str | None = None
    denied: bool | None = None
    denied_reason: str | None = None
    corrections: Corrections | None = None
    activate_elements: tuple[ActivateElement, ...] | None = None
    is_completion_condition_fulfilled: bool | None = None
    is_cancel_remaining_instances: bool | None = None


class JobFailure(Leased, frozen=True):
    """POST /jobs/{jobKey}/failure."""

    retries: Int32 | None = None
    error_message: str | None = None
    retry_back_off: Int64 | None = None
    variables: Raw = field(default_factory=Raw)


class JobError(Leased, frozen=True):
    """POST /jobs/{jobKey}/error."""

    error_code: str | None = None
    error_message: str | None = None
    variables: Raw = field(default_factory=Raw)


class JobChangeset(RequestBody, frozen=True):
    """What of a job may change."""

    retries: Int32 | None = None
    timeout: Int64 | None = None
    priority: Int32 | None = None


class JobUpdate(Leased, frozen=True):
    """PATCH /jobs/{jobKey}."""

    changeset: JobChangeset | None = None
    operation_reference: Int64 | None = None


class StartInstruction(RequestBody, frozen=True):
    """Where to start instead of at the start event."""

    element_id: str | None = None


class RuntimeInstruction(RequestBody, frozen=True):
    """What to do on the way."""

    type: str | None = None
    after_element_id: str | None = None


class InstanceCreation(RequestBody, frozen=True):
    """POST /process-instances."""

    process_definition_id: str | None = None
    process_definition_key: str | None = None
    process_definition_version: Int32 | None = None
    variables: Raw = field(default_factory=Raw)
    tenant_id: str | None = None
    operation_reference: Int64 | None = None
    start_instructions: tuple[StartInstruction, ...] | None = None
    runtime_instructions: tuple[RuntimeInstruction, ...] | None = None
    await_completion: bool | None = None
    fetch_variables: tuple[str, ...] | None = None
    request_timeout: Int64 | None = None
    tags: tuple[str, ...] | None = None
    business_id: str | None = None


class VariablesChange(RequestBody, frozen=True):
    """PUT /element-instances/{elementInstanceKey}/variables."""

    variables: Raw = field(default_factory=Raw)
    local: bool | None = None
    operation_reference: Int64 | None = None


class SearchSort(RequestBody, frozen=True):
    """One sort criterion."""

    field: str | None = None
    order: str | None = None


class SearchPage(RequestBody, frozen=True):
    """Which page of a search."""

    limit: Int32 | None = None
    from_: Int32 | None = field(default=None, name="from")
    after: str | None = None
    before: str | None = None


class Search(RequestBody, frozen=True):
    """POST /<things>/search; the filter is read with the table of its entity."""

    filter: dict[str, Any] | None = None
    sort: tuple[SearchSort, ...] | None = None
    page: SearchPage | None = None
