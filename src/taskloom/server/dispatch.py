"""One way for every call: route, key, crowd, tenant, what may be seen, scope, rate, body, handler, answer.

Each step either goes on or ends in a refusal, which the dialect of the operation renders.
"""

import logging
from collections.abc import MutableMapping, Sequence
from time import perf_counter
from typing import Any, Final

from msgspec import Struct

from taskloom.core.access import EVERY_TENANT, Principal
from taskloom.dialects.operation import (
    Body,
    BodyError,
    Dialect,
    Refusal,
    Reply,
    Request,
    Response,
    Services,
    Stream,
)
from taskloom.engine.waiting import TooManyWaitersError
from taskloom.ports.store import UnavailableError
from taskloom.server import body as bodies
from taskloom.server.answer import Caller, Receive, Send, send_response, send_stream
from taskloom.server.auth import NOBODY, Authenticator
from taskloom.server.crowd import Crowd
from taskloom.server.endpoint import Endpoint
from taskloom.server.identity import Tenants
from taskloom.server.problem import rendered
from taskloom.server.ratelimit import Throttle
from taskloom.server.request import BadQueryError, Fields, Headers, query, request_ids
from taskloom.server.routing import Methods, Router, named

log = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]

TENANT_DEFAULT: Final = "default"
_GONE: Final = 499
"""How answers that nobody waited for are counted."""
_READING: Final = frozenset({"GET", "HEAD", "OPTIONS"})

_UNAVAILABLE: Final = Refusal(503, "overloaded", "the store cannot be reached now", retry_after_s=1)
_CROWDED: Final = Refusal(503, "overloaded", "too many calls wait", retry_after_s=1)
_INTERNAL: Final = Refusal(500, "internal", "an unexpected fault; the server's log says more")
_NO_TENANT: Final = Refusal(404, "not_found", "there is no such tenant")
_NO_PATH: Final = Refusal(404, "not_found", "there is nothing at this path")
_BAD_METHOD: Final = Refusal(405, "method_not_allowed", "this path does not know the method")
_BAD_QUERY: Final = Refusal(400, "invalid", "the query string cannot be read")


class Gate(Struct, frozen=True):
    """What stands before every handler."""

    authenticator: Authenticator
    tenants: Tenants
    throttle: Throttle
    connections: Crowd
    """By address; the protocol counts them."""
    calls: Crowd
    """By key."""


class Call(Struct, gc=False):
    """One call under way."""

    endpoint: Endpoint
    values: Sequence[str]
    scope: Scope
    fields: Fields
    receive: Receive
    caller: Caller
    request_id: str
    extra: dict[str, str]
    """Headers for the answer, whichever it is."""
    key: tuple[str, str] | None = None
    """Tenant and name of the key among whose calls it is counted."""


