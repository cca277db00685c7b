"""Opaque payloads come back byte for byte (A4), in every dialect and on every store."""

import json

import pytest

from samples.processes import ServiceTask, process_xml
from tests.dialects.processes.conftest import Camunda
from tests.dialects.queue.desk import ENDPOINT, QUEUE, Desk
from tests.server.fixtures import serving

STRANGE = {
    "nul": r'{"a":"x\u0000y","\u0000":1}',
    "big integers": '{"a":123456789012345678901234567890,"b":-99999999999999999999}',
    "repeated members": '{"a":1,"a":2,"b":{"c":1,"c":2}}',
    "huge exponents": '{"a":1e400,"b":-1E+999,"c":1.0,"d":1.10,"e":-0}',
    "blanks and order": '{ "z" : 1 ,\t"a":[ 1 , 2 ] }',
    "escapes": r'{"a":"\u00e9\/\ud83d\ude00\b","é":"\\\""}',
    "deep": '{"a":' * 90 + "1" + "}" * 90,
}


@pytest.fixture(params=["sqlite", "memory", "postgres"])
async def server(request, tmp_path):
    store = request.getfixturevalue("database") if request.param == "postgres" else request.param
    async with serving(tmp_path / "data", store=store) as running:
        yield running


async def test_a_queue_keeps_data_and_result_byte_for_byte(server):
    desk = Desk(server, await server.key())
    await desk.register()
    for payload in STRANGE.values():
        head = json.dumps({"queue": QUEUE, "endpoint": ENDPOINT, "level": 1})[:-1]
        put = await desk.client.post("/v1/queue/put", body=f'{head},"data":{payload}}}'.encode())
        assert put.status == 200, put.body
        taken = await desk.post_take()
        assert payload.encode() in taken.body
        task_id = put.json()["data"]

        done = await desk.client.post(
            f"/v1/queue/{task_id}/complete", body=f'{{"status_code":200,"body":{payload}}}'.encode()
        )

        assert done.status == 200, done.body
        assert payload.encode() in (await desk.client.get(f"/v1/queue/{task_id}")).body


async def test_an_agents_result_is_kept_byte_for_byte(server):
    client = server.client(await server.key())
    await client.post("/system/register", {"id": "w", "roles": ["worker"]})
    for payload in STRANGE.values():
        task_id = (await client.post("/task/create", {"text": "x"})).json()["data"]["id"]
        await client.post("/task/claim", {"workerId": "w"})
        body = f'{{"taskId":"{task_id}","workerId":"w","result":{payload}}}'.encode()

        done = await client.post("/task/complete", body=body)

        assert done.status == 200, done.body
        assert payload.encode() in (await client.post("/task/get", {"taskId": task_id})).body


async def test_variables_of_a_process_are_kept_value_by_value(server):
    camunda = Camunda(server.client(await server.key()))
    definition = await camunda.deploy(process_xml([ServiceTask(id="task", type="work")]))
    process = definition["processDefinitionId"]
    for payload in STRANGE.values():
        body = f'{{"processDefinitionId":"{process}","variables":{{"v":{payload}}}}}'.encode()
        assert (await camunda.client.post("/v2/process-instances", body=body)).status == 200

        asked = {"type": "work", "timeout": 60_000, "maxJobsToActivate": 1, "requestTimeout": -1}
        activated = await camunda.post("/jobs/activation", asked)

        assert payload.encode() in activated.body
