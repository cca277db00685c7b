"""Refusals on the wire: JSON-RPC codes, symbols and sentences, and the HTTP status of the REST mirror.

Whoever reads a refusal reads `data.code`; the sentence is for people.
"""

from collections.abc import Callable
from typing import Any, Final

from msgspec import Struct

from taskloom.core.decide import TOO_LARGE
from taskloom.core.limits import PAYLOAD_BYTES
from taskloom.core.ratelimit import MINUTE_MS, Grant
from taskloom.core.rejections import Kind, Rejection
from taskloom.core.task import Task
from taskloom.dialects.agents import translate

PARSE_ERROR: Final = -32700
INVALID_REQUEST: Final = -32600
METHOD_NOT_FOUND: Final = -32601
INVALID_PARAMS: Final = -32602
INTERNAL_ERROR: Final = -32603
RATE_LIMITED: Final = -32000
CIRCUIT_OPEN: Final = -32001
FORBIDDEN: Final = -32002


class RpcError(Struct, frozen=True):
    """A refusal as JSON-RPC says it; `status` is for the REST mirror."""

    code: int
    message: str
    data: dict[str, Any] = {}
    status: int = 400


class _Row(Struct, frozen=True):
    """How a kind of rejection is told; `facts` adds what the task says."""

    code: int
    symbol: str
    sentence: str
    status: int
    facts: Callable[[Task], dict[str, Any]] = lambda _: {}


def _state(task: Task) -> dict[str, Any]:
    return {"status": translate.status(task)}


def _end(task: Task) -> dict[str, Any]:
    return {"status": translate.status(task), "completedAt": translate.instant_or_none(task.finished_at)}


def _claim(task: Task) -> dict[str, Any]:
    return {"assignedTo": translate.assigned_to(task), "claimEpoch": task.attempt}


def _holder(task: Task) -> dict[str, Any]:
    return {"currentAssignment": translate.assigned_to(task)}


_NOT_ASSIGNED: Final = _Row(INVALID_PARAMS, "TASK_NOT_ASSIGNED", "Task not assigned: {id}", 409, _state)
_TERMINAL: Final = _Row(INVALID_PARAMS, "TASK_TERMINAL", "Task already completed: {id}", 409, _end)
_LOST: Final = _Row(INVALID_PARAMS, "CLAIM_LOST", "Claim lost: {id}", 409, _claim)
_BUSY: Final = _Row(CIRCUIT_OPEN, "OVERLOADED", "The server is overloaded", 503)
_FAULT: Final = _Row(INTERNAL_ERROR, "INTERNAL_ERROR", "Internal error", 500)

_ROWS: Final[dict[Kind, _Row]] = {
    Kind.NOT_FOUND: _Row(INVALID_PARAMS, "TASK_NOT_FOUND", "Task not found: {id}", 404),
    Kind.FINAL: _TERMINAL,
    Kind.CONSUMED: _TERMINAL,
    Kind.WRONG_STATE: _NOT_ASSIGNED,
    Kind.NOT_CLAIMED: _NOT_ASSIGNED,
    Kind.STALE_LEASE: _LOST,
    Kind.TOKEN_MISSING: _LOST,
    Kind.NOT_HOLDER: _Row(FORBIDDEN, "NOT_ASSIGNEE", "Not the assignee of task: {id}", 403, _claim),
    Kind.ALREADY_ASSIGNED: _Row(
        INVALID_PARAMS, "TASK_ALREADY_ASSIGNED", "Task already assigned: {id}", 409, _holder
    ),
    Kind.INVALID: _Row(INVALID_PARAMS, "INVALID_PARAMS", "Invalid parameters", 400),
    Kind.KEY_REUSED: _Row(
        INVALID_PARAMS,
        "IDEMPOTENCY_KEY_REUSED",
        "The idempotency key was used with other parameters",
        409,
    ),
    Kind.QUEUE_FULL: _BUSY,
    Kind.OVERLOADED: _BUSY,
    Kind.FAULT: _FAULT,
    Kind.ALREADY_EXISTS: _FAULT,
    Kind.VERSION_CONFLICT: _FAULT,
}


