"""Models: which queue serves which model at which endpoint, and under which name its workers know it.

A registration names models too. Here they are pointed elsewhere, given another name, or removed.
"""

from typing import Any, Final

import msgspec

from taskloom.core.records import PutRecords, Record, RecordChange
from taskloom.core.registry import MODEL, QUEUE, ModelBody, QueueBody, is_model_name, model_name
from taskloom.core.rejections import Rejection
from taskloom.dialects.native.bodies import body_as
from taskloom.dialects.native.homes import refused
from taskloom.dialects.native.wire import instant
from taskloom.dialects.native.wire_models import ModelList, ModelView, NewRoute, NewRoutes, RouteView
from taskloom.dialects.operation import Refusal, Reply, Request, Response
from taskloom.engine.records import every

_NO_MODEL: Final = Refusal(404, "not_found", "there is no such model")
_NO_NAME: Final = Refusal(400, "invalid", "a model's name has 1 to 256 characters and is not blank")

Entry = tuple[Record, ModelBody]


async def listing(request: Request) -> Reply:
    """All models by name."""
    models: dict[str, list[ModelBody]] = {}
    for _record, entry in await _entries(request):
        models.setdefault(entry.model, []).append(entry)
    return _json(ModelList([_view(name, models[name]) for name in sorted(models)]))


async def read(request: Request) -> Reply:
    """One model, and what serves it."""
    name = request.parameters["model"]
    found = [entry for _record, entry in await _entries(request) if entry.model == name]
    return _json(_view(name, found)) if found else _NO_MODEL


async def change(request: Request) -> Reply:
    """Let these queues serve a model, and no others."""
    name = request.parameters["model"]
    if not is_model_name(name):
        return _NO_NAME
    wanted = body_as(NewRoutes, request.body)
    if isinstance(wanted, Refusal):
        return wanted
    entries: dict[str, ModelBody] = {}
    for route in wanted.routes:
        entry = await _entry(request, name, route)
        if isinstance(entry, Refusal):
            return entry
        if entry.endpoint in entries:
            return Refusal(400, "invalid", f"two routes have the endpoint {entry.endpoint}")
        entries[entry.endpoint] = entry
    before = {record.name: record.version for record, entry in await _entries(request) if entry.model == name}
    changes = []
    for entry in entries.values():
        record_name = model_name(entry.endpoint, name)
        version = before.pop(record_name, 0)
        body = msgspec.json.encode(entry)
        changes.append(RecordChange(MODEL, request.tenant, record_name, body, version))
    changes += [RecordChange(MODEL, request.tenant, gone, None, version) for gone, version in before.items()]
    outcome = await request.engine.submit(PutRecords(tuple(changes)))
    if isinstance(outcome, Rejection):
        return refused(outcome)
    return _json(_view(name, list(entries.values())))


async def remove(request: Request) -> Reply:
    """Let nothing serve a model any longer."""
    name = request.parameters["model"]
    changes = tuple(
        RecordChange(MODEL, request.tenant, record.name, None, record.version)
        for record, entry in await _entries(request)
        if entry.model == name
    )
    if not changes:
        return _NO_MODEL
    outcome = await request.engine.submit(PutRecords(changes))
    return refused(outcome) if isinstance(outcome, Rejection) else Response(204)


async def _entry(request: Request, name: str, route: NewRoute) -> ModelBody | Refusal:
    """A route as it is kept; its queue must be registered."""
    stored = await request.engine.store.record(QUEUE, request.tenant, route.queue)
    if stored is None:
        return Refusal(400, "queue_not_found", f"no queue {route.queue} is registered")
    endpoint = route.endpoint or msgspec.json.decode(stored.body, type=QueueBody).endpoint
    return ModelBody(name, endpoint, route.queue, request.engine.clock.now_ms(), route.target)


async def _entries(request: Request) -> list[Entry]:
    records = await every(request.engine, MODEL, request.tenant)
    return [(record, msgspec.json.decode(record.body, type=ModelBody)) for record in records]


def _view(name: str, entries: list[ModelBody]) -> ModelView:
    routes = [
        RouteView(entry.endpoint, entry.queue, entry.target, instant(entry.created_at))
        for entry in sorted(entries, key=lambda entry: entry.endpoint)
    ]
    return ModelView(name, routes)


def _json(value: Any) -> Response:
    return Response(body=msgspec.json.encode(value))
