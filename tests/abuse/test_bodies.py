"""Hostile bodies (A3 to A6) and server-owned fields, against every operation that takes a body."""

import re

import pytest
import pytest_asyncio

from taskloom.core.access import SCOPES
from taskloom.core.limits import UPLOAD_BYTES
from taskloom.dialects.operation import Body
from taskloom.server.settings import Settings
from taskloom.server.wiring import build
from tests.server.fixtures import serving

JSON = [
    endpoint
    for endpoint in build(Settings(store="memory")).endpoints
    if endpoint.operation.body is Body.JSON and "application/json" in endpoint.operation.media_types
]
NAMES = [endpoint.operation.name for endpoint in JSON]

DEEP = {
    "arrays": b"[" * 100_000,
    "objects": b'{"a":' * 100_000,
    "closed": b"[" * 1_000 + b"]" * 1_000,
    "inside": b'{"result":' + b"[" * 101 + b"]" * 101 + b"}",
    "million": b"[" * 1_000_000 + b"]" * 1_000_000,
}
STRANGE = {
    "empty": b"",
    "half": b'{"a":',
    "nan": b'{"name":NaN}',
    "infinity": b'{"name":Infinity,"queue":-Infinity}',
    "utf-16": '{"a":1}'.encode("utf-16"),
    "latin-1": b'{"a":"\xff"}',
    "surrogate": b'{"name":"\\ud800"}',
    "bom": b'\xef\xbb\xbf{"a":1}',
    "two": b"{}{}",
    "nul": b"\x00",
    "text": b"hello",
}
EVERYWHERE = [
    *("id", "key", "taskId", "task_id", "status", "state", "tenant", "tenantId", "team_id", "attempt"),
    *("attempts", "token", "lease", "worker", "holder", "createdAt", "created_at", "completedAt"),
    *("version", "digest", "secret", "scopes", "root", "flow", "admin"),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(tmp_path_factory):
    async with serving(tmp_path_factory.mktemp("bodies")) as server:
        yield server.client(await server.key(scopes=tuple(sorted(SCOPES))))


def target(operation):
    return re.sub(r"\{[^}]*\}", "default", operation.path)


async def refused(client, operation, body, **headers):
    """The status of what must be a refusal of the caller's."""
    found = await client.status(operation.method, target(operation), body=body, **headers)
    assert 400 <= found < 500, f"{operation.name} answered {found}"
    return found


@pytest.mark.parametrize("endpoint", JSON, ids=NAMES)
@pytest.mark.parametrize("depth", DEEP)
@pytest.mark.asyncio(loop_scope="module")
async def test_deep_json_is_refused(client, endpoint, depth):
    answer = await client.call(endpoint.operation.method, target(endpoint.operation), body=DEEP[depth])

    assert 400 <= answer.status < 500 or b'"error"' in answer.body, answer


@pytest.mark.parametrize("endpoint", JSON, ids=NAMES)
@pytest.mark.asyncio(loop_scope="module")
async def test_strange_json_never_is_a_fault_of_ours(client, endpoint):
    for name, body in STRANGE.items():
        found = await client.status(endpoint.operation.method, target(endpoint.operation), body=body)
        assert 0 < found < 500, f"{name}: {found}"


@pytest.mark.parametrize("endpoint", JSON, ids=NAMES)
@pytest.mark.asyncio(loop_scope="module")
async def test_compressed_bodies_are_refused(client, endpoint):
    assert await refused(client, endpoint.operation, b"\x1f\x8b", content_encoding="gzip") in {404, 415}


@pytest.mark.parametrize("endpoint", JSON, ids=NAMES)
@pytest.mark.asyncio(loop_scope="module")
async def test_bodies_of_another_type_are_refused(client, endpoint):
    assert await refused(client, endpoint.operation, b"<a/>", content_type="text/xml") in {404, 415}


@pytest.mark.parametrize("endpoint", JSON, ids=NAMES)
@pytest.mark.asyncio(loop_scope="module")
async def test_a_body_beyond_the_limit_is_refused_and_the_connection_ends(client, endpoint):
    assert endpoint.operation.limit_bytes <= UPLOAD_BYTES
    body = b" " * (endpoint.operation.limit_bytes + 1)

    answer = await client.call(endpoint.operation.method, target(endpoint.operation), body=body)

    assert answer.status in {404, 413}
    assert answer.headers["connection"] == "close"


@pytest.mark.parametrize("endpoint", JSON, ids=NAMES)
@pytest.mark.asyncio(loop_scope="module")
async def test_unknown_and_server_owned_members_never_are_a_fault(client, endpoint):
    for value in (b'"x"', b"1", b"null", b"[]", b"{}"):
        members = b",".join(b'"%b":%b' % (name.encode(), value) for name in EVERYWHERE)
        found = await client.status(
            endpoint.operation.method, target(endpoint.operation), body=b"{%b}" % members
        )
        assert found < 500
