"""Queues and models: register, metadata, event bus, list of models."""

from typing import Final

import msgspec

from taskloom.core.payload import strict_error
from taskloom.dialects.operation import Refusal, Reply, Request, Response
from taskloom.dialects.queue import registry
from taskloom.dialects.queue.errors import NO_CACHE, decoded, invalid
from taskloom.dialects.queue.eventbus import NAME as EVENT_BUS
from taskloom.dialects.queue.eventbus import EventBus
from taskloom.dialects.queue.routes_console import NO_QUEUE
from taskloom.dialects.queue.wire import encode
from taskloom.dialects.queue.wire_openai import ModelList
from taskloom.dialects.queue.wire_queues import Metadata, Register

_NO_MODEL: Final = Refusal(404, "model_not_found", "no such model", {"param": "model"})
_NO_BUS: Final = Refusal(
    404,
    "event_bus_not_configured",
    "this server has no event bus; post to /v1/queue/{task_id}/progress and .../complete instead",
)


async def register(request: Request) -> Reply:
    """Make a queue known; the same registration again changes nothing."""
    wrong = strict_error(request.body)
    if wrong is not None:
        return invalid(wrong, code="bad_json")
    wanted = decoded(request.body, Register)
    if isinstance(wanted, Refusal):
        return wanted
    refusal = await registry.register(request.services, request.tenant, wanted, request.principal.name)
    return refusal or Response(body=encode(wanted.queue), headers=NO_CACHE)


async def metadata(request: Request) -> Reply:
    """What a queue was registered with."""
    name = request.parameters["queue"]
    known = registry.is_base_name(name)
    queue = await registry.find(request.services, request.tenant, name) if known else None
    if queue is None:
        return NO_QUEUE
    return Response(body=encode(Metadata(name, queue.endpoint)), headers=NO_CACHE)


async def eventbus(request: Request) -> Reply:
    """Where the event bus is, for the one who asks."""
    bus: EventBus | None = request.services.resources.get(EVENT_BUS)
    place = None if bus is None else await bus.place(request)
    return _NO_BUS if place is None else Response(body=encode(place), headers=NO_CACHE)


async def models(request: Request) -> Reply:
    """All models that can be asked."""
    found = await registry.models(request.engine, request.tenant)
    return Response(body=encode(ModelList(data=found)), headers=NO_CACHE)


async def model(request: Request) -> Reply:
    """One model."""
    name = "/".join(request.parameters[part] for part in ("owner", "model") if part in request.parameters)
    for found in await registry.models(request.engine, request.tenant):
        if found.id == name:
            return Response(body=msgspec.json.encode(found), headers=NO_CACHE)
    return _NO_MODEL
