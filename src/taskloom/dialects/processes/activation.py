"""Activating jobs: the long poll of the workers.

The answer goes out as soon as one job is there. A caller that goes away while it waits leaves the line, and
jobs that were handed out to it at that very moment are given back.
"""

import asyncio
from collections.abc import Sequence

import msgspec
from msgspec import Raw

from taskloom.core.commands import Claim, HolderRule, Release
from taskloom.core.limits import CLAIM_SIZE_MAX, LEASE_MS_MAX, MIB, QUEUE_NAME_LENGTH, WAIT_MS_MAX
from taskloom.core.limits import WORKER_NAME_LENGTH as WORKER_LENGTH
from taskloom.core.rejections import Rejection
from taskloom.dialects.operation import Refusal, Request, Response
from taskloom.dialects.processes import bodies
from taskloom.dialects.processes.answers import ActivatedJob, ActivatedJobs
from taskloom.dialects.processes.problem import FORBIDDEN, must_be, not_provided, unexpected
from taskloom.dialects.processes.requests import JobActivation
from taskloom.dialects.processes.tasks import attributes_of
from taskloom.dialects.processes.translate import acting_tenants, key_text, tenant_text
from taskloom.engine.outcome import Handout
from taskloom.flows.bpmn.job_tasks import JOB_LEVEL
from taskloom.ports.faults import fault_point

REQUEST_TIMEOUT_MS_DEFAULT = 10_000
ANSWER_BYTES_MAX = 4 * MIB
"""What the variables of one answer may take together; a single job may take more."""

_encode = msgspec.json.Encoder().encode


async def activate_jobs(request: Request) -> Response | Refusal:
    """Hand out jobs of a type, or wait for one."""
    body = bodies.read(request.body, JobActivation)
    if isinstance(body, Refusal):
        return body
    refusal = _check(body) or _check_worker(request.principal.worker, body.worker)
    if refusal is not None:
        return refusal
    tenants = acting_tenants(request, body.tenant_ids or (), "Activate Jobs")
    if isinstance(tenants, Refusal):
        return tenants
    claims = [_claim(request, body, tenant) for tenant in tenants]
    handouts = await _wait(request, claims, _wait_ms(body.request_timeout))
    if isinstance(handouts, Rejection):
        return unexpected(handouts)
    return Response(body=_encode(ActivatedJobs(jobs=[_activated(handout) for handout in handouts])))


def _check(body: JobActivation) -> Refusal | None:
    names = {
        "type": body.type and body.type.strip(),
        "timeout": body.timeout,
        "maxJobsToActivate": body.max_jobs_to_activate,
    }
    missing = [name for name, value in names.items() if value is None or value == ""]
    if missing:
        return not_provided(*missing)
    assert body.type is not None
    assert body.timeout is not None
    assert body.max_jobs_to_activate is not None
    if len(body.type) > QUEUE_NAME_LENGTH:
        return must_be("type", body.type[:50] + "...", f"at most {QUEUE_NAME_LENGTH} characters")
    if len(body.worker or "") > WORKER_LENGTH:
        return must_be("worker", (body.worker or "")[:50] + "...", f"at most {WORKER_LENGTH} characters")
    if body.timeout < 1:
        return must_be("timeout", body.timeout, "greater than 0")
    if body.max_jobs_to_activate < 1:
        return must_be("maxJobsToActivate", body.max_jobs_to_activate, "greater than 0")
    return _check_tenant_filter(body.tenant_filter)


def _check_worker(bound: str, named: str | None) -> Refusal | None:
    """A key that is bound to a worker acts as no other."""
    if not bound or not named or named == bound:
        return None
    return Refusal(403, FORBIDDEN, f"The key may only act as the worker '{bound}'")


def _check_tenant_filter(text: str | None) -> Refusal | None:
    if text is None or text.upper() == "PROVIDED":
        return None
    if text.upper() == "ASSIGNED":
        return must_be("tenantFilter", text, "PROVIDED, because multi-tenancy is disabled")
    return bodies.unknown_value(text, "tenantFilter", ("PROVIDED", "ASSIGNED"))


