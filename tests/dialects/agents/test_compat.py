"""`compat.agents = claudebench`: the quirks of the original, those that concern these methods."""

import pytest


@pytest.mark.parametrize("params", [{}, {"result": None}, {"result": False}, {"result": 0}, {"result": ""}])
async def test_1_an_empty_result_fails_the_task(original, params):
    claim = await original.claimed()

    assert (await original.ok("task.complete", id=claim["taskId"], **params))["status"] == "failed"


@pytest.mark.parametrize(
    "params", [{"result": {}}, {"result": [0]}, {"result": "0"}, {"status": "completed"}]
)
async def test_1_any_other_result_completes_it(original, params):
    claim = await original.claimed()

    assert (await original.ok("task.complete", id=claim["taskId"], **params))["status"] == "completed"


async def test_2_refusals_of_the_domain_are_internal_errors(original):
    answer = await original.rpc("task.complete", id="t-404")

    assert answer["error"] == {"code": -32603, "message": "Internal error"}


async def test_2_what_the_schema_refuses_stays_what_it_is(original):
    assert (await original.rpc("task.create"))["error"]["code"] == -32602
    assert (await original.rpc("no.such"))["error"]["code"] == -32601


async def test_3_so_are_refusals_of_the_rate(original):
    slow = await original.known("slow", rate=None)
    for _ in range(20):
        await original.rpc("task.update", slow)

    assert (await original.rpc("task.update", slow))["error"] == {"code": -32603, "message": "Internal error"}


async def test_4_anybody_completes_a_task_that_is_assigned(original):
    claim = await original.claimed()
    free = await original.created()

    ended = await original.ok("task.complete", id=claim["taskId"], workerId="somebody", result=1)
    refused = await original.rpc("task.complete", id=free, workerId="somebody", result=1)

    assert ended["status"] == "completed"
    assert refused["error"]["code"] == -32603


async def test_5_ten_urgent_tasks_of_others_hide_the_rest(original):
    await original.worker("w1")
    await original.worker("w2")
    for _ in range(10):
        urgent = await original.created(priority=90)
        await original.ok("task.assign", original.admin, taskId=urgent, instanceId="w2")
    hidden = await original.created(priority=10)

    assert await original.ok("task.claim", workerId="w1") == {"claimed": False}
    assert (await original.ok("task.claim", workerId="w2"))["claimed"] is True
    assert (await original.ok("task.claim", workerId="w1"))["taskId"] == hidden


async def test_6_a_claim_gives_one_task(original):
    await original.created()
    await original.created()
    await original.worker("w1")

    claim = await original.ok("task.claim", workerId="w1", maxTasks=10)

    assert (await original.ok("task.list", status="pending"))["totalCount"] == 1
    assert claim["claimed"] is True


async def test_7_failed_notifications_are_answered_and_a_batch_of_notifications_is_an_empty_array(original):
    failed = await original.post({"jsonrpc": "2.0", "method": "no.such"})
    quiet = await original.post({"jsonrpc": "2.0", "method": "task.list"})
    batch = await original.post([{"jsonrpc": "2.0", "method": "task.list"}], "/rpc/batch")

    assert (failed.json()["error"]["code"], failed.json()["id"]) == (-32601, None)
    assert (quiet.status, quiet.body) == (204, b"")
    assert (batch.status, batch.json()) == (200, [])


@pytest.mark.parametrize(
    ("sent", "stored"),
    [('{"a": 1}', {"a": 1}), ("[1]", [1]), ("plain", "plain"), ('"x"', "x"), ("1 2", "1 2")],
)
async def test_8_a_text_that_is_json_is_stored_as_that_json(original, sent, stored):
    claim = await original.claimed()
    await original.ok("task.complete", id=claim["taskId"], result=sent)

    assert (await original.ok("task.get", id=claim["taskId"]))["result"] == stored


async def test_8_it_is_stored_as_sent_without_the_quirk(server):
    claim = await server.claimed()
    await server.ok("task.complete", id=claim["taskId"], result='{"a": 1}')

    assert (await server.ok("task.get", id=claim["taskId"]))["result"] == '{"a": 1}'


async def test_9_a_claim_is_told_three_times(original):
    await original.claimed()

    told = await original.told()

    assert [kind for _, kind, _ in told] == ["task.created", "task.assigned", "task.updated", "task.claimed"]
    assert len({seq for seq, _, _ in told[1:]}) == 1
    assert len({envelope["id"] for _, _, envelope in told}) == 4
