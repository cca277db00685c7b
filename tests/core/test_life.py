"""Deadlines, the retry policy and dead letters, on the pure core."""

import pytest

from taskloom.core import failures
from taskloom.core.commands import Cancel, Create, Discard, Extend, Fail, Reopen, Replay, Wake
from taskloom.core.decide import EXPIRED, LEASE_LOST, NOT_STARTED, RAN_TOO_LONG
from taskloom.core.events import TaskDiscarded, TaskReopened
from taskloom.core.rejections import Kind
from taskloom.core.retry import RetryPolicy, backoff_ms, written
from taskloom.core.task import CANCELLED, FAILED, LEASED, READY, WAITING
from tests.core.test_race_table import KEY, LEASE_MS, NOW, Story, kind

POLICY = RetryPolicy(2, 1_000, 60_000, ("hopeless",))


def wake(story, at):
    story.now = at
    return story.do(Wake(key=KEY))


def fail(story, code="broken", **more):
    return story.do(Fail(key=KEY, tenant="t", code=code, message="why", by="key", **more))


def ready_again(story):
    wake(story, story.task.ready_at)
    assert story.task.state is READY


def test_a_task_that_nobody_began_with_in_time_fails():
    story = Story(start_by=NOW + 50)
    assert story.task.due_at == NOW + 50

    wake(story, NOW + 50)

    assert (story.task.state, story.task.error_code) == (FAILED, NOT_STARTED)


def test_the_deadline_to_start_is_met_by_the_first_hand_out():
    story = Story(start_by=NOW + 50)
    story.claim()

    story.lose_lease()

    assert (story.task.state, story.task.attempt) == (READY, 1)


def test_an_attempt_ends_at_its_running_deadline_however_often_the_lease_was_extended():
    story = Story(run_ms=1_000)
    story.claim()
    story.do(Extend(key=KEY, tenant="t", lease_ms=10**9))
    assert story.task.due_at == NOW + 1_000

    wake(story, NOW + 1_000)

    assert (story.task.state, story.task.error_code) == (FAILED, RAN_TOO_LONG)


def test_after_its_running_deadline_an_attempt_can_no_longer_complete_and_the_next_has_time_anew():
    story = Story(run_ms=1_000, retry=written(POLICY))
    token = story.claim()
    wake(story, NOW + 1_000)
    assert kind(story.complete(token=token)) is Kind.WRONG_STATE
    ready_again(story)

    began = story.now
    story.claim()

    assert story.task.due_at == began + 1_000


def test_of_all_deadlines_the_first_one_counts():
    story = Story(expires_at=NOW + 500, start_by=NOW + 100, run_ms=200)
    assert story.task.due_at == NOW + 100
    story.claim()
    assert story.task.due_at == NOW + 200

    wake(story, NOW + 500)

    assert story.task.error_code == EXPIRED


def test_failed_lost_and_overlong_attempts_share_one_budget():
    story = Story(retry=written(POLICY), run_ms=LEASE_MS * 2)
    story.claim()
    fail(story)
    ready_again(story)
    story.claim()
    story.lose_lease()
    ready_again(story)
    story.claim()

    fail(story)

    assert (story.task.state, story.task.attempt, story.task.retries) == (FAILED, 3, 0)
    told = [(one.attempt, one.code) for one in failures.read(story.task.failures)]
    assert told == [(1, "broken"), (2, LEASE_LOST), (3, "broken")]


def test_the_pauses_of_a_policy_double_with_a_jitter_that_a_replay_finds_again():
    story = Story(retry=written(POLICY))
    pauses = []
    for _ in range(2):
        story.claim()
        fail(story)
        assert story.task.state is WAITING
        pauses.append(story.task.ready_at - story.now)
        ready_again(story)

    assert pauses == [backoff_ms(n, first_ms=1_000, max_ms=60_000, seed=KEY) for n in (1, 2)]
    assert 750 <= pauses[0] <= 1_000
    assert 1_500 <= pauses[1] <= 2_000


