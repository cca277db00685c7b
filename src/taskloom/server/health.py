"""What operators and their tools ask: alive, ready, how it goes. Says nothing about what is inside."""

from datetime import UTC, datetime
from typing import Final

import msgspec
from msgspec import Struct

from taskloom.core.access import EVERY_TENANT
from taskloom.core.limits import READY_BYTES
from taskloom.core.records import PutRecords, RecordChange
from taskloom.core.rejections import Rejection
from taskloom.dialects.native.problem import problem
from taskloom.dialects.native.wire import Problem
from taskloom.dialects.operation import Dialect, Operation, Refusal, Reply, Request, Response
from taskloom.engine.engine import Engine
from taskloom.server.metrics import MEDIA_TYPE, Metrics

_NOT_READY: Final = Refusal(503, "overloaded", "not ready", retry_after_s=1)
_OTHERS: Final = Refusal(403, "forbidden", "these figures are about every tenant")


class Status(Struct):
    """Which service this is; its being answered is the news."""

    status: str
    service: str
    version: str
    timestamp: datetime


class Health(Struct):
    """One word."""

    status: str


async def is_ready(engine: Engine) -> bool:
    """Whether commands would be taken and stored. Where the last write failed, a larger one is tried."""
    if not engine.ready:
        return False
    if not engine.blocked:
        return True
    for body in (bytes(READY_BYTES), None):  # gone again at once, so that the next one needs new room too
        probe = RecordChange("probe", EVERY_TENANT, "ready", body)
        if isinstance(await engine.submit(PutRecords((probe,))), Rejection):
            return False
    return True


def dialect(metrics: Metrics, version: str) -> Dialect:
    """The operations of the server itself."""

    async def status(request: Request) -> Reply:
        now = datetime.fromtimestamp(request.engine.clock.now_ms() / 1000, UTC)
        return Response(body=msgspec.json.encode(Status("healthy", "taskloom", version, now)))

    async def live(request: Request) -> Reply:
        del request
        return Response(body=b'{"status":"alive"}')

    async def ready(request: Request) -> Reply:
        return Response(body=b'{"status":"ready"}') if await is_ready(request.engine) else _NOT_READY

    async def figures(request: Request) -> Reply:
        if request.wall is not None:
            return _OTHERS
        return Response(body=await metrics.text(request.engine), content_type=MEDIA_TYPE)

    operations = (
        Operation(
            name="server.status",
            method="GET",
            path="/",
            handler=status,
            scope=None,
            summary="Which service this is",
            responses={200: Status},
        ),
        Operation(
            name="server.live",
            method="GET",
            path="/livez",
            handler=live,
            scope=None,
            summary="Whether the process answers at all",
            responses={200: Health},
        ),
        Operation(
            name="server.ready",
            method="GET",
            path="/readyz",
            handler=ready,
            scope=None,
            summary="Whether it takes work: the store can write, and the server is not about to stop",
            responses={200: Health, 503: Problem},
        ),
        Operation(
            name="server.metrics",
            method="GET",
            path="/metrics",
            handler=figures,
            scope="metrics.read",
            summary="Measurements in the text format of Prometheus",
            responses={401: Problem, 403: Problem},
        ),
    )
    return Dialect(name="server", operations=operations, render=problem, owns=lambda path: path == "/")
