"""The operations of the dialect: JSON-RPC, its mirror in REST, events, self-description."""

import asyncio
import contextlib
import logging
from typing import Any, Final

import msgspec

from taskloom.core.limits import BODY_BYTES, PAYLOAD_BYTES, RPC_ENVELOPE_BYTES
from taskloom.core.ratelimit import RateLimiter
from taskloom.dialects.agents import describe, errors, rpc, translate
from taskloom.dialects.agents.dispatch import Dispatcher
from taskloom.dialects.agents.errors import RpcError
from taskloom.dialects.agents.feed import Feed
from taskloom.dialects.agents.method import ORIGINAL, RESOURCE, Method, Shared, shared
from taskloom.dialects.agents.registry import Registry
from taskloom.dialects.agents.stream import listen
from taskloom.dialects.agents.table import METHODS
from taskloom.dialects.agents.wire_envelope import Listening, Mirrored, MirrorRefusal, RpcAnswer
from taskloom.dialects.operation import (
    Body,
    Dialect,
    Operation,
    Refusal,
    Reply,
    Request,
    Response,
    Services,
)
from taskloom.ports.store import UnavailableError

log = logging.getLogger(__name__)

SWEEP_S: Final = 600
LIMIT_BYTES: Final = PAYLOAD_BYTES + RPC_ENVELOPE_BYTES
_HEAD: Final = b'{"success":true,"data":'
_REFUSED: Final = (400, 403, 404, 409, 413, 429)
_CALLED: Final = {204: None, 400: RpcAnswer}
_FORBIDDEN_CODES: Final = {401: errors.FORBIDDEN, 403: errors.FORBIDDEN, 429: errors.RATE_LIMITED}

dispatcher: Final = Dispatcher(METHODS)


async def call(request: Request) -> Reply:
    """One call, or an array of calls."""
    return await _answer(request, rpc.read(request.body))


async def batch(request: Request) -> Reply:
    """An array of calls."""
    return await _answer(request, rpc.read_batch(request.body))


async def _answer(request: Request, read: rpc.Call | rpc.Failed | rpc.Batch) -> Response:
    if isinstance(read, rpc.Batch):
        answers = await dispatcher.answers(request, read)
        if answers or shared(request.services).original:
            return Response(200, b"[%b]" % b",".join(answers))
        return Response(204)
    answer = await dispatcher.answer(request, read)
    return Response(204) if answer is None else Response(200, answer)


async def mirror(request: Request) -> Reply:
    """A method as REST: the body is its params."""
    name = request.path.strip("/").replace("/", ".")
    outcome = await dispatcher.call(request, name, request.body.strip() or rpc.NO_PARAMS)
    now = translate.instant(request.engine.clock.now_ms())
    if isinstance(outcome, RpcError):
        return _rest_error(outcome, name, now)
    return Response(
        200, b'%b%b,"event":"%b","timestamp":"%b"}' % (_HEAD, outcome, name.encode(), now.encode())
    )


