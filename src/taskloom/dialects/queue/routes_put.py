"""Putting a task into a queue."""

from typing import Final
from urllib.parse import urlsplit

from taskloom.core.payload import strict_error
from taskloom.core.registry import is_model_name
from taskloom.dialects.operation import Refusal, Reply, Request, Response
from taskloom.dialects.queue import registry, streaming, submission
from taskloom.dialects.queue.errors import NO_CACHE, decoded, invalid
from taskloom.dialects.queue.translate import MODES, retry_of
from taskloom.dialects.queue.wire import Put, PutAnswer, encode
from taskloom.dialects.queue.wire_openai import Question

_CALLBACK: Final = MODES["callback"]


async def put(request: Request) -> Reply:
    """Make a task; answer at once, with the result, or with a stream, as its mode says."""
    asked = await _asked(request)
    if isinstance(asked, Refusal):
        return asked
    made = await submission.make(request, asked)
    if isinstance(made, Refusal):
        return made
    if asked.mode == MODES["blocking"]:
        return await submission.blocking(request, made)
    if asked.mode == MODES["streaming"]:
        return streaming.opened(streaming.put(request, made), made.task_id)
    told = PutAnswer(200, request.engine.clock.now_ms(), made.task_id)
    return Response(200, encode(told), headers={**NO_CACHE, "x-bella-task-id": made.task_id})


async def _asked(request: Request) -> submission.Asked | Refusal:
    """The task that a put describes."""
    wrong = strict_error(request.body, frozenset({"data"}))
    if wrong is not None:
        return invalid(wrong, code="bad_json")
    wanted = decoded(request.body, Put)
    if isinstance(wanted, Refusal):
        return wanted
    mode = MODES.get(wanted.response_mode or "callback")
    if mode is None:
        return invalid("response_mode must be callback, blocking or streaming", "response_mode")
    data = bytes(wanted.data).lstrip()
    if data[:1] != b"{":
        return invalid("data must be an object", "data")
    callback_url = (wanted.callback_url or "").strip() if mode == _CALLBACK else ""
    if callback_url and not _is_callback(callback_url):
        return invalid("callback_url must be an http or https address", "callback_url")
    route = await _route(request, wanted, data)
    if isinstance(route, Refusal):
        return route
    return submission.Asked(
        endpoint=wanted.endpoint,
        data=route.addressed(data),
        queue=route.queue,
        mode=mode,
        level=wanted.level,
        timeout_s=wanted.timeout or 0,
        callback_url=callback_url,
        trace_id=wanted.trace_id or "",
        start_timeout_s=wanted.start_timeout or 0,
        run_timeout_s=wanted.run_timeout or 0,
        retry=retry_of(wanted.retry),
    )


async def _route(request: Request, wanted: Put, data: bytes) -> registry.Route | Refusal:
    """The queue that a put names, or that its model leads to."""
    name = (wanted.queue or "").strip()
    if name:
        known = registry.is_base_name(name)
        return registry.Route(name) if known else invalid("queue is no name of a queue", "queue")
    asked = decoded(data, Question)
    if isinstance(asked, Refusal):
        return asked
    if not is_model_name(asked.model):
        return invalid("queue is missing, and data names no model", "queue")
    found = await registry.route_of(request.services, request.tenant, wanted.endpoint, asked.model)
    return found or invalid(f"no queue serves the model {asked.model}", "model", "model_not_found")


def _is_callback(url: str) -> bool:
    """Whether somebody could be called there; whether that is allowed is decided when the call is made."""
    if any(char <= " " or char == "\x7f" for char in url):
        return False
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
