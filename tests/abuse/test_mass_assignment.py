"""Members that belong to the server are never taken from a caller (A17): refused or ignored, not applied."""

from samples.processes import ServiceTask, process_xml
from tests.dialects.processes.conftest import Camunda
from tests.dialects.queue.desk import Desk

FORGED = "TASK-1-1-C-260101000000-0001-000001"
OWNED = {
    "id": "t-1",
    "status": "completed",
    "state": "COMPLETED",
    "tenant": "elsewhere",
    "tenant_id": "elsewhere",
    "attempt": 99,
    "attempts": 99,
    "createdAt": "2001-01-01T00:00:00.000Z",
    "created_at": 1,
    "completedAt": "2001-01-01T00:00:00.000Z",
    "completedBy": "forged",
    "result": {"forged": True},
    "error": "forged",
    "lease": "forged",
    "leaseToken": "1",
    "version": 99,
    "key": 1,
    "root": 1,
    "flow": 1,
    "by": "forged",
}


def untouched(text):
    return "forged" not in text and "2001-01-01" not in text and "elsewhere" not in text


async def test_a_task_of_an_agent_is_created_pending_whatever_the_caller_says(server):
    client = server.client(await server.key())

    answer = await client.post("/task/create", {"text": "x", **OWNED})
    task_id = (await client.post("/task/create", {"text": "plain"})).json()["data"]["id"]
    listed = (await client.post("/task/list", {})).body.decode()

    assert answer.status in {200, 400}
    assert task_id != "t-1"
    assert untouched(listed)
    assert '"completed"' not in listed


async def test_a_task_put_in_a_queue_is_new_whatever_the_caller_says(server):
    desk = Desk(server, await server.key())
    await desk.register()
    owned = {name: value for name, value in OWNED.items() if name not in {"id", "key"}}

    answer = await desk.post_put(task_id=FORGED, **owned)
    await desk.put()
    taken = await desk.take()

    assert answer.status in {200, 400}
    assert untouched(str(taken))
    shown = await desk.get(taken["task_id"])
    assert untouched(str(shown))
    assert taken["task_id"] != FORGED


async def test_an_instance_of_a_process_is_new_whatever_the_caller_says(server):
    camunda = Camunda(server.client(await server.key()))
    definition = await camunda.deploy(process_xml([ServiceTask(id="task", type="work")]))
    body = {
        "processDefinitionId": definition["processDefinitionId"],
        "processInstanceKey": "1",
        "startDate": "2001-01-01T00:00:00.000Z",
        "hasIncident": True,
        **OWNED,
    }

    answer = await camunda.post("/process-instances", body)
    key = await camunda.start(definition["processDefinitionId"])
    instance = await camunda.instance(key)

    assert answer.status in {200, 400}
    assert instance["state"] == "ACTIVE"
    assert untouched(str(await camunda.search("process-instances")))
    assert {one["state"] for one in await camunda.search("process-instances")} == {"ACTIVE"}


async def test_a_job_is_not_moved_by_fields_that_are_not_its_workers(server):
    camunda = Camunda(server.client(await server.key()))
    definition = await camunda.deploy(process_xml([ServiceTask(id="task", type="work")]))
    await camunda.start(definition["processDefinitionId"])
    job = await camunda.job("work")

    answer = await camunda.client.call(
        "PATCH", f"/v2/jobs/{job['jobKey']}", {"changeset": {**OWNED, "retries": 5}}
    )
    (shown,) = await camunda.search("jobs")

    assert answer.status in {204, 400}
    assert shown["state"] == "CREATED"
    assert untouched(str(shown))


async def test_a_key_is_the_servers_to_describe(server):
    answer = await server.client().post("/api/v1/keys", {"name": "x", "scopes": ["task.read"], **OWNED})

    assert answer.status == 400
    assert (await server.client().get("/api/v1/keys")).json()["items"] == []
