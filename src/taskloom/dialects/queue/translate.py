"""Between wire and core: statuses, tasks as they are shown, and the envelope of a worker's answer."""

import re
from typing import Any, Final

import msgspec
from msgspec import UNSET, Raw, Struct

from taskloom.core import failures
from taskloom.core.decide import EXPIRED, TIMED_OUT_CODES
from taskloom.core.limits import WORKER_NAME_LENGTH
from taskloom.core.payload import opaque_error
from taskloom.core.queue_policy import QueuePolicy
from taskloom.core.retry import RetryPolicy
from taskloom.core.task import (
    CANCELLED,
    COMPLETED,
    FAILED,
    LEASED,
    READY,
    SUSPENDED,
    WAITING,
    Task,
    TaskState,
)
from taskloom.core.usage import Usage
from taskloom.dialects.operation import Refusal
from taskloom.dialects.queue import errors, usage
from taskloom.dialects.queue.spelling import read, spell
from taskloom.dialects.queue.wire import Attributes, Policy, Retry, TaskError, TaskView, encode
from taskloom.dialects.queue.wire_queues import Attempt, DeadLetter

NAME: Final = "queue"
"""The dialect, as tasks name the one they were born in."""
TIMED_OUT: Final = "timeout"
"""The reason of a cancellation because nobody waited any longer."""

MODES: Final = {"callback": "C", "blocking": "B", "streaming": "S"}
MODE_NAMES: Final = {"C": "callback", "B": "blocking", "S": "streaming", "P": "batch"}

_STATUS: Final[dict[TaskState, str]] = {
    WAITING: "waiting",
    READY: "waiting",
    SUSPENDED: "waiting",
    LEASED: "queued",
    COMPLETED: "succeeded",
    FAILED: "failed",
    CANCELLED: "cancelled",
}
_DISTINCT: Final = TIMED_OUT_CODES - {EXPIRED}
"""Told by their own names; a task whose time as a whole is over is just late."""
_ENVELOPE: Final = frozenset({"status_code", "request_id", "body"})
_BODILESS: Final = frozenset({204, 205, 304})
_FOREIGN_LEVEL: Final = 1
_PLAIN: Final = re.compile(r"[^\x00-\x1f\x7f]*\Z")
_OK: Final = 200
_FAILED: Final = 500

_members: Final = msgspec.json.Decoder(dict[str, Raw])


class Completion(Struct, frozen=True):
    """What a worker sent: the result as it is kept, and what its envelope says."""

    result: bytes
    status: int
    token: int | None
    worker: str
    usage: Usage


class Answer(Struct, frozen=True):
    """What a waiting caller is answered."""

    status: int
    body: bytes


def status(task: Task) -> str:
    """The wire's word for where a task is."""
    if task.state == FAILED and task.error_code in TIMED_OUT_CODES:
        return "timeout"
    return _STATUS[task.state]


def attributes(stored: bytes, dialect: str) -> Attributes:
    """What a task of this dialect keeps about itself; a task born elsewhere has nothing of it."""
    return msgspec.json.decode(stored, type=Attributes) if dialect == NAME else Attributes()


def task_id(task: Task, own: Attributes) -> str:
    """A task's id; one born elsewhere is shown at level 1 in callback mode."""
    level = task.level if task.dialect == NAME else _FOREIGN_LEVEL
    return spell(task.key, own.queue_id, level, own.mode)


def view(task: Task, own: Attributes, data: bytes, result: bytes | None) -> TaskView:
    """A task as it is shown."""
    finished = task.finished_at
    return TaskView(
        task_id=task_id(task, own),
        custom_id=own.custom_id or UNSET,
        batch_id=own.batch_id,
        trace_id=own.trace_id,
        tenant=task.tenant,
        endpoint=own.endpoint,
        queue=task.queue,
        level=task.level,
        data=Raw(data),
        result=UNSET if result is None else Raw(result),
        status=status(task),
        start_time=task.created_at,
        running_time=finished - task.created_at if finished else 0,
        expire_time=task.expires_at,
        completed_time=finished,
        callback_url=own.callback_url,
        response_mode=MODE_NAMES[own.mode],
        error=TaskError(task.error_code, task.error) if task.state == FAILED else UNSET,
    )


def dead_letter(task: Task, name: str) -> DeadLetter:
    """A dead letter as it is shown."""
    attempts = [
        Attempt(one.attempt, one.worker, one.started_at, one.ended_at, TaskError(one.code, one.message))
        for one in failures.read(task.failures)
    ]
    return DeadLetter(name, task.finished_at, TaskError(task.error_code, task.error), attempts)


def handed_out(task: Task, own: Attributes, data: bytes) -> TaskView:
    """A task as its worker receives it, with the lease."""
    shown = view(task, own, data, None)
    return msgspec.structs.replace(shown, lease_id=str(task.token), attempt=task.attempt)


def retry_of(wanted: Retry | None) -> RetryPolicy | None:
    """The policy of retries that the wire describes."""
    if wanted is None:
        return None
    return RetryPolicy(
        wanted.max_retries, wanted.first_pause * 1000, wanted.longest_pause * 1000, wanted.final_codes
    )


def policy_of(wanted: Policy) -> QueuePolicy:
    """The policy of a queue that the wire describes."""
    return QueuePolicy(
        max(wanted.start_timeout or 0, 0) * 1000,
        max(wanted.run_timeout or 0, 0) * 1000,
        retry_of(wanted.retry),
    )


