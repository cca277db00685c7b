"""Inference endpoints: a put of the body itself, on the queue that serves the model it names."""

from taskloom.core.payload import opaque_error
from taskloom.dialects.operation import Refusal, Reply, Request
from taskloom.dialects.queue import registry, streaming, submission
from taskloom.dialects.queue.errors import decoded, invalid
from taskloom.dialects.queue.translate import MODES
from taskloom.dialects.queue.wire import Question


async def ask(request: Request) -> Reply:
    """Wait for a worker's answer to the body; with `stream`, pass on what it reports."""
    wrong = opaque_error(request.body)
    if wrong is not None:
        return invalid(wrong, code="bad_json")
    asked = decoded(request.body, Question)
    if isinstance(asked, Refusal):
        return asked
    queue = await _queue(request, asked)
    if isinstance(queue, Refusal):
        return queue
    mode = MODES["streaming" if asked.stream is True else "blocking"]
    made = await submission.make(
        request,
        submission.Asked(endpoint=request.operation.path, data=request.body, queue=queue, mode=mode),
    )
    if isinstance(made, Refusal):
        return made
    if asked.stream is True:
        return streaming.opened(streaming.put(request, made), made.task_id)
    return await submission.blocking(request, made)


async def _queue(request: Request, asked: Question) -> str | Refusal:
    """The queue that the header names, else the one that serves the model."""
    named = request.headers.get("x-bella-queue-name", "").strip()
    if named:
        return named if registry.is_base_name(named) else invalid("no name of a queue", "X-BELLA-QUEUE-NAME")
    if not registry.is_model_name(asked.model):
        return invalid("you must provide a model parameter", "model")
    path = request.operation.path
    found = await registry.queue_of(request.services, request.tenant, path, asked.model)
    if found is None:
        message = f"the model {asked.model} does not exist, or no queue is registered for it at {path}"
        return Refusal(404, "model_not_found", message, {"param": "model"})
    return found
