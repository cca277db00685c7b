"""Deadlines, retries, giving back and failing, cancellation in flight: over HTTP, on each store."""

import pytest

from tests.dialects.queue.desk import ENDPOINT, ENVELOPE, QUEUE, STORES, chunk

RETRY = {"max_retries": 2, "first_pause": 10, "longest_pause": 60, "final_codes": ["hopeless"]}

pytestmark = pytest.mark.parametrize("server", STORES, indirect=True)


async def pass_by(desk, seconds):
    """Time passes, and what has come due happens."""
    desk.server.clock.advance(seconds=seconds)
    await desk.server.engine.sweep()


async def fail(desk, task_id, **fields):
    return await desk.client.post(f"/v1/queue/{task_id}/fail", fields)


async def release(desk, task_id, **fields):
    return await desk.client.post(f"/v1/queue/{task_id}/release", fields)


async def test_a_task_nobody_took_in_time_is_over(desk):
    task_id = await desk.put(start_timeout=30, callback_url="http://example.com/done")

    await pass_by(desk, 31)

    shown = await desk.get(task_id)
    assert (shown["status"], shown["error"]["code"]) == ("timeout", "start_timeout")
    assert (await desk.post_take()).json() == {}
    (call,) = await desk.server.inbox.next()
    assert b"start_timeout" in call.body


async def test_a_task_that_was_taken_in_time_has_met_its_deadline_to_start(desk):
    task_id = await desk.put(start_timeout=30)
    await desk.take()

    await pass_by(desk, 31)

    assert (await desk.complete(task_id)).status == 200


async def test_an_attempt_ends_at_its_running_deadline_whatever_heartbeats_say(desk):
    task_id = await desk.put(run_timeout=30)
    await desk.take()
    await pass_by(desk, 20)
    assert (await desk.heartbeat(task_id, extend_seconds=600)).json() == {"cancelled": False}

    await pass_by(desk, 11)

    shown = await desk.get(task_id)
    assert (shown["status"], shown["error"]["code"]) == ("timeout", "run_timeout")
    assert (await desk.complete(task_id)).status == 409
    assert (await desk.heartbeat(task_id)).json() == {"cancelled": True}


async def test_an_attempt_that_took_too_long_is_tried_again_where_the_policy_says_so(desk):
    task_id = await desk.put(run_timeout=30, retry=RETRY)
    await desk.take()

    await pass_by(desk, 31)
    assert (await desk.get(task_id))["status"] == "waiting"
    await pass_by(desk, 11)

    assert (await desk.take())["attempt"] == 2


async def test_a_failed_attempt_is_tried_again_after_a_pause_and_its_retries_come_to_an_end(desk):
    task_id = await desk.put(retry=RETRY)
    answers = []
    for _ in range(3):
        taken = await desk.take()
        answers.append((await fail(desk, task_id, lease_id=taken["lease_id"], code="no_gpu")).json())
        await pass_by(desk, 21)

    told = [(answer["status"], answer["retries_left"], answer["attempt"]) for answer in answers]
    assert told == [("waiting", 1, 1), ("waiting", 0, 2), ("failed", 0, 3)]
    assert [answer["retry_at"] > 0 for answer in answers] == [True, True, False]
    assert (await desk.get(task_id))["error"] == {"code": "no_gpu", "message": ""}


async def test_a_task_without_retries_fails_at_once(desk):
    task_id = await desk.put()
    await desk.take()

    assert (await fail(desk, task_id, message="no")).json()["status"] == "failed"


@pytest.mark.parametrize("fields", [{"final": True}, {"code": "hopeless"}])
async def test_a_failure_that_is_final_is_not_tried_again(desk, fields):
    task_id = await desk.put(retry=RETRY)
    await desk.take()

    assert (await fail(desk, task_id, **fields)).json()["status"] == "failed"


async def test_a_final_failure_names_no_instant_to_try_again_though_the_task_waited_for_one(desk):
    task_id = await desk.put(retry=RETRY)
    await desk.take()
    await desk.lose_lease()

    answer = (await fail(desk, task_id, final=True)).json()

    assert (answer["status"], answer["retry_at"]) == ("failed", 0)


