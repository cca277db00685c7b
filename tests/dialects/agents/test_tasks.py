"""The methods on tasks, beside the race: what they take, give and refuse."""

import asyncio
import json

import pytest

from taskloom.core.commands import Claim, Create
from taskloom.core.limits import ATTRIBUTES_BYTES, PAYLOAD_BYTES, WAITERS
from taskloom.dialects.agents.translate import instant, key_of, spelled

NOW = "2025-11-21T20:30:00Z"


async def test_a_created_task_is_pending(every):
    made = await every.ok("task.create", text="Write it down", priority=70, metadata={"area": "docs"})

    assert made == {
        "id": made["id"],
        "text": "Write it down",
        "status": "pending",
        "priority": 70,
        "createdAt": NOW,
        "metadata": {"area": "docs"},
    }
    assert await every.ok("task.get", id=made["id"]) == {
        "id": made["id"],
        "text": "Write it down",
        "status": "pending",
        "priority": 70,
        "assignedTo": None,
        "metadata": {"area": "docs"},
        "result": None,
        "error": None,
        "createdAt": NOW,
        "updatedAt": NOW,
        "completedAt": None,
        "attachmentCount": 0,
        "attachments": {},
    }


async def test_workers_of_every_dialect_see_what_there_is_to_do(every):
    task_id = await every.created("Look", metadata={"a": [1, 2.5, None]})

    (stored,) = (await every.engine.store.inputs([key_of(task_id)])).values()

    assert json.loads(stored) == {"text": "Look", "metadata": {"a": [1, 2.5, None]}}


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"text": ""},
        {"text": "x" * 501},
        {"text": 5},
        {"text": "a", "priority": -1},
        {"text": "a", "priority": 101},
        {"text": "a", "priority": 1.5},
        {"text": "a", "metadata": []},
        {"text": "a", "metadata": {"x": "y" * ATTRIBUTES_BYTES}},
        {"text": "a", "metadata": {"n": 1 << 70}},
        {"text": "a\0b"},
        {"text": "a", "idempotencyKey": ""},
        {"text": "a", "metadata": {"idempotencyKey": 5}},
        {"text": "a", "dependsOn": ["t-1"]},
    ],
)
async def test_a_task_that_does_not_fit_is_refused(every, params):
    assert await every.refused("task.create", **params) == "INVALID_PARAMS"
    assert (await every.ok("task.list"))["totalCount"] == 0


async def test_of_creations_with_one_idempotency_key_one_counts(every):
    calls = [every.ok("task.create", text="once", idempotencyKey="k-1") for _ in range(8)]

    made = await asyncio.gather(*calls)

    assert len({one["id"] for one in made}) == 1
    again = await every.ok("task.create", text="once", metadata=None, idempotencyKey="k-1")
    assert again == made[0]
    answer = await every.rpc("task.create", text="twice", idempotencyKey="k-1")
    assert answer["error"]["data"]["code"] == "IDEMPOTENCY_KEY_REUSED"
    assert (await every.ok("task.list"))["totalCount"] == 1


async def test_an_idempotency_key_may_stand_in_the_metadata(every):
    metadata = {"idempotencyKey": "k-2"}

    first = await every.ok("task.create", text="once", metadata=metadata)

    assert (await every.ok("task.create", text="once", metadata=metadata))["id"] == first["id"]


async def test_idempotency_keys_of_tenants_do_not_meet(every):
    stranger = await every.known("stranger", tenant="other")
    first = await every.ok("task.create", text="once", idempotencyKey="k")

    assert (await every.ok("task.create", stranger, text="once", idempotencyKey="k"))["id"] != first["id"]


async def test_a_claim_gives_the_whole_task_and_a_lease(every):
    claim = await every.claimed("Do it")

    task = claim["task"]
    assert claim["claimed"] is True
    assert claim["lease"] == task["lease"] == {"epoch": 1, "expiresAt": "2025-11-21T20:45:00Z"}
    assert claim["leaseToken"] == task["leaseToken"]
    assert claim["leaseToken"].isdigit()
    assert (task["status"], task["assignedTo"], task["text"]) == ("in_progress", "w1", "Do it")
    assert (task["attachments"], task["attachmentCount"]) == ({}, 0)
    assert "tasks" not in claim


