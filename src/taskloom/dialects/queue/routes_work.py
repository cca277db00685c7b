"""What workers call: take, complete, fail, release, progress, heartbeat."""

from typing import Final, TypeVar

import msgspec

from taskloom.core.commands import Claim, Extend, Fail, Release, Report, Strategy
from taskloom.core.limits import (
    LEASE_MS_DEFAULT,
    NEVER_MS,
    QUEUE_NAME_LENGTH,
    QUEUES_PER_TAKE,
    TAKE_BYTES,
    TAKE_SIZE_MAX,
)
from taskloom.core.payload import strict_error
from taskloom.core.rejections import Kind, Rejection
from taskloom.core.task import CANCELLED, FAILED
from taskloom.dialects.operation import Refusal, Reply, Request, Response
from taskloom.dialects.presence import while_present
from taskloom.dialects.queue import errors, eventbus, frames
from taskloom.dialects.queue.errors import NO_CACHE, NO_TASK, decoded, invalid
from taskloom.dialects.queue.finishing import Actor, finish, with_usage
from taskloom.dialects.queue.routes_tasks import attributes_of, key_of
from taskloom.dialects.queue.translate import completion, handed_out, status, token
from taskloom.dialects.queue.wire import (
    AttemptEnded,
    Failed,
    Heartbeat,
    Progress,
    Released,
    Signal,
    Take,
    TaskView,
    Worker,
    encode,
)
from taskloom.engine.outcome import Handout

Wanted = TypeVar("Wanted")

_STRATEGIES: Final = {
    "fifo": Strategy.FIFO,
    "active_passive": Strategy.ACTIVE_PASSIVE,
    "round_robin": Strategy.ROUND_ROBIN,
    "sequential": Strategy.SEQUENTIAL,
}
_OVER: Final = frozenset({CANCELLED, FAILED})
"""Ends that tell a worker to stop: nobody wants the result any more."""


def _json(value: object) -> Response:
    return Response(200, encode(value), headers=NO_CACHE)


def _strict(body: bytes, kind: type[Wanted], opaque: frozenset[str] = frozenset()) -> Wanted | Refusal:
    """A body of which all but the opaque members is read."""
    wrong = strict_error(body, opaque)
    return invalid(wrong, code="bad_json") if wrong is not None else decoded(body, kind)


def _told(
    request: Request, kind: type[Wanted], opaque: frozenset[str] = frozenset()
) -> tuple[int, Wanted] | Refusal:
    """The key of the path's task and what the body says; a call that says nothing says the default."""
    key = key_of(request)
    if key is None:
        return NO_TASK
    told = _strict(request.body or b"{}", kind, opaque)
    return told if isinstance(told, Refusal) else (key, told)


async def take(request: Request) -> Reply:
    """Hand out tasks, grouped by full queue name."""
    wanted = _strict(request.body, Take)
    if isinstance(wanted, Refusal):
        return wanted
    claim = _claim(request, wanted)
    if isinstance(claim, Refusal):
        return claim
    waiting = request.engine.claim(claim, wanted.wait_seconds * 1000)
    found = await (while_present(request, waiting) if wanted.wait_seconds else waiting)
    if isinstance(found, Rejection):
        return errors.refused(found)
    taken: dict[str, list[TaskView]] = {}
    for handout in found or ():
        shown = await _handed_out(request, handout)
        taken.setdefault(f"{shown.queue}:{shown.level}", []).append(shown)
    return _json(taken)


def _claim(request: Request, wanted: Take) -> Claim | Refusal:
    """The claim that a take describes."""
    if len(wanted.queues) > QUEUES_PER_TAKE:
        return invalid(f"at most {QUEUES_PER_TAKE} queues at once", "queues")
    queues: list[tuple[str, int]] = []
    for full in wanted.queues:
        name, _, level = full.rpartition(":")
        if not name or len(name) > QUEUE_NAME_LENGTH or len(level) != 1 or level not in "0123456789":
            return invalid(f"a full queue name ends with its level, such as {full[:64]}:0", "queues")
        queues.append((name, int(level)))
    strategy = _STRATEGIES.get(wanted.strategy or "fifo")
    if strategy is None:
        return invalid(f"strategy must be one of {', '.join(_STRATEGIES)}", "strategy")
    age_ms = (wanted.min_age_seconds or 0) * 1000
    return Claim(
        tenant=request.wall,
        queues=tuple(dict.fromkeys(queues)),
        worker=_named(request, wanted.worker),
        holder=request.principal.name,
        size=min(wanted.size, TAKE_SIZE_MAX),
        lease_ms=(wanted.process_timeout or 0) * 1000 or LEASE_MS_DEFAULT,
        losses_max=wanted.process_max_retries,
        strategy=strategy,
        bytes_max=TAKE_BYTES,
        made_before=request.engine.clock.now_ms() - age_ms + 1 if age_ms else NEVER_MS,
    )