async def test_the_worker_may_name_the_pause(desk):
    task_id = await desk.put(retry=RETRY)
    await desk.take()

    answer = (await fail(desk, task_id, retry_after=300)).json()

    assert answer["retry_at"] == desk.server.clock.now_ms() + 300_000


async def test_a_completion_is_final_whatever_its_status(desk):
    task_id = await desk.put(retry=RETRY)
    await desk.take()

    await desk.complete(task_id, {"status_code": 503, "body": {"error": "busy"}})

    assert (await desk.get(task_id))["status"] == "failed"


async def test_what_is_given_back_is_offered_again_and_does_not_count(desk):
    task_id = await desk.put()
    await desk.take()

    answer = (await release(desk, task_id)).json()

    assert (answer["status"], answer["retries_left"]) == ("waiting", 0)
    assert (await desk.take())["attempt"] == 2


async def test_what_is_given_back_for_later_is_offered_later(desk):
    task_id = await desk.put()
    await desk.take()
    await release(desk, task_id, retry_after=60)
    assert (await desk.post_take()).json() == {}

    await pass_by(desk, 60)

    assert (await desk.take())["task_id"] == task_id


@pytest.mark.parametrize("call", [fail, release])
async def test_only_the_holder_may_end_an_attempt(desk, call):
    task_id = await desk.put()
    other = await desk.other("second")
    assert (await call(desk, task_id)).json()["error"]["code"] == "not_taken"
    taken = await desk.take()

    stale = await call(desk, task_id, lease_id="1")
    stranger = await call(other, task_id)
    unknown = await call(desk, "TASK-1-1-C-260921141320-0001-000042")
    good = await call(desk, task_id, lease_id=taken["lease_id"])

    assert [one.status for one in (stale, stranger, unknown, good)] == [409, 409, 404, 200]


@pytest.mark.parametrize("call", [fail, release])
async def test_an_attempt_that_is_over_cannot_be_ended_again(desk, call):
    task_id = await desk.put()
    taken = await desk.take()
    await desk.lose_lease()
    await desk.take()

    assert (await call(desk, task_id, lease_id=taken["lease_id"])).status == 409


async def test_a_queues_policy_holds_for_tasks_that_say_nothing(desk):
    await desk.register("slow", ENDPOINT, policy={"start_timeout": 60, "run_timeout": 30, "retry": RETRY})
    plain = await desk.put(queue="slow")
    own = await desk.put(queue="slow", start_timeout=600, run_timeout=900)
    await desk.post_take("slow:1")

    await pass_by(desk, 31)
    assert (await desk.get(plain))["status"] == "waiting"
    await desk.post_take("slow:1")
    await pass_by(desk, 31)

    assert (await desk.get(own))["status"] == "queued"


async def test_a_policy_can_be_registered_anew_and_is_not_lost_by_a_registration_without_one(desk):
    await desk.register("slow", ENDPOINT, policy={"start_timeout": 60})
    await desk.register("slow", ENDPOINT)
    first = await desk.put(queue="slow")
    await desk.register("slow", ENDPOINT, policy={"start_timeout": 600})
    second = await desk.put(queue="slow")

    await pass_by(desk, 61)

    assert [(await desk.get(one))["status"] for one in (first, second)] == ["timeout", "waiting"]


async def test_lost_leases_count_against_the_policy_too(desk):
    task_id = await desk.put(retry={"max_retries": 1, "first_pause": 0})
    for _ in range(2):
        await desk.take(process_timeout=10)
        await desk.lose_lease(10)

    shown = await desk.get(task_id)
    assert (shown["status"], shown["error"]["code"]) == ("timeout", "lease_lost")


@pytest.mark.parametrize(
    ("retries", "attempts"), [(0, 1), (2, 3), (None, 4)], ids=["none", "two", "the default"]
)
async def test_a_take_says_how_many_leases_may_be_lost(desk, retries, attempts):
    task_id = await desk.put()
    for _ in range(attempts):
        assert (await desk.get(task_id))["status"] == "waiting"
        await desk.take(process_timeout=10, process_max_retries=retries)
        await desk.lose_lease(10)

    assert (await desk.get(task_id))["error"]["code"] == "lease_lost"