async def test_without_a_free_task_nothing_is_claimed(every):
    assert await every.claims("w1") == {"claimed": False}


async def test_urgent_tasks_first_then_older_ones(every):
    made = [await every.created(f"{priority}", priority=priority) for priority in (10, 90, 50, 90)]
    await every.worker("w1")

    claim = await every.ok("task.claim", workerId="w1", maxTasks=10)

    assert [task["id"] for task in claim["tasks"]] == [made[1], made[3], made[2], made[0]]
    assert claim["taskId"] == claim["task"]["id"] == made[1]


async def test_own_assignments_come_first_and_those_of_others_never(every):
    urgent, own, foreign = [await every.created(priority=priority) for priority in (100, 0, 100)]
    await every.worker("w1")
    await every.worker("w2")
    await every.ok("task.assign", taskId=own, instanceId="w1")
    await every.ok("task.assign", taskId=foreign, instanceId="w2")

    claim = await every.ok("task.claim", workerId="w1", maxTasks=10)

    assert [task["id"] for task in claim["tasks"]] == [own, urgent]


async def test_a_claim_waits_for_a_task(every):
    await every.worker("w1")
    waiting = asyncio.create_task(every.ok("task.claim", workerId="w1", waitMs=30_000))
    await every.parked()

    task_id = await every.created()

    assert (await asyncio.wait_for(waiting, 30))["taskId"] == task_id


async def test_a_claim_whose_caller_went_away_holds_nothing(every):
    await every.worker("w1")
    body = {"jsonrpc": "2.0", "id": 1, "method": "task.claim", "params": {"workerId": "w1", "waitMs": 30_000}}
    async with every.app_client.stream("POST", "/rpc", body):
        await every.parked()
    assert len(every.engine.waiting) == 0

    await every.created()

    assert (await every.claims("w2"))["claimed"] is True


async def test_a_claim_cancelled_while_it_is_handed_out_is_given_back(every):
    task_id = await every.created()
    command = Claim(tenant="default", queues=(("board", 1),), worker="w1", holder="app")
    async with every.listen(types="task.released", since=0) as listener:
        claiming = asyncio.create_task(every.engine.claim(command))
        await asyncio.sleep(0)
        claiming.cancel()
        _, _, released = await listener.next()

    assert claiming.cancelled()
    assert released["payload"] == {"taskId": task_id, "workerId": "w1"}
    assert (await every.ok("task.get", id=task_id))["status"] == "pending"


@pytest.mark.parametrize(
    "params",
    [{"maxTasks": 0}, {"maxTasks": 11}, {"waitMs": -1}, {"waitMs": 30_001}, {"leaseMs": 1}, {"workerId": ""}],
)
async def test_a_claim_beyond_its_limits_is_refused(every, params):
    await every.worker("w1")

    assert await every.refused("task.claim", **{"workerId": "w1"} | params) == "INVALID_PARAMS"


async def test_a_claim_needs_a_worker_that_registered_and_is_there(every):
    assert await every.refused("task.claim") == "INVALID_PARAMS"
    assert await every.refused("task.claim", workerId="w1") == "WORKER_NOT_REGISTERED"
    await every.worker("w1")
    every.clock.advance(ms=29_999)
    assert await every.ok("task.claim", workerId="w1") == {"claimed": False}
    every.clock.advance(seconds=30)
    assert await every.refused("task.claim", workerId="w1") == "WORKER_NOT_REGISTERED"


async def test_registrations_of_tenants_do_not_meet(every):
    stranger = await every.known("stranger", tenant="other")
    await every.worker("w1", stranger)

    assert await every.refused("task.claim", workerId="w1") == "WORKER_NOT_REGISTERED"


async def test_a_key_bound_to_a_worker_claims_as_that_worker(every):
    bound = await every.known("bound", worker="w7")
    await every.created()

    assert await every.refused("system.register", bound, id="w1", roles=[]) == "FORBIDDEN"
    assert await every.refused("task.claim", bound, workerId="w1") == "FORBIDDEN"
    await every.worker("w7", bound)
    assert (await every.ok("task.claim", bound))["task"]["assignedTo"] == "w7"


