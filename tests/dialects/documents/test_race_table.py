"""What each event of a completion race gets, the column of documents: one test per cell, on each store."""

import asyncio

import pytest

from taskloom.core.commands import Claim, Fail
from taskloom.core.rejections import Kind, Rejection
from taskloom.core.task import COMPLETED
from taskloom.flows.document.commands import COMPLETE
from taskloom.flows.flow import FlowCommand
from tests.dialects.documents.desk import (
    BASE,
    READ_OUTSIDE,
    REVIEW_AT_ONCE,
    TEAM,
    TWO_REVIEWS,
    accepted,
    bare,
)


@pytest.fixture(params=["sqlite", "memory", "postgres"])
def store(request):
    return request.getfixturevalue("database") if request.param == "postgres" else request.param


@pytest.fixture
async def reviewing(desk):
    """A document in review."""
    await desk.declare(bare(REVIEW_AT_ONCE))
    return await desk.one()


@pytest.fixture
async def processing(desk):
    """A document whose first step waits for a worker outside."""
    await desk.declare(bare(READ_OUTSIDE))
    return await desk.one()


def refused(answer, status="PROCESSING"):
    """400, with the code of a task that is not in review."""
    error = answer.json()["error"]
    return (answer.status, error["code"], error["details"]) == (400, "TASK_NOT_REVIEWING", {"status": status})


async def test_the_first_completion_is_accepted(desk, reviewing):
    answer = await desk.act(reviewing, "complete")

    assert answer.status == 200
    assert answer.json()["payload"]["status"] == "PROCESSING"


async def test_the_same_completion_again_is_refused(desk, reviewing):
    await desk.act(reviewing, "complete")
    await desk.until(reviewing, "COMPLETED")

    assert refused(await desk.act(reviewing, "complete"), "COMPLETED")


async def test_another_outcome_afterwards_is_refused_and_changes_nothing(desk, reviewing):
    await desk.act(reviewing, "discard")

    assert refused(await desk.act(reviewing, "complete"), "DISCARDED")
    assert (await desk.task(reviewing))["status"] == "DISCARDED"


async def test_discarding_what_was_completed_changes_nothing(desk, reviewing):
    await desk.act(reviewing, "complete")
    before = await desk.until(reviewing, "COMPLETED")

    answer = await desk.act(reviewing, "discard")

    assert (answer.status, answer.json()["payload"]) == (200, before)
    assert await desk.told("document.discarded") == []


async def test_a_review_whose_holder_let_the_lease_run_out_can_be_completed(desk, reviewing):
    await desk.claim("proj_3/review", lease_ms=1_000)
    desk.server.clock.advance(seconds=2)

    assert (await desk.act(reviewing, "complete")).status == 200


async def test_a_late_worker_cannot_complete_what_a_person_completed(desk, reviewing):
    handout = await desk.claim("proj_3/review")
    await desk.act(reviewing, "complete")

    late = await desk.finish(handout)

    assert isinstance(late, Rejection)
    assert late.kind is Kind.FINAL


async def test_who_has_the_scope_completes_what_another_holds(desk, reviewing):
    await desk.claim("proj_3/review")
    other = desk.server.client(await desk.server.key("other", TEAM, scopes=("task.edit",)))

    assert (await other.post(f"{BASE}/task/{reviewing}/complete")).status == 200


async def test_a_lease_token_does_not_lock_a_reviewer_out(desk, reviewing):
    handout = await desk.claim("proj_3/review", fenced=True)

    assert (await desk.act(reviewing, "complete")).status == 200
    assert isinstance(await desk.finish(handout), Rejection)


async def test_what_was_never_claimed_is_refused_unless_in_review(desk, processing):
    assert refused(await desk.act(processing, "complete"))


async def test_a_step_that_waits_for_its_back_off_cannot_be_completed(desk, processing):
    handout = await desk.claim("proj_3/ocr")
    later = Fail(key=handout.task.key, tenant=TEAM, backoff_ms=60_000, token=handout.task.token)
    accepted(await desk.engine.submit(later))

    assert refused(await desk.act(processing, "complete"))


