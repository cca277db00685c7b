"""M1: every state and every command, judged by the table of transitions; what is refused changes nothing."""

from itertools import count, product
from typing import get_args

import pytest
from msgspec import structs

from taskloom.core.apply import apply
from taskloom.core.commands import (
    Assign,
    Cancel,
    Claim,
    Complete,
    Create,
    Discard,
    Extend,
    Fail,
    Release,
    Reopen,
    Replay,
    Report,
    Resume,
    Suspend,
    TaskCommand,
    Unblock,
    Update,
    Wake,
)
from taskloom.core.decide import Moment, claimed, decide, is_claimable
from taskloom.core.events import AnyTaskEvent, TaskClaimed, TaskCreated
from taskloom.core.limits import NEVER_MS
from taskloom.core.rejections import Rejection
from taskloom.core.retry import RetryPolicy, written
from taskloom.core.task import (
    CANCELLED,
    COMPLETED,
    FAILED,
    FINAL_STATES,
    LEASED,
    READY,
    SUSPENDED,
    WAITING,
    Task,
    TaskState,
)
from taskloom.core.transitions import TRANSITIONS, successors

NOW = 1_000_000
TOKEN = 77
BASE = Task(1, "t", "q", 1, "", 0, READY, "queue", 5, root=1)
HELD = {"attempt": 1, "token": TOKEN, "worker": "w", "holder": "k"}

LEASED_NOW = structs.replace(BASE, state=LEASED, lease_until=NOW + 5, **HELD)
POLICY = written(RetryPolicy(2, 1_000, 60_000, ("hopeless",)))

TASKS = {
    "waiting for an instant": structs.replace(BASE, state=WAITING, ready_at=NOW + 5),
    "waiting, due": structs.replace(BASE, state=WAITING, ready_at=NOW - 5),
    "blocked": structs.replace(BASE, state=WAITING, ready_at=NEVER_MS),
    "backing off after a lost lease": structs.replace(BASE, state=WAITING, ready_at=NOW + 5, **HELD),
    "ready": BASE,
    "ready and reserved": structs.replace(BASE, assignee="w"),
    "ready after a lost lease": structs.replace(BASE, losses=1, **HELD),
    "ready, deadline passed": structs.replace(BASE, expires_at=NOW - 1),
    "leased": structs.replace(BASE, state=LEASED, lease_until=NOW + 5, **HELD),
    "leased by a flow's worker": structs.replace(
        BASE, state=LEASED, lease_until=NOW + 5, flow=9, root=9, **HELD
    ),
    "leased and fenced": structs.replace(BASE, state=LEASED, lease_until=NOW + 5, fenced=True, **HELD),
    "lease over": structs.replace(BASE, state=LEASED, lease_until=NOW - 5, **HELD),
    "lease over, pause wanted": structs.replace(
        BASE, state=LEASED, lease_until=NOW - 5, loss_backoff_ms=10, **HELD
    ),
    "lease over for the last time": structs.replace(
        BASE, state=LEASED, lease_until=NOW - 5, losses_max=0, **HELD
    ),
    "leased with retries": structs.replace(BASE, state=LEASED, lease_until=NOW + 5, retries=2, **HELD),
    "suspended": structs.replace(BASE, state=SUSPENDED, error="why"),
    "suspended, deadline passed": structs.replace(BASE, state=SUSPENDED, expires_at=NOW - 1),
    "completed": structs.replace(BASE, state=COMPLETED, finished_at=9, finished_by="w", result_key=3, **HELD),
    "failed": structs.replace(BASE, state=FAILED, finished_at=9, finished_by="w", error_code="E", **HELD),
    "cancelled": structs.replace(BASE, state=CANCELLED, finished_at=9, **HELD),
    "ready, not started in time": structs.replace(BASE, start_by=NOW - 1),
    "leased for too long": structs.replace(LEASED_NOW, run_ms=10, started_at=NOW - 11),
    "leased for too long, with retries": structs.replace(
        LEASED_NOW, run_ms=10, started_at=NOW - 11, retries=1, retry=POLICY
    ),
    "leased with a policy": structs.replace(LEASED_NOW, retries=1, retry=POLICY),
    "lease over, policy spent": structs.replace(
        BASE, state=LEASED, lease_until=NOW - 5, losses_max=-1, retry=POLICY, **HELD
    ),
    "a dead letter": structs.replace(BASE, state=FAILED, finished_at=9, failures="[]"),
    "a flow's dead letter": structs.replace(BASE, state=FAILED, finished_at=9, failures="[]", flow=9, root=9),
    "a flow's, completed": structs.replace(BASE, state=COMPLETED, flow=9, root=9, finished_at=9),
}

