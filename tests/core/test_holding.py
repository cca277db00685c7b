"""Who may act on an attempt, where a call names the attempt, a worker, or nobody."""

from copy import copy

import pytest

from taskloom.core import commands as c
from taskloom.core.apply import apply
from taskloom.core.decide import TOO_LARGE, Moment, decide
from taskloom.core.events import LeaseLost, TaskAssigned, TaskClaimed, TaskCompleted, TaskReleased
from taskloom.core.limits import ATTRIBUTES_BYTES, PAYLOAD_BYTES
from taskloom.core.rejections import Kind, Rejection
from taskloom.core.task import LEASED, READY, Task

NOW = 1_000_000


def ready(**fields) -> Task:
    return Task(
        key=7,
        tenant="t",
        queue="q",
        level=1,
        lane="",
        priority=0,
        state=READY,
        dialect="d",
        created_at=NOW,
        **fields,
    )


def held(worker="a", attempt=2) -> Task:
    event = TaskClaimed(7, attempt, 99, worker, "key", NOW + 1000, 3)
    return apply(ready(), event, NOW)


def lost(task: Task) -> Task:
    return apply(task, LeaseLost(7, 0, task.worker), NOW + 2000)


def moment(**fields) -> Moment:
    return Moment(NOW + 10, iter(range(100, 200)).__next__, **fields)


def complete(**fields) -> c.Complete:
    return c.Complete(key=7, tenant="t", rule=c.HolderRule.WORKER, by="key", **fields)


def kind_of(decision) -> Kind | None:
    return decision.kind if isinstance(decision, Rejection) else None


@pytest.mark.parametrize("command", [c.Complete, c.Fail, c.Release, c.Extend])
def test_a_stale_attempt_is_refused_and_the_present_one_accepted(command):
    extra = {"lease_ms": 5} if command is c.Extend else {}

    stale = command(key=7, tenant="t", attempt=1, worker="a", rule=c.HolderRule.WORKER, **extra)
    present = command(key=7, tenant="t", attempt=2, worker="a", rule=c.HolderRule.WORKER, **extra)

    assert kind_of(decide(held(), stale, moment())) is Kind.STALE_LEASE
    assert kind_of(decide(held(), present, moment())) is None


def test_the_attempt_alone_does_not_make_a_holder():
    assert kind_of(decide(held("b"), complete(worker="a", attempt=2), moment())) is Kind.NOT_HOLDER


def test_a_right_token_with_a_stale_attempt_is_refused():
    assert kind_of(decide(held(), complete(token=99, attempt=1), moment())) is Kind.STALE_LEASE


def test_nobody_holds_a_task_that_is_only_reserved_so_no_attempt_fits():
    reserved = ready(assignee="a")

    assert kind_of(decide(reserved, complete(worker="a", attempt=0), moment())) is Kind.STALE_LEASE
    assert kind_of(decide(ready(), complete(worker="a", attempt=0), moment())) is Kind.NOT_CLAIMED


def test_a_call_without_worker_acts_as_whoever_the_task_belongs_to():
    (by_holder,) = decide(held("a"), complete(), moment())
    (by_assignee,) = decide(ready(assignee="b"), complete(), moment())

    assert (by_holder.by, by_assignee.by) == ("a", "b")


def test_a_repeat_may_name_the_worker_or_leave_it_out():
    ended = apply(held("a"), TaskCompleted(7, 0, "a"), NOW)

    assert decide(ended, complete(), moment()) == []
    assert decide(ended, complete(worker="a"), moment()) == []
    assert kind_of(decide(ended, complete(worker="b"), moment())) is Kind.FINAL


def test_a_repeated_failure_must_carry_the_same_result():
    fail = c.Fail(key=7, tenant="t", final=True, message="no", by="key", result=b'{"a":1}')
    (event,) = decide(held(), fail, moment())
    ended = apply(held(), event, NOW)

    assert decide(ended, fail, moment(prior=b'{"a": 1}')) == []
    assert kind_of(decide(ended, fail, moment(prior=b'{"a":2}'))) is Kind.FINAL


def test_a_reservation_for_another_ends_the_right_to_finish_late():
    reserved = apply(lost(held("a")), TaskAssigned(7, "b", "", "boss"), NOW)

    assert kind_of(decide(reserved, complete(worker="a"), moment())) is Kind.NOT_HOLDER
    assert kind_of(decide(reserved, complete(worker="b"), moment())) is None


def test_a_reservation_taken_back_leaves_the_lease_as_it_was():
    task = copy(held("a"))
    task.assignee = "a"

    assert apply(task, TaskAssigned(7, "", "a", "boss"), NOW).token == 99


def test_an_assignment_can_depend_on_who_holds_it():
    back = c.Assign(key=7, tenant="t", worker="", by="boss", held_by="a")

    (released,) = decide(held("a"), back, moment())

    assert released == TaskReleased(7, "boss", previous="a")
    assert kind_of(decide(held("b"), back, moment())) is Kind.NOT_HOLDER
    assert kind_of(decide(ready(assignee="b"), back, moment())) is Kind.NOT_HOLDER


def test_events_name_the_worker_that_held_the_task():
    task = held("a")
    (given_back,) = decide(task, c.Release(key=7, tenant="t", token=99, rule=c.HolderRule.WORKER), moment())
    late = Moment(NOW + 5000, int)
    (ran_out,) = decide(task, c.Wake(key=7), late)

    assert (given_back.by, given_back.previous) == ("a", "a")
    assert ran_out.previous == "a"


def test_a_result_beyond_the_limit_is_refused_after_everything_else():
    large = b"1" * (PAYLOAD_BYTES + 1)

    own = decide(held("a"), complete(worker="a", result=large), moment())
    foreign = decide(held("a"), complete(worker="b", result=large), moment())
    failed = decide(held("a"), c.Fail(key=7, tenant="t", by="key", result=large), moment())

    assert (own.kind, own.code) == (Kind.INVALID, TOO_LARGE)
    assert foreign.kind is Kind.NOT_HOLDER
    assert (failed.kind, failed.code) == (Kind.INVALID, TOO_LARGE)
    assert held("a").state == LEASED


def test_attributes_may_not_grow_beyond_the_limit_by_updates():
    stored = b'{"metadata":{"a":"' + b"x" * (ATTRIBUTES_BYTES - 40) + b'"}}'
    update = c.Update(key=7, tenant="t", attributes=b'{"metadata":{"b":"' + b"y" * 100 + b'"}}')

    refused = decide(ready(), update, moment(attributes=stored))
    (accepted,) = decide(ready(), update, moment())

    assert (refused.kind, refused.code) == (Kind.INVALID, TOO_LARGE)
    assert accepted.attributes == update.attributes


@pytest.mark.parametrize("command", [complete(token=0), c.Fail(key=7, tenant="t", token=0)])
def test_no_token_fits_a_task_without_a_lease(command):
    assert kind_of(decide(ready(), command, moment())) is Kind.STALE_LEASE


def test_token_0_opens_nothing_that_is_reserved():
    assigned = apply(ready(), TaskAssigned(7, "a", "", "key"), NOW)

    assert kind_of(decide(assigned, complete(token=0), moment())) is Kind.STALE_LEASE