async def test_tasks_of_other_dialects_can_be_claimed_read_and_completed(every):
    command = Create(tenant="default", queue="ocr", level=3, dialect="queue", input=b'{"page": 1e2}')
    key = (await every.engine.submit(command)).reply
    await every.worker("w1")

    claim = await every.ok("task.claim", workerId="w1", queue="ocr")

    assert (claim["taskId"], claim["task"]["queue"], claim["task"]["text"]) == (spelled(key), "ocr", "ocr")
    assert claim["task"]["input"] == {"page": 100}
    assert (await every.ok("task.get", id=spelled(key)))["metadata"] is None
    assert (await every.ok("task.complete", id=spelled(key), workerId="w1"))["status"] == "completed"


async def test_a_heartbeat_extends_the_lease(every):
    claim = await every.claimed()
    every.clock.advance(seconds=600)

    beat = await every.ok("task.heartbeat", taskId=claim["taskId"], workerId="w1", claimEpoch=1)
    every.clock.advance(seconds=899)
    await every.engine._sweeper.sweep()

    assert beat == {"alive": True, "expiresAt": "2025-11-21T20:55:00Z"}
    assert (await every.ok("task.get", id=claim["taskId"]))["status"] == "in_progress"


async def test_a_heartbeat_of_whoever_does_not_hold_the_task_is_refused(every):
    claim = await every.claimed()
    task_id = claim["taskId"]

    assert await every.refused("task.heartbeat", taskId=task_id, workerId="w2") == "NOT_ASSIGNEE"
    assert await every.refused("task.heartbeat", taskId=task_id, claimEpoch=7) == "CLAIM_LOST"
    await every.lease_lost(claim)
    assert await every.refused("task.heartbeat", taskId=task_id, workerId="w1") == "CLAIM_LOST"
    assert await every.refused("task.heartbeat", taskId="t-4") == "TASK_NOT_FOUND"
    assert await every.refused("task.heartbeat", taskId=await every.created()) == "TASK_NOT_ASSIGNED"


async def test_a_released_task_is_offered_to_others_first(every):
    claim = await every.claimed()

    released = await every.ok("task.release", taskId=claim["taskId"], workerId="w1", reason="too hard")

    assert released == {"taskId": claim["taskId"], "released": True}
    task = await every.ok("task.get", id=claim["taskId"])
    assert (task["status"], task["assignedTo"]) == ("pending", None)
    assert await every.claims("w1") == {"claimed": False}
    assert (await every.claims("w2"))["lease"]["epoch"] == 2


async def test_after_the_back_off_the_releasing_worker_is_offered_the_task_again(every):
    claim = await every.claimed()
    await every.ok("task.release", taskId=claim["taskId"], workerId="w1")

    every.clock.advance(seconds=60)

    assert (await every.claims("w1"))["taskId"] == claim["taskId"]


async def test_only_the_holder_releases(every):
    claim = await every.claimed()

    assert await every.refused("task.release", taskId=claim["taskId"], workerId="w2") == "NOT_ASSIGNEE"
    assert await every.refused("task.release", taskId=claim["taskId"], claimEpoch=9) == "CLAIM_LOST"
    assert (await every.ok("task.get", id=claim["taskId"]))["assignedTo"] == "w1"


async def test_the_fourth_lost_lease_fails_the_task(every):
    claim = await every.claimed()
    for _ in range(3):
        await every.lease_lost(claim)
        claim = await every.claims("w1")
    await every.lease_lost(claim)

    task = await every.ok("task.get", id=claim["taskId"])

    assert (claim["lease"]["epoch"], task["status"], task["error"]) == (4, "failed", "max reclaims")


@pytest.mark.parametrize(
    ("params", "status", "error"),
    [
        ({"error": "out of memory"}, "failed", "out of memory"),
        ({"status": "failed"}, "failed", None),
        ({"status": "failed", "error": "no", "result": [1]}, "failed", "no"),
        ({"status": "completed", "error": "a warning"}, "completed", None),
        ({"status": "completed"}, "completed", None),
        ({"result": None}, "completed", None),
        ({"result": False}, "completed", None),
    ],
)
async def test_how_a_task_ends(every, params, status, error):
    claim = await every.claimed()

    ended = await every.ok("task.complete", id=claim["taskId"], workerId="w1", **params)
    again = await every.ok("task.complete", id=claim["taskId"], workerId="w1", **params)

    task = await every.ok("task.get", id=claim["taskId"])
    assert (ended["status"], task["status"], task["error"]) == (status, status, error)
    assert task["result"] == params.get("result")
    assert (task["completedAt"], task["updatedAt"], task["assignedTo"]) == (NOW, NOW, "w1")
    assert again == ended