def of_rejection(rejection: Rejection, task_id: str, worker: str = "") -> RpcError:
    """The refusal of the core, in the words of this dialect."""
    if rejection.code == TOO_LARGE:
        return too_large(task_id)
    row = _ROWS[rejection.kind]
    data: dict[str, Any] = {"taskId": task_id} if task_id else {}
    if rejection.task is not None:
        data |= row.facts(rejection.task)
    if row.code == FORBIDDEN:
        data["workerId"] = worker or None
    if row.code == CIRCUIT_OPEN:
        data["retryAfterMs"] = 1000
    if rejection.kind is Kind.INVALID:
        data["issues"] = [{"message": rejection.detail}]
    return RpcError(row.code, row.sentence.format(id=task_id), data | {"code": row.symbol}, row.status)


def not_found(task_id: str) -> RpcError:
    """No such task, or a foreign one: nobody can tell which."""
    return of_rejection(Rejection(Kind.NOT_FOUND), task_id)


def too_large(task_id: str, actual_bytes: int | None = None) -> RpcError:
    """The result, or the texts and metadata of a task, exceed their limit."""
    data: dict[str, Any] = {"code": "RESULT_TOO_LARGE", "taskId": task_id, "limitBytes": PAYLOAD_BYTES}
    if actual_bytes is not None:
        data["actualBytes"] = actual_bytes
    return RpcError(INVALID_PARAMS, "The result is too large", data, 413)


def invalid_params(*issues: str) -> RpcError:
    """The params do not fit the method."""
    data = {"code": "INVALID_PARAMS", "issues": [{"message": issue} for issue in issues]}
    return RpcError(INVALID_PARAMS, "Invalid parameters", data)


def invalid_request(issue: str, **data: Any) -> RpcError:
    """It is JSON, but no request."""
    data |= {"code": "INVALID_REQUEST", "issues": [{"message": issue}]}
    return RpcError(INVALID_REQUEST, "Invalid request", data)


def parse_error(detail: str) -> RpcError:
    """It is not even JSON."""
    data = {"code": "PARSE_ERROR", "issues": [{"message": detail}]}
    return RpcError(PARSE_ERROR, "Parse error", data)


def method_not_found(name: str) -> RpcError:
    """There is no such method; names that begin with `rpc.` never are one."""
    data = {"code": "METHOD_NOT_FOUND", "method": name}
    return RpcError(METHOD_NOT_FOUND, f"Method not found: {name}", data, 404)


def internal() -> RpcError:
    """A fault of ours; the log says more than the wire."""
    return RpcError(INTERNAL_ERROR, "Internal error", {"code": "INTERNAL_ERROR"}, 500)


def rate_limited(grant: Grant) -> RpcError:
    """Too many calls of this method in the last minute."""
    data = {
        "code": "RATE_LIMITED",
        "limit": grant.limit,
        "windowMs": MINUTE_MS,
        "retryAfterMs": grant.retry_after_ms,
    }
    return RpcError(RATE_LIMITED, "Rate limit exceeded", data, 429)


def overloaded() -> RpcError:
    """Nothing can be stored, or nobody more can wait, right now."""
    return of_rejection(Rejection(Kind.OVERLOADED), "")


def forbidden(message: str, **data: Any) -> RpcError:
    """The key may not do this."""
    return RpcError(FORBIDDEN, message, data | {"code": "FORBIDDEN"}, 403)


def not_registered(worker: str) -> RpcError:
    """The worker must register first, or again."""
    data = {"code": "WORKER_NOT_REGISTERED", "workerId": worker, "status": "OFFLINE"}
    return RpcError(INVALID_PARAMS, f"Worker not registered: {worker}", data, 409)


def in_the_original_way(error: RpcError) -> RpcError:
    """`compat.agents = claudebench`: refusals of the domain and of the rate limit are internal errors."""
    if error.code in {PARSE_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND}:
        return error
    if error.data.get("code") == "INVALID_PARAMS":
        return error
    return RpcError(INTERNAL_ERROR, "Internal error", {}, error.status)
