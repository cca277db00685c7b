"""The bodies of answers. They spell out every member that clients require."""

from collections.abc import Mapping
from typing import Any

from msgspec import Raw, Struct


class AnswerBody(Struct, frozen=True, gc=False, rename="camel", kw_only=True):
    """What every answer begins with: camel case."""


class ActivatedJob(AnswerBody, frozen=True):
    """A job in the hands of a worker."""

    type: str
    process_definition_id: str
    process_definition_version: int
    element_id: str
    custom_headers: Mapping[str, str]
    worker: str
    retries: int
    deadline: int
    variables: Raw
    tenant_id: str
    job_key: str
    process_instance_key: str
    process_definition_key: str
    element_instance_key: str
    root_process_instance_key: str | None
    tags: tuple[str, ...]
    business_id: str | None
    priority: int
    lease_token: str | None
    job_lease_token: str | None
    physical_tenant_id: str = "default"
    kind: str = "BPMN_ELEMENT"
    listener_event_type: str = "UNSPECIFIED"
    user_task: None = None


class ActivatedJobs(AnswerBody, frozen=True):
    """The answer of an activation."""

    jobs: list[ActivatedJob]


class CreatedInstance(AnswerBody, frozen=True):
    """The answer of a creation."""

    process_definition_id: str
    process_definition_version: int
    tenant_id: str
    variables: Raw
    process_definition_key: str
    process_instance_key: str
    tags: tuple[str, ...]
    business_id: str | None


class DeployedProcess(AnswerBody, frozen=True):
    """One process of a deployment."""

    process_definition_id: str
    process_definition_version: int
    resource_name: str
    tenant_id: str
    process_definition_key: str


class DeployedResource(AnswerBody, frozen=True):
    """One entry of a deployment; all members but one are null."""

    process_definition: DeployedProcess | None = None
    decision_definition: None = None
    decision_requirements: None = None
    form: None = None
    resource: None = None


class Deployment(AnswerBody, frozen=True):
    """The answer of a deployment."""

    deployment_key: str
    tenant_id: str
    deployments: list[DeployedResource]


class PageInfo(AnswerBody, frozen=True):
    """Where a page stands in its search."""

    total_items: int
    has_more_total_items: bool
    start_cursor: str | None
    end_cursor: str | None


class Found(AnswerBody, frozen=True):
    """The answer of a search."""

    items: list[Any]
    page: PageInfo


class ProcessInstance(AnswerBody, frozen=True):
    """A process instance as it is listed."""

    process_instance_key: str
    process_definition_key: str
    process_definition_id: str
    process_definition_name: str | None
    process_definition_version: int
    process_definition_version_tag: str | None
    start_date: str
    end_date: str | None
    state: str
    has_incident: bool
    tenant_id: str
    parent_process_instance_key: str | None
    parent_element_instance_key: str | None
    root_process_instance_key: str
    tags: list[str]
    business_id: str | None
    suspended_date: None = None


class ElementInstance(AnswerBody, frozen=True):
    """An element instance as it is listed."""

    element_instance_key: str
    process_instance_key: str
    root_process_instance_key: str
    process_definition_key: str
    process_definition_id: str
    element_id: str
    element_name: str
    type: str
    state: str
    start_date: str
    end_date: str | None
    has_incident: bool
    incident_key: str | None
    tenant_id: str


class Incident(AnswerBody, frozen=True):
    """An incident as it is listed."""

    incident_key: str
    error_type: str
    error_message: str
    state: str
    creation_time: str
    element_id: str
    element_instance_key: str
    job_key: str | None
    process_instance_key: str
    root_process_instance_key: str
    process_definition_key: str
    process_definition_id: str
    tenant_id: str


class Job(AnswerBody, frozen=True):
    """A job as it is listed."""

    job_key: str
    type: str
    worker: str
    state: str
    retries: int
    priority: int
    custom_headers: Mapping[str, str]
    deadline: str | None
    creation_time: str
    end_time: str | None
    last_update_time: str
    error_code: str | None
    error_message: str | None
    has_failed_with_retries_left: bool
    element_id: str
    element_instance_key: str
    process_instance_key: str
    root_process_instance_key: str
    process_definition_id: str
    process_definition_key: str
    business_id: str | None
    tenant_id: str
    kind: str = "BPMN_ELEMENT"
    listener_event_type: str = "UNSPECIFIED"
    is_denied: None = None
    denied_reason: None = None


class ProcessDefinition(AnswerBody, frozen=True):
    """A process definition as it is listed."""

    process_definition_key: str
    process_definition_id: str
    name: str | None
    version: int
    version_tag: str | None
    resource_name: str
    tenant_id: str
    has_start_form: bool = False
    state: str = "ACTIVE"


class Partition(AnswerBody, frozen=True):
    """The one partition there is."""

    partition_id: int = 1
    role: str = "leader"
    health: str = "healthy"
    state: str = "active"


class Broker(AnswerBody, frozen=True):
    """A server, as a broker."""

    host: str
    port: int
    version: str
    node_id: int = 0
    broker_id: str = "0"
    partitions: tuple[Partition, ...] = (Partition(),)


class Topology(AnswerBody, frozen=True):
    """GET /topology."""

    brokers: tuple[Broker, ...]
    gateway_version: str
    cluster_id: str | None = None
    cluster_size: int = 1
    partitions_count: int = 1
    replication_factor: int = 1
    last_completed_change_id: str = "-1"


class License(AnswerBody, frozen=True):
    """GET /license: there is none to be had."""

    valid_license: bool = True
    license_type: str = "unknown"
    is_commercial: bool = False
    expires_at: None = None