async def test_with_any_number_of_retries_only_the_tasks_own_time_ends_it(desk):
    task_id = await desk.put(timeout=1_000)
    for _ in range(6):
        await desk.take(process_timeout=10, process_max_retries=-1)
        await desk.lose_lease(10)
    assert (await desk.get(task_id))["status"] == "waiting"

    await pass_by(desk, 1_000)

    assert (await desk.get(task_id))["error"]["code"] == "expired"


@pytest.mark.parametrize(
    "fields",
    [
        {"start_timeout": 1.5},
        {"run_timeout": "soon"},
        {"retry": {}},
        {"retry": {"max_retries": -1}},
        {"retry": {"max_retries": 1, "first_pause": -1}},
        {"retry": {"max_retries": 1, "final_codes": [""]}},
    ],
)
async def test_what_is_no_deadline_and_no_policy_is_refused(desk, fields):
    assert (await desk.post_put(**fields)).status == 400


@pytest.mark.parametrize("mode", ["callback", "blocking", "streaming"])
async def test_a_worker_learns_of_a_cancellation_in_every_mode(desk, mode):
    waiter = None
    if mode == "callback":
        await desk.put()
    else:
        waiter = desk.streaming(level=1, response_mode=mode, queue=QUEUE, endpoint=ENDPOINT)
        await waiter.__aenter__()
    taken = await desk.taken()
    task_id = taken["task_id"]

    await desk.cancel(task_id)

    assert (await desk.heartbeat(task_id)).json() == {"cancelled": True}
    assert (await desk.progress(task_id, 0, chunk("x"))).json() == {"cancelled": True}
    for call in (fail, release):
        assert (await call(desk, task_id, lease_id=taken["lease_id"])).status == 409
    await desk.lose_lease()
    assert (await desk.get(task_id))["status"] == "cancelled"
    assert (await desk.complete(task_id, ENVELOPE)).status == 409
    if waiter is not None:
        await waiter.__aexit__(None, None, None)


async def dead_letters(desk, asked=""):
    answer = await desk.client.get(f"/v1/console/{QUEUE}:1/dead_letters?{asked}")
    assert answer.status == 200, answer.body
    return answer.json()


async def test_what_failed_for_good_is_listed_with_its_attempts_and_can_be_replayed(desk):
    task_id = await desk.put(retry={"max_retries": 1, "first_pause": 0})
    for _ in range(2):
        await desk.take(worker={"id": "w"})
        await fail(desk, task_id, code="no_gpu", worker={"id": "w"})

    (letter,) = (await dead_letters(desk))["data"]
    assert (letter["task_id"], letter["error"]["code"]) == (task_id, "no_gpu")
    assert [(one["number"], one["worker"]) for one in letter["attempts"]] == [(1, "w"), (2, "w")]
    replayed = await desk.client.post(f"/v1/queue/{task_id}/replay")

    assert (replayed.status, replayed.json()) == (200, task_id)
    assert (await dead_letters(desk))["data"] == []
    assert (await desk.take())["attempt"] == 3
    assert (await desk.client.post(f"/v1/queue/{task_id}/replay")).status == 409


async def test_dead_letters_come_in_pages_the_newest_first(desk):
    ids = []
    for _ in range(3):
        ids.append(await desk.put())
        await desk.take()
        await fail(desk, ids[-1])

    first = await dead_letters(desk, "limit=2")
    rest = await dead_letters(desk, f"limit=2&after={first['last_id']}")

    assert [one["task_id"] for one in (*first["data"], *rest["data"])] == ids[::-1]
    assert (first["has_more"], rest["has_more"]) == (True, False)
    assert (await desk.client.get(f"/v1/console/{QUEUE}:1/dead_letters?limit=0")).status == 400
    assert (await desk.client.get(f"/v1/console/{QUEUE}:1/dead_letters?after=x")).status == 400
