"""The methods on tasks: each builds a command and translates what came of it."""

from hashlib import sha256
from typing import Any, Final

import msgspec
from msgspec import UNSET, Raw, Struct

from taskloom.core.commands import Complete, Create, Extend, Fail, HolderRule, Release
from taskloom.core.decide import TOO_LARGE
from taskloom.core.limits import ATTRIBUTES_BYTES, IDEMPOTENCY_KEY_LENGTH
from taskloom.core.rejections import Rejection
from taskloom.dialects.agents import errors, translate
from taskloom.dialects.agents import wire_params as wp
from taskloom.dialects.agents import wire_results as wr
from taskloom.dialects.agents.errors import RpcError
from taskloom.dialects.agents.method import Context
from taskloom.engine.outcome import Idempotency, Replay

FALSY: Final = frozenset({b"", b"null", b"false", b"0", b'""'})
"""Results with which the original fails a task."""


class Hold(Struct):
    """A call of whoever holds a task: what all commands on an attempt have in common."""

    task_id: str
    worker: str
    fields: dict[str, Any]


def named(params: wp.Named) -> str | RpcError:
    """The task id of the params, which may stand under two names."""
    if params.id is not None and params.task_id is not None and params.id != params.task_id:
        return errors.invalid_params("id and taskId differ")
    return params.id or params.task_id or errors.invalid_params("id or taskId is needed")


def key_of(params: wp.Named) -> int | RpcError:
    """The key of the task the params name."""
    task_id = named(params)
    if isinstance(task_id, RpcError):
        return task_id
    return translate.key_of(task_id) or errors.not_found(task_id)


def holding(context: Context, params: wp.Held) -> Hold | RpcError:
    """As whom a call acts, on which task, under which lease."""
    key = key_of(params)
    if isinstance(key, RpcError):
        return key
    actor = context.actor(params.worker_id)
    if isinstance(actor, RpcError):
        return actor
    fields = {
        "key": key,
        "tenant": context.wall,
        "token": translate.token_of(params.lease_token),
        "attempt": params.claim_epoch,
        "worker": actor.worker,
        "by": context.principal.name,
        "rule": HolderRule.WORKER,
        "supervisor": actor.supervisor,
    }
    return Hold(translate.spelled(key), actor.worker, fields)


async def create(context: Context, params: wp.CreateParams) -> wr.CreateResult | RpcError:
    """Put a task on the board."""
    if params.depends_on:
        return errors.invalid_params("dependsOn is not supported by this version")
    stored = translate.stored_attributes(params.text, params.metadata)
    if len(stored) > ATTRIBUTES_BYTES:
        return errors.invalid_params(f"metadata must be smaller than {ATTRIBUTES_BYTES} bytes")
    command = Create(
        tenant=context.request.tenant,
        queue=translate.BOARD,
        dialect=translate.DIALECT_NAME,
        level=translate.BOARD_LEVEL,
        priority=params.priority,
        input=translate.task_input(params.text, params.metadata),
        attributes=stored,
        losses_max=translate.LOSSES_MAX,
        loss_backoff_ms=translate.LOSS_BACKOFF_MS,
        by=context.principal.name,
    )
    once = _once(context, params)
    if isinstance(once, RpcError):
        return once
    outcome = await context.engine.submit(command, idempotency=once, size=len(stored) * 2)
    if isinstance(outcome, Rejection):
        return errors.of_rejection(outcome, "")
    key = int(outcome.reply.answer) if isinstance(outcome.reply, Replay) else outcome.reply
    task = await context.engine.store.task(key)
    if task is None:
        return errors.not_found(translate.spelled(key))
    return wr.CreateResult(
        id=translate.spelled(key),
        text=params.text,
        status="pending",
        priority=params.priority,
        created_at=translate.instant(task.created_at),
        metadata=UNSET if params.metadata is None else params.metadata,
    )


def _once(context: Context, params: wp.CreateParams) -> Idempotency | RpcError | None:
    """The idempotency of a call that carries a key, among its members or in its metadata."""
    key = params.idempotency_key or (params.metadata or {}).get("idempotencyKey")
    if key is None:
        return None
    if not isinstance(key, str) or not 0 < len(key) <= IDEMPOTENCY_KEY_LENGTH:
        return errors.invalid_params("metadata.idempotencyKey must be a text of 1 to 255 characters")
    digest = sha256(msgspec.json.encode([params.text, params.priority, params.metadata], order="sorted"))
    return Idempotency(context.request.tenant, "task.create", key, digest.digest(), lambda made: b"%d" % made)


async def complete(context: Context, params: wp.CompleteParams) -> wr.CompleteResult | RpcError:
    """End a task, once: completed, or failed when the call says so."""
    hold = holding(context, params)
    if isinstance(hold, RpcError):
        return hold
    sent = b"" if params.result is UNSET else bytes(params.result)
    result = sent or b"null"
    failed = params.error is not None if params.status is None else params.status == "failed"
    if context.shared.original:
        failed = failed or (params.status is None and sent in FALSY)
        result = _unwrapped(result)
    command: Complete | Fail
    if failed:
        stored = None if result == b"null" else result
        command = Fail(message=params.error or "", final=True, result=stored, **hold.fields)
    else:
        command = Complete(result=result, **hold.fields)
    outcome = await context.engine.submit(command, size=len(result))
    if isinstance(outcome, Rejection):
        if outcome.code == TOO_LARGE:
            return errors.too_large(hold.task_id, len(result))
        return errors.of_rejection(outcome, hold.task_id, hold.worker)
    task = outcome.reply
    return wr.CompleteResult(
        id=hold.task_id,
        status=translate.FINAL_STATUS[task.state],
        completed_at=translate.instant(task.finished_at),
    )


def _unwrapped(result: bytes) -> bytes:
    """The original stores a text that is itself JSON as that JSON."""
    if result[:1] != b'"':
        return result
    inner = msgspec.json.decode(result, type=str).encode()
    try:
        msgspec.json.decode(inner, type=Raw)
    except (msgspec.DecodeError, RecursionError):
        return result
    return inner


async def heartbeat(context: Context, params: wp.HeartbeatParams) -> wr.HeartbeatResult | RpcError:
    """Keep a task: its lease begins anew."""
    hold = holding(context, params)
    if isinstance(hold, RpcError):
        return hold
    command = Extend(lease_ms=params.lease_ms or translate.LEASE_MS, **hold.fields)
    outcome = await context.engine.submit(command)
    if isinstance(outcome, Rejection):
        return errors.of_rejection(outcome, hold.task_id, hold.worker)
    return wr.HeartbeatResult(alive=True, expires_at=translate.instant(outcome.reply.lease_until))


async def release(context: Context, params: wp.ReleaseParams) -> wr.ReleaseResult | RpcError:
    """Give a task back unfinished; the worker is not offered it again for a while."""
    hold = holding(context, params)
    if isinstance(hold, RpcError):
        return hold
    outcome = await context.engine.submit(Release(deny_ms=translate.LOSS_BACKOFF_MS, **hold.fields))
    if isinstance(outcome, Rejection):
        return errors.of_rejection(outcome, hold.task_id, hold.worker)
    return wr.ReleaseResult(task_id=hold.task_id, released=True)
