"""Queues and models as records.

A queue's record carries a small number, its id: the version of one counting record, which changes in the same
transaction. A queue is never removed and its endpoint never changes, so what was found once stays true.

The queue of a model is the one whose registration named the model last; where none did, the queue that is
called like the model and registered with the endpoint asked for.
"""

import re
from typing import Any, Final, TypeGuard

import msgspec

from taskloom.core.limits import NAME_LENGTH, PAGE_SIZE_MAX, QUEUES_CACHED, REGISTER_TRIES
from taskloom.core.records import PutRecords, Record, RecordChange
from taskloom.core.rejections import Kind, Rejection
from taskloom.dialects.operation import Refusal, Services
from taskloom.dialects.queue import errors
from taskloom.dialects.queue.translate import policy_of
from taskloom.dialects.queue.wire import Model, ModelBody, QueueBody, Register, encode
from taskloom.engine import policies
from taskloom.engine.engine import Engine

QUEUE: Final = "queue"
MODEL: Final = "model"
SERIAL: Final = ("queue_serial", "", "next")
INFERENCE: Final = ("/v1/chat/completions", "/v1/completions", "/v1/embeddings")
"""The endpoints that are asked by model."""

_BASE_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")
_MODEL_NAME: Final = re.compile(r"(?=.*\S)[^\x00-\x1f\x7f]+\Z")
_CACHE: Final = "queue.registered"
_PAGE: Final = 1_000
_MOVED: Final = Refusal(
    409, "conflict", "the queue is registered with another endpoint", {"param": "endpoint"}
)

Cache = dict[tuple[str, str], QueueBody]


def is_base_name(name: str) -> bool:
    """Whether a queue may be called so."""
    return _BASE_NAME.match(name) is not None


def is_model_name(name: Any) -> TypeGuard[str]:
    """Whether a model may be called so: text without control characters, not blank."""
    return isinstance(name, str) and len(name) <= NAME_LENGTH and _MODEL_NAME.match(name) is not None


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
        if stored is not None and msgspec.json.decode(stored.body, type=ModelBody).queue == wanted.queue:
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


def model_name(endpoint: str, model: str) -> str:
    """The name of a model's record: one queue per endpoint and model."""
    return f"{endpoint} {model}"


async def queue_of(services: Services, tenant: str, endpoint: str, model: str) -> str | None:
    """The queue that serves a model at an endpoint, None when nobody does."""
    record = await services.engine.store.record(MODEL, tenant, model_name(endpoint, model))
    if record is not None:
        return msgspec.json.decode(record.body, type=ModelBody).queue
    if not is_base_name(model):
        return None
    queue = await find(services, tenant, model)
    return model if queue is not None and queue.endpoint == endpoint else None


async def queues(engine: Engine, tenant: str) -> list[tuple[str, QueueBody]]:
    """All registered queues, by name."""
    records = await _all(engine, QUEUE, tenant)
    return [(record.name, msgspec.json.decode(record.body, type=QueueBody)) for record in records]


async def models(engine: Engine, tenant: str) -> list[Model]:
    """All models that can be asked, by name."""
    found: dict[str, Model] = {}
    for record in await _all(engine, MODEL, tenant):
        entry = msgspec.json.decode(record.body, type=ModelBody)
        found[entry.model] = Model(id=entry.model, created=entry.created_at // 1000, owned_by=tenant)
    for name, queue in await queues(engine, tenant):
        if queue.endpoint in INFERENCE and name not in found:
            found[name] = Model(id=name, created=queue.created_at // 1000, owned_by=tenant)
    return [found[name] for name in sorted(found)]


async def _all(engine: Engine, kind: str, tenant: str) -> list[Record]:
    records: list[Record] = []
    after = ""
    while len(records) < PAGE_SIZE_MAX:
        page = await engine.store.records(kind, tenant, after, _PAGE)
        records += page
        if len(page) < _PAGE:
            break
        after = page[-1].name
    return records