def token(lease_id: str | None) -> int | None:
    """The lease token that an id spells: None when none was sent, what never fits when it is no number."""
    if lease_id is None:
        return None
    if not (lease_id.isascii() and lease_id.isdigit() and len(lease_id) <= 19):
        return -1
    return int(lease_id)


def completion(body: bytes, key: int) -> Completion | Refusal:
    """The worker's answer; a body whose only member is the object `data` is taken for the envelope itself."""
    wrong = opaque_error(body)
    if wrong is not None:
        return errors.invalid(wrong, code="bad_json")
    try:
        members = _members.decode(body)
        if len(members) == 1 and "data" in members and bytes(members["data"]).lstrip()[:1] == b"{":
            body = bytes(members["data"])
            members = _members.decode(body)
        return _checked(body, members, key)
    except msgspec.DecodeError:
        return errors.invalid("the body must be a JSON object", code="bad_json")


def _checked(body: bytes, members: dict[str, Raw], key: int) -> Completion | Refusal:
    """What the envelope says, each member checked."""
    named = _value(members, "request_id")
    if named is not None and (not isinstance(named, str) or read(named) != key):
        return errors.invalid("request_id is not the id of this task", "request_id", "request_id_mismatch")
    lease_id = _value(members, "lease_id")
    if lease_id is not None and not isinstance(lease_id, str):
        return errors.invalid("lease_id must be a string", "lease_id")
    code = _status_code(members)
    if code is None:
        return errors.invalid("status_code must be a number from 200 to 599", "status_code")
    worker = _worker(members)
    if worker is None:
        return errors.invalid("worker.id is no name of a worker", "worker")
    return Completion(body, code, token(lease_id), worker, usage.of_result(body))


def answer(result: bytes | None, without: int = _OK) -> Answer:
    """Status and body of a result; `without` is the status of one that names none.

    A result that is no envelope, because another protocol's worker sent it, is the body itself.
    """
    members = _envelope(result)
    if members is None:
        return Answer(without, result if result is not None else b"{}")
    code = _status_code(members) if "status_code" in members else without
    if code in _BODILESS:
        return Answer(code, b"")
    return Answer(code or _FAILED, bytes(members.get("body", b"{}")))


def failure(task: Task, result: bytes | None) -> Refusal | None:
    """Why an ended task has no good result; None when it has one."""
    if task.state == COMPLETED:
        return None
    if task.state == CANCELLED:
        return errors.TIMEOUT if task.error == TIMED_OUT else errors.CANCELLED
    if task.error_code in TIMED_OUT_CODES:
        own = task.error_code in _DISTINCT
        return Refusal(408, task.error_code, task.error) if own else errors.TIMEOUT
    code = answer(result, _FAILED).status if result is not None else _FAILED
    return Refusal(code, task.error_code or "failed", _said(result) or task.error or "the task failed")


def called_back(task: Task, stored: bytes, result: bytes | None) -> tuple[bytes, dict[str, str]]:
    """The call that tells of a task's end: the worker's object with `request_id` made the task's id."""
    own = attributes(stored, task.dialect)
    name = task_id(task, own)
    headers = {"content-type": "application/json; charset=utf-8", "x-bella-task-id": name}
    refusal = failure(task, result)
    if refusal is not None and result is None:
        told = {"status_code": refusal.status, "request_id": name, "body": {"error": errors.fault(refusal)}}
        return encode(told), headers
    members = _envelope(result)
    if members is None:
        body = Raw(result if result is not None else b"{}")
        return encode({"status_code": _OK, "request_id": name, "body": body}), headers
    if _value(members, "request_id") == name:
        return result or b"", headers
    return encode({**members, "request_id": name}), headers


def _envelope(result: bytes | None) -> dict[str, Raw] | None:
    """The members of a worker's envelope, None when the result is none."""
    if result is None or result.lstrip()[:1] != b"{":
        return None
    members = _members.decode(result)
    return members if _ENVELOPE & members.keys() else None


def _value(members: dict[str, Raw], name: str) -> Any:
    """A member as a value; None when it is not there, or a number no machine holds."""
    try:
        return msgspec.json.decode(members[name]) if name in members else None
    except msgspec.DecodeError:
        return None


def _worker(members: dict[str, Raw]) -> str | None:
    """The worker a result names, "" when it names none, None when it cannot be a worker's name."""
    worker = _value(members, "worker")
    name = worker.get("id") if isinstance(worker, dict) else None
    if not isinstance(name, str):
        return ""
    return name if len(name) <= WORKER_NAME_LENGTH and _PLAIN.match(name) else None


def _status_code(members: dict[str, Raw]) -> int | None:
    """The status a worker named, 200 when it named none, None when it is no status."""
    if bytes(members.get("status_code", b"null")) == b"null":
        return _OK
    named = _value(members, "status_code")
    if isinstance(named, str) and named.isascii() and named.isdigit() and len(named) == 3:
        named = int(named)
    if isinstance(named, bool) or not isinstance(named, int):
        return None
    return named if _OK <= named < 600 else None


def _said(result: bytes | None) -> str:
    """The sentence in which a worker told what went wrong, "" when it told none."""
    members = _envelope(result)
    if members is None:
        return ""
    body = _value(members, "body")
    said = body.get("error") if isinstance(body, dict) else None
    said = said if said is not None else _value(members, "error")
    if isinstance(said, dict):
        said = said.get("message")
    return said if isinstance(said, str) else ""
