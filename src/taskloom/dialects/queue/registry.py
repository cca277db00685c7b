"""Queues and models as records.

A queue's record carries a small number, its id: the version of one counting record, which changes in the same
transaction. A queue is never removed and its endpoint never changes, so what was found once stays true.

The queue of a model is the one whose registration named the model last, or to which the administrator
pointed it since; where there is none, the queue that is called like the model and registered with the
endpoint asked for.
"""

import re
from typing import Final

import msgspec

from taskloom.core.limits import QUEUES_CACHED, REGISTER_TRIES
from taskloom.core.records import PutRecords, Record, RecordChange
from taskloom.core.registry import MODEL, QUEUE, ModelBody, QueueBody, model_name
from taskloom.core.rejections import Kind, Rejection
from taskloom.dialects.operation import Refusal, Services
from taskloom.dialects.queue import errors
from taskloom.dialects.queue.translate import policy_of
from taskloom.dialects.queue.wire import encode
from taskloom.dialects.queue.wire_openai import Model
from taskloom.dialects.queue.wire_queues import Register
from taskloom.engine import policies
from taskloom.engine.engine import Engine
from taskloom.engine.records import every

SERIAL: Final = ("queue_serial", "", "next")
INFERENCE: Final = ("/v1/chat/completions", "/v1/completions", "/v1/embeddings")
"""The endpoints whose answer is the worker's as it is."""
RESPONSES: Final = "/v1/responses"
_ASKED: Final = (*INFERENCE, RESPONSES)
"""The endpoints that are asked by model."""

_BASE_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")
_CACHE: Final = "queue.registered"
_MOVED: Final = Refusal(
    409, "conflict", "the queue is registered with another endpoint", {"param": "endpoint"}
)

Cache = dict[tuple[str, str], QueueBody]


class Route(msgspec.Struct, frozen=True):
    """Where a model leads: the queue, and the name its workers know the model by ("" for the caller's)."""

    queue: str
    target: str = ""

    def addressed(self, data: bytes) -> bytes:
        """The body of a call, with the model's name as the worker is to read it."""
        if not self.target:
            return data
        members = msgspec.json.decode(data, type=dict[str, msgspec.Raw])
        return encode({**members, "model": self.target})


def is_base_name(name: str) -> bool:
    """Whether a queue may be called so."""
    return _BASE_NAME.match(name) is not None


async def find(services: Services, tenant: str, name: str) -> QueueBody | None:
    """A registered queue."""
    cache: Cache = services.resources.setdefault(_CACHE, {})
    known = cache.get((tenant, name))
    if known is not None:
        return known
    record = await services.engine.store.record(QUEUE, tenant, name)
    if record is None:
        return None
    if len(cache) >= QUEUES_CACHED:
        cache.clear()
    found = cache[(tenant, name)] = msgspec.json.decode(record.body, type=QueueBody)
    return found


async def register(services: Services, tenant: str, wanted: Register, by: str) -> Refusal | None:
    """Make the queue, once, and let the models point to it; None when all is as wanted."""
    engine = services.engine
    for _ in range(REGISTER_TRIES):
        changes = await _changes(engine, tenant, wanted, by)
        if isinstance(changes, Refusal):
            return changes
        if not changes:
            return None
        outcome = await engine.submit(PutRecords(tuple(changes)))
        if not isinstance(outcome, Rejection):
            services.engine.policies.forget(tenant, wanted.queue)
            return None
        if outcome.kind is not Kind.VERSION_CONFLICT:
            return errors.refused(outcome)
    return Refusal(503, "overloaded", "too many registrations at once", retry_after_s=1)


async def _changes(engine: Engine, tenant: str, wanted: Register, by: str) -> list[RecordChange] | Refusal:
    """What is still to be written, each with the version it rests on."""
    changes: list[RecordChange] = []
    now = engine.clock.now_ms()
    record = await engine.store.record(QUEUE, tenant, wanted.queue)
    if record is None:
        serial = await engine.store.record(*SERIAL)
        count = serial.version if serial is not None else 0
        body = QueueBody(count + 1, wanted.endpoint, now, by)
        changes.append(RecordChange(QUEUE, tenant, wanted.queue, encode(body), 0))
        changes.append(RecordChange(*SERIAL, b"{}", count))
    elif msgspec.json.decode(record.body, type=QueueBody).endpoint != wanted.endpoint:
        return _MOVED
    for model in dict.fromkeys(wanted.models):
        name = model_name(wanted.endpoint, model)
        stored = await engine.store.record(MODEL, tenant, name)
        if stored is not None and _leads_to(stored, wanted.queue):
            continue
        entry = ModelBody(model, wanted.endpoint, wanted.queue, now)
        version = stored.version if stored is not None else 0
        changes.append(RecordChange(MODEL, tenant, name, encode(entry), version))
    if wanted.policy is not None:
        policy = policies.change(tenant, wanted.queue, policy_of(wanted.policy))
        known = await engine.store.record(*policy.id)
        if known is None or known.body != policy.body:
            changes.append(policy)
    return changes


def _leads_to(stored: Record, queue: str) -> bool:
    """Whether a model is the queue's already, also under another name."""
    return msgspec.json.decode(stored.body, type=ModelBody).queue == queue


async def route_of(services: Services, tenant: str, endpoint: str, model: str) -> Route | None:
    """Where a model leads at an endpoint, None when nobody serves it."""
    record = await services.engine.store.record(MODEL, tenant, model_name(endpoint, model))
    if record is not None:
        entry = msgspec.json.decode(record.body, type=ModelBody)
        return Route(entry.queue, entry.target)
    if not is_base_name(model):
        return None
    queue = await find(services, tenant, model)
    return Route(model) if queue is not None and queue.endpoint == endpoint else None


async def queues(engine: Engine, tenant: str) -> list[tuple[str, QueueBody]]:
    """All registered queues, by name."""
    records = await every(engine, QUEUE, tenant)
    return [(record.name, msgspec.json.decode(record.body, type=QueueBody)) for record in records]


async def models(engine: Engine, tenant: str) -> list[Model]:
    """All models that can be asked, by name."""
    found: dict[str, Model] = {}
    for record in await every(engine, MODEL, tenant):
        entry = msgspec.json.decode(record.body, type=ModelBody)
        found[entry.model] = Model(id=entry.model, created=entry.created_at // 1000, owned_by=tenant)
    for name, queue in await queues(engine, tenant):
        if queue.endpoint in _ASKED and name not in found:
            found[name] = Model(id=name, created=queue.created_at // 1000, owned_by=tenant)
    return [found[name] for name in sorted(found)]
