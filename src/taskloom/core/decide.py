"""Decide: what a command does to a task, or why not. Pure; every rule of a single task lives here, once.

The answer is either a list of events (empty: accepted, nothing to do) or a `Rejection`. Who may finish an
attempt is one rule, `may_act`, in the order a reader of the race table asks: is there a task, is it open,
does the token fit, and where no token is shown, does the caller fit.
"""

from collections.abc import Callable
from typing import Any, Final

import msgspec
from msgspec import Struct

from taskloom.core import commands as c
from taskloom.core import retry
from taskloom.core.apply import LEASE_LOST
from taskloom.core.events import (
    AnyTaskEvent,
    LeaseLost,
    TaskAssigned,
    TaskCancelled,
    TaskClaimed,
    TaskCompleted,
    TaskDiscarded,
    TaskExtended,
    TaskFailed,
    TaskReadied,
    TaskReleased,
    TaskReopened,
    TaskReported,
    TaskResumed,
    TaskRetried,
    TaskSuspended,
    TaskUpdated,
)
from taskloom.core.limits import ATTRIBUTES_BYTES, NEVER_MS, PAYLOAD_BYTES
from taskloom.core.rejections import Kind, Rejection
from taskloom.core.task import (
    CANCELLED,
    COMPLETED,
    FAILED,
    LEASED,
    READY,
    SUSPENDED,
    WAITING,
    Task,
)

Decision = list[AnyTaskEvent] | Rejection

EXPIRED: Final = "expired"
NOT_STARTED: Final = "start_timeout"
RAN_TOO_LONG: Final = "run_timeout"
TIMED_OUT_CODES: Final = frozenset({EXPIRED, LEASE_LOST, NOT_STARTED, RAN_TOO_LONG})
"""The errors that mean: it took too long."""
TOO_LARGE: Final = "too_large"
Finishing = c.Complete | c.Fail
Holding = c.Complete | c.Fail | c.Release | c.Extend | c.Report


class Moment(Struct, gc=False):
    """What a decision may know beside task and command: the instant, a source of keys, the stored result."""

    now: int
    new_key: Callable[[], int]
    prior: bytes | None = None
    """The result of the final task at hand, where one was asked for."""
    attributes: bytes = b"{}"
    """The attributes of the task at hand, where a command lays others over them."""


def decide(task: Task | None, command: c.TaskCommand, moment: Moment) -> Decision:
    """What `command` does to `task`: its events, or a refusal. A foreign task is a missing one."""
    if task is None or (command.tenant is not None and command.tenant != task.tenant):
        return Rejection(Kind.NOT_FOUND, command.key)
    return _DECIDERS[type(command)](task, command, moment)


def claimed(task: Task, command: c.Claim, token: int, now: int) -> TaskClaimed:
    """The hand-out of a ready task to the worker of a claim."""
    return TaskClaimed(
        task.key,
        task.attempt + 1,
        token,
        command.worker,
        command.holder,
        now + command.lease_ms,
        task.losses_max if command.losses_max is None else command.losses_max,
        command.fenced or task.fenced,
    )


def is_claimable(task: Task, worker: str, now: int, made_before: int = NEVER_MS) -> bool:
    """Whether this worker may be handed this task, of those made before an instant."""
    if task.state != READY or (task.assignee and task.assignee != worker):
        return False
    if task.created_at >= made_before or _is_late(task, now) is not None:
        return False
    return not (task.denied and task.denied == worker and task.denied_until > now)


def may_act(task: Task, command: Holding) -> Rejection | None:
    """None when the caller may act on the open attempt, else why not."""
    if task.token and command.attempt is not None and command.attempt != task.attempt:
        return _reject(Kind.STALE_LEASE, task)
    if command.token is not None:
        # Without a lease a task's token is 0, which a caller can spell too.
        fits = task.token and command.token == task.token
        return None if fits else _reject(Kind.STALE_LEASE, task)
    if task.fenced and task.token:
        return _reject(Kind.TOKEN_MISSING, task)
    if command.supervisor:
        return None
    if task.token == 0:
        return _may_act_unclaimed(task, command)
    if _is_holder(task, command):
        return None
    return _reject(Kind.NOT_HOLDER if task.state == LEASED else Kind.NOT_CLAIMED, task)


