"""Who may finish a job: every cell of the race table's column, over HTTP."""

import asyncio

import pytest

from tests.dialects.processes.conftest import STORES, one_task

pytestmark = pytest.mark.parametrize("server", STORES, indirect=True)

NOT_FOUND, CONFLICT, DONE = 404, 409, 204


def gone(verb: str, intent: str, key: str) -> str:
    reason = f"Expected to {verb} job with key '{key}', but no such job was found"
    return f"Command '{intent}' rejected with code 'NOT_FOUND': {reason}"


async def expire(server) -> None:
    """Let every lease run out, and the engine notice it."""
    server.clock.advance(seconds=61)
    await server.engine._sweeper.sweep()


async def test_the_first_completion_by_the_holder_is_accepted(begun):
    job = await begun.job("work")

    answer = await begun.complete(job["jobKey"], variables={"a": 1})

    assert (answer.status, answer.body) == (DONE, b"")


@pytest.mark.parametrize("variables", [{"a": 1}, {"a": 2}], ids=["same outcome", "different outcome"])
async def test_after_the_completion_the_job_is_gone(begun, variables):
    key = (await begun.job("work"))["jobKey"]
    await begun.complete(key, variables={"a": 1})

    answer = await begun.complete(key, variables=variables)

    assert answer.status == NOT_FOUND
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json() == {
        "type": "about:blank",
        "title": "NOT_FOUND",
        "status": 404,
        "detail": gone("complete", "COMPLETE", key),
        "instance": f"/v2/jobs/{key}/completion",
    }


async def test_a_completion_after_the_lease_is_accepted_while_nobody_took_the_job(begun, server):
    job = await begun.job("work")
    await expire(server)

    assert (await begun.complete(job["jobKey"])).status == DONE


async def test_an_old_token_is_refused_after_somebody_else_took_the_job(begun, server):
    old = await begun.job("work", worker="a", withLease=True)
    await expire(server)
    new = await begun.job("work", worker="b", withLease=True)

    answer = await begun.complete(old["jobKey"], leaseToken=old["leaseToken"])

    assert answer.status == CONFLICT
    assert answer.json()["title"] == "INVALID_STATE"
    assert answer.json()["detail"].endswith(
        "but the supplied lease token does not match. The job may have been re-activated by another worker."
    )
    assert (await begun.complete(new["jobKey"], leaseToken=new["leaseToken"])).status == DONE


async def test_without_a_token_the_first_completion_wins_after_somebody_else_took_the_job(begun, server):
    await begun.job("work", worker="a")
    await expire(server)
    job = await begun.job("work", worker="b")

    first = await begun.complete(job["jobKey"], variables={"by": "a"})
    second = await begun.complete(job["jobKey"], variables={"by": "b"})

    assert (first.status, second.status) == (DONE, NOT_FOUND)


async def test_a_leased_job_needs_its_token(begun):
    job = await begun.job("work", withLease=True)

    answer = await begun.complete(job["jobKey"])

    assert answer.status == CONFLICT
    assert answer.json()["detail"].endswith(
        "but a matching lease token must be provided because the job is currently leased"
    )


async def test_a_job_that_lost_its_lease_carries_a_token_for_whoever_takes_it_next(begun, server):
    old = await begun.job("work", withLease=True)
    await expire(server)
    new = await begun.job("work")

    assert new["leaseToken"] not in {None, old["leaseToken"]}
    assert (await begun.complete(old["jobKey"], leaseToken=old["leaseToken"])).status == CONFLICT
    assert (await begun.complete(new["jobKey"], leaseToken=new["leaseToken"])).status == DONE


@pytest.mark.parametrize("token", ["x", "1", "-3", "9" * 40, "٣"])
async def test_a_token_that_is_none_of_ours_is_refused(begun, token):
    job = await begun.job("work")

    assert (await begun.complete(job["jobKey"], jobLeaseToken=token)).status == CONFLICT


async def test_another_worker_may_complete_what_is_not_leased(begun, server):
    job = await begun.job("work", worker="a")
    other = type(begun)(server.client(await server.key("other")))

    assert (await other.complete(job["jobKey"])).status == DONE


async def test_a_job_that_nobody_took_may_be_completed(begun):
    (job,) = await begun.search("jobs")

    assert (await begun.complete(job["jobKey"])).status == DONE


async def test_a_failed_job_that_waits_for_its_back_off_is_in_the_wrong_state(begun):
    key = (await begun.job("work"))["jobKey"]
    await begun.fail(key, retries=2, retryBackOff=5_000)

    answer = await begun.complete(key)

    assert answer.status == CONFLICT
    assert answer.json()["detail"].endswith(
        f"Expected to complete job with key '{key}', but it is in state 'FAILED'"
    )


async def test_the_job_of_a_cancelled_instance_is_gone(camunda):
    await camunda.deploy(one_task())
    instance = await camunda.start()
    job = await camunda.job("work")
    assert (await camunda.post(f"/process-instances/{instance}/cancellation")).status == DONE

    assert (await camunda.complete(job["jobKey"])).status == NOT_FOUND


async def test_another_tenants_job_looks_like_none(begun, stranger):
    key = (await begun.job("work"))["jobKey"]

    foreign = await stranger.complete(key)
    missing = await stranger.complete("1")

    assert foreign.status == missing.status == NOT_FOUND
    assert foreign.json()["detail"] == gone("complete", "COMPLETE", key)
    assert missing.json()["detail"] == gone("complete", "COMPLETE", "1")


@pytest.mark.parametrize(
    ("path", "body", "verb", "intent"),
    [
        ("failure", {}, "fail", "FAIL"),
        ("error", {"errorCode": "e"}, "throw an error for", "THROW_ERROR"),
    ],
)
async def test_failures_and_errors_of_a_finished_job_are_refused_as_well(begun, path, body, verb, intent):
    key = (await begun.job("work"))["jobKey"]
    await begun.complete(key)

    answer = await begun.post(f"/jobs/{key}/{path}", body)

    assert answer.status == NOT_FOUND
    assert answer.json()["detail"] == gone(verb, intent, key)


def as_many_as(rounds: int, *, is_long: bool = False):
    return pytest.param(rounds, marks=pytest.mark.long if is_long else ())


@pytest.mark.parametrize("rounds", [as_many_as(5), as_many_as(1_000, is_long=True)])
async def test_of_64_completions_at_once_one_wins(camunda, rounds):
    await camunda.deploy(one_task())
    for _ in range(rounds):
        instance = await camunda.start()
        key = (await camunda.job("work"))["jobKey"]

        answers = await asyncio.gather(*(camunda.complete(key, variables={"n": n % 9}) for n in range(64)))

        statuses = [answer.status for answer in answers]
        assert (statuses.count(DONE), statuses.count(NOT_FOUND)) == (1, 63)
        assert (await camunda.instance(instance))["state"] == "COMPLETED"


@pytest.mark.parametrize("rounds", [as_many_as(5), as_many_as(1_000, is_long=True)])
async def test_of_64_completions_with_and_without_the_token_one_with_it_wins(camunda, rounds):
    await camunda.deploy(one_task())
    for _ in range(rounds):
        await camunda.start()
        job = await camunda.job("work", withLease=True)
        bodies = [{"leaseToken": job["leaseToken"]} if n % 2 else {} for n in range(64)]

        answers = await asyncio.gather(*(camunda.complete(job["jobKey"], **body) for body in bodies))

        winners = [n for n, answer in enumerate(answers) if answer.status == DONE]
        assert len(winners) == 1
        assert bodies[winners[0]]
        assert all(answer.status in {DONE, CONFLICT, NOT_FOUND} for answer in answers)
