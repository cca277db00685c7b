"""A caller's task on its way in: made, and where somebody waits, waited for.

The open connection is only a place to wait. The task is durable like any other; when its caller goes away or
waits no longer it is cancelled, and where the cancellation comes too late the result is given after all.
"""

import asyncio
import hashlib
from typing import Any, Final

import msgspec
from msgspec import Struct

from taskloom.core.commands import Cancel, Create
from taskloom.core.limits import (
    IDEMPOTENCY_KEY_LENGTH,
    OFFLINE_DEPTH,
    OFFLINE_TIMEOUT_S,
    OFFLINE_TIMEOUT_S_MAX,
    ONLINE_DEPTH,
    ONLINE_TIMEOUT_S,
    WAITERS,
)
from taskloom.core.rejections import Kind, Rejection
from taskloom.core.retry import RetryPolicy, written
from taskloom.core.task import Task
from taskloom.dialects.operation import Refusal, Request, Response
from taskloom.dialects.presence import while_present
from taskloom.dialects.queue import errors, registry
from taskloom.dialects.queue.spelling import spell
from taskloom.dialects.queue.translate import NAME, TIMED_OUT, answer, failure
from taskloom.dialects.queue.wire import Attributes, encode
from taskloom.engine.engine import Engine
from taskloom.engine.outcome import Idempotency, Replay
from taskloom.engine.waiting import TooManyWaitersError
from taskloom.flows import stream
from taskloom.flows.flow import FlowCommand

GONE: Final = "the caller went away"
STOPPED: Final = "the server stopped"
_CALLBACK: Final = "C"
_STREAMING: Final = "S"
_ONLINE_LEVEL: Final = 0
_SCOPE: Final = "queue.put"
_UNDER_WAY: Final[set[asyncio.Future[Any]]] = set()
"""Cancellations under way whose caller is gone; a future nobody holds may be collected unfinished."""


class Asked(Struct, frozen=True, kw_only=True):
    """A task as its caller wants it."""

    endpoint: str
    data: bytes
    queue: str
    mode: str
    level: int = 0
    timeout_s: int = 0
    callback_url: str = ""
    trace_id: str = ""
    start_timeout_s: int = 0
    run_timeout_s: int = 0
    retry: RetryPolicy | None = None
    background: bool = False
    """Whether nobody waits for it, also when somebody may read along."""

    @property
    def is_waited_for(self) -> bool:
        """Whether its caller stays until it ends."""
        return self.mode != _CALLBACK and not self.background


class Made(Struct, frozen=True):
    """A task that was made: its key, its id, and how long its caller waits."""

    key: int
    task_id: str
    wait_ms: int


def _timeout_ms(asked: Asked) -> int:
    """How long a task may take: what was wanted within the bounds of its mode, or the mode's default."""
    wanted_s = asked.timeout_s
    if asked.is_waited_for:
        return 1000 * (min(wanted_s, ONLINE_TIMEOUT_S) if wanted_s > 0 else ONLINE_TIMEOUT_S)
    return 1000 * (min(wanted_s, OFFLINE_TIMEOUT_S_MAX) if wanted_s > 0 else OFFLINE_TIMEOUT_S)


async def make(request: Request, asked: Asked) -> Made | Refusal:
    """Make the task; with an `Idempotency-Key`, once per key."""
    queue = await registry.find(request.services, request.tenant, asked.queue)
    if queue is None:
        return Refusal(404, "queue_not_found", f"no such queue: {asked.queue}", {"param": "queue"})
    engine = request.engine
    if asked.is_waited_for and len(engine.waiting) >= WAITERS:
        return errors.TOO_MANY
    idempotency = _idempotency(request)
    if isinstance(idempotency, Refusal):
        return idempotency
    wait_ms = _timeout_ms(asked)
    create = await engine.policies.applied(_create(request, asked, queue.id, wait_ms))
    command: Create | FlowCommand = create
    if asked.mode == _STREAMING:
        body = msgspec.msgpack.encode(create)
        command = FlowCommand(
            kind=stream.KIND, name=stream.OPEN, tenant=request.tenant, body=body, by=create.by
        )
    outcome = await engine.submit(command, idempotency=idempotency, size=len(asked.data))
    if isinstance(outcome, Rejection):
        return errors.refused(outcome)
    reply = outcome.reply
    key = int(reply.answer) if isinstance(reply, Replay) else reply
    return Made(key, spell(key, queue.id, asked.level, asked.mode), wait_ms)