def _is_holder(task: Task, command: Holding) -> bool:
    if command.rule is c.HolderRule.ANYONE:
        return True
    if command.worker and task.worker and command.worker != task.worker:
        return False
    if command.rule is c.HolderRule.WORKER:
        return True
    return not (command.by and task.holder and command.by != task.holder)


def _may_act_unclaimed(task: Task, command: Holding) -> Rejection | None:
    if isinstance(command, Finishing) and command.unclaimed:
        return None
    if not task.assignee:
        return _reject(Kind.NOT_CLAIMED, task)
    if command.worker and command.worker != task.assignee:
        return _reject(Kind.NOT_HOLDER, task)
    return None if command.attempt is None else _reject(Kind.STALE_LEASE, task)


def actor(task: Task, command: Holding) -> str:
    """Who acts: the worker the call names, else (rule WORKER) whoever the task belongs to, else the key."""
    if command.worker or command.rule is not c.HolderRule.WORKER:
        return command.worker or command.by
    return task.worker or task.assignee or command.by


def _may_finish(task: Task, command: Finishing) -> Rejection | None:
    if task.state == SUSPENDED or (task.state == WAITING and task.token == 0):
        return _reject(Kind.WRONG_STATE, task)
    refused = may_act(task, command)
    if refused is None and command.supervisor and task.token == 0 and not task.assignee:
        return None if command.unclaimed else _reject(Kind.NOT_CLAIMED, task)
    return refused


def _complete(task: Task, command: c.Complete, moment: Moment) -> Decision:
    if task.state >= COMPLETED:
        same = (
            command.repeat
            and task.state == COMPLETED
            and task.finished_by == actor(task, command)
            and same_json(moment.prior, command.result)
        )
        return [] if same else _reject(Kind.FINAL, task)
    refused = _may_finish(task, command)
    if refused is not None:
        return refused
    if len(command.result) > PAYLOAD_BYTES:
        return _too_large(task)
    result_key = moment.new_key() if command.result != b"null" else 0
    return [TaskCompleted(task.key, result_key, actor(task, command))]


def _fail(task: Task, command: c.Fail, moment: Moment) -> Decision:
    if task.state >= COMPLETED:
        same = (
            command.repeat
            and task.state == FAILED
            and task.finished_by == actor(task, command)
            and (task.error_code, task.error) == (command.code, command.message)
            and same_json(moment.prior, command.result or b"null")
        )
        return [] if same else _reject(Kind.FINAL, task)
    refused = _may_finish(task, command)
    if refused is not None:
        return refused
    if command.result is not None and len(command.result) > PAYLOAD_BYTES:
        return _too_large(task)
    if command.thrown and task.flow:
        return [TaskSuspended(task.key, task.retries, command.code, command.message, thrown=True)]
    left = task.retries - 1 if command.retries is None else command.retries
    forgiven = left >= 0 if command.retries is None else left > 0
    hopeless = command.final or command.thrown or (command.answered and bool(task.retry))
    if forgiven and not (hopeless or _is_hopeless(task, command.code)):
        pause = _pause_ms(task) if command.backoff_ms is None else command.backoff_ms
        return [TaskRetried(task.key, left, _then(moment.now, pause), command.code, command.message)]
    if command.suspend:
        return [TaskSuspended(task.key, max(left, 0), command.code, command.message)]
    result_key = moment.new_key() if command.result is not None else 0
    return [TaskFailed(task.key, command.code, command.message, actor(task, command), result_key)]


def _release(task: Task, command: c.Release, moment: Moment) -> Decision:
    if task.state >= COMPLETED:
        return _reject(Kind.FINAL, task)
    if task.state != LEASED:
        return _reject(Kind.NOT_CLAIMED, task)
    refused = may_act(task, command)
    if refused is not None:
        return refused
    denied_until = moment.now + command.deny_ms if command.deny_ms else 0
    denied = task.worker if denied_until else ""
    ready_at = _then(moment.now, command.pause_ms)
    return [TaskReleased(task.key, actor(task, command), denied, denied_until, task.worker, ready_at)]


def _extend(task: Task, command: c.Extend, moment: Moment) -> Decision:
    if task.state >= COMPLETED:
        return _reject(Kind.FINAL, task)
    if task.state != LEASED:
        return _reject(Kind.STALE_LEASE if task.token else Kind.NOT_CLAIMED, task)
    return may_act(task, command) or [TaskExtended(task.key, moment.now + command.lease_ms)]


