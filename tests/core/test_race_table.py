"""The completion race, rule by rule, on the pure core; each dialect's tests run its cells over HTTP."""

from typing import Any

import pytest

from taskloom.core.apply import apply
from taskloom.core.commands import (
    Assign,
    Cancel,
    Claim,
    Complete,
    Create,
    Extend,
    Fail,
    HolderRule,
    Release,
    Reopen,
    Update,
    Wake,
)
from taskloom.core.decide import Moment, claimed, decide, is_claimable, overlay, same_json
from taskloom.core.events import TaskCreated
from taskloom.core.rejections import Kind, Rejection
from taskloom.core.task import CANCELLED, COMPLETED, FAILED, LEASED, READY, SUSPENDED, WAITING, Task

NOW = 1_000_000
LEASE_MS = 30_000
KEY = 77


class Story:
    """One task through a sequence of commands at chosen instants."""

    def __init__(self, **create: Any) -> None:
        self.now = NOW
        self.task: Task = apply(
            None,
            TaskCreated(KEY, Create(tenant="t", queue="q", dialect="toy", **create)),
            NOW,
        )
        self.result: bytes | None = None
        self._tokens = 100

    def claim(self, worker: str = "a", holder: str = "key", *, fenced: bool = False) -> int:
        self._tokens += 1
        command = Claim(
            tenant="t", queues=(("q", 1),), worker=worker, holder=holder, lease_ms=LEASE_MS, fenced=fenced
        )
        self.task = apply(self.task, claimed(self.task, command, self._tokens, self.now), self.now)
        return self._tokens

    def do(self, command: Any) -> list[Any] | Rejection:
        moment = Moment(self.now, lambda: 9, self.result)
        decision = decide(self.task, command, moment)
        if not isinstance(decision, Rejection):
            for event in decision:
                self.task = apply(self.task, event, self.now)
            if decision and isinstance(command, Complete):
                self.result = command.result
        return decision

    def complete(self, result: bytes = b"1", **more: Any) -> list[Any] | Rejection:
        return self.do(Complete(key=KEY, tenant="t", result=result, **more))

    def lose_lease(self) -> None:
        self.now += LEASE_MS + 1
        self.do(Wake(key=KEY))


def kind(decision: list[Any] | Rejection) -> Kind | None:
    return decision.kind if isinstance(decision, Rejection) else None


def test_the_holder_completes():
    story = Story()
    token = story.claim()

    assert kind(story.complete(token=token)) is None
    assert story.task.state is COMPLETED


def test_the_same_outcome_from_the_same_actor_is_answered_again_without_effect():
    story = Story()
    story.claim("a")
    story.complete(b'{"x": 1}', worker="a")

    assert story.complete(b'{"x":1}', worker="a") == []


@pytest.mark.parametrize(
    "again",
    [{"result": b"2", "worker": "a"}, {"result": b"1", "worker": "b"}, {"worker": "a", "repeat": False}],
)
def test_another_outcome_another_actor_or_a_strict_contract_is_refused(again):
    story = Story()
    story.claim("a")
    story.complete(b"1", worker="a")

    assert kind(story.complete(**again)) is Kind.FINAL


def test_after_the_lease_ran_out_the_late_worker_may_finish_while_nobody_claimed_again():
    story = Story()
    token = story.claim("a")
    story.lose_lease()

    assert story.task.state is READY
    assert kind(story.complete(token=token)) is None


@pytest.mark.parametrize("command", [Fail, Release, Extend])
def test_an_attempt_is_ended_and_extended_by_its_holder_alone(command):
    more = {"lease_ms": 1} if command is Extend else {}
    story = Story()
    who = {"key": KEY, "tenant": "t", **more}
    assert kind(story.do(command(**who))) is Kind.NOT_CLAIMED
    old = story.claim("a")
    story.lose_lease()
    story.claim("b")

    assert kind(story.do(command(**who, token=old))) is Kind.STALE_LEASE
    assert kind(story.do(command(**who, worker="a"))) is Kind.NOT_HOLDER
    assert kind(story.do(command(**who, by="other"))) is Kind.NOT_HOLDER
    assert kind(story.do(command(**who, worker="b", by="key"))) is None


def test_after_a_new_claim_the_old_token_is_stale():
    story = Story()
    old = story.claim("a")
    story.lose_lease()
    story.claim("b")

    assert kind(story.complete(token=old)) is Kind.STALE_LEASE
    assert story.task.state is LEASED


def test_after_a_new_claim_without_a_token_the_worker_is_compared():
    story = Story()
    story.claim("a")
    story.lose_lease()
    story.claim("b")

    assert kind(story.complete(worker="a")) is Kind.NOT_HOLDER
    assert kind(story.complete(worker="b")) is None


def test_without_a_token_the_key_is_compared_where_it_was_recorded():
    story = Story()
    story.claim("", holder="key-1")

    assert kind(story.complete(by="key-2")) is Kind.NOT_HOLDER
    assert kind(story.complete(by="key-1")) is None


def test_where_nothing_tells_the_callers_apart_the_first_wins():
    story = Story()
    story.claim("", holder="key")
    story.lose_lease()
    story.claim("", holder="key")

    assert kind(story.complete(by="key")) is None


def test_where_the_contract_knows_no_holder_the_first_wins():
    story = Story()
    story.claim("a")

    assert kind(story.complete(worker="b", rule=HolderRule.ANYONE)) is None


def test_a_fenced_lease_wants_its_token():
    story = Story()
    token = story.claim(fenced=True)

    assert kind(story.complete(rule=HolderRule.ANYONE)) is Kind.TOKEN_MISSING
    assert kind(story.complete(rule=HolderRule.ANYONE, token=token)) is None