async def test_an_assigned_task_may_be_completed_before_it_was_started(every):
    task_id = await every.created()
    await every.worker("w1")
    await every.ok("task.assign", taskId=task_id, instanceId="w1")

    assert await every.refused("task.complete", id=task_id, workerId="w2") == "NOT_ASSIGNEE"
    assert (await every.ok("task.complete", id=task_id, workerId="w1"))["status"] == "completed"


@pytest.mark.parametrize(
    "names", [{}, {"id": "t-1", "taskId": "t-2"}, {"id": ""}, {"id": 7}, {"id": "x" * 65}]
)
async def test_a_call_must_name_one_task(every, names):
    for method in ("task.complete", "task.get", "task.heartbeat", "task.release"):
        assert await every.refused(method, **names) == "INVALID_PARAMS"


@pytest.mark.parametrize(
    "task_id",
    ["t-404", "404", "t-", "t-007", "t-٣", "t--1", "T-404", "t-99999999999999999999", "t-1 ", "task_x"],
)
async def test_what_cannot_be_a_task_is_not_found(every, task_id):
    answer = await every.rpc("task.complete", id=task_id)

    assert answer["error"] == {
        "code": -32602,
        "message": f"Task not found: {task_id}",
        "data": {"code": "TASK_NOT_FOUND", "taskId": task_id},
    }


async def test_a_result_may_be_16_mib_and_no_more(server):
    small, large = await server.claimed(), await server.claimed()
    body = (
        '{"jsonrpc":"2.0","id":1,"method":"task.complete","params":{"id":"%s","workerId":"%s","result":"%s"}}'
    )
    fits, over = "x" * (PAYLOAD_BYTES - 2), "x" * (PAYLOAD_BYTES - 1)

    foreign = await server.post((body % (large["taskId"], "w2", over)).encode())
    refused = await server.post((body % (large["taskId"], "w1", over)).encode())
    taken = await server.post((body % (small["taskId"], "w1", fits)).encode())

    assert foreign.json()["error"]["data"]["code"] == "NOT_ASSIGNEE"
    assert refused.json()["error"]["data"] == {
        "code": "RESULT_TOO_LARGE",
        "taskId": large["taskId"],
        "limitBytes": PAYLOAD_BYTES,
        "actualBytes": PAYLOAD_BYTES + 1,
    }
    assert taken.json()["result"]["status"] == "completed"
    assert (await server.ok("task.get", id=large["taskId"]))["status"] == "in_progress"
    listed = {task["id"]: task for task in (await server.ok("task.list"))["tasks"]}
    assert (listed[small["taskId"]]["result"], listed[small["taskId"]]["resultExcluded"]) == (None, True)


async def test_the_state_of_a_task_counts_before_its_epoch_and_rank_before_neither(every):
    """The order of the checks: absent, ended, nobody's, somebody else's; a stale epoch is a lost claim."""
    claim = await every.claimed()
    task_id = claim["taskId"]

    stale = {"workerId": "w1", "claimEpoch": 9}
    assert await every.refused("task.complete", id="t-4", **stale) == "TASK_NOT_FOUND"
    assert await every.refused("task.complete", id=await every.created(), **stale) == "TASK_NOT_ASSIGNED"
    assert await every.refused("task.complete", id=task_id, **stale) == "CLAIM_LOST"
    assert await every.refused("task.complete", id=task_id, workerId="w2", claimEpoch=1) == "NOT_ASSIGNEE"
    assert await every.refused("task.complete", every.boss, id=task_id, claimEpoch=9) == "CLAIM_LOST"
    await every.ok("task.complete", id=task_id, workerId="w1")
    assert await every.refused("task.complete", id=task_id, result=1, **stale) == "TASK_TERMINAL"