WHO = {"key": 1, "tenant": "t"}
CALLERS = {
    "with the token": {"token": TOKEN, "worker": "w", "by": "k"},
    "with an old token": {"token": 5, "worker": "w"},
    "by name": {"worker": "w", "by": "k"},
    "as another": {"worker": "x", "by": "z"},
    "as a supervisor": {"supervisor": True},
}
COMMANDS = [
    *[
        Complete(**WHO, **caller, result=b"1", unclaimed=free)
        for caller in CALLERS.values()
        for free in (False, True)
    ],
    *[
        Fail(**WHO, **caller, **options)
        for caller in CALLERS.values()
        for options in (
            {},
            {"unclaimed": True},
            {"unclaimed": True, "retries": 3},
            {"unclaimed": True, "retries": 3, "backoff_ms": 50},
            {"unclaimed": True, "suspend": True, "retries": 0},
            {"unclaimed": True, "final": True},
            {"unclaimed": True, "thrown": True},
        )
    ],
    *[Release(**WHO, **caller, deny_ms=deny) for caller in CALLERS.values() for deny in (0, 10)],
    Release(**WHO, token=TOKEN, worker="w", pause_ms=10),
    *[Extend(**WHO, **caller, lease_ms=10) for caller in CALLERS.values()],
    *[
        Report(**WHO, **{name: value for name, value in caller.items() if name != "supervisor"})
        for caller in CALLERS.values()
    ],
    Cancel(**WHO),
    *[Assign(**WHO, worker=worker) for worker in ("", "w", "x")],
    Update(**WHO, priority=3),
    Update(**WHO, token=5),
    Update(**WHO, lease_ms=9),
    Suspend(**WHO),
    Resume(**WHO),
    Resume(**WHO, retries=2),
    Reopen(**WHO),
    Discard(**WHO),
    Replay(**WHO),
    Replay(**WHO, anew=Create(tenant="t", queue="q", dialect="queue", key=8)),
    Cancel(**WHO, unheld=True),
    Wake(key=1),
    Unblock(key=1),
    Cancel(key=1, tenant="foreign"),
]


def moment():
    return Moment(NOW, count(100).__next__)


def changes(task, command):
    """The events of a command and the task after each; a refusal has none."""
    decision = decide(task, command, moment())
    if isinstance(decision, Rejection):
        return []
    steps = []
    for event in decision:
        after = apply(task, event, NOW)
        steps.append((task, event, after))
        task = after
    return steps


@pytest.mark.parametrize("name", TASKS)
@pytest.mark.parametrize("kind", get_args(TaskCommand), ids=lambda kind: kind.__name__)
def test_a_command_leads_along_the_table_or_changes_nothing(name, kind):
    before = TASKS[name]
    kept = structs.replace(before)

    for command in (one for one in COMMANDS if type(one) is kind):
        for was, event, after in changes(before, command):
            assert after.state in successors(type(event), was.state), (command, event)
        assert before == kept


def test_every_command_is_tried():
    assert {type(command) for command in COMMANDS} == set(get_args(TaskCommand))


def test_every_state_is_tried():
    assert {task.state for task in TASKS.values()} == set(TaskState)


def test_every_row_of_the_table_happens():
    happened = {
        (type(event), was.state, after.state)
        for task, command in product(TASKS.values(), COMMANDS)
        for was, event, after in changes(task, command)
    }
    happened |= {(TaskClaimed, READY, LEASED), *created_states()}
    rows = {
        (event, before, after)
        for event, states in TRANSITIONS.items()
        for before, afters in states.items()
        for after in afters or (before,)
    }

    assert rows - happened == set()
    assert happened - rows == set()


def created_states():
    for options in ({}, {"ready_at": NOW + 1}, {"blocked": True}):
        event = TaskCreated(1, Create(tenant="t", queue="q", dialect="queue", **options))
        yield (TaskCreated, None, apply(None, event, NOW).state)


def test_every_event_stands_in_the_table():
    assert set(TRANSITIONS) == set(get_args(AnyTaskEvent))


@pytest.mark.parametrize("name", TASKS)
def test_only_a_ready_task_whose_deadlines_are_ahead_can_be_claimed(name):
    task = TASKS[name]
    claim = Claim(tenant="t", queues=(("q", 1),), worker="w", holder="k")

    assert is_claimable(task, "w", NOW) == (task.state == READY and task.due_at > NOW)
    if task.state == READY:
        assert apply(task, claimed(task, claim, 5, NOW), NOW).attempt == task.attempt + 1


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: type(command).__name__)
def test_a_missing_or_foreign_task_is_refused_the_same_way(command):
    foreign = structs.replace(BASE, tenant="other")
    if command.tenant is None:
        return
    assert decide(None, command, moment()) == decide(foreign, command, moment())


@pytest.mark.parametrize("state", sorted(FINAL_STATES))
def test_no_command_but_reopening_moves_an_ended_task(state):
    task = structs.replace(TASKS["completed"], state=state)

    for command in COMMANDS:
        if not isinstance(command, Reopen):
            assert changes(task, command) == []