def test_a_pause_that_the_worker_names_counts_instead_even_none_at_all():
    story = Story(retry=written(POLICY))
    story.claim()
    fail(story, backoff_ms=0)
    assert story.task.state is READY
    story.claim()

    fail(story, backoff_ms=77)

    assert story.task.ready_at == story.now + 77


def test_an_error_that_the_policy_calls_final_is_not_tried_again():
    story = Story(retry=written(POLICY))
    story.claim()

    fail(story, code="hopeless")

    assert (story.task.state, story.task.retries) == (FAILED, 2)


@pytest.mark.parametrize("code", [LEASE_LOST, RAN_TOO_LONG])
def test_a_policy_may_call_lost_leases_and_long_attempts_final(code):
    story = Story(
        retry=written(RetryPolicy(5, 0, 0, (code,))), run_ms=LEASE_MS if code == RAN_TOO_LONG else 0
    )
    story.claim()

    wake(story, NOW + LEASE_MS)

    assert (story.task.state, story.task.error_code) == (FAILED, code)


def test_without_a_policy_a_worker_may_still_bound_how_many_leases_are_lost():
    story = Story(losses_max=0)
    story.claim()

    story.lose_lease()

    assert (story.task.state, story.task.error_code) == (FAILED, LEASE_LOST)


def test_the_record_of_failures_is_bounded():
    story = Story(retry=written(RetryPolicy(30)))
    for _ in range(25):
        story.claim()
        fail(story)

    kept = failures.read(story.task.failures)

    assert [one.attempt for one in kept] == list(range(16, 26))


def test_a_dead_letter_can_be_replayed_once_and_has_its_budget_again():
    story = Story(retry=written(RetryPolicy(0)), expires_at=NOW + 10**6)
    story.claim()
    fail(story)
    assert story.task.is_dead

    assert story.do(Replay(key=KEY, tenant="t", by="me")) == [TaskReopened(KEY, "me")]

    assert (story.task.state, story.task.is_dead, story.task.expires_at) == (READY, False, 0)
    assert kind(story.do(Replay(key=KEY, tenant="t"))) is Kind.WRONG_STATE


def test_a_task_that_was_never_started_does_not_miss_its_deadline_again_when_it_is_replayed():
    story = Story(start_by=NOW + 50)
    wake(story, NOW + 50)

    story.do(Replay(key=KEY, tenant="t"))

    assert story.do(Wake(key=KEY)) == []
    assert story.task.state is READY


def test_a_letter_whose_outcome_a_flow_consumed_is_replaced_by_a_new_task():
    story = Story(flow=5, root=5)
    story.claim()
    fail(story)
    anew = Create(tenant="t", queue="q", dialect="toy", key=9)

    assert kind(story.do(Replay(key=KEY, tenant="t"))) is Kind.CONSUMED
    assert story.do(Replay(key=KEY, tenant="t", by="me", anew=anew)) == [TaskDiscarded(KEY, "me", 9)]
    assert kind(story.do(Replay(key=KEY, tenant="t", anew=anew))) is Kind.WRONG_STATE


def test_a_discarded_letter_is_none_any_more_and_the_task_stays_failed():
    story = Story()
    story.claim()
    fail(story)

    story.do(Discard(key=KEY, tenant="t"))

    assert (story.task.state, story.task.is_dead) == (FAILED, False)
    assert kind(story.do(Discard(key=KEY, tenant="t"))) is Kind.WRONG_STATE


def test_reopening_takes_a_task_out_of_the_dead_letters_too():
    story = Story()
    story.claim()
    fail(story)

    story.do(Reopen(key=KEY, tenant="t"))

    assert (story.task.state, story.task.is_dead) == (READY, False)


def test_what_is_wanted_only_unheld_is_not_cancelled_in_the_hands_of_a_worker():
    story = Story()
    story.claim()
    unheld = Cancel(key=KEY, tenant="t", unheld=True)

    assert kind(story.do(unheld)) is Kind.WRONG_STATE
    assert story.task.state is LEASED
    story.lose_lease()
    story.do(unheld)
    assert story.task.state is CANCELLED