async def test_a_list_is_filtered_ordered_and_paged(every):
    made = [await every.created(f"{n}", priority=n) for n in range(5)]
    await every.worker("w1")
    await every.worker("w2")
    await every.ok("task.claim", workerId="w1")
    await every.ok("task.assign", taskId=made[0], instanceId="w2")
    await every.ok("task.complete", id=made[4], workerId="w1", result={"n": 4})

    async def ids(**params):
        return [task["id"] for task in (await every.ok("task.list", **params))["tasks"]]

    assert await ids() == made[::-1]
    assert await ids(order="asc", limit=2, offset=1) == made[1:3]
    assert await ids(orderBy="priority", order="asc") == made
    assert await ids(status="completed") == [made[4]]
    assert await ids(status="pending", ready=True) == [made[3], made[2], made[1]]
    assert await ids(assignedTo="w1") == [made[4]]
    assert await ids(assignedTo="w2") == [made[0]]
    assert await ids(priority=2) == [made[2]]
    assert (await ids(orderBy="completedAt"))[0] == made[4]
    page = await every.ok("task.list", limit=2)
    assert (page["totalCount"], page["hasMore"]) == (5, True)
    assert (await every.ok("task.list", offset=3))["hasMore"] is False
    ended = (await every.ok("task.list", status="completed"))["tasks"][0]
    assert ended["result"] == {"n": 4}
    assert (ended["attachmentCount"], ended["attachmentKeys"], ended["resultAttachment"]) == (0, [], None)


@pytest.mark.parametrize(
    "params", [{"limit": 0}, {"limit": 1001}, {"offset": -1}, {"orderBy": "text"}, {"status": "x"}]
)
async def test_a_list_beyond_its_limits_is_refused(every, params):
    assert await every.refused("task.list", **params) == "INVALID_PARAMS"


async def test_tenants_do_not_see_each_other(every):
    claim = await every.claimed()
    stranger = await every.known("stranger", tenant="other")
    await every.worker("w1", stranger)

    assert (await every.ok("task.list", stranger))["totalCount"] == 0
    assert await every.ok("task.claim", stranger, workerId="w1") == {"claimed": False}
    for method in ("task.get", "task.heartbeat", "task.release", "task.complete", "task.update"):
        more = {"updates": {"priority": 1}} if method == "task.update" else {}
        assert await every.refused(method, stranger, id=claim["taskId"], **more) == "TASK_NOT_FOUND"
    assert (await every.ok("task.list", every.admin))["totalCount"] == 1


async def test_an_update_changes_what_it_names_and_merges_metadata(every):
    task_id = await every.created("old", priority=10, metadata={"a": 1, "b": {"c": 1}})
    every.clock.advance(seconds=60)

    updated = await every.ok(
        "task.update", id=task_id, updates={"text": "new", "priority": 90, "metadata": {"b": 2, "d": 3}}
    )

    assert updated == {
        "id": task_id,
        "text": "new",
        "status": "pending",
        "priority": 90,
        "createdAt": NOW,
        "updatedAt": "2025-11-21T20:31:00Z",
    }
    task = await every.ok("task.get", id=task_id)
    assert (task["text"], task["priority"], task["metadata"]) == ("new", 90, {"a": 1, "b": 2, "d": 3})
    assert task["updatedAt"] == "2025-11-21T20:31:00Z"
    other = await every.created(priority=50)
    await every.worker("w1")
    claim = await every.ok("task.claim", workerId="w1", maxTasks=2)
    assert [one["id"] for one in claim["tasks"]] == [task_id, other]
    assert claim["task"]["text"] == "new"


@pytest.mark.parametrize(
    "updates",
    [
        {},
        {"text": ""},
        {"text": None},
        {"metadata": None},
        {"status": "in_progress"},
        {"status": "failed", "priority": 1},
    ],
)
async def test_an_update_that_does_not_fit_is_refused(every, updates):
    task_id = await every.created()

    assert await every.refused("task.update", every.boss, id=task_id, updates=updates) == "INVALID_PARAMS"


async def test_metadata_may_not_grow_without_end(every):
    task_id = await every.created(metadata={"a": "x" * (ATTRIBUTES_BYTES - 1000)})

    refused = await every.refused("task.update", id=task_id, updates={"metadata": {"b": "y" * 2000}})

    assert refused == "INVALID_PARAMS"
    assert set((await every.ok("task.get", id=task_id))["metadata"]) == {"a"}


