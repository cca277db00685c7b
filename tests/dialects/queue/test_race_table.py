"""Who wins when a task is completed twice, late, or by somebody else: the queue's column, cell by cell."""

import pytest

from taskloom.core.commands import Create
from taskloom.dialects.queue.spelling import spell
from tests.dialects.queue.desk import STORES

OTHER = {"status_code": 200, "body": {"other": True}}
UNKNOWN = "TASK-1-1-C-260921141320-0001-000042"

pytestmark = pytest.mark.parametrize("server", STORES, indirect=True)


async def test_the_first_completion_by_the_holder_is_answered_with_the_id(desk):
    task_id = await desk.put()
    taken = await desk.take()

    answer = await desk.complete(task_id, lease_id=taken["lease_id"])

    assert (answer.status, answer.json()) == (200, task_id)
    assert (await desk.get(task_id))["status"] == "succeeded"


async def test_the_same_outcome_again_is_answered_the_same_and_has_no_effect(desk):
    task_id = await desk.put(callback_url="http://example.com/done")
    taken = await desk.take()
    first = await desk.complete(task_id, lease_id=taken["lease_id"])
    before = await desk.server.engine.store.sequence()

    again = await desk.complete(task_id, lease_id=taken["lease_id"])

    assert (again.status, again.body) == (first.status, first.body)
    await desk.server.inbox.next()
    assert (await desk.server.engine.store.sequence(), len(desk.server.inbox.calls)) == (before, 1)


async def test_the_same_failure_again_is_answered_the_same(desk):
    task_id = await desk.put()
    await desk.take()
    failed = {"status_code": 500, "body": {"error": "no"}}
    await desk.complete(task_id, failed)

    again, other = await desk.complete(task_id, failed), await desk.complete(task_id, failed, body={})

    assert (again.status, other.status) == (200, 409)


async def test_the_same_outcome_by_another_actor_is_refused(desk):
    task_id = await desk.put()
    await desk.take()
    await desk.complete(task_id)

    answer = await (await desk.other("second")).complete(task_id)

    assert (answer.status, answer.json()["error"]["code"]) == (409, "already_finished")


async def test_a_different_outcome_afterwards_is_refused_and_has_no_effect(desk):
    task_id = await desk.put()
    await desk.take()
    await desk.complete(task_id)
    before = await desk.get(task_id)

    answer = await desk.complete(task_id, OTHER)

    assert (answer.status, await desk.get(task_id)) == (409, before)


async def test_after_the_lease_ran_out_a_completion_is_accepted_while_nobody_took_it_anew(desk):
    task_id = await desk.put(timeout=86_400)
    taken = await desk.take()
    await desk.lose_lease()

    answer = await desk.complete(task_id, lease_id=taken["lease_id"])

    assert (answer.status, (await desk.get(task_id))["status"]) == (200, "succeeded")


async def test_the_lease_of_an_earlier_attempt_is_refused_after_it_was_taken_anew(desk):
    task_id = await desk.put()
    old = await desk.take()
    await desk.lose_lease()
    new = await desk.take()

    late = await desk.complete(task_id, OTHER, lease_id=old["lease_id"])
    good = await desk.complete(task_id, lease_id=new["lease_id"])

    assert (late.status, late.json()["error"]["code"]) == (409, "stale_lease")
    assert (good.status, new["attempt"]) == (200, 2)
    assert (await desk.get(task_id))["result"]["body"] == {"object": "list", "data": []}


async def test_taken_anew_by_another_key_a_completion_without_lease_is_compared_by_key(desk):
    other = await desk.other("second")
    task_id = await desk.put()
    await desk.take()
    await desk.lose_lease()
    await other.take()

    late, good = await desk.complete(task_id, OTHER), await other.complete(task_id)

    assert (late.status, late.json()["error"]["code"], good.status) == (409, "not_holder", 200)


async def test_taken_anew_by_another_worker_a_completion_without_lease_is_compared_by_worker(desk):
    task_id = await desk.put()
    await desk.take(worker={"id": "a"})
    await desk.lose_lease()
    await desk.take(worker={"id": "b"})

    late = await desk.complete(task_id, OTHER, worker={"id": "a"})
    good = await desk.complete(task_id, worker={"id": "b"})

    assert (late.status, good.status) == (409, 200)


async def test_taken_anew_where_nothing_tells_the_callers_apart_the_first_completion_wins(desk):
    task_id = await desk.put()
    await desk.take()
    await desk.lose_lease()
    await desk.take()

    first, second = await desk.complete(task_id, OTHER), await desk.complete(task_id)

    assert (first.status, second.status) == (200, 409)


async def test_another_worker_than_the_recorded_one_is_refused(desk):
    task_id = await desk.put()
    await desk.take(worker={"id": "a"})

    answer = await desk.complete(task_id, worker={"id": "b"})

    assert (answer.status, answer.json()["error"]["code"]) == (409, "not_holder")


async def test_a_key_bound_to_another_worker_is_refused(desk):
    bound = await desk.other("bound", worker="b")
    task_id = await desk.put()
    await desk.take(worker={"id": "a"})

    answer = await bound.complete(task_id, worker={"id": "a"})

    assert answer.status == 409


async def test_never_taken_is_refused(desk):
    task_id = await desk.put()

    answer = await desk.complete(task_id)

    assert (answer.status, answer.json()["error"]["code"]) == (409, "not_taken")
    assert (await desk.get(task_id))["status"] == "waiting"


