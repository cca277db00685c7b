"""Commands on one job: complete, fail, throw an error, update. Whoever comes first wins."""

import msgspec

from taskloom.core import commands as c
from taskloom.core.limits import BACKOFF_MS_MAX, ERROR_CODE_LENGTH, ERROR_MESSAGE_LENGTH, LEASE_MS_MAX
from taskloom.core.rejections import Rejection
from taskloom.dialects.operation import Refusal, Request, Response
from taskloom.dialects.processes import bodies
from taskloom.dialects.processes.job_texts import (
    COMPLETE,
    FAIL,
    THROW_ERROR,
    UPDATE,
    Verb,
    no_such_job,
    refused,
)
from taskloom.dialects.processes.problem import INVALID_ARGUMENT, invalid, must_be, not_provided, rejected
from taskloom.dialects.processes.requests import JobCompletion, JobError, JobFailure, JobUpdate, Leased
from taskloom.dialects.processes.translate import path_key

DONE = Response(204)

NO_TOKEN_OF_OURS = -1
"""Stands for a token that no attempt can have: it is compared, and does not match."""


def lease_token(body: Leased) -> int | None:
    """The token the caller shows, None when it shows none."""
    text = body.lease_token or body.job_lease_token
    if not text:
        return None
    is_number = text.isascii() and text.isdigit() and len(text) <= len(str(2**63))
    return int(text) if is_number else NO_TOKEN_OF_OURS


async def complete_job(request: Request) -> Response | Refusal:
    """The work is done; the element goes on with these variables."""
    key = path_key(request, "jobKey")
    if isinstance(key, Refusal):
        return key
    body = bodies.read(request.body, JobCompletion, optional=True)
    if isinstance(body, Refusal):
        return body
    variables = bodies.read_variables(body.variables)
    if isinstance(variables, Refusal):
        return variables
    if body.business_id is not None:
        return invalid("A job cannot give its process instance a business id")
    command = c.Complete(
        key=key,
        tenant=request.wall,
        result=variables or b"null",
        token=lease_token(body),
        by=request.principal.name,
        rule=c.HolderRule.ANYONE,
        unclaimed=True,
        repeat=False,
    )
    return await _finish(request, COMPLETE, command)


async def fail_job(request: Request) -> Response | Refusal:
    """The attempt failed; without retries left a person must act."""
    key = path_key(request, "jobKey")
    if isinstance(key, Refusal):
        return key
    body = bodies.read(request.body, JobFailure, optional=True)
    if isinstance(body, Refusal):
        return body
    variables = bodies.read_variables(body.variables)
    if isinstance(variables, Refusal):
        return variables
    command = c.Fail(
        key=key,
        tenant=request.wall,
        message=(body.error_message or "")[:ERROR_MESSAGE_LENGTH],
        retries=body.retries or 0,
        backoff_ms=min(body.retry_back_off or 0, BACKOFF_MS_MAX),
        suspend=True,
        result=variables,
        token=lease_token(body),
        by=request.principal.name,
        rule=c.HolderRule.ANYONE,
        unclaimed=True,
        repeat=False,
    )
    return await _finish(request, FAIL, command)


async def throw_error(request: Request) -> Response | Refusal:
    """A business error, which the process handles or a person must."""
    key = path_key(request, "jobKey")
    if isinstance(key, Refusal):
        return key
    body = bodies.read(request.body, JobError)
    if isinstance(body, Refusal):
        return body
    if body.error_code is None or not body.error_code.strip():
        return not_provided("errorCode")
    if len(body.error_code) > ERROR_CODE_LENGTH:
        return must_be("errorCode", body.error_code[:50] + "...", f"at most {ERROR_CODE_LENGTH} characters")
    variables = bodies.read_variables(body.variables)
    if isinstance(variables, Refusal):
        return variables
    command = c.Fail(
        key=key,
        tenant=request.wall,
        code=body.error_code,
        message=(body.error_message or "")[:ERROR_MESSAGE_LENGTH],
        thrown=True,
        result=variables,
        token=lease_token(body),
        by=request.principal.name,
        rule=c.HolderRule.ANYONE,
        unclaimed=True,
        repeat=False,
    )
    return await _finish(request, THROW_ERROR, command)


async def _finish(request: Request, verb: Verb, command: c.Complete | c.Fail) -> Response | Refusal:
    outcome = await request.engine.submit(command, size=len(request.body))
    return refused(verb, outcome) if isinstance(outcome, Rejection) else DONE


async def update_job(request: Request) -> Response | Refusal:
    """Other retries, another end of the lease (counted from now), another priority."""
    key = path_key(request, "jobKey")
    if isinstance(key, Refusal):
        return key
    body = bodies.read(request.body, JobUpdate)
    if isinstance(body, Refusal):
        return body
    wrong = bodies.check_reference(body.operation_reference) or _check_changeset(body)
    if wrong is not None:
        return wrong
    task = await request.engine.store.task(key)
    is_seen = task is not None and request.wall in (None, task.tenant)
    if task is None or not is_seen or task.is_final:
        return no_such_job(UPDATE, key)
    assert body.changeset is not None
    wrong = _check_values(key, body.changeset.retries, body.changeset.timeout)
    if wrong is not None:
        return wrong
    timeout = body.changeset.timeout
    command = c.Update(
        key=key,
        tenant=request.wall,
        priority=body.changeset.priority,
        retries=body.changeset.retries,
        lease_ms=None if timeout is None else min(timeout, LEASE_MS_MAX),
        token=lease_token(body),
        by=request.principal.name,
    )
    outcome = await request.engine.submit(command)
    return refused(UPDATE, outcome) if isinstance(outcome, Rejection) else DONE


def _check_changeset(body: JobUpdate) -> Refusal | None:
    if body.changeset is None:
        return not_provided("changeset")
    if all(value is None for value in msgspec.structs.astuple(body.changeset)):
        return invalid("At least one of [retries, timeout, priority] is required")
    return None


def _check_values(key: int, retries: int | None, timeout: int | None) -> Refusal | None:
    if retries is not None and retries < 1:
        reason = (
            f"Expected to update retries for job with key '{key}' with a positive amount of retries, "
            f"but the amount given was '{retries}'"
        )
        return rejected(UPDATE.intent, INVALID_ARGUMENT, reason)
    if timeout is not None and timeout < 1:
        return must_be("timeout", timeout, "greater than 0")
    return None
