"""Tasks of every protocol, many in one call: made, claimed, completed, failed; and one of them read."""

import hashlib
from collections.abc import Sequence
from typing import Any, Final

import msgspec
from msgspec import UNSET, Raw, UnsetType

from taskloom.core.commands import Claim, Complete, Create, Extend, Fail, Release, Report
from taskloom.core.limits import ATTRIBUTES_BYTES, IDEMPOTENCY_KEY_LENGTH, OFFLINE_DEPTH, TAKE_BYTES
from taskloom.core.payload import strict_error
from taskloom.core.rejections import Rejection
from taskloom.core.retry import written
from taskloom.core.usage import Usage
from taskloom.dialects.native import outcomes
from taskloom.dialects.native.items import decoded
from taskloom.dialects.native.outcomes import key_of, token_of
from taskloom.dialects.native.policies import retry_of
from taskloom.dialects.native.wire import milliseconds
from taskloom.dialects.native.wire_tasks import (
    ClaimedTasks,
    ClaimTasks,
    Completions,
    Failures,
    ItemOutcome,
    NewTask,
    NewTasks,
    Renewals,
    Reports,
    Returns,
)
from taskloom.dialects.operation import Refusal, Reply, Request, Response
from taskloom.dialects.presence import while_present
from taskloom.engine.outcome import Idempotency, Outcome, Replay

NAME: Final = "native"
"""The dialect, as tasks name the one they were born in."""

_SCOPE: Final = "native.tasks_create"
_EVERY_LEVEL: Final = -1
_NEW_TASKS: Final = msgspec.json.Decoder(NewTasks).decode
_COMPLETIONS: Final = msgspec.json.Decoder(Completions).decode
_FAILURES: Final = msgspec.json.Decoder(Failures).decode
_RENEWALS: Final = msgspec.json.Decoder(Renewals).decode
_RETURNS: Final = msgspec.json.Decoder(Returns).decode
_REPORTS: Final = msgspec.json.Decoder(Reports).decode
_CLAIM: Final = msgspec.json.Decoder(ClaimTasks).decode
_NO_TASK: Final = Refusal(404, "not_found", "there is no such task")


async def create(request: Request) -> Reply:
    """Make tasks; with an `Idempotency-Key`, each of them once."""
    wanted = decoded(request.body, _NEW_TASKS, opaque="input", walked="metadata")
    if isinstance(wanted, Refusal):
        return wanted
    commands: list[Create] = []
    for index, item in enumerate(wanted):
        command = await request.engine.policies.applied(_create(request, item))
        if len(command.attributes) > ATTRIBUTES_BYTES:
            return Refusal(
                400, "invalid", f"more than {ATTRIBUTES_BYTES} bytes - at `$.items[{index}].metadata`"
            )
        commands.append(command)
    once = _once(request, len(commands))
    if isinstance(once, Refusal):
        return once
    sizes = [len(command.input) for command in commands]
    made = await request.engine.submit_many(commands, idempotency=once, sizes=sizes)
    return outcomes.told([_made(outcome) for outcome in made], made)


def _create(request: Request, item: NewTask) -> Create:
    retry = retry_of(item.retry)
    own = b"{}" if item.metadata is UNSET else msgspec.json.encode({"metadata": item.metadata})
    return Create(
        tenant=request.tenant,
        queue=item.queue,
        dialect=NAME,
        level=item.level,
        lane=request.principal.name,
        priority=item.priority,
        input=_kept(item.input, b"{}"),
        attributes=own,
        ready_at=milliseconds(item.ready_at),
        expires_at=milliseconds(item.expires_at),
        retries=item.retries,
        start_by=milliseconds(item.start_by),
        run_ms=item.run_ms,
        retry=written(retry) if retry is not None else "",
        by=request.principal.name,
        queue_limit=OFFLINE_DEPTH,
    )


def _once(request: Request, count: int) -> Sequence[Idempotency] | Refusal:
    """What makes each item of a repeated call the one that was made before; nothing without the header."""
    key = request.headers.get("idempotency-key", "")
    if not key:
        return ()
    if len(key) > IDEMPOTENCY_KEY_LENGTH:
        return Refusal(400, "invalid", "the Idempotency-Key is too long")
    digest = hashlib.sha256(request.body).digest()
    return [
        Idempotency(request.tenant, _SCOPE, f"{index}:{key}", digest, lambda reply: str(reply).encode())
        for index in range(count)
    ]


def _made(outcome: Outcome) -> ItemOutcome:
    if isinstance(outcome, Rejection):
        return ItemOutcome(error=outcomes.error(outcome))
    reply = outcome.reply
    return ItemOutcome(reply.answer.decode() if isinstance(reply, Replay) else str(reply), "created")


