"""Looking at a task, reading its stream, and cancelling it."""

import msgspec

from taskloom.core.commands import Cancel
from taskloom.core.limits import WAIT_MS_MAX
from taskloom.core.rejections import Kind, Rejection
from taskloom.core.task import Task
from taskloom.dialects.operation import Reply, Request, Response
from taskloom.dialects.queue import errors, registry, streaming, submission
from taskloom.dialects.queue.errors import NO_CACHE, NO_TASK, invalid
from taskloom.dialects.queue.spelling import read
from taskloom.dialects.queue.translate import attributes, task_id, view
from taskloom.dialects.queue.wire import Attributes, encode
from taskloom.engine.replays import replay as replayed


def key_of(request: Request) -> int | None:
    """The key that the path's task id spells."""
    return read(request.parameters["task_id"])


async def attributes_of(request: Request, task: Task, stored: bytes) -> Attributes:
    """What the task keeps about itself; one born elsewhere borrows the id of a queue of that name."""
    own = attributes(stored, task.dialect)
    if own.queue_id:
        return own
    queue = await registry.find(request.services, task.tenant, task.queue)
    return msgspec.structs.replace(own, queue_id=queue.id) if queue is not None else own


async def cancel(request: Request) -> Reply:
    """End a task that is no longer wanted; one that has ended stays as it is."""
    key = key_of(request)
    if key is None:
        return NO_TASK
    command = Cancel(key=key, tenant=request.wall, reason="cancelled", by=request.principal.name)
    outcome = await request.engine.submit(command)
    if isinstance(outcome, Rejection) and outcome.kind is not Kind.FINAL:
        return errors.refused(outcome)
    return Response(202, encode(request.parameters["task_id"]), headers=NO_CACHE)


async def replay(request: Request) -> Reply:
    """Begin anew with a dead letter; the answer is the id of the task that lives, which may be a new one."""
    task = await _visible(request)
    if task is None:
        return NO_TASK
    (outcome,) = await replayed(request.engine, [task.key], request.wall, request.principal.name)
    if isinstance(outcome, Rejection):
        return errors.refused(outcome)
    return Response(body=encode(await shown_id(request, outcome.reply)), headers=NO_CACHE)


async def shown_id(request: Request, task: Task) -> str:
    """The id of a task, of whichever dialect."""
    details = (await request.engine.store.details([task.key]))[task.key]
    return task_id(task, await attributes_of(request, task, details.attributes))


async def get(request: Request) -> Reply:
    """A task as it is now, of whichever dialect."""
    task = await _visible(request)
    if task is None:
        return NO_TASK
    store = request.engine.store
    details = (await store.details([task.key]))[task.key]
    data = (await store.inputs([task.key])).get(task.key, b"{}")
    result = await submission.result_of(request.engine, task)
    own = await attributes_of(request, task, details.attributes)
    return Response(body=encode(view(task, own, data, result)), headers=NO_CACHE)


async def stream(request: Request) -> Reply:
    """The frames of a streaming task, from the one after `Last-Event-ID`; reading along cancels nothing."""
    task = await _visible(request)
    if task is None:
        return NO_TASK
    last = request.headers.get("last-event-id", "")
    if last and not (last.isascii() and last.isdigit() and len(last) <= 18):
        return invalid("Last-Event-ID must be the number of a frame", "Last-Event-ID")
    details = (await request.engine.store.details([task.key]))[task.key]
    own = await attributes_of(request, task, details.attributes)
    reader = streaming.Reader(request.engine, task, int(last) if last else -1)
    chunks = reader.until(request.engine.clock.monotonic_ms() + WAIT_MS_MAX)
    return streaming.opened(chunks, task_id(task, own))


async def _visible(request: Request) -> Task | None:
    """The task of the path, None when there is none behind the caller's wall."""
    key = key_of(request)
    task = await request.engine.store.task(key) if key is not None else None
    if task is None or request.wall not in (None, task.tenant):
        return None
    return task
