"""Inference endpoints: a put of the body itself, on the queue that serves the model it names."""

from taskloom.core.payload import opaque_error
from taskloom.core.registry import is_model_name
from taskloom.dialects.operation import Refusal, Reply, Request
from taskloom.dialects.queue import registry, streaming, submission
from taskloom.dialects.queue.errors import decoded, invalid
from taskloom.dialects.queue.translate import MODES
from taskloom.dialects.queue.wire_openai import Question


async def ask(request: Request) -> Reply:
    """Wait for a worker's answer to the body; with `stream`, pass on what it reports."""
    wrong = opaque_error(request.body)
    if wrong is not None:
        return invalid(wrong, code="bad_json")
    asked = decoded(request.body, Question)
    if isinstance(asked, Refusal):
        return asked
    route = await route_of(request, asked)
    if isinstance(route, Refusal):
        return route
    mode = MODES["streaming" if asked.stream is True else "blocking"]
    data = route.addressed(request.body)
    made = await submission.make(
        request,
        submission.Asked(endpoint=request.operation.path, data=data, queue=route.queue, mode=mode),
    )
    if isinstance(made, Refusal):
        return made
    if asked.stream is True:
        return streaming.opened(streaming.put(request, made), made.task_id)
    return await submission.blocking(request, made)


async def route_of(request: Request, asked: Question) -> registry.Route | Refusal:
    """The queue that the header names, else the one that serves the model."""
    named = request.headers.get("x-bella-queue-name", "").strip()
    if named:
        known = registry.is_base_name(named)
        return registry.Route(named) if known else invalid("no name of a queue", "X-BELLA-QUEUE-NAME")
    if not is_model_name(asked.model):
        return invalid("you must provide a model parameter", "model")
    path = request.operation.path
    found = await registry.route_of(request.services, request.tenant, path, asked.model)
    if found is None:
        message = f"the model {asked.model} does not exist, or no queue is registered for it at {path}"
        return Refusal(404, "model_not_found", message, {"param": "model"})
    return found
