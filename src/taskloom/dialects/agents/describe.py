"""The dialect describes itself: methods, routes, handlers, schemas; all made from the table of methods."""

from typing import Any

import msgspec

from taskloom.dialects.agents import wire_params as wp
from taskloom.dialects.agents import wire_results as wr
from taskloom.dialects.agents.events import TYPES
from taskloom.dialects.agents.method import Context, Method, shared
from taskloom.dialects.operation import Reply, Request, Response


async def discover(context: Context, params: wp.DiscoverParams) -> wr.DiscoverResult:
    """The methods there are, or those of one domain."""
    methods = context.shared.methods.values()
    return wr.DiscoverResult(
        methods=[
            {
                "name": one.name,
                "description": one.summary,
                "inputSchema": schema(one.params),
                "outputSchema": schema(one.result),
                "metadata": {"rateLimit": one.rate, "scope": one.scope},
            }
            for one in methods
            if params.domain in {None, one.name.partition(".")[0]}
        ]
    )


def schema(shape: Any) -> dict[str, Any]:
    """The JSON schema of a shape."""
    return msgspec.json.schema(shape)


async def routes(request: Request) -> Reply:
    """The paths of the REST mirror."""
    methods = shared(request.services).methods.values()
    paths = [{"method": "POST", "path": one.path, "event": one.name} for one in methods]
    return _json({"routes": paths, "count": len(paths)})


async def handlers(request: Request) -> Reply:
    """The methods, shortly, and the events they cause."""
    methods = shared(request.services).methods.values()
    return _json({"handlers": [_short(one) for one in methods], "events": list(TYPES)})


def _short(one: Method) -> dict[str, Any]:
    return {"event": one.name, "description": one.summary, "rateLimit": one.rate, "scope": one.scope}


async def schemas(request: Request) -> Reply:
    """What one method takes and gives."""
    event = request.parameters["event"]
    one = shared(request.services).methods.get(event)
    if one is None:
        return _json({"error": f"There is no method {event}", "event": event}, 404)
    return _json({"event": event, "input": schema(one.params), "output": schema(one.result)})


def _json(body: dict[str, Any], status: int = 200) -> Response:
    return Response(status, msgspec.json.encode(body))
