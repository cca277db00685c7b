"""The operation contract: what a dialect hands to the server, and what the server hands to a dialect.

Route, limits, scope and schema of an operation stand in one place. From the table of all operations the
server builds its routes, the authorization matrix of the tests, and the OpenAPI document. A dialect
translates and never decides: it builds commands, and turns outcomes into its own answers.
"""

import enum
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

from msgspec import Struct

from taskloom.core.access import Principal
from taskloom.core.limits import BODY_BYTES
from taskloom.engine.engine import Engine
from taskloom.engine.outbox import Render
from taskloom.flows.flow import Flow
from taskloom.views.view import Project, View


class Body(enum.Enum):
    """How a request's body is taken."""

    NONE = "none"
    """Ignored, whatever it is; read and thrown away within the limit."""
    JSON = "json"
    """Read whole, within the limit; the handler decodes it. Absent is b""."""
    STREAM = "stream"
    """Not read: the handler takes `Request.chunks`, which raise `BodyError` beyond the limit."""


class Refusal(Struct, frozen=True):
    """A refusal on its way to the wire; each dialect renders it in its own shape.

    `code` is a stable symbol (`unauthorized`, `forbidden`, `not_found`, `method_not_allowed`,
    `unsupported_media_type`, `too_large`, `bad_json`, `invalid`, `conflict`, `rate_limited`, `overloaded`,
    `internal`, or a dialect's own); `details` is JSON-able.
    """

    status: int
    code: str
    message: str
    details: Mapping[str, Any] = {}
    retry_after_s: int = 0
    request_id: str = ""
    """Filled in by the server before it is rendered."""


class BodyError(Exception):
    """The body broke off, or is larger than the operation allows; carries the refusal."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal


class Services(Struct):
    """What handlers share: the engine, and settings a dialect may ask for by name."""

    engine: Engine
    settings: Mapping[str, str] = {}
    """Such as `compat.queue`; absent means the default."""
    resources: dict[str, Any] = {}
    """What a dialect started for itself, under its own name."""
    keys_changed: Callable[[], None] = lambda: None
    """To be called after a key was changed: whoever was recognised by it must prove it again."""


class Request(Struct):
    """One call as a handler sees it; who calls and which tenant it acts in are settled."""

    operation: "Operation"
    services: Services
    principal: Principal
    tenant: str
    """The tenant new things belong to: the principal's, or the one the administrator named (`default`)."""
    path: str
    parameters: Mapping[str, str]
    """Path parameters, percent-decoded, checked for length and control characters."""
    query: Mapping[str, Sequence[str]]
    headers: Mapping[str, str]
    """Lower-case names."""
    body: bytes
    chunks: AsyncIterator[bytes]
    request_id: str
    disconnected: Callable[[], Awaitable[None]]
    """Returns when the caller has gone away; for handlers that wait."""

    @property
    def engine(self) -> Engine:
        """The engine."""
        return self.services.engine

    @property
    def wall(self) -> str | None:
        """The tenant commands are confined to; None for the administrator."""
        return self.principal.wall


class Response(Struct):
    """A whole answer."""

    status: int = 200
    body: bytes = b""
    content_type: str = "application/json"
    headers: Mapping[str, str] = {}


class Stream(Struct):
    """An answer in pieces; the iterator is closed when the caller goes away."""

    chunks: AsyncIterator[bytes]
    status: int = 200
    content_type: str = "text/event-stream"
    headers: Mapping[str, str] = {}


Reply = Response | Stream | Refusal
Handler = Callable[[Request], Awaitable[Reply]]
Check = Callable[[Request], Awaitable[Refusal | None]]


class Operation(Struct, frozen=True, kw_only=True):
    """One operation of the wire."""

    name: str
    """Unique, `dialect.verb`: the name in metrics, rate limits, the authorization matrix, OpenAPI."""
    method: str
    path: str
    """With `{parameters}`; a literal segment wins over a parameter."""
    handler: Handler
    scope: str | None
    """What the principal must have: "" only a key, None not even that."""
    summary: str
    body: Body = Body.NONE
    limit_bytes: int = BODY_BYTES
    rate: int = 0
    """Calls a minute and principal unless the key says otherwise; 0 for unlimited."""
    tenant_parameter: str = ""
    """A path parameter that names the tenant: a foreign one is answered as not found."""
    visible: Check | None = None
    """Runs before the scope is checked, where a dialect must hide what exists from whom may not see it."""
    request: Any = None
    """The type of the request body, for OpenAPI; None when there is none or it is opaque.

    A default of type `Raw` has no schema: use `field(default_factory=...)`.
    """
    query: Any = None
    """A type whose fields are the parameters of the query string, for OpenAPI; None when there are none."""
    responses: Mapping[int, Any] = {}
    """Status -> type of the answer's body (None: empty)."""
    answer_type: str = "application/json"
    """Content type of good answers."""
    media_types: tuple[str, ...] = ("application/json",)
    """Content types the body may have; a body without one is taken as the first."""
    hot: bool = False
    """One of the few that the speed of the server is measured by: its handler is kept lean."""


class Dialect(Struct, kw_only=True):
    """All that a dialect brings. Two lines of wiring add one to the server."""

    name: str
    operations: Sequence[Operation]
    render: Callable[[Refusal, str], Response]
    """(refusal, request path) -> the dialect's own error shape."""
    owns: Callable[[str], bool]
    """Whether a path that matches no operation is this dialect's to refuse."""
    flows: Sequence[Flow[Any]] = ()
    views: Sequence[View] = ()
    projections: Mapping[str, Project] = {}
    """Kind of flow -> projection of its events."""
    callbacks: Mapping[str, Render] = {}
    """Dialect of a task -> how the call that tells of its end is rendered."""
    refers: "Callable[[Services, Sequence[str]], Awaitable[AbstractSet[str]]] | None" = None
    """(services, keys of blobs) -> those that rows of this dialect refer to."""
    start: Callable[[Services], Awaitable[None]] | None = None
    stop: Callable[[Services], Awaitable[None]] | None = None
