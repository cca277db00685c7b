"""The completion race: the agents column of the table, a cell each, over HTTP, on every store."""

import asyncio
import json

import pytest

from taskloom.core.commands import Cancel, Fail
from taskloom.dialects.agents.translate import key_of

DONE = {"answer": 42}


async def ended_events(agents, task_id, since=0):
    told = await agents.told(since=since)
    return [one for _, kind, one in told if kind == "task.completed" and one["payload"]["id"] == task_id]


async def test_the_holder_completes(every):
    claim = await every.claimed()

    result = await every.ok("task.complete", id=claim["taskId"], workerId="w1", result=DONE)

    assert result == {
        "id": claim["taskId"],
        "status": "completed",
        "completedAt": "2025-11-21T20:30:00Z",
    }


async def test_the_same_outcome_again_gets_the_first_answer_and_has_no_effect(every):
    claim = await every.claimed()
    first = await every.ok("task.complete", id=claim["taskId"], workerId="w1", result=DONE)
    every.clock.advance(seconds=5)

    again = await every.ok("task.complete", id=claim["taskId"], workerId="w1", result=DONE)
    nameless = await every.ok("task.complete", taskId=claim["taskId"], result=DONE)

    assert again == nameless == first
    assert len(await ended_events(every, claim["taskId"])) == 1


@pytest.mark.parametrize("other", [{"result": {"answer": 43}}, {"result": DONE, "status": "failed"}, {}])
async def test_a_different_outcome_afterwards_is_refused(every, other):
    claim = await every.claimed()
    await every.ok("task.complete", id=claim["taskId"], workerId="w1", result=DONE)

    answer = await every.rpc("task.complete", id=claim["taskId"], workerId="w1", **other)

    assert answer["error"] == {
        "code": -32602,
        "message": f"Task already completed: {claim['taskId']}",
        "data": {
            "code": "TASK_TERMINAL",
            "taskId": claim["taskId"],
            "status": "completed",
            "completedAt": "2025-11-21T20:30:00Z",
        },
    }
    assert (await every.ok("task.get", id=claim["taskId"]))["result"] == DONE


async def test_another_actor_with_the_same_outcome_is_refused(every):
    claim = await every.claimed()
    await every.ok("task.complete", id=claim["taskId"], workerId="w1", result=DONE)

    assert (
        await every.refused("task.complete", id=claim["taskId"], workerId="w2", result=DONE)
        == "TASK_TERMINAL"
    )


@pytest.mark.parametrize("shown", ["nothing", "epoch", "token"])
async def test_a_lease_that_ran_out_is_no_obstacle_while_nobody_claimed_anew(every, shown):
    claim = await every.claimed()
    await every.lease_lost(claim)
    assert (await every.ok("task.get", id=claim["taskId"]))["status"] == "pending"
    more = {
        "nothing": {},
        "epoch": {"claimEpoch": claim["lease"]["epoch"]},
        "token": {"leaseToken": claim["leaseToken"]},
    }

    result = await every.ok("task.complete", id=claim["taskId"], workerId="w1", **more[shown])

    assert result["status"] == "completed"


@pytest.mark.parametrize("shown", ["claimEpoch", "leaseToken"])
async def test_after_a_new_claim_the_old_token_is_refused(every, shown):
    first = await every.claimed(worker="w1")
    await every.lease_lost(first)
    second = await every.claims("w2")
    old = {"claimEpoch": first["lease"]["epoch"], "leaseToken": first["leaseToken"]}[shown]

    answer = await every.rpc("task.complete", id=first["taskId"], workerId="w1", **{shown: old})

    assert second["taskId"] == first["taskId"]
    assert answer["error"]["code"] == -32602
    assert answer["error"]["data"] == {
        "code": "CLAIM_LOST",
        "taskId": first["taskId"],
        "assignedTo": "w2",
        "claimEpoch": 2,
    }
    task = await every.ok("task.get", id=first["taskId"])
    assert (task["status"], task["assignedTo"], task["lease"]) == ("in_progress", "w2", second["lease"])


async def test_after_a_new_claim_by_the_same_worker_the_old_epoch_is_refused(every):
    first = await every.claimed(worker="w1")
    await every.lease_lost(first)
    second = await every.claims("w1")

    lost = await every.refused("task.complete", id=first["taskId"], workerId="w1", claimEpoch=1)
    kept = await every.ok("task.complete", id=first["taskId"], workerId="w1", claimEpoch=2)

    assert (second["lease"]["epoch"], lost, kept["status"]) == (2, "CLAIM_LOST", "completed")


async def test_after_a_new_claim_without_token_the_worker_decides(every):
    first = await every.claimed(worker="w1")
    await every.lease_lost(first)
    await every.claims("w2")

    answer = await every.rpc("task.complete", id=first["taskId"], workerId="w1")

    assert (answer["error"]["code"], answer["error"]["data"]["code"]) == (-32002, "NOT_ASSIGNEE")
    assert (await every.ok("task.complete", id=first["taskId"], workerId="w2"))["status"] == "completed"


