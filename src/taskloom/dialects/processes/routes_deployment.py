"""Deployment: files in, process definitions out; all of them or none."""

import asyncio
import hashlib
from collections.abc import Sequence

import msgspec
from msgspec import Struct

from taskloom.core.limits import BATCH_RESTARTS, DEPLOYMENT_PARTS, NAME_LENGTH
from taskloom.core.rejections import Kind, Rejection
from taskloom.dialects.operation import Refusal, Request, Response
from taskloom.dialects.processes.answers import DeployedProcess, DeployedResource, Deployment
from taskloom.dialects.processes.definitions import (
    LATEST_KIND,
    NewVersion,
    put_versions,
    read_latest,
)
from taskloom.dialects.processes.multipart import MalformedFormError, Part, read_form
from taskloom.dialects.processes.problem import (
    INVALID_ARGUMENT,
    bad_request,
    must_be,
    rejected,
    unexpected,
)
from taskloom.dialects.processes.translate import acting_tenant, key_text, tenant_text
from taskloom.flows.bpmn.check import read_processes
from taskloom.flows.bpmn.model import Process
from taskloom.flows.bpmn.problems import quoted

BPMN_ENDINGS = (".bpmn", ".bpmn20.xml")


class Readied(Struct, frozen=True):
    """One process of the deployed files, found executable."""

    process: Process
    resource_name: str
    document: bytes
    digest: bytes


class Known(Struct, frozen=True):
    """A process whose latest version is the deployed file already."""

    key: int
    version: int
    process: str
    resource_name: str


async def deploy(request: Request) -> Response | Refusal:
    """Read and check the files off the loop, then put them all at once."""
    try:
        parts = read_form(request.headers.get("content-type", ""), request.body, DEPLOYMENT_PARTS)
    except MalformedFormError as error:
        return bad_request(f"The multipart form cannot be read: {error}")
    tenant = acting_tenant(request, _tenant_of(parts), "Deploy Resources")
    if isinstance(tenant, Refusal):
        return tenant
    resources = [part for part in parts if part.name == "resources"]
    if not resources:
        return bad_request("Required part 'resources' is not present.")
    for part in resources:
        if not 0 < len(part.file_name) <= NAME_LENGTH:
            return must_be("filename", part.file_name[:50], f"1 to {NAME_LENGTH} characters")
    readied = await asyncio.to_thread(_ready, resources)
    if isinstance(readied, Refusal):
        return readied
    return await _put(request, tenant, readied)


def _tenant_of(parts: Sequence[Part]) -> str | None:
    texts = [part.body.decode("utf-8", "replace") for part in parts if part.name == "tenantId"]
    return texts[0] if texts else None


def _ready(resources: Sequence[Part]) -> list[Readied] | Refusal:
    """Every process of every file, or all that is wrong with them."""
    faults: list[str] = []
    readied: dict[str, Readied] = {}
    for part in resources:
        if not part.file_name.lower().endswith(BPMN_ENDINGS):
            faults.append(
                f"'{quoted(part.file_name)}': only BPMN files ({', '.join(BPMN_ENDINGS)}) can be deployed"
            )
            continue
        processes = read_processes(part.body, part.file_name)
        if not isinstance(processes, tuple):
            faults.append(processes.describe())
            continue
        digest = hashlib.sha256(part.body).digest()
        for process in processes:
            twin = readied.setdefault(process.id, Readied(process, part.file_name, part.body, digest))
            if twin.process is not process:
                names = f"'{quoted(twin.resource_name)}' and '{quoted(part.file_name)}'"
                faults.append(f"Duplicated process id in resources {names}")
    return _not_deployable(faults) if faults else list(readied.values())


def _not_deployable(faults: Sequence[str]) -> Refusal:
    frame = "Expected to deploy new resources, but encountered the following errors:\n"
    return rejected("CREATE", INVALID_ARGUMENT, frame + "\n".join(faults))


async def _put(request: Request, tenant: str, readied: Sequence[Readied]) -> Response | Refusal:
    """Put what is new; when somebody else deployed the same process meanwhile, look again."""
    engine = request.engine
    for _ in range(BATCH_RESTARTS):
        settled = [await _settle(request, tenant, each) for each in readied]
        new = [each for each in settled if isinstance(each, NewVersion)]
        if not new:
            return _deployed(request, tenant, settled)
        size = sum(len(each.document) for each in new)
        outcome = await engine.submit(put_versions(tenant, new), size=size)
        if not isinstance(outcome, Rejection):
            return _deployed(request, tenant, settled)
        if outcome.kind is not Kind.VERSION_CONFLICT:
            return unexpected(outcome)
    return unexpected(Rejection(Kind.OVERLOADED))


async def _settle(request: Request, tenant: str, each: Readied) -> NewVersion | Known:
    """Whether it is new, or the very file that is the latest version."""
    before = await request.engine.store.record(LATEST_KIND, tenant, each.process.id)
    latest = None if before is None else read_latest(before)
    if latest is not None and latest.digest == each.digest:
        return Known(latest.key, latest.version, each.process.id, latest.resource_name)
    key = request.engine.new_key()
    return NewVersion(key, each.process, each.resource_name, each.document, each.digest, before)


def _deployed(request: Request, tenant: str, settled: Sequence[NewVersion | Known]) -> Response:
    name = tenant_text(tenant)
    deployments = [
        DeployedResource(
            process_definition=DeployedProcess(
                process_definition_id=each.process if isinstance(each, Known) else each.process.id,
                process_definition_version=each.version,
                resource_name=each.resource_name,
                tenant_id=name,
                process_definition_key=key_text(each.key),
            )
        )
        for each in settled
    ]
    key = key_text(request.engine.new_key())
    answer = Deployment(deployment_key=key, tenant_id=name, deployments=deployments)
    return Response(body=msgspec.json.encode(answer))
