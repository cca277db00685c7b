"""Queues as they stand, and what holds for them: limits, rates, weights, pauses."""

from typing import Any, Final

import msgspec

from taskloom.core.commands import LaneSetting, Tune
from taskloom.core.lanes import BATCH_SUFFIX, GATE_SETTINGS, LANE_SETTINGS, Gate, Lane, Share
from taskloom.core.limits import LANES_PAGE_MAX, LEVELS, NEVER_MS, PAUSE_S_MAX, QUEUE_NAME_LENGTH
from taskloom.core.rejections import Rejection
from taskloom.dialects.clearing import EVERY_LEVEL, order
from taskloom.dialects.native import outcomes, wire
from taskloom.dialects.native.bodies import body_as
from taskloom.dialects.native.wire_queues import (
    Clear,
    Clearing,
    KeySettings,
    KeyView,
    LevelView,
    Pause,
    QueueList,
    QueueSettings,
    QueueSummary,
    QueueView,
    Resume,
)
from taskloom.dialects.operation import Refusal, Reply, Request, Response

_MS: Final = 1_000
_NO_NAME: Final = Refusal(400, "invalid", "a queue's name has 1 to 256 printable characters")


async def listing(request: Request) -> Reply:
    """Every queue that ever held a task, with what waits and is under way at each level."""
    found = await request.engine.store.shares(None, request.tenant, LANES_PAGE_MAX)
    queues: dict[str, list[Share]] = {}
    for share in found:
        queues.setdefault(share.queue, []).append(share)
    items = [_summary(name, shares) for name, shares in queues.items()]
    return _json(QueueList(items))


def _summary(name: str, shares: list[Share]) -> QueueSummary:
    levels = [LevelView(share.level, share.depth, share.in_flight) for share in shares]
    return QueueSummary(
        name, sum(level.ready for level in levels), sum(level.in_flight for level in levels), levels
    )


async def read(request: Request) -> Reply:
    """What holds for a queue, and its keys."""
    store, name = request.engine.store, request.parameters["queue"]
    gate = await store.gate(name, request.tenant)
    lanes = await store.lanes(name, request.tenant, LANES_PAGE_MAX)
    return _json(_view(gate, lanes))


def _view(gate: Gate, lanes: list[Lane]) -> QueueView:
    return QueueView(
        queue=gate.queue,
        in_flight=gate.in_flight,
        limit=gate.limit,
        rate=gate.rate,
        burst=gate.burst,
        key_limit=gate.key_limit,
        key_rate=gate.key_rate,
        batch_limit=gate.batch_limit,
        batch_rate=gate.batch_rate,
        aging_ms=gate.aging_ms,
        paused_until=_until(gate.paused_until),
        keys=[_key(lane) for lane in lanes],
    )


def _key(lane: Lane) -> KeyView:
    name, is_batch = _key_of(lane.lane)
    return KeyView(
        key=name,
        batch=is_batch,
        level=lane.level,
        ready=lane.depth,
        in_flight=lane.in_flight,
        entered=lane.entered,
        ended=lane.ended,
        limit=lane.limit,
        rate=lane.rate,
        burst=lane.burst,
        weight=lane.weight or 1,
        paused_until=_until(lane.paused_until),
        turns=lane.virtual_time // 1_000_000,
    )


async def change(request: Request) -> Reply:
    """Set what is named; the rest stays as it is."""
    wanted = body_as(QueueSettings, request.body)
    if isinstance(wanted, Refusal):
        return wanted
    gate = _given(wanted, GATE_SETTINGS)
    lanes = tuple(setting for key in wanted.keys for setting in _lane_settings(key))
    refusal = await _tune(request, gate, lanes)
    return refusal or await read(request)


def _lane_settings(key: KeySettings) -> list[LaneSetting]:
    values = _given(key, LANE_SETTINGS)
    return [LaneSetting(level, _lane_of(key.key, is_batch=key.batch), values) for level in _levels(key.level)]


async def pause(request: Request) -> Reply:
    """Hand nothing out of a queue, or of one key's part of it, until an instant or until it is resumed."""
    wanted = body_as(Pause, request.body or b"{}")
    if isinstance(wanted, Refusal):
        return wanted
    now = request.engine.clock.now_ms()
    until = NEVER_MS
    if wanted.seconds is not None:
        until = now + wanted.seconds * _MS
    elif wanted.until is not None:
        until = min(wire.milliseconds(wanted.until), now + PAUSE_S_MAX * _MS)
    refusal = await _pause(request, wanted.key, until, is_batch=wanted.batch)
    return refusal or await read(request)


async def clear(request: Request) -> Reply:
    """Have all cancelled that nobody has taken; it goes on when this is answered, and whoever dies."""
    wanted = body_as(Clear, request.body or b"{}")
    if isinstance(wanted, Refusal):
        return wanted
    queue = request.parameters["queue"]
    if not queue.isprintable() or len(queue) > QUEUE_NAME_LENGTH:
        return _NO_NAME
    level = EVERY_LEVEL if wanted.level is None else wanted.level
    work = await order(request.engine, request.tenant, queue, level, request.principal.name)
    if isinstance(work, Rejection):
        return outcomes.refused(work)
    return Response(202, msgspec.json.encode(Clearing(str(work))))


async def resume(request: Request) -> Reply:
    """Go on handing out."""
    wanted = body_as(Resume, request.body or b"{}")
    if isinstance(wanted, Refusal):
        return wanted
    refusal = await _pause(request, wanted.key, 0, is_batch=wanted.batch)
    return refusal or await read(request)


async def _pause(request: Request, key: str, until: int, *, is_batch: bool) -> Refusal | None:
    if not key:
        return await _tune(request, {"paused_until": until}, ())
    lane = _lane_of(key, is_batch=is_batch)
    lanes = tuple(LaneSetting(level, lane, {"paused_until": until}) for level in range(LEVELS))
    return await _tune(request, {}, lanes)


async def _tune(request: Request, gate: dict[str, int], lanes: tuple[LaneSetting, ...]) -> Refusal | None:
    name = request.parameters["queue"]
    if not name.isprintable() or len(name) > QUEUE_NAME_LENGTH:
        return _NO_NAME
    command = Tune(tenant=request.tenant, queue=name, gate=gate, lanes=lanes, by=request.principal.name)
    outcome = await request.engine.submit(command)
    return outcomes.refused(outcome) if isinstance(outcome, Rejection) else None


def _given(wanted: Any, names: tuple[str, ...]) -> dict[str, int]:
    """The settings that were named."""
    return {name: value for name in names if (value := getattr(wanted, name, None)) is not None}


def _levels(level: int | None) -> range:
    return range(LEVELS) if level is None else range(level, level + 1)


def _lane_of(key: str, *, is_batch: bool) -> str:
    return f"{key}{BATCH_SUFFIX}" if is_batch else key


def _key_of(lane: str) -> tuple[str, bool]:
    is_batch = lane.endswith(BATCH_SUFFIX)
    return (lane.removesuffix(BATCH_SUFFIX) if is_batch else lane), is_batch


def _until(at: int) -> str | None:
    """When a pause ends, as the wire has it."""
    if not at:
        return None
    instant = wire.instant(at) if at < NEVER_MS else None
    return msgspec.to_builtins(instant) if instant is not None else "resumed"


def _json(value: Any) -> Response:
    return Response(body=msgspec.json.encode(value))