async def test_supervisors_end_and_reopen_tasks_by_update(every):
    claim = await every.claimed()
    task_id = claim["taskId"]
    ended = {"status": "failed"}

    assert await every.refused("task.update", id=task_id, updates=ended) == "FORBIDDEN"
    assert (await every.ok("task.update", every.boss, id=task_id, updates=ended))["status"] == "failed"
    assert await every.refused("task.update", id=task_id, updates={"text": "late"}) == "TASK_TERMINAL"
    reopened = await every.ok("task.update", every.boss, id=task_id, updates={"status": "pending"})
    assert reopened["status"] == "pending"
    assert (await every.claims("w2"))["lease"]["epoch"] == 2


async def test_a_task_is_reserved_for_one_worker_until_it_is_taken_back(every):
    task_id = await every.created()
    await every.worker("w1")
    await every.worker("w2")

    first = await every.ok("task.assign", taskId=task_id, instanceId="w1")
    again = await every.ok("task.assign", taskId=task_id, instanceId="w1")
    other = await every.rpc("task.assign", taskId=task_id, instanceId="w2")

    assert first == again == {"taskId": task_id, "instanceId": "w1", "assignedAt": NOW}
    assert other["error"]["data"] == {
        "code": "TASK_ALREADY_ASSIGNED",
        "taskId": task_id,
        "currentAssignment": "w1",
    }
    assert (await every.ok("task.get", id=task_id))["status"] == "pending"
    assert await every.refused("task.unassign", taskId=task_id) == "FORBIDDEN"
    taken_back = await every.ok("task.unassign", every.boss, taskId=task_id)
    assert taken_back == {"taskId": task_id, "previousAssignment": "w1", "unassignedAt": NOW}
    assert await every.refused("task.unassign", every.boss, taskId=task_id) == "TASK_NOT_ASSIGNED"
    assert await every.refused("task.assign", taskId=task_id, instanceId="w9") == "WORKER_NOT_REGISTERED"


async def test_a_task_that_is_taken_back_is_lost_to_its_worker(every):
    claim = await every.claimed()

    await every.ok("task.unassign", every.boss, taskId=claim["taskId"])

    assert await every.refused("task.complete", id=claim["taskId"], workerId="w1") == "TASK_NOT_ASSIGNED"
    await every.ok("task.complete", id=(await every.claims("w2"))["taskId"], workerId="w2")
    assert await every.refused("task.unassign", every.boss, taskId=claim["taskId"]) == "TASK_TERMINAL"


async def test_only_an_ended_task_becomes_pending_by_update(every):
    claim = await every.claimed()

    answer = await every.rpc("task.update", every.boss, id=claim["taskId"], updates={"status": "pending"})

    assert answer["error"]["data"]["code"] == "INVALID_PARAMS"
    assert (await every.ok("task.get", id=claim["taskId"]))["status"] == "in_progress"


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("task.update", {"updates": {"priority": 1}}),
        ("task.assign", {"instanceId": "w1"}),
        ("task.unassign", {}),
    ],
)
async def test_what_is_not_there_cannot_be_changed(every, method, params):
    await every.worker("w1")

    assert await every.refused(method, every.boss, id="t-1234567890", **params) == "TASK_NOT_FOUND"
    assert await every.refused(method, every.boss, id="t-0", **params) == "TASK_NOT_FOUND"
    assert await every.refused(method, every.boss, **params) == "INVALID_PARAMS"


async def test_where_nobody_more_can_wait_a_claim_is_refused_for_now(server):
    await server.worker("w1")
    server.engine.waiting._count += WAITERS

    answer = await server.rpc("task.claim", workerId="w1", waitMs=1000)
    rest = await server.post({"workerId": "w1"}, "/task/claim")

    server.engine.waiting._count -= WAITERS
    assert answer["error"] == {
        "code": -32001,
        "message": "The server is overloaded",
        "data": {"code": "OVERLOADED", "retryAfterMs": 1000},
    }
    assert (rest.status, rest.headers["retry-after"]) == (503, "1")


def test_instants_show_milliseconds_only_where_there_are_any():
    assert [instant(0), instant(1), instant(1_763_757_000_120)] == [
        "1970-01-01T00:00:00Z",
        "1970-01-01T00:00:00.001Z",
        "2025-11-21T20:30:00.120Z",
    ]