def _wait_ms(request_timeout: int | None) -> int:
    """Positive: at most that long; nothing or 0: the default; negative: not at all."""
    if not request_timeout:
        return REQUEST_TIMEOUT_MS_DEFAULT
    return min(max(request_timeout, 0), WAIT_MS_MAX)


def _claim(request: Request, body: JobActivation, tenant: str) -> Claim:
    assert body.type is not None
    assert body.timeout is not None
    assert body.max_jobs_to_activate is not None
    return Claim(
        tenant=tenant,
        queues=((body.type, JOB_LEVEL),),
        worker=body.worker or request.principal.worker,
        holder=request.principal.name,
        size=min(body.max_jobs_to_activate, CLAIM_SIZE_MAX),
        lease_ms=min(body.timeout, LEASE_MS_MAX),
        fenced=bool(body.with_lease),
        fetch=body.fetch_variable or (),
        bytes_max=ANSWER_BYTES_MAX,
    )


async def _wait(request: Request, claims: Sequence[Claim], wait_ms: int) -> list[Handout] | Rejection:
    """The first jobs that are there within the time."""
    engine = request.engine
    deadline = engine.clock.monotonic_ms() + wait_ms
    topics = [("queue", queue, claim.tenant) for claim in claims for queue, _ in claim.queues]
    gone: asyncio.Task[None] | None = None
    try:
        while True:
            with engine.waiting.ticket(*topics) as ticket:
                handouts = await _take(request, claims)
                rest_ms = deadline - engine.clock.monotonic_ms()
                if handouts and not isinstance(handouts, Rejection):
                    fault_point("claim_answered")
                if isinstance(handouts, Rejection) or rest_ms <= 0 or engine.waiting.closed:
                    return handouts
                if gone is not None and gone.done():
                    await _give_back(request, handouts)
                    return []
                if handouts:
                    return handouts
                gone = gone or asyncio.ensure_future(request.disconnected())
                rung = asyncio.ensure_future(ticket.wait(rest_ms))
                await asyncio.wait({rung, gone}, return_when=asyncio.FIRST_COMPLETED)
                if not (rung.done() and rung.result()):
                    rung.cancel()
                    return []
    finally:
        if gone is not None:
            gone.cancel()


async def _take(request: Request, claims: Sequence[Claim]) -> list[Handout] | Rejection:
    """One look at each tenant's queue, as far as there is room."""
    found: list[Handout] = []
    for claim in claims:
        room = claim.size - len(found)
        if room <= 0:
            break
        outcome = await request.engine.submit(msgspec.structs.replace(claim, size=room))
        if isinstance(outcome, Rejection):
            return found or outcome
        found += outcome.reply
    return found


async def _give_back(request: Request, handouts: Sequence[Handout]) -> None:
    for handout in handouts:
        task = handout.task
        await request.engine.submit(
            Release(key=task.key, tenant=task.tenant, token=task.token, rule=HolderRule.ANYONE)
        )


def _activated(handout: Handout) -> ActivatedJob:
    task = handout.task
    where = attributes_of(task.key, handout.attributes)
    token = str(task.token) if task.fenced else None
    instance = key_text(task.flow or task.key)
    return ActivatedJob(
        type=task.queue,
        process_definition_id=where.process,
        process_definition_version=where.version,
        element_id=where.element,
        custom_headers=where.headers,
        worker=task.worker,
        retries=task.retries,
        deadline=task.lease_until,
        variables=Raw(handout.input),
        tenant_id=tenant_text(task.tenant),
        job_key=key_text(task.key),
        process_instance_key=instance,
        process_definition_key=where.definition,
        element_instance_key=where.element_instance,
        root_process_instance_key=key_text(task.root),
        tags=where.tags,
        business_id=where.business_id or None,
        priority=task.priority,
        lease_token=token,
        job_lease_token=token,
    )
