"""The mirror in REST, and what the dialect says about itself."""

import pytest

from taskloom.dialects.agents.table import METHODS

NOW = "2025-11-21T20:30:00Z"


async def test_a_method_is_a_path(every):
    answer = await every.post({"text": "By path"}, "/task/create")

    body = answer.json()
    task_id = body["data"].pop("id")
    assert answer.status == 200
    assert body == {
        "success": True,
        "data": {"text": "By path", "status": "pending", "priority": 50, "createdAt": NOW},
        "event": "task.create",
        "timestamp": NOW,
    }
    await every.worker("w1")
    claim = (await every.post({"workerId": "w1"}, "/task/claim")).json()["data"]
    assert claim["taskId"] == task_id
    ended = await every.post({"id": task_id, "workerId": "w1", "result": [1]}, "/task/complete")
    assert ended.json()["data"] == {"id": task_id, "status": "completed", "completedAt": NOW}


async def test_a_body_may_be_left_out(every):
    assert (await every.post(b"", "/task/list")).json()["data"]["tasks"] == []
    assert (await every.post(b"  ", "/task/list")).status == 200


@pytest.mark.parametrize(
    "body",
    [b"{", b"null", b"[]", b"[1]", b'"a"', b'{},"id":1', b'{"text":"a"} x', b'{"text":"a","text":"b"}'],
)
async def test_a_body_that_is_no_object_is_refused(every, body):
    answer = await every.post(body, "/task/create")

    assert (answer.status, answer.json()["success"], answer.json()["code"]) == (400, False, "INVALID_PARAMS")


@pytest.mark.parametrize(
    ("path", "params", "status", "code"),
    [
        ("/task/create", {}, 400, "INVALID_PARAMS"),
        ("/task/complete", {"id": "t-404"}, 404, "TASK_NOT_FOUND"),
        ("/task/claim", {"workerId": "w9"}, 409, "WORKER_NOT_REGISTERED"),
        ("/task/complete", {"id": "HELD", "workerId": "w2"}, 403, "NOT_ASSIGNEE"),
        ("/task/complete", {"id": "HELD", "claimEpoch": 7}, 409, "CLAIM_LOST"),
        ("/task/complete", {"id": "OPEN"}, 409, "TASK_NOT_ASSIGNED"),
        ("/task/complete", {"id": "DONE", "workerId": "w1", "result": 1}, 409, "TASK_TERMINAL"),
        ("/task/assign", {"taskId": "HELD", "instanceId": "w3"}, 409, "TASK_ALREADY_ASSIGNED"),
    ],
)
async def test_refusals_have_a_status(every, path, params, status, code):
    tasks = {"DONE": (await every.claimed())["taskId"]}
    await every.ok("task.complete", id=tasks["DONE"])
    tasks |= {"HELD": (await every.claimed())["taskId"], "OPEN": await every.created()}
    await every.worker("w3")

    answer = await every.post({name: tasks.get(value, value) for name, value in params.items()}, path)

    body = answer.json()
    assert (answer.status, body["success"], body["code"]) == (status, False, code)
    assert (body["event"], body["timestamp"]) == (path[1:].replace("/", "."), NOW)
    assert isinstance(body["error"], str)


async def test_a_rate_holds_for_both_ways_together(every):
    slow = await every.known("slow", rate=None)
    for _ in range(19):
        await every.post({"jsonrpc": "2.0", "id": 1, "method": "task.update", "params": {}}, by=slow)
    twentieth = await every.post({}, "/task/update", by=slow)
    more = await every.post({}, "/task/update", by=slow)

    assert (twentieth.status, more.status, more.json()["code"]) == (400, 429, "RATE_LIMITED")
    assert more.headers["retry-after"] == "3"


async def test_a_missing_key_and_a_missing_scope_are_told_in_rest(every):
    reader = await every.known("reader", scopes=("task.read",))

    unknown = await every.post({}, "/task/create", by=every.client(None))
    may_not = await every.post({}, "/task/create", by=reader)
    nothing = await every.post({}, "/task/no_such")

    assert [(one.status, one.json()["success"]) for one in (unknown, may_not, nothing)] == [
        (401, False),
        (403, False),
        (404, False),
    ]


async def test_the_dialect_describes_itself(every):
    names = set(METHODS)

    routes = (await every.app_client.get("/routes")).json()
    handlers = (await every.app_client.get("/handlers")).json()
    discovered = (await every.ok("system.discover"))["methods"]
    of_domain = (await every.ok("system.discover", domain="system"))["methods"]

    assert {one["event"] for one in routes["routes"]} == names
    assert {"method": "POST", "path": "/task/complete", "event": "task.complete"} in routes["routes"]
    assert {one["event"] for one in handlers["handlers"]} == names
    assert "task.completed" in handlers["events"]
    assert {one["name"] for one in discovered} == names
    assert {one["name"] for one in of_domain} == {name for name in names if name.startswith("system.")}


async def test_every_method_has_its_schemas(every):
    for name in METHODS:
        schema = (await every.app_client.get(f"/schemas/{name}")).json()
        assert schema["event"] == name
        assert "$ref" in schema["input"]
        assert "$ref" in schema["output"]
    complete = (await every.app_client.get("/schemas/task.complete")).json()["input"]
    assert set(complete["$defs"]["CompleteParams"]["properties"]) == {
        "id", "taskId", "workerId", "claimEpoch", "leaseToken", "result", "status", "error",
    }  # fmt: skip


async def test_an_unknown_schema_is_not_found(every):
    answer = await every.app_client.get("/schemas/no.such")

    assert answer.status == 404
    assert set(answer.json()) == {"error", "event"}


async def test_every_published_path_answers(every):
    for route in (await every.app_client.get("/routes")).json()["routes"]:
        answer = await every.post({}, route["path"], by=every.admin)
        assert answer.json()["event"] == route["event"]
        assert answer.status in {200, 400}
