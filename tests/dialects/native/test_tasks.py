"""Making, claiming, failing and reading tasks in bulk."""

import asyncio

from tests.dialects.native.bench import QUEUE, codes, done


async def test_what_is_made_is_handed_out_with_all_that_was_said(bench):
    fields = {"level": 3, "metadata": {"order": 7}, "input": {"text": "x"}}
    answer = await bench.outcomes("", [{"queue": QUEUE, **fields}])

    (task,) = await bench.claimed(lease_ms=5_000)

    assert answer == [{"key": task["key"], "status": "created"}]
    assert (task["queue"], task["level"], task["attempt"]) == (QUEUE, 3, 1)
    assert (task["attributes"], task["input"]) == ({"metadata": {"order": 7}}, {"text": "x"})
    assert task["lease_token"].isdigit()
    assert task["lease_until"].endswith("Z")


async def test_only_the_levels_named_are_handed_out(bench):
    await bench.made(level=1)
    (wanted,) = await bench.made(level=2)

    tasks = await bench.claimed(10, queues=[{"queue": QUEUE, "level": 2}])

    assert [task["key"] for task in tasks] == [wanted]


async def test_a_claim_waits_for_the_first_task(bench):
    waiting = asyncio.create_task(bench.claimed(10, wait_ms=5_000))
    async with asyncio.timeout(5):
        while not len(bench.server.engine.waiting):  # noqa: ASYNC110  nothing tells of a new waiter
            await asyncio.sleep(0)

    (key,) = await bench.made()

    assert [task["key"] for task in await waiting] == [key]


async def test_a_repeated_call_with_an_idempotency_key_makes_nothing_new(bench):
    items = [{"queue": QUEUE, "input": number} for number in range(3)]
    head = {"idempotency-key": "once"}

    first = await bench.post("", items, headers=head)
    again = await bench.post("", items, headers=head)
    other = await bench.post("", items[:2], headers=head)

    assert first.json() == again.json()
    assert codes(other.json()["items"]) == ["idempotency_key_reused"] * 2
    assert len(await bench.claimed(10)) == 3


async def test_a_task_that_must_wait_is_not_handed_out_before(bench):
    at = bench.server.clock.now_ms() // 1000 + 60
    ready_at = f"2026-09-21T{at // 3600 % 24:02}:{at // 60 % 60:02}:{at % 60:02}Z"
    (key,) = await bench.made(ready_at=ready_at)

    assert (await bench.get(key))["state"] == "waiting"
    assert (await bench.get(key))["ready_at"] == ready_at
    assert await bench.claimed() == []


async def test_a_failed_attempt_is_tried_again_while_retries_are_left(bench):
    await bench.made(retries=1)
    (first,) = await bench.claimed()
    said = {"code": "busy", "message": "try\nlater"}

    assert codes(await bench.fail({"key": first["key"], **said})) == ["ready"]
    (again,) = await bench.claimed()
    assert codes(await bench.fail({"key": again["key"], "lease_token": first["lease_token"]})) == [
        "stale_lease"
    ]
    assert codes(await bench.fail({"key": again["key"], **said})) == ["failed"]

    shown = await bench.get(first["key"])
    assert shown["error"] == {"code": "busy", "detail": "try\nlater"}
    assert (shown["state"], shown["attempt"], shown["retries"]) == ("failed", 2, 0)


async def test_retries_pause_and_finality_may_be_named(bench):
    tasks = await bench.taken(3)
    keys = [task["key"] for task in tasks]

    outcomes = await bench.fail(
        {"key": keys[0], "retries": 5, "backoff_ms": 60_000},
        {"key": keys[1], "retries": 5},
        {"key": keys[2], "retries": 5, "final": True},
    )

    assert codes(outcomes) == ["waiting", "ready", "failed"]


async def test_the_same_failure_again_is_answered_again(bench):
    (task,) = await bench.taken()
    failure = {"key": task["key"], "lease_token": task["lease_token"], "code": "x"}

    assert codes(await bench.fail(failure)) == ["failed"]
    assert codes(await bench.fail(failure, {**failure, "code": "y"})) == ["failed", "already_final"]


async def test_a_task_of_another_protocol_is_claimed_and_completed_like_any_other(bench):
    await bench.client.post("/system/register", {"id": "w", "roles": ["worker"]})
    made = (await bench.client.post("/task/create", {"text": "hello"})).json()["data"]["id"]
    queue = (await bench.get(made.removeprefix("t-")))["queue"]

    (task,) = await bench.claimed(queues=[{"queue": queue}])
    assert codes(await bench.complete(done(task, {"ok": 1}))) == ["completed"]

    shown = (await bench.client.post("/task/get", {"taskId": made})).json()["data"]
    assert shown["status"] == "completed"


async def test_other_protocols_show_a_task_made_here(bench):
    await bench.client.post("/v1/queue/register", {"queue": QUEUE, "endpoint": "/v1/x"})
    await bench.made(metadata={"element": 1, "text": {}})

    taken = await bench.client.post("/v1/queue/take", {"queues": [f"{QUEUE}:1"]})
    jobs = await bench.client.post("/v2/jobs/search", {})
    listed = await bench.client.post("/task/list", {})

    assert len(taken.json()[f"{QUEUE}:1"]) == 1
    assert (jobs.status, listed.status) == (200, 200)