def _rest_error(error: RpcError, name: str, now: str) -> Response:
    body: dict[str, Any] = {
        "success": False,
        "error": error.message,
        "event": name,
        "timestamp": now,
        "code": error.data.get("code"),
    }
    details = error.data.get("issues") or [error.data]
    headers = {}
    if "retryAfterMs" in error.data:
        headers["retry-after"] = str(max(1, -(-error.data["retryAfterMs"] // 1000)))
    return Response(error.status, msgspec.json.encode(body | {"details": details}), headers=headers)


def render(refusal: Refusal, path: str) -> Response:
    """A refusal of the server, in the shape its path answers in."""
    headers = {"retry-after": str(refusal.retry_after_s)} if refusal.retry_after_s else {}
    if path.startswith("/rpc"):
        code = _FORBIDDEN_CODES.get(refusal.status, errors.INVALID_REQUEST)
        code = errors.INTERNAL_ERROR if refusal.status >= 500 else code
        data = {**refusal.details, "code": refusal.code.upper()}
        body = rpc.failure(RpcError(code, refusal.message, data), rpc.NULL)
        return Response(refusal.status, body, headers=headers)
    shown = {
        "success": False,
        "error": refusal.message,
        "event": path.strip("/").replace("/", "."),
        "code": refusal.code.upper(),
        "details": [refusal.details] if refusal.details else [],
    }
    return Response(refusal.status, msgspec.json.encode(shown), headers=headers)


def owns(path: str) -> bool:
    """Whether a path is this dialect's to refuse."""
    return path in {"/rpc", "/events", "/routes", "/handlers"} or path.startswith(
        ("/rpc/", "/task/", "/system/", "/schemas/")
    )


async def start(services: Services) -> None:
    """What all calls share, and the slow round over the workers that are gone."""
    engine = services.engine
    original = services.settings.get("compat.agents") == ORIGINAL
    registry = Registry(engine)
    sweeping = asyncio.create_task(_sweep(registry))
    feed = Feed(engine, original=original)
    services.resources[RESOURCE] = Shared(registry, feed, RateLimiter(), original, METHODS, sweeping)


async def stop(services: Services) -> None:
    """End the slow round."""
    sweeping = shared(services).sweeping
    sweeping.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await sweeping


async def _sweep(registry: Registry) -> None:
    while True:
        await asyncio.sleep(SWEEP_S)
        try:
            await registry.sweep()
        except UnavailableError:
            log.warning("the store cannot be read; looking for workers that are gone later")


def _mirror_operation(one: Method) -> Operation:
    return Operation(
        name=f"agents.{one.name}",
        method="POST",
        path=one.path,
        handler=mirror,
        scope=one.scope,
        summary=one.summary,
        body=Body.JSON,
        limit_bytes=LIMIT_BYTES if one.name == "task.complete" else BODY_BYTES,
        request=one.params,
        responses={200: Mirrored[one.result], **dict.fromkeys(_REFUSED, MirrorRefusal)},  # type: ignore[name-defined]
    )


OPERATIONS: Final = (
    Operation(
        name="agents.rpc",
        method="POST",
        path="/rpc",
        handler=call,
        scope="",
        summary="One JSON-RPC 2.0 call, or an array of calls; the scope is that of the method",
        body=Body.JSON,
        limit_bytes=LIMIT_BYTES,
        responses={200: RpcAnswer | list[RpcAnswer], **_CALLED},
        hot=True,
    ),
    Operation(
        name="agents.rpc_batch",
        method="POST",
        path="/rpc/batch",
        handler=batch,
        scope="",
        summary="An array of JSON-RPC 2.0 calls",
        body=Body.JSON,
        limit_bytes=LIMIT_BYTES,
        responses={200: RpcAnswer | list[RpcAnswer], **_CALLED},
    ),
    *(_mirror_operation(one) for one in METHODS.values()),
    Operation(
        name="agents.events",
        method="GET",
        path="/events",
        handler=listen,
        scope="task.read",
        summary="Events of tasks as they happen (server-sent events)",
        query=Listening,
        responses={200: None, 400: MirrorRefusal},
    ),
    Operation(
        name="agents.routes",
        method="GET",
        path="/routes",
        handler=describe.routes,
        scope="",
        summary="The paths of the methods",
        responses={200: dict[str, Any], 400: MirrorRefusal},
    ),
    Operation(
        name="agents.handlers",
        method="GET",
        path="/handlers",
        handler=describe.handlers,
        scope="",
        summary="The methods and events there are",
        responses={200: dict[str, Any], 400: MirrorRefusal},
    ),
    Operation(
        name="agents.schemas",
        method="GET",
        path="/schemas/{event}",
        handler=describe.schemas,
        scope="",
        summary="The schemas of a method",
        responses={200: dict[str, Any], 400: MirrorRefusal, 404: dict[str, Any]},
    ),
)

DIALECT: Final = Dialect(
    name="agents",
    operations=OPERATIONS,
    render=render,
    owns=owns,
    start=start,
    stop=stop,
)