async def _handed_out(request: Request, handout: Handout) -> TaskView:
    task = handout.task
    own = await attributes_of(request, task, handout.attributes)
    shown = handed_out(task, own, handout.input)
    return shown if own.mode not in eventbus.MODES else eventbus.addressed(request, shown)


async def complete(request: Request) -> Reply:
    """Finish a task with a worker's answer; one that is no success fails the task, with the answer kept."""
    key = key_of(request)
    if key is None:
        return NO_TASK
    done = completion(request.body, key)
    if isinstance(done, Refusal):
        return done
    actor = Actor(request.wall, request.principal.name, request.principal.worker)
    done = await with_usage(request.engine, actor, key, request.parameters["task_id"], done)
    outcome = await request.engine.submit(finish(actor, key, done), size=len(done.result))
    if isinstance(outcome, Rejection):
        refusal = errors.refused(outcome)
        if refusal.status != 409 or request.services.settings.get("compat.queue") != "bella":
            return refusal
    return _json(request.parameters["task_id"])


async def fail(request: Request) -> Reply:
    """End an attempt without a result: tried again while the task's policy forgives it, else failed."""
    found = _told(request, Failed)
    if isinstance(found, Refusal):
        return found
    key, told = found
    command = Fail(
        key=key,
        tenant=request.wall,
        code=told.code,
        message=told.message,
        backoff_ms=None if told.retry_after is None else told.retry_after * 1000,
        final=told.final,
        token=token(told.lease_id),
        worker=_named(request, told.worker),
        by=request.principal.name,
    )
    return await _ended(request, command)


async def release(request: Request) -> Reply:
    """Give a task back unfinished; it does not count against it."""
    found = _told(request, Released)
    if isinstance(found, Refusal):
        return found
    key, told = found
    command = Release(
        key=key,
        tenant=request.wall,
        token=token(told.lease_id),
        worker=_named(request, told.worker),
        by=request.principal.name,
        pause_ms=told.retry_after * 1000,
    )
    return await _ended(request, command)


async def _ended(request: Request, command: Fail | Release) -> Reply:
    """What became of the task."""
    outcome = await request.engine.submit(command)
    if isinstance(outcome, Rejection):
        return errors.refused(outcome)
    task = outcome.reply
    shown = AttemptEnded(
        request.parameters["task_id"],
        status(task),
        task.attempt,
        max(task.retries, 0),
        0 if task.is_final else task.ready_at,
    )
    return _json(shown)


def _named(request: Request, worker: Worker | None) -> str:
    """The worker that acts: the one the key is bound to, else the one that is named."""
    return request.principal.worker or (worker.id if worker is not None else "")


async def progress(request: Request) -> Reply:
    """Keep what a worker tells on the way; a streaming caller receives it as a frame."""
    key = key_of(request)
    if key is None:
        return NO_TASK
    told = _strict(request.body, Progress, frozenset({"event_data"}))
    if isinstance(told, Refusal):
        return told
    try:
        frames.text(bytes(told.event_data))
    except msgspec.DecodeError as error:
        return invalid(str(error), "event_data", "bad_json")
    report = Report(
        key=key,
        tenant=request.wall,
        mark=frames.mark(told),
        result=frames.stored(told),
        token=token(told.lease_id),
        worker=request.principal.worker,
        by=request.principal.name,
    )
    return await _signal(request, report)


async def heartbeat(request: Request) -> Reply:
    """Let the lease end later."""
    found = _told(request, Heartbeat)
    if isinstance(found, Refusal):
        return found
    key, wanted = found
    extend = Extend(
        key=key,
        tenant=request.wall,
        lease_ms=wanted.extend_seconds * 1000 if wanted.extend_seconds else LEASE_MS_DEFAULT,
        token=token(wanted.lease_id),
        worker=request.principal.worker,
        by=request.principal.name,
    )
    return await _signal(request, extend)


async def _signal(request: Request, command: Report | Extend) -> Reply:
    """Whether the worker may stop, because nobody wants the result any more."""
    size = len(command.result) if isinstance(command, Report) else 0
    outcome = await request.engine.submit(command, size=size)
    if not isinstance(outcome, Rejection):
        return _json(Signal(outcome.reply.state in _OVER))
    if outcome.kind is Kind.FINAL and outcome.task is not None and outcome.task.state in _OVER:
        return _json(Signal(cancelled=True))
    return errors.refused(outcome)