async def test_a_failed_document_cannot_be_completed(desk, processing):
    handout = await desk.claim("proj_3/ocr")
    final = Fail(key=handout.task.key, tenant=TEAM, code="BAD", final=True, token=handout.task.token)
    accepted(await desk.engine.submit(final))

    assert refused(await desk.act(processing, "complete"), "FAILED")


async def test_another_team_sees_nothing(desk, reviewing):
    stranger = desk.server.client(await desk.server.key("stranger", "team_2"))
    unknown = f"{BASE}/task/task_{'0' * 12}1/complete"

    for path in (
        f"{BASE}/task/{reviewing}/complete",
        f"/v2/team_2/project/proj_3/task/{reviewing}/complete",
        unknown,
    ):
        answer = await stranger.post(path)
        assert (answer.status, answer.json()["error"]["code"]) == (404, "NOT_FOUND")


@pytest.fixture
def all_look_first(desk, monkeypatch):
    """Hold 64 completions back until each of the callers has seen which review is open."""
    everybody, submit = asyncio.Barrier(64), desk.engine.submit

    async def submit_together(command, **more):
        if isinstance(command, FlowCommand) and command.name == COMPLETE:
            await everybody.wait()
        return await submit(command, **more)

    monkeypatch.setattr(desk.engine, "submit", submit_together)


@pytest.mark.usefixtures("all_look_first")
async def test_of_64_completions_at_once_one_is_accepted_and_one_continuation_runs(desk):
    """The second review opens at once; not one of the others may complete it by mistake."""
    await desk.declare(bare(TWO_REVIEWS))
    task_id = await desk.one()

    answers = await asyncio.gather(*(desk.act(task_id, "complete") for _ in range(64)))

    assert sorted(answer.status for answer in answers) == [200] + [400] * 63
    assert (await desk.until(task_id, "REVIEWING", step_type="VALIDATE"))["status"] == "REVIEWING"
    in_review = await desk.told("document.in_review")
    assert [body["step"] for _, body in in_review] == ["extract", "check"]


async def test_rounds_of_completions_at_once_have_one_winner_each(desk):
    await desk.declare(bare(REVIEW_AT_ONCE))
    rounds = 40
    for _ in range(rounds):
        task_id = await desk.one()
        key = await desk.open_review(task_id)
        verbs = ("complete", "complete", "discard", "complete", "discard", "complete")
        answers = await asyncio.gather(*(desk.act(task_id, verb) for verb in verbs))

        won = [a for verb, a in zip(verbs, answers, strict=True) if verb == "complete" and a.status == 200]
        status = (await desk.until(task_id, "COMPLETED", "DISCARDED"))["status"]
        assert len(won) == (1 if status == "COMPLETED" else 0)
        discards = [a for verb, a in zip(verbs, answers, strict=True) if verb == "discard"]
        assert {answer.status for answer in discards} == {200}
        task = await desk.engine.store.task(key)
        assert (task.state == COMPLETED) == (status == "COMPLETED")
    told = await desk.told("document.completed", "document.discarded")
    assert len(told) == rounds
    assert len({body["task_id"] for _, body in told}) == rounds


async def test_a_completion_over_another_dialect_wins_like_any_other(desk, reviewing):
    handout = await desk.claim("proj_3/review")

    outcomes = await asyncio.gather(desk.finish(handout), desk.act(reviewing, "complete"))

    by_worker, by_person = outcomes
    assert isinstance(by_worker, Rejection) == (by_person.status == 200)
    await desk.until(reviewing, "COMPLETED")
    assert len(await desk.told("document.completed")) == 1


async def test_a_worker_that_claims_nothing_gets_nothing(desk, reviewing):
    claim = Claim(tenant="team_2", queues=(("proj_3/review", 1),), worker="w", holder="w")

    assert await desk.engine.claim(claim) == []
