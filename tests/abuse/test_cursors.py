"""A cursor is a caller's text like any other: what no column can hold is refused, not looked up."""

import base64
import json

import msgspec
import pytest

from tests.dialects.documents.desk import BASE, READ_OUTSIDE, Desk, bare
from tests.server.fixtures import serving


@pytest.fixture(params=["sqlite", "memory", "postgres"])
async def server(request, tmp_path):
    store = request.getfixturevalue("database") if request.param == "postgres" else request.param
    async with serving(tmp_path / "data", store=store) as running:
        yield running


@pytest.mark.parametrize("number", [2**63, 2**64 - 1, -1, -(2**63)])
@pytest.mark.parametrize("place", [0, 1])
async def test_a_cursor_of_documents(server, number, place):
    desk = Desk(server, server.client())
    assert (await desk.declare(bare(READ_OUTSIDE))).status < 300
    values = [1, 1]
    values[place] = number
    cursor = base64.urlsafe_b64encode(msgspec.msgpack.encode((False, *values))).decode().rstrip("=")

    answer = await desk.client.get(f"{BASE}/task?cursor={cursor}")

    assert answer.status == 400, answer.body


@pytest.mark.parametrize(
    ("field", "signature", "edges"),
    [
        ("processInstanceKey", "+key", [[2**63], ["x"], [-(2**63)], [True]]),
        ("processDefinitionId", "+process", [["\0", 1], [5, 1], ["\ud800", 1], ["x" * 10_000, 1]]),
        ("startDate", "+started_at", [["x", 1], [2**63 - 1, 1]]),
    ],
)
async def test_a_cursor_of_processes(server, field, signature, edges):
    client = server.client()
    for edge in edges:
        cursor = base64.b64encode(json.dumps([signature, *edge]).encode()).decode()
        body = {"sort": [{"field": field}], "page": {"after": cursor}}

        answer = await client.post("/v2/process-instances/search", body)

        assert answer.status in {200, 400}, (edge, answer.body)