async def claim(request: Request) -> Reply:
    """Hand out tasks to a worker, waiting for the first one where there is none."""
    wrong = strict_error(request.body)
    if wrong is not None:
        return Refusal(400, "bad_json", wrong)
    try:
        wanted = _CLAIM(request.body)
    except msgspec.ValidationError as problem:
        return Refusal(400, "invalid", str(problem))
    principal = request.principal
    places = ((one.queue, _EVERY_LEVEL if one.level is None else one.level) for one in wanted.queues)
    command = Claim(
        tenant=request.wall,
        queues=tuple(dict.fromkeys(places)),
        worker=principal.worker or wanted.worker,
        holder=principal.name,
        size=wanted.size,
        lease_ms=wanted.lease_ms,
        bytes_max=TAKE_BYTES,
    )
    claiming = request.engine.claim(command, wanted.wait_ms)
    found = await (while_present(request, claiming) if wanted.wait_ms else claiming)
    if isinstance(found, Rejection):
        return outcomes.refused(found)
    items = [outcomes.handed_out(handout) for handout in found or ()]
    return Response(body=msgspec.json.encode(ClaimedTasks(items)))


async def complete(request: Request) -> Reply:
    """Finish attempts, each by itself; the answer tells of each in order."""
    items = decoded(request.body, _COMPLETIONS, opaque="result")
    if isinstance(items, Refusal):
        return items
    wall, principal = request.wall, request.principal
    commands = [
        Complete(
            key=key_of(item.key),
            tenant=wall,
            result=_kept(item.result, b"null"),
            token=token_of(item.lease_token),
            worker=principal.worker or item.worker,
            by=principal.name,
            usage=None if item.usage is None else Usage(*msgspec.structs.astuple(item.usage)),
        )
        for item in items
    ]
    sizes = [len(command.result) for command in commands]
    done = await request.engine.submit_many(commands, sizes=sizes)
    return outcomes.finished([item.key for item in items], done)


async def fail(request: Request) -> Reply:
    """End attempts without a result: tried again while retries are left, else failed."""
    items = decoded(request.body, _FAILURES)
    if isinstance(items, Refusal):
        return items
    wall, principal = request.wall, request.principal
    commands = [
        Fail(
            key=key_of(item.key),
            tenant=wall,
            code=item.code,
            message=item.message,
            retries=item.retries,
            backoff_ms=item.backoff_ms,
            final=item.final,
            token=token_of(item.lease_token),
            worker=principal.worker or item.worker,
            by=principal.name,
        )
        for item in items
    ]
    done = await request.engine.submit_many(commands)
    return outcomes.finished([item.key for item in items], done)


async def extend(request: Request) -> Reply:
    """Let leases end later, each by itself; tells which work nobody wants any more."""
    items = decoded(request.body, _RENEWALS)
    if isinstance(items, Refusal):
        return items
    commands = [
        Extend(lease_ms=item.lease_ms, **_held(request, item.key, item.lease_token, item.worker))
        for item in items
    ]
    done = await request.engine.submit_many(commands)
    return outcomes.gone_on([item.key for item in items], done)


async def release(request: Request) -> Reply:
    """Give attempts back unfinished, each by itself."""
    items = decoded(request.body, _RETURNS)
    if isinstance(items, Refusal):
        return items
    commands = [Release(**_held(request, item.key, item.lease_token, item.worker)) for item in items]
    done = await request.engine.submit_many(commands)
    return outcomes.finished([item.key for item in items], done)


async def progress(request: Request) -> Reply:
    """Keep what workers tell on the way, in order; tells which work nobody wants any more."""
    items = decoded(request.body, _REPORTS, opaque="data")
    if isinstance(items, Refusal):
        return items
    commands = [
        Report(
            mark=item.number,
            result=b'{"data":%b}' % _kept(item.data, b"null"),
            **_held(request, item.key, item.lease_token, item.worker),
        )
        for item in items
    ]
    done = await request.engine.submit_many(commands, sizes=[len(command.result) for command in commands])
    return outcomes.gone_on([item.key for item in items], done)


def _held(request: Request, key: str, token: str | None, worker: str) -> dict[str, Any]:
    """Which attempt is meant, and who says so."""
    principal = request.principal
    return {
        "key": key_of(key),
        "tenant": request.wall,
        "token": token_of(token),
        "worker": principal.worker or worker,
        "by": principal.name,
    }


async def read(request: Request) -> Reply:
    """A task as it is now, of whichever protocol; with `wait_ms`, once it has ended or the time is over."""
    store = request.engine.store
    key = key_of(request.parameters["key"])
    wait = request.query.get("wait_ms", ["0"])[-1]
    if not (wait.isascii() and wait.isdigit() and len(wait) < 8):
        return Refusal(400, "invalid", "wait_ms must be a number of milliseconds")
    task = await store.task(key) if key else None
    if task is not None and int(wait) and not task.is_final and request.wall in (None, task.tenant):
        task = await while_present(request, request.engine.outcome(key, int(wait)))
    if task is None or request.wall not in (None, task.tenant):
        return _NO_TASK
    details = (await store.details([key]))[key]
    data = (await store.inputs([key])).get(key, b"{}")
    result = (await store.payloads([task.result_key])).get(task.result_key) if task.result_key else None
    return Response(body=msgspec.json.encode(outcomes.view(task, details.attributes, data, result)))


def _kept(value: Raw | UnsetType, absent: bytes) -> bytes:
    return absent if value is UNSET else bytes(value)
