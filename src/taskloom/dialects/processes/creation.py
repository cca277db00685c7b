"""What `POST /process-instances` asks for, checked."""

import re
from collections.abc import Sequence

from msgspec import Struct

from taskloom.core.limits import (
    BUSINESS_ID_LENGTH,
    NAME_LENGTH,
    TAG_LENGTH,
    TAGS_MAX,
    WAIT_MS_MAX,
)
from taskloom.dialects.operation import Refusal, Request
from taskloom.dialects.processes import bodies
from taskloom.dialects.processes.problem import invalid, must_be
from taskloom.dialects.processes.requests import InstanceCreation
from taskloom.dialects.processes.translate import acting_tenant, body_key

REQUEST_TIMEOUT_MS_DEFAULT = 10_000
LATEST = -1

_TAG = re.compile(r"[A-Za-z][A-Za-z0-9_\-:.]*")


class DefinitionName(Struct, frozen=True):
    """A definition as a caller names it: by key, or by process id with a version or the latest."""

    key: int = 0
    process: str = ""
    version: int = LATEST

    def words(self) -> str:
        """As it stands in a refusal."""
        if not self.process:
            return f"with key '{self.key}'"
        if self.version == LATEST:
            return f"with process ID '{self.process}'"
        return f"with process ID '{self.process}' and version '{self.version}'"


class Wanted(Struct, frozen=True):
    """An instance that shall be created."""

    definition: DefinitionName
    tenant: str
    variables: bytes
    tags: tuple[str, ...]
    business_id: str | None
    is_awaited: bool
    fetch: tuple[str, ...]
    wait_ms: int


def read_creation(request: Request) -> Wanted | Refusal:
    """The request, or what is wrong with it."""
    body = bodies.read(request.body, InstanceCreation)
    if isinstance(body, Refusal):
        return body
    definition = _read_definition(body)
    if isinstance(definition, Refusal):
        return definition
    variables = bodies.read_variables(body.variables)
    if isinstance(variables, Refusal):
        return variables
    tags = tuple(dict.fromkeys(body.tags or ()))
    refusal = (
        bodies.check_reference(body.operation_reference)
        or _check_instructions(body)
        or _check_tags(tags)
        or _check_business_id(body.business_id)
    )
    if refusal is not None:
        return refusal
    tenant = acting_tenant(request, body.tenant_id, "Create Process Instance")
    if isinstance(tenant, Refusal):
        return tenant
    timeout = body.request_timeout or REQUEST_TIMEOUT_MS_DEFAULT
    return Wanted(
        definition,
        tenant,
        variables or b"{}",
        tags,
        body.business_id,
        bool(body.await_completion),
        body.fetch_variables or (),
        min(max(timeout, 0), WAIT_MS_MAX),
    )


def _read_definition(body: InstanceCreation) -> DefinitionName | Refusal:
    names = "[processDefinitionId, processDefinitionKey]"
    if body.process_definition_id is None and body.process_definition_key is None:
        return invalid(f"At least one of {names} is required")
    if body.process_definition_id is not None and body.process_definition_key is not None:
        return invalid(f"Only one of {names} is allowed")
    if body.process_definition_key is not None:
        key = body_key("processDefinitionKey", body.process_definition_key)
        return key if isinstance(key, Refusal) else DefinitionName(key=key)
    process = body.process_definition_id or ""
    if not 0 < len(process) <= NAME_LENGTH:
        return must_be("processDefinitionId", process[:50], f"1 to {NAME_LENGTH} characters")
    version = LATEST if body.process_definition_version is None else body.process_definition_version
    return DefinitionName(process=process, version=version)


def _check_instructions(body: InstanceCreation) -> Refusal | None:
    if body.start_instructions:
        return invalid("Start instructions are not supported")
    if body.runtime_instructions:
        return invalid("Runtime instructions are not supported")
    return None


def _check_tags(tags: Sequence[str]) -> Refusal | None:
    if len(tags) > TAGS_MAX:
        return must_be("tags", len(tags), f"at most {TAGS_MAX} tags")
    for tag in tags:
        if len(tag) > TAG_LENGTH or not _TAG.fullmatch(tag):
            return invalid(
                f"The provided tag '{tag}' is not valid. Tags must start with a letter (a-z, A-Z), "
                "followed by alphanumerics, underscores, minuses, colons, or periods. It must not be "
                f"blank and must be {TAG_LENGTH} characters or less"
            )
    return None


def _check_business_id(business_id: str | None) -> Refusal | None:
    if business_id is not None and len(business_id) > BUSINESS_ID_LENGTH:
        return must_be("businessId", business_id[:50] + "...", f"at most {BUSINESS_ID_LENGTH} characters")
    return None