def _report(task: Task, command: c.Report, _moment: Moment) -> Decision:
    if task.state >= COMPLETED:
        return _reject(Kind.FINAL, task)
    if task.token == 0:
        return _reject(Kind.NOT_CLAIMED, task)
    refused = may_act(task, command)
    if refused is not None:
        return refused
    return [TaskReported(task.key, task.attempt, command.mark, len(command.result))]


def _cancel(task: Task, command: c.Cancel, _moment: Moment) -> Decision:
    if task.state == CANCELLED:
        return []
    if task.state >= COMPLETED:
        return _reject(Kind.FINAL, task)
    if command.unheld and task.state == LEASED:
        return _reject(Kind.WRONG_STATE, task)
    return [TaskCancelled(task.key, command.reason, command.by)]


def _assign(task: Task, command: c.Assign, _moment: Moment) -> Decision:
    if task.state >= COMPLETED:
        return _reject(Kind.FINAL, task)
    holder = task.worker if task.state == LEASED else task.assignee
    if command.held_by is not None and holder != command.held_by:
        return _reject(Kind.NOT_HOLDER, task)
    if command.worker == "":
        return _unassign(task, command)
    if holder == command.worker:
        return []
    if holder:
        return _reject(Kind.ALREADY_ASSIGNED, task)
    if task.state not in (READY, WAITING):
        return _reject(Kind.WRONG_STATE, task)
    return [TaskAssigned(task.key, command.worker, task.assignee, command.by)]


def _unassign(task: Task, command: c.Assign) -> Decision:
    if task.state == LEASED:
        return [TaskReleased(task.key, command.by, previous=task.worker)]
    if not task.assignee:
        return _reject(Kind.NOT_CLAIMED, task)
    return [TaskAssigned(task.key, "", task.assignee, command.by)]


def _update(task: Task, command: c.Update, moment: Moment) -> Decision:
    if task.state >= COMPLETED:
        return _reject(Kind.FINAL, task)
    if command.token is not None and command.token != task.token:
        return _reject(Kind.STALE_LEASE, task)
    if command.lease_ms is not None and task.state != LEASED:
        return _reject(Kind.WRONG_STATE, task)
    laid = command.attributes
    if laid is not None and len(overlay(moment.attributes, laid)) > ATTRIBUTES_BYTES:
        detail = f"the attributes are larger than {ATTRIBUTES_BYTES} bytes"
        return Rejection(Kind.INVALID, task.key, detail, task, TOO_LARGE)
    lease_until = None if command.lease_ms is None else moment.now + command.lease_ms
    return [TaskUpdated(task.key, command.priority, command.retries, lease_until, laid, command.by)]


def _suspend(task: Task, command: c.Suspend, _moment: Moment) -> Decision:
    if task.state >= COMPLETED:
        return _reject(Kind.FINAL, task)
    if task.state == SUSPENDED:
        return []
    return [TaskSuspended(task.key, task.retries, task.error_code, command.reason)]


def _resume(task: Task, command: c.Resume, _moment: Moment) -> Decision:
    if task.state >= COMPLETED:
        return _reject(Kind.FINAL, task)
    if task.state != SUSPENDED:
        return _reject(Kind.WRONG_STATE, task)
    return [TaskResumed(task.key, task.retries if command.retries is None else command.retries)]


def _reopen(task: Task, command: c.Reopen, _moment: Moment) -> Decision:
    if task.state < COMPLETED:
        return _reject(Kind.WRONG_STATE, task)
    if task.flow:
        return _reject(Kind.CONSUMED, task)
    return [TaskReopened(task.key, command.by)]


def _discard(task: Task, command: c.Discard, _moment: Moment) -> Decision:
    if not task.is_dead:
        return _reject(Kind.WRONG_STATE, task)
    return [TaskDiscarded(task.key, command.by)]


def _replay(task: Task, command: c.Replay, _moment: Moment) -> Decision:
    if not task.is_dead:
        return _reject(Kind.WRONG_STATE, task)
    if not task.flow:
        return [TaskReopened(task.key, command.by)]
    if command.anew is None:
        return _reject(Kind.CONSUMED, task)
    return [TaskDiscarded(task.key, command.by, command.anew.key)]


