"""What clients ask first: topology, status, licence."""

import msgspec

from taskloom.dialects.operation import Refusal, Request, Response
from taskloom.dialects.processes.answers import Broker, License, Topology
from taskloom.dialects.processes.problem import RESOURCE_EXHAUSTED

VERSION = "8.10.0"
"""The release of the original whose answers these are."""
PORT_DEFAULT = 80

_NOT_READY = Refusal(503, RESOURCE_EXHAUSTED, "The server is not ready", retry_after_s=1)
_LICENSE = msgspec.json.encode(License())


async def get_topology(request: Request) -> Response:
    """One broker with one healthy partition: the address the caller reached us at."""
    host, port = _address(request.headers.get("host", ""))
    broker = Broker(host=host, port=port, version=VERSION)
    return Response(body=msgspec.json.encode(Topology(brokers=(broker,), gateway_version=VERSION)))


def _address(header: str) -> tuple[str, int]:
    host, _, port = header.rpartition(":")
    if host and port.isascii() and port.isdigit() and int(port[:6]) < 1 << 16:
        return host, int(port[:6])
    return header or "localhost", PORT_DEFAULT


async def get_status(request: Request) -> Response | Refusal:
    """204 while the server can work."""
    return Response(204) if request.engine.ready else _NOT_READY


async def get_license(_request: Request) -> Response:
    """There is no licence to be had, so it is always valid."""
    return Response(body=_LICENSE)