async def test_another_worker_is_not_the_assignee(every):
    claim = await every.claimed()

    answer = await every.rpc("task.complete", id=claim["taskId"], workerId="w2", result=DONE)

    assert answer["error"]["code"] == -32002
    assert answer["error"]["data"] == {
        "code": "NOT_ASSIGNEE",
        "taskId": claim["taskId"],
        "assignedTo": "w1",
        "claimEpoch": 1,
        "workerId": "w2",
    }
    assert (await every.ok("task.get", id=claim["taskId"]))["status"] == "in_progress"


async def test_supervisors_and_administrators_may_complete_what_others_hold(every):
    bound = await every.known("bound", worker="w9", scopes=("task.work", "task.supervise"))
    for by in (bound, every.boss, every.admin):
        claim = await every.claimed()

        assert (await every.ok("task.complete", by, id=claim["taskId"]))["status"] == "completed"


async def test_rank_does_not_count_when_a_worker_is_named(every):
    claim = await every.claimed()

    assert (
        await every.refused("task.complete", every.admin, id=claim["taskId"], workerId="w2") == "NOT_ASSIGNEE"
    )


async def test_a_key_bound_to_a_worker_may_name_no_other(every):
    claim = await every.claimed()
    bound = await every.known("bound", worker="w2")

    assert await every.refused("task.complete", bound, id=claim["taskId"], workerId="w1") == "FORBIDDEN"
    assert await every.refused("task.complete", bound, id=claim["taskId"]) == "NOT_ASSIGNEE"


@pytest.mark.parametrize("more", [{}, {"claimEpoch": 0}, {"workerId": "w1"}])
async def test_a_task_nobody_claimed_is_not_assigned(every, more):
    task_id = await every.created()

    for by in (every.app_client, every.boss, every.admin):
        answer = await every.rpc("task.complete", by, id=task_id, **more)

        assert answer["error"] == {
            "code": -32602,
            "message": f"Task not assigned: {task_id}",
            "data": {"code": "TASK_NOT_ASSIGNED", "taskId": task_id, "status": "pending"},
        }


async def test_a_task_that_failed_and_waits_for_its_back_off_is_not_assigned(every):
    await every.put(1234567890, retries=3)
    claim = await every.claims("w1")
    token = int(claim["leaseToken"])
    await every.engine.submit(Fail(key=1234567890, tenant="default", token=token, backoff_ms=60_000))

    assert await every.refused("task.complete", id=claim["taskId"], workerId="w1") == "TASK_NOT_ASSIGNED"
    assert await every.refused("task.complete", id=claim["taskId"], claimEpoch=1) == "TASK_NOT_ASSIGNED"


async def test_a_cancelled_task_is_terminal(every):
    claim = await every.claimed()
    await every.engine.submit(Cancel(key=key_of(claim["taskId"]), tenant="default", reason="no need"))

    answer = await every.rpc("task.complete", id=claim["taskId"], workerId="w1")

    assert answer["error"]["data"]["code"] == "TASK_TERMINAL"
    assert answer["error"]["data"]["status"] == "failed"


async def test_another_tenants_task_and_none_read_the_same(every):
    claim = await every.claimed()
    stranger = await every.known("stranger", tenant="other")

    foreign = await every.rpc("task.complete", stranger, id=claim["taskId"], workerId="w1")
    missing = await every.rpc("task.complete", stranger, id="t-1234567890", workerId="w1")

    text = json.dumps(foreign["error"]).replace(claim["taskId"], "t-1234567890")
    assert text == json.dumps(missing["error"])
    assert foreign["error"]["data"] == {"code": "TASK_NOT_FOUND", "taskId": claim["taskId"]}


KINDS = ["same", "different", "tokens", "strangers"]


@pytest.mark.parametrize("kind", KINDS)
async def test_of_64_completions_at_once_one_wins(every, kind):
    for _ in range(3):
        await race(every, kind)


@pytest.mark.long
@pytest.mark.parametrize("kind", KINDS)
async def test_of_64_completions_at_once_one_wins_a_thousand_times(every, kind):
    for _ in range(250):
        await race(every, kind)


async def race(every, kind):
    claim = await every.claimed()
    params = {"id": claim["taskId"], "workerId": "w1"}
    calls = {
        "same": [params | {"result": DONE} for _ in range(64)],
        "different": [params | {"result": number} for number in range(64)],
        "tokens": [params | {"result": n, "claimEpoch": 1 + n % 2} for n in range(64)],
        "strangers": [params | {"result": n, "workerId": f"w{n % 4}"} for n in range(64)],
    }[kind]
    before = await every.engine.store.sequence()

    answers = await asyncio.gather(*(every.rpc("task.complete", **call) for call in calls))

    winners = [call for call, answer in zip(calls, answers, strict=True) if "result" in answer]
    assert len(winners) == (64 if kind == "same" else 1)
    task = await every.ok("task.get", id=claim["taskId"])
    assert task["result"] == winners[0]["result"]
    assert len(await ended_events(every, claim["taskId"], before)) == 1
    end = await every.claims("w1")
    assert (await every.ok("task.complete", id=end["taskId"], workerId="w1"))["status"] == "completed"