async def test_failed_and_waiting_for_another_try_is_refused(desk):
    """Tasks of this dialect are not tried again, but those of others that its workers take are."""
    task_id = await foreign(desk, retries=1)
    await desk.take()
    await desk.complete(task_id, {"status_code": 503, "body": {}})

    answer = await desk.complete(task_id)

    assert (answer.status, answer.json()["error"]["code"]) == (409, "not_taken")


async def test_cancelled_meanwhile_is_refused(desk):
    task_id = await desk.put()
    taken = await desk.take()
    await desk.cancel(task_id)

    answer = await desk.complete(task_id, lease_id=taken["lease_id"])

    assert (answer.status, (await desk.get(task_id))["status"]) == (409, "cancelled")


async def test_another_tenants_task_looks_like_one_that_is_not_there(desk):
    stranger = await desk.other("stranger", tenant="elsewhere")
    task_id = await desk.put()
    await desk.take()

    foreign_one = await stranger.complete(task_id)
    missing = await stranger.complete(UNKNOWN)

    assert (foreign_one.status, missing.status) == (404, 404)
    assert foreign_one.json()["error"] == missing.json()["error"]


# The same column for ending an attempt without a result: `fail`, and `release`, which gives it back.


async def end(desk, how, task_id, **fields):
    return await desk.client.post(f"/v1/queue/{task_id}/{how}", fields)


both = pytest.mark.parametrize("how", ["fail", "release"])


@both
async def test_an_attempt_is_ended_by_its_holder(desk, how):
    task_id = await desk.put()
    taken = await desk.take()

    answer = await end(desk, how, task_id, lease_id=taken["lease_id"])

    ended = {"fail": "failed", "release": "waiting"}[how]
    assert (answer.status, answer.json()["status"], answer.json()["task_id"]) == (200, ended, task_id)


async def test_the_same_failure_again_by_the_same_actor_changes_nothing(desk):
    task_id = await desk.put()
    await desk.take()
    first = await end(desk, "fail", task_id, code="E", message="m")
    before = await desk.server.engine.store.sequence()

    again = await end(desk, "fail", task_id, code="E", message="m")
    other = await end(desk, "fail", task_id, code="F", message="m")

    assert (again.status, again.json(), other.status) == (200, first.json(), 409)
    assert await desk.server.engine.store.sequence() == before


@both
async def test_what_was_completed_or_cancelled_is_not_ended_anew(desk, how):
    done, cancelled = [await desk.put() for _ in range(2)]
    await desk.post_take(size=2)
    await desk.complete(done)
    await desk.cancel(cancelled)

    answers = [await end(desk, how, task_id) for task_id in (done, cancelled)]

    assert [answer.status for answer in answers] == [409, 409]
    assert [(await desk.get(one))["status"] for one in (done, cancelled)] == ["succeeded", "cancelled"]


async def test_after_the_lease_ran_out_a_failure_is_accepted_while_nobody_took_it_anew(desk):
    task_id = await desk.put()
    taken = await desk.take()
    await desk.lose_lease()

    assert (await end(desk, "fail", task_id, lease_id=taken["lease_id"])).status == 200


async def test_after_the_lease_ran_out_there_is_nothing_to_give_back(desk):
    task_id = await desk.put()
    taken = await desk.take()
    await desk.lose_lease()

    answer = await end(desk, "release", task_id, lease_id=taken["lease_id"])

    assert (answer.status, answer.json()["error"]["code"]) == (409, "not_taken")


@both
async def test_an_old_lease_ends_nothing_after_the_task_was_taken_anew(desk, how):
    task_id = await desk.put()
    old = await desk.take()
    await desk.lose_lease()
    await desk.take()

    answer = await end(desk, how, task_id, lease_id=old["lease_id"])

    assert (answer.status, answer.json()["error"]["code"]) == (409, "stale_lease")
    assert (await desk.get(task_id))["status"] == "queued"


@both
async def test_another_worker_and_another_key_end_nothing(desk, how):
    task_id = await desk.put()
    await desk.take(worker={"id": "a"})
    other = await desk.other("second")

    worker = await end(desk, how, task_id, worker={"id": "b"})
    key = await end(other, how, task_id, worker={"id": "a"})

    assert [one.json()["error"]["code"] for one in (worker, key)] == ["not_holder", "not_holder"]


@both
async def test_what_nobody_took_or_what_waits_for_another_try_has_no_attempt_to_end(desk, how):
    untaken = await desk.put()
    assert (await end(desk, how, untaken)).status == 409
    await desk.cancel(untaken)
    resting = await desk.put(retry={"max_retries": 1, "first_pause": 60})
    await desk.take()
    await end(desk, "fail", resting)

    assert (await end(desk, how, resting)).status == 409


@both
async def test_another_tenants_attempt_looks_like_none(desk, how):
    stranger = await desk.other("stranger", tenant="elsewhere")
    task_id = await desk.put()
    await desk.take()

    answers = [await end(stranger, how, one) for one in (task_id, UNKNOWN)]

    assert [answer.status for answer in answers] == [404, 404]
    assert answers[0].json()["error"] == answers[1].json()["error"]


async def foreign(desk, **fields):
    """A task of another dialect in the queue of the desk; its id in this one."""
    create = Create(tenant="default", queue="embed-a", dialect="processes", input=b'{"a":1}', **fields)
    outcome = await desk.server.engine.submit(create)
    return spell(outcome.reply, 1, 1, "C")
