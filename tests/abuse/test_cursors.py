"""A cursor is a caller's text like any other: what no column can hold is refused, not looked up."""

import base64
import json

import msgspec
import pytest

from samples.processes import ServiceTask, process_xml
from tests.dialects.documents.desk import BASE, READ_OUTSIDE, Desk, bare
from tests.dialects.processes.conftest import Camunda
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


@pytest.mark.parametrize("field", ["processInstanceKey", "processDefinitionId", "startDate"])
async def test_a_cursor_that_the_server_made_leads_on(server, field):
    camunda = Camunda(server.client())
    await camunda.deploy(process_xml([ServiceTask(id="task", type="work")], "p"))
    for _ in range(3):
        started = await camunda.client.post("/v2/process-instances", {"processDefinitionId": "p"})
        assert started.status == 200, started.body
    seen, page = [], {"limit": 1}

    for _ in range(3):
        body = {"sort": [{"field": field}], "page": page}
        answer = await camunda.client.post("/v2/process-instances/search", body)
        assert answer.status == 200, answer.body
        found = answer.json()
        seen += [item["processInstanceKey"] for item in found["items"]]
        page = {"limit": 1, "after": found["page"]["endCursor"]}

    assert len(set(seen)) == 3