def _wake(task: Task, _command: c.Wake, moment: Moment) -> Decision:
    now = moment.now
    if task.state >= COMPLETED:
        return []
    late = _is_late(task, now)
    if late is not None:
        return [TaskFailed(task.key, late, _LATE[late], "")]
    if task.state == LEASED and 0 < task.run_ms <= now - task.started_at:
        return [_ran_too_long(task, now)]
    if task.state == LEASED and task.lease_until <= now:
        return [_lease_ran_out(task, now)]
    if task.state == WAITING and task.ready_at <= now:
        return [TaskReadied(task.key)]
    return []


def _lease_ran_out(task: Task, now: int) -> AnyTaskEvent:
    is_spent = bool(task.retry) and (task.retries <= 0 or _is_hopeless(task, LEASE_LOST))
    if is_spent or 0 <= task.losses_max <= task.losses:
        return TaskFailed(task.key, LEASE_LOST, "max reclaims", "")
    return LeaseLost(task.key, _then(now, _pause_ms(task) or task.loss_backoff_ms), task.worker)


def _ran_too_long(task: Task, now: int) -> AnyTaskEvent:
    """The attempt is over, whatever the worker says; a retry is like that of a failed one."""
    message = f"the attempt took longer than {task.run_ms} ms"
    if task.retries <= 0 or _is_hopeless(task, RAN_TOO_LONG):
        return TaskFailed(task.key, RAN_TOO_LONG, message, "")
    return TaskRetried(task.key, task.retries - 1, _then(now, _pause_ms(task)), RAN_TOO_LONG, message)


_LATE: Final = {EXPIRED: "the deadline passed", NOT_STARTED: "nobody began with it in time"}


def _is_late(task: Task, now: int) -> str | None:
    """Which deadline of the task as a whole has passed, None for none."""
    if 0 < task.expires_at <= now:
        return EXPIRED
    return NOT_STARTED if task.attempt == 0 and 0 < task.start_by <= now else None


def _is_hopeless(task: Task, code: str) -> bool:
    """Whether the task's policy knows that after this error no attempt does better."""
    return bool(task.retry) and code in retry.read(task.retry).final_codes


def _pause_ms(task: Task) -> int:
    """The pause that the task's policy wants after the failure at hand."""
    if not task.retry:
        return 0
    policy = retry.read(task.retry)
    number = policy.retries - task.retries + 1
    return retry.backoff_ms(number, first_ms=policy.first_ms, max_ms=policy.max_ms, seed=task.key)


def _then(now: int, pause_ms: int) -> int:
    """When it is ready again; 0 for now."""
    return now + pause_ms if pause_ms > 0 else 0


def _unblock(task: Task, _command: c.Unblock, _moment: Moment) -> Decision:
    return [TaskReadied(task.key)] if task.state == WAITING else []


def _reject(kind: Kind, task: Task) -> Rejection:
    return Rejection(kind, task.key, "", task)


def _too_large(task: Task) -> Rejection:
    detail = f"the result is larger than {PAYLOAD_BYTES} bytes"
    return Rejection(Kind.INVALID, task.key, detail, task, TOO_LARGE)


def overlay(stored: bytes, laid: bytes) -> bytes:
    """The JSON object `stored` with the members of `laid` over it, objects merged one level deep."""
    under = msgspec.json.decode(stored, type=dict[str, Any])
    for name, value in msgspec.json.decode(laid, type=dict[str, Any]).items():
        below = under.get(name)
        if isinstance(below, dict) and isinstance(value, dict):
            under[name] = {**below, **value}
        else:
            under[name] = value
    return msgspec.json.encode(under)


def same_json(stored: bytes | None, sent: bytes) -> bool:
    """Whether two results say the same: byte for byte, else as values."""
    if stored is None:
        stored = b"null"
    if stored == sent:
        return True
    try:
        return bool(msgspec.json.decode(stored) == msgspec.json.decode(sent))
    except (msgspec.DecodeError, RecursionError):
        return False


_DECIDERS: Final[dict[type[c.TaskCommand], Callable[[Task, Any, Moment], Decision]]] = {
    c.Complete: _complete,
    c.Fail: _fail,
    c.Release: _release,
    c.Extend: _extend,
    c.Report: _report,
    c.Cancel: _cancel,
    c.Assign: _assign,
    c.Update: _update,
    c.Suspend: _suspend,
    c.Resume: _resume,
    c.Reopen: _reopen,
    c.Discard: _discard,
    c.Replay: _replay,
    c.Wake: _wake,
    c.Unblock: _unblock,
}
