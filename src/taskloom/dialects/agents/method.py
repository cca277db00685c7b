"""A method of this dialect, and what its handler is given."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import msgspec
from msgspec import Struct

from taskloom.core.access import Principal
from taskloom.core.ratelimit import RateLimiter
from taskloom.dialects.agents import errors
from taskloom.dialects.agents.errors import RpcError
from taskloom.dialects.agents.feed import Feed
from taskloom.dialects.agents.registry import Registry
from taskloom.dialects.agents.wire_params import Params
from taskloom.dialects.agents.wire_results import Result
from taskloom.dialects.operation import Request, Services
from taskloom.engine.engine import Engine

RESOURCE: Final = "agents"
ORIGINAL: Final = "claudebench"


class Shared(Struct):
    """What all calls of a server share."""

    registry: Registry
    feed: Feed
    limiter: RateLimiter
    original: bool
    """`compat.agents = claudebench`: the quirks of the original."""
    methods: "Mapping[str, Method]"
    sweeping: asyncio.Task[None]
    """The slow round of the registry."""


class Actor(Struct, frozen=True):
    """As whom a call acts: a worker ("": whoever the task belongs to), and whether rank counts."""

    worker: str
    supervisor: bool


class Context(Struct):
    """One call as a method sees it."""

    request: Request
    shared: Shared

    @property
    def engine(self) -> Engine:
        """The engine."""
        return self.request.services.engine

    @property
    def principal(self) -> Principal:
        """Who calls."""
        return self.request.principal

    @property
    def wall(self) -> str | None:
        """The tenant it is confined to; None for the administrator."""
        return self.request.wall

    def may_act_as(self, worker: str) -> bool:
        """Whether the key may name this worker: a bound key names itself only."""
        return self.principal.worker in {"", worker}

    def actor(self, worker: str | None) -> Actor | RpcError:
        """As whom the call acts. Rank counts only where no worker is named."""
        if worker is None:
            supervisor = self.shared.original or self.principal.may("task.supervise")
            return Actor(self.principal.worker, supervisor)
        if not self.may_act_as(worker):
            return errors.forbidden(f"The key may not act as worker {worker}", workerId=worker)
        return Actor(worker, self.shared.original)


MethodHandler = Callable[[Context, Any], Awaitable[Result | RpcError]]


class Method(Struct, frozen=True, kw_only=True):
    """One method: route, limits, scope and schema stand here and nowhere else."""

    name: str
    params: type[Params]
    result: type[Result]
    handler: MethodHandler
    scope: str
    rate: int
    """Calls a minute and principal; 0 for unlimited."""
    summary: str
    decoder: msgspec.json.Decoder[Any]

    @property
    def path(self) -> str:
        """Its path in the REST mirror."""
        return "/" + self.name.replace(".", "/")


def method(
    name: str,
    params: type[Params],
    result: type[Result],
    handler: MethodHandler,
    *,
    scope: str,
    rate: int,
    summary: str,
) -> Method:
    """Describe a method."""
    return Method(
        name=name,
        params=params,
        result=result,
        handler=handler,
        scope=scope,
        rate=rate,
        summary=summary,
        decoder=msgspec.json.Decoder(params),
    )


Methods = Mapping[str, Method]


def shared(services: Services) -> Shared:
    """What the calls of this server share; there since the dialect was started."""
    found = services.resources[RESOURCE]
    assert isinstance(found, Shared)
    return found
