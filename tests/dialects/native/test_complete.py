"""Completing many in one call: each is decided alone, by the rules of the race table's column for queues."""

import asyncio
import json

import pytest

from tests.dialects.native.bench import QUEUE, STORES, codes, done

pytestmark = pytest.mark.parametrize("server", STORES, indirect=True)


async def test_each_is_answered_in_order_and_its_result_is_kept(bench):
    tasks = await bench.taken(3)

    outcomes = await bench.complete(*[done(task, {"n": index}) for index, task in enumerate(tasks)])

    assert outcomes == [{"key": task["key"], "status": "completed"} for task in tasks]
    assert [(await bench.get(task["key"]))["result"] for task in tasks] == [{"n": 0}, {"n": 1}, {"n": 2}]


async def test_a_refused_one_leaves_no_trace_and_does_not_touch_its_neighbours(bench):
    first, second = await bench.taken(2)

    outcomes = await bench.complete(
        done(first, 1),
        {"key": "999999999999", "result": 1},
        done(second, 1, lease_token="12345"),
        {"key": "not a key", "result": 1},
        done(second, 2),
    )

    assert codes(outcomes) == ["completed", "not_found", "stale_lease", "not_found", "completed"]
    assert (await bench.get(second["key"]))["result"] == 2


async def test_the_same_outcome_again_is_answered_again_and_another_one_is_refused(bench):
    (task,) = await bench.taken()
    await bench.complete(done(task, {"a": 1}))

    outcomes = await bench.complete(done(task, {"a": 1}), done(task, {"a": 2}), done(task, {"a": 1}))

    assert codes(outcomes) == ["completed", "already_final", "completed"]
    assert (await bench.get(task["key"]))["result"] == {"a": 1}


async def test_a_task_named_twice_in_one_call_is_completed_by_the_first(bench):
    (task,) = await bench.taken()

    outcomes = await bench.complete(done(task, 1), done(task, 1), done(task, 2))

    assert codes(outcomes) == ["completed", "completed", "already_final"]
    assert (await bench.get(task["key"]))["result"] == 1


async def test_after_the_lease_ran_out_it_counts_until_somebody_claims_anew(bench):
    early, late = await bench.taken(2)
    await bench.lose_lease()
    assert codes(await bench.complete(done(early))) == ["completed"]

    (again,) = await bench.claimed()

    assert again["key"] == late["key"]
    assert again["attempt"] == 2
    assert codes(await bench.complete(done(late), done(again))) == ["stale_lease", "completed"]


async def test_without_a_token_worker_and_key_are_compared_where_both_are_named(bench):
    stranger = await bench.other("stranger")
    (task,) = await bench.taken(worker="w-1")
    named = {"key": task["key"], "result": 1}

    assert codes(await bench.complete({**named, "worker": "w-2"})) == ["not_holder"]
    assert codes(await stranger.complete(named)) == ["not_holder"]
    assert codes(await bench.complete({**named, "worker": "w-1"})) == ["completed"]


async def test_a_key_bound_to_a_worker_acts_as_this_one_whatever_it_says(bench):
    bound = await bench.other("bound", worker="w-9")
    (task,) = await bench.taken(worker="w-1")

    assert codes(await bound.complete({"key": task["key"], "worker": "w-1"})) == ["not_holder"]
    assert codes(await bench.complete(done(task))) == ["completed"]


@pytest.mark.parametrize("token", [None, "0", "1", "x"])
async def test_what_nobody_claimed_is_not_completed_whatever_token_is_shown(bench, token):
    (key,) = await bench.made()
    shown = {} if token is None else {"lease_token": token}

    (outcome,) = await bench.complete({"key": key, "result": 1, **shown})

    assert outcome["error"]["code"] == ("not_claimed" if token is None else "stale_lease")
    assert (await bench.get(key))["state"] == "ready"


async def test_what_waits_after_a_failure_is_not_completed(bench):
    (task,) = await bench.taken()
    assert codes(await bench.fail({"key": task["key"], "retries": 1, "backoff_ms": 60_000})) == ["waiting"]

    outcomes = await bench.complete(done(task), {"key": task["key"]})

    assert codes(outcomes) == ["wrong_state", "wrong_state"]


async def test_what_was_cancelled_meanwhile_is_refused(bench):
    await bench.client.post("/v1/queue/register", {"queue": QUEUE, "endpoint": "/v1/x"})
    put = {"queue": QUEUE, "endpoint": "/v1/x", "level": 1, "data": {}}
    task_id = (await bench.client.post("/v1/queue/put", put)).json()["data"]
    (task,) = await bench.claimed()

    assert (await bench.client.post(f"/v1/queue/{task_id}/cancel")).status == 202

    assert codes(await bench.complete(done(task))) == ["already_final"]


async def test_another_tenants_task_looks_like_none(bench):
    foreign = await bench.other("foreign", tenant="elsewhere")
    (task,) = await bench.taken()

    outcomes = await foreign.complete(done(task), {"key": "999999999999"})
    failed = await foreign.fail({"key": task["key"], "lease_token": task["lease_token"]})

    assert [item["error"] for item in [*outcomes, *failed]] == [outcomes[1]["error"]] * 3
    assert await foreign.claimed(10) == []
    shown = [await foreign.client.get(f"/api/v1/tasks/{key}") for key in (task["key"], "999999999999", "x")]
    assert [answer.status for answer in shown] == [404] * 3
    assert (await bench.get(task["key"]))["state"] == "leased"


async def test_of_many_calls_at_once_exactly_one_wins_each_task(bench):
    tasks = await bench.taken(20)

    answers = await asyncio.gather(
        *[bench.complete(*[done(task, caller) for task in tasks]) for caller in range(8)]
    )

    for place, task in enumerate(tasks):
        winners = [caller for caller, items in enumerate(answers) if "status" in items[place]]
        assert len(winners) == 1
        assert (await bench.get(task["key"]))["result"] == winners[0]


async def test_a_thousand_are_completed_in_one_call(bench):
    tasks = await bench.taken(1_000)

    outcomes = await bench.complete(*[done(task, {"ok": True}) for task in tasks])

    assert len(tasks) == 1_000
    assert codes(outcomes) == ["completed"] * 1_000


async def test_results_are_kept_byte_for_byte(bench):
    results = [
        '{"a":1,"a":2}',
        r'{"a":"x\u0000\""}',
        "1e400",
        '[ 1 , "é" ]',
        "123456789012345678901234567890",
    ]
    tasks = await bench.taken(len(results))
    items = [
        f'{{"key":"{task["key"]}","result":{result}}}' for task, result in zip(tasks, results, strict=True)
    ]

    answer = await bench.post("/complete", body=f'{{"items":[{",".join(items)}]}}'.encode())

    assert codes(answer.json()["items"]) == ["completed"] * len(results)
    for task, result in zip(tasks, results, strict=True):
        assert result.encode() in (await bench.client.get(f"/api/v1/tasks/{task['key']}")).body


async def test_a_result_may_be_absent_and_is_null_then(bench):
    (task,) = await bench.taken()

    assert codes(await bench.complete({"key": task["key"]})) == ["completed"]
    assert json.loads((await bench.client.get(f"/api/v1/tasks/{task['key']}")).body)["result"] is None