class Dispatch:
    """Answers HTTP requests."""

    def __init__(
        self,
        endpoints: Sequence[Endpoint],
        dialects: Sequence[Dialect],
        services: Services,
        gate: Gate,
        fallback: Dialect,
    ) -> None:
        self._router = Router(endpoints)
        self._dialects = dialects
        self._services = services
        self._gate = gate
        self._fallback = fallback
        self._request_id = request_ids()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        path: str = scope["path"]
        method: str = scope["method"]
        fields: Fields = dict(scope["headers"])
        methods, values = self._router.find(path, scope.get("raw_path") or b"")
        endpoint = None if methods is None else methods.get(method)
        if endpoint is None and methods is not None and method == "HEAD":
            endpoint = methods.get("GET")
        request_id = self._request_id(fields)
        extra = {"x-request-id": request_id}
        if endpoint is None:
            if bodies.is_large(fields):
                extra["connection"] = "close"
            await send_response(send, self._unrouted(methods, path, method, request_id), extra)
            return
        caller = Caller(receive)
        call = Call(endpoint, values, scope, fields, receive, caller, request_id, extra)
        begun = perf_counter()
        status = _GONE
        try:
            reply = await self._answer(call)
            if isinstance(reply, Refusal):
                if bodies.is_large(fields):
                    extra["connection"] = "close"
                reply = rendered(endpoint.dialect, reply, path, request_id)
            status = reply.status
            await self._send(reply, method, send, extra, caller)
        except bodies.CallerGoneError:
            return
        finally:
            caller.leave()
            if call.key is not None:
                self._gate.calls.leave(call.key)
            endpoint.observe(status, perf_counter() - begun)

    @staticmethod
    async def _send(
        reply: Response | Stream, method: str, send: Send, extra: dict[str, str], caller: Caller
    ) -> None:
        if isinstance(reply, Response):
            await send_response(send, reply, extra)
        elif method == "HEAD":
            await send_response(send, Response(reply.status, b"", reply.content_type), extra)
        else:
            await send_stream(send, reply, extra, caller)

    def _unrouted(self, methods: Methods | None, path: str, method: str, request_id: str) -> Response:
        """The refusal of a path nobody has, or of a method it does not know; OPTIONS is told the methods."""
        if methods is None:
            return rendered(self._owner(path), _NO_PATH, path, request_id)
        allowed = {*methods, "OPTIONS"} | ({"HEAD"} if "GET" in methods else set())
        allow = {"allow": ", ".join(sorted(allowed))}
        if method == "OPTIONS":
            return Response(204, headers=allow)
        dialect = next(iter(methods.values())).dialect
        response = rendered(dialect, _BAD_METHOD, path, request_id)
        return Response(response.status, response.body, response.content_type, {**response.headers, **allow})

    def _owner(self, path: str) -> Dialect:
        """Who refuses a path that leads nowhere."""
        owner = self._router.owner(path)
        if owner is not None:
            return owner
        return next((dialect for dialect in self._dialects if dialect.owns(path)), self._fallback)

    async def _answer(self, call: Call) -> Reply:
        """The reply of the handler, or the refusal that came before it. Never raises a fault."""
        try:
            request = await self._admit(call)
            if isinstance(request, Refusal):
                return request
            return await call.endpoint.operation.handler(request)
        except bodies.CallerGoneError:
            raise
        except BodyError as error:
            return error.refusal
        except UnavailableError:
            return _UNAVAILABLE
        except TooManyWaitersError:
            return _CROWDED
        except Exception:
            log.exception("%s failed", call.endpoint.operation.name, extra={"request_id": call.request_id})
            return _INTERNAL

    async def _admit(self, call: Call) -> Request | Refusal:
        """The request as its handler may see it, or why it may not."""
        operation = call.endpoint.operation
        principal = await self._principal(call)
        if isinstance(principal, Refusal):
            return principal
        if not self._enter(call, principal):
            return _many_calls(self._gate.calls.limit)
        parameters = named(call.endpoint.names, call.values)
        tenant = await self._tenant(call, principal, parameters.get(operation.tenant_parameter))
        if isinstance(tenant, Refusal):
            return tenant
        request = self._request(call, principal, tenant, parameters)
        if isinstance(request, Refusal):
            return request
        if operation.visible is not None and (hidden := await operation.visible(request)) is not None:
            return hidden
        if operation.scope and not principal.may(operation.scope):
            return Refusal(403, "forbidden", f"the key has not the scope {operation.scope}")
        verdict = self._gate.throttle.take(principal, operation.name, operation.rate)
        if verdict is not None:
            call.extra.update(verdict.headers)
            if verdict.refusal is not None:
                return verdict.refusal
        refusal = await self._body(call, request)
        return request if refusal is None else refusal

    async def _principal(self, call: Call) -> Principal | Refusal:
        """Who calls. An operation for everybody takes a key into account, and asks for none."""
        authorization = call.fields.get(b"authorization", b"")
        authenticator = self._gate.authenticator
        principal = authenticator.remembered(authorization)
        if principal is not None:
            return principal
        if call.endpoint.operation.scope is not None:
            return await authenticator.prove(authorization)
        if not authorization:
            return NOBODY
        try:
            proved = await authenticator.prove(authorization)
        except UnavailableError:
            return NOBODY
        return NOBODY if isinstance(proved, Refusal) else proved

    def _enter(self, call: Call, principal: Principal) -> bool:
        """Count the call among those of its key until it is answered; False when these are too many."""
        if call.endpoint.operation.scope is None:
            return True
        key = (principal.tenant, principal.name)
        if not self._gate.calls.enter(key):
            return False
        call.key = key
        return True

    async def _tenant(self, call: Call, principal: Principal, in_path: str | None) -> str | Refusal:
        """The tenant the call acts in; a foreign one looks like one that is not there."""
        named_one = in_path
        if named_one is None:
            named_one = call.fields.get(b"taskloom-tenant", b"").decode("latin-1") or None
        if principal.tenant != EVERY_TENANT:
            return principal.tenant if named_one in {None, principal.tenant} else _NO_TENANT
        tenant = named_one or TENANT_DEFAULT
        tenants = self._gate.tenants
        if tenants.known(tenant):
            return tenant
        if not tenants.is_name(tenant):
            return _NO_TENANT
        if call.scope["method"] not in _READING:
            await tenants.ensure(tenant)
        return tenant

    def _request(
        self, call: Call, principal: Principal, tenant: str, parameters: dict[str, str]
    ) -> Request | Refusal:
        try:
            asked = query(call.scope["query_string"])
        except BadQueryError:
            return _BAD_QUERY
        operation = call.endpoint.operation
        return Request(
            operation,
            self._services,
            principal,
            tenant,
            call.scope["path"],
            parameters,
            asked,
            Headers(call.fields),
            b"",
            bodies.chunks(call.receive, operation.limit_bytes),
            call.request_id,
            call.caller.gone,
        )

    async def _body(self, call: Call, request: Request) -> Refusal | None:
        """Take the body the way the operation wants it; the refusal where that fails."""
        operation = call.endpoint.operation
        kind = operation.body
        if kind is Body.NONE:
            if not bodies.is_announced(call.fields):
                return None
            body = await bodies.read(call.receive, operation.limit_bytes)
            return body if isinstance(body, Refusal) else None
        media_types = call.endpoint.media_types
        refusal = bodies.refused_by_head(call.fields, operation.limit_bytes, media_types)
        if refusal is not None or kind is Body.STREAM:
            return refusal
        body = await bodies.read(call.receive, operation.limit_bytes)
        if isinstance(body, Refusal):
            return body
        request.body = body
        return None


def _many_calls(limit: int) -> Refusal:
    return Refusal(429, "rate_limited", f"more than {limit} calls of the key are under way", retry_after_s=1)