def _create(request: Request, asked: Asked, queue_id: int, wait_ms: int) -> Create:
    now = request.engine.clock.now_ms()
    own = Attributes(asked.endpoint, asked.mode, queue_id, asked.trace_id, asked.callback_url)
    return Create(
        tenant=request.tenant,
        queue=asked.queue,
        dialect=NAME,
        level=asked.level,
        lane=request.principal.name,
        input=asked.data,
        attributes=encode(own),
        callback=asked.callback_url,
        expires_at=now + wait_ms,
        start_by=now + asked.start_timeout_s * 1000 if asked.start_timeout_s > 0 else 0,
        run_ms=max(asked.run_timeout_s, 0) * 1000,
        retry=written(asked.retry) if asked.retry is not None else "",
        by=request.principal.name,
        queue_limit=ONLINE_DEPTH if asked.level == _ONLINE_LEVEL else OFFLINE_DEPTH,
    )


def _idempotency(request: Request) -> Idempotency | Refusal | None:
    key = request.headers.get("idempotency-key", "")
    if not key:
        return None
    if len(key) > IDEMPOTENCY_KEY_LENGTH:
        return errors.invalid("the Idempotency-Key is too long", "Idempotency-Key")
    digest = hashlib.sha256(request.path.encode() + b"\0" + request.body).digest()
    return Idempotency(request.tenant, _SCOPE, key, digest, lambda reply: str(reply).encode())


async def blocking(request: Request, made: Made) -> Response:
    """The worker's answer as the answer of this call."""
    engine = request.engine
    try:
        task = await while_present(request, engine.outcome(made.key, made.wait_ms))
    except TooManyWaitersError:
        await cancel(request, made.key, TIMED_OUT)
        return errors.rendered(errors.TOO_MANY, made.task_id)
    except asyncio.CancelledError:
        cancel_later(request, made.key)
        raise
    if task is None or not task.is_final:
        task, refusal = await _end(request, made.key, present=task is not None)
        if refusal is not None:
            return errors.rendered(refusal, made.task_id)
    return await _answered(engine, task, made.task_id)


async def _end(request: Request, key: int, *, present: bool) -> tuple[Task | None, Refusal | None]:
    """Nobody waits any longer: cancel; a result that was there first is given after all."""
    stopping = request.engine.waiting.closed
    reason = GONE if not present else STOPPED if stopping else TIMED_OUT
    ended = await cancel(request, key, reason)
    if ended is not None:
        return ended, None
    return None, errors.STOPPING if stopping else errors.TIMEOUT if present else errors.CANCELLED


async def _answered(engine: Engine, task: Task | None, task_id: str) -> Response:
    if task is None:
        return errors.rendered(errors.NO_TASK, task_id)
    result = await result_of(engine, task)
    refusal = failure(task, result)
    if refusal is not None and result is None:
        return errors.rendered(refusal, task_id)
    said = answer(result, refusal.status if refusal is not None else 200)
    return Response(said.status, said.body, headers={**errors.NO_CACHE, "x-bella-task-id": task_id})


async def result_of(engine: Engine, task: Task) -> bytes | None:
    """The result of an ended task as it was sent; None when there is none."""
    if not task.result_key:
        return None
    return (await engine.store.payloads([task.result_key])).get(task.result_key)


async def cancel(request: Request, key: int, reason: str) -> Task | None:
    """Cancel a task that its caller waited for; the ended task when it came to an end before."""
    command = Cancel(key=key, tenant=request.tenant, reason=reason, by=request.principal.name)
    outcome = await request.engine.submit(command)
    if isinstance(outcome, Rejection) and outcome.kind is Kind.FINAL:
        return outcome.task
    return None


def cancel_later(request: Request, key: int) -> None:
    """Cancel although this handler ends now, because its caller is gone."""
    future = asyncio.ensure_future(cancel(request, key, GONE))
    _UNDER_WAY.add(future)
    future.add_done_callback(_UNDER_WAY.discard)