def test_never_claimed_is_refused_unless_the_contract_allows_it():
    assert kind(Story().complete(worker="a")) is Kind.NOT_CLAIMED
    assert kind(Story().complete(unclaimed=True)) is None


def test_an_assigned_worker_may_finish_without_starting():
    story = Story(assignee="a")

    assert kind(story.complete(worker="b", rule=HolderRule.WORKER)) is Kind.NOT_HOLDER
    assert kind(story.complete(worker="a", rule=HolderRule.WORKER)) is None


def test_a_supervisor_may_finish_what_another_holds_but_not_what_nobody_holds():
    story = Story()
    assert kind(story.complete(supervisor=True)) is Kind.NOT_CLAIMED
    story.claim("a")

    assert kind(story.complete(worker="", supervisor=True)) is None


def test_failed_and_waiting_for_its_back_off_it_cannot_be_completed():
    story = Story(retries=1)
    token = story.claim()
    story.do(Fail(key=KEY, tenant="t", token=token, backoff_ms=5_000))

    assert story.task.state is WAITING
    assert kind(story.complete(token=token)) is Kind.WRONG_STATE
    assert kind(story.complete(unclaimed=True, rule=HolderRule.ANYONE)) is Kind.WRONG_STATE


def test_cancelled_meanwhile_it_cannot_be_completed():
    story = Story()
    token = story.claim()
    story.do(Cancel(key=KEY, tenant="t"))

    assert kind(story.complete(token=token)) is Kind.FINAL
    assert story.task.state is CANCELLED


def test_a_foreign_task_looks_like_a_missing_one():
    story = Story()
    foreign = story.do(Complete(key=KEY, tenant="other"))
    missing = decide(None, Complete(key=KEY, tenant="other"), Moment(NOW, lambda: 1))

    assert foreign == missing
    assert kind(foreign) is Kind.NOT_FOUND


def test_failures_are_forgiven_while_retries_are_left_then_final():
    story = Story(retries=1)
    story.do(Fail(key=KEY, tenant="t", token=story.claim(), code="e"))
    assert story.task.state is READY
    story.do(Fail(key=KEY, tenant="t", token=story.claim(), code="e"))

    assert story.task.state is FAILED


def test_without_retries_a_suspending_contract_waits_for_a_person():
    story = Story()
    story.do(Fail(key=KEY, tenant="t", token=story.claim(), retries=0, suspend=True))

    assert story.task.state is SUSPENDED
    assert kind(story.complete(unclaimed=True, rule=HolderRule.ANYONE)) is Kind.WRONG_STATE


def test_leases_run_out_only_so_often():
    story = Story(losses_max=1)
    story.claim()
    story.lose_lease()
    story.claim()
    story.lose_lease()

    assert story.task.state is FAILED
    assert story.task.error_code == "lease_lost"


def test_the_deadline_ends_a_task_in_any_state():
    story = Story(expires_at=NOW + 1)
    story.claim()
    story.now += 1
    story.do(Wake(key=KEY))

    assert story.task.state is FAILED
    assert story.task.error_code == "expired"


def test_what_was_given_back_is_not_offered_to_the_same_worker_at_once():
    story = Story()
    token = story.claim("a")
    story.do(Release(key=KEY, tenant="t", token=token, worker="a", deny_ms=1_000))

    assert not is_claimable(story.task, "a", story.now)
    assert is_claimable(story.task, "b", story.now)
    assert is_claimable(story.task, "a", story.now + 1_000)


def test_a_lease_can_be_extended_only_while_it_is_held():
    story = Story()
    token = story.claim()
    story.do(Extend(key=KEY, tenant="t", token=token, lease_ms=99_000))
    assert story.task.lease_until == NOW + 99_000
    story.now += 99_001
    story.do(Wake(key=KEY))

    assert kind(story.do(Extend(key=KEY, tenant="t", token=token, lease_ms=1))) is Kind.STALE_LEASE


def test_assigning_twice_to_one_worker_is_once_and_to_another_refused():
    story = Story()
    story.do(Assign(key=KEY, tenant="t", worker="a"))

    assert story.do(Assign(key=KEY, tenant="t", worker="a")) == []
    assert kind(story.do(Assign(key=KEY, tenant="t", worker="b"))) is Kind.ALREADY_ASSIGNED
    assert kind(story.do(Assign(key=KEY, tenant="t", worker=""))) is None


def test_an_ended_task_can_be_reopened_unless_a_flow_consumed_it():
    free, owned = Story(), Story(flow=5, root=5)
    for story in (free, owned):
        story.complete(unclaimed=True)

    assert kind(free.do(Reopen(key=KEY, tenant="t"))) is None
    assert free.task.state is READY
    assert kind(owned.do(Reopen(key=KEY, tenant="t"))) is Kind.CONSUMED


def test_the_lease_of_what_is_not_held_cannot_be_moved():
    assert kind(Story().do(Update(key=KEY, tenant="t", lease_ms=1))) is Kind.WRONG_STATE


def test_attributes_are_laid_over_one_level_deep():
    under, over = b'{"text":"a","metadata":{"x":1,"y":2}}', b'{"text":"b","metadata":{"y":3,"z":null}}'

    assert overlay(under, over) == b'{"text":"b","metadata":{"x":1,"y":3,"z":null}}'


def test_results_are_compared_as_values():
    assert same_json(b'{"a":1,"b":2}', b'{"b": 2, "a": 1}')
    assert not same_json(b"[1,2]", b"[2,1]")
    assert same_json(None, b"null")
