"""Refusals on the wire: one table from reasons to statuses, one body for both families of clients."""

import re
from typing import Final, TypeVar

import msgspec

from taskloom.core.rejections import Kind, Rejection
from taskloom.dialects.operation import Refusal, Response
from taskloom.dialects.queue.wire import ErrorBody, Fault
from taskloom.ports.clock import SystemClock

Wanted = TypeVar("Wanted")

NO_CACHE: Final = {"cache-control": "no-cache"}

NO_TASK: Final = Refusal(404, "not_found", "no such task")
TIMEOUT: Final = Refusal(408, "timeout", "the task was not completed in time")
CANCELLED: Final = Refusal(499, "cancelled", "the task was cancelled")
STOPPING: Final = Refusal(503, "overloaded", "the server is about to stop", retry_after_s=1)
TOO_MANY: Final = Refusal(429, "too_many_waiters", "too many callers wait for an answer", retry_after_s=1)

_REFUSALS: Final[dict[Kind, Refusal]] = {
    Kind.NOT_FOUND: NO_TASK,
    Kind.FINAL: Refusal(409, "already_finished", "the task has ended, and this changes nothing"),
    Kind.WRONG_STATE: Refusal(409, "wrong_state", "the task cannot do this now"),
    Kind.NOT_CLAIMED: Refusal(409, "not_taken", "nobody has taken the task"),
    Kind.STALE_LEASE: Refusal(409, "stale_lease", "the lease is over, or another worker took the task"),
    Kind.TOKEN_MISSING: Refusal(409, "lease_required", "the lease_id is needed for this task"),
    Kind.NOT_HOLDER: Refusal(409, "not_holder", "another worker has taken the task"),
    Kind.ALREADY_ASSIGNED: Refusal(409, "reserved", "the task is reserved for another worker"),
    Kind.CONSUMED: Refusal(409, "consumed", "others have gone on with the outcome"),
    Kind.INVALID: Refusal(400, "invalid", "the request cannot be carried out"),
    Kind.ALREADY_EXISTS: Refusal(409, "conflict", "it is there already"),
    Kind.VERSION_CONFLICT: Refusal(409, "conflict", "somebody else changed it at the same time"),
    Kind.KEY_REUSED: Refusal(422, "idempotency_key_reused", "the key came with other parameters before"),
    Kind.QUEUE_FULL: Refusal(429, "queue_full", "queue full", retry_after_s=1),
    Kind.OVERLOADED: Refusal(503, "overloaded", "the server cannot store more now", retry_after_s=1),
    Kind.FAULT: Refusal(500, "internal", "an unexpected fault"),
}

_TYPES: Final = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    408: "timeout_error",
    409: "conflict_error",
    429: "rate_limit_error",
    499: "cancelled_error",
}
_FINAL_STATUSES: Final = frozenset({408, 409, 499})
"""What a client must not try again by itself: it would get the same answer, or do the work twice."""

_PARAMETER: Final = re.compile(r"`\$\.([A-Za-z0-9_]+)")
_clock: Final = SystemClock()


def refused(rejection: Rejection) -> Refusal:
    """The refusal of a command; a flow's own code and sentence win over the table's."""
    plain = _REFUSALS[rejection.kind]
    if not rejection.code:
        return plain
    return Refusal(plain.status, rejection.code, rejection.detail or plain.message)


def invalid(message: str, parameter: str = "", code: str = "invalid") -> Refusal:
    """A bad input, and which one."""
    return Refusal(400, code, message, {"param": parameter} if parameter else {})


def decoded(body: bytes, kind: type[Wanted]) -> Wanted | Refusal:
    """The body as a value of the wire, or what is wrong with it."""
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        found = _PARAMETER.search(str(error))
        return invalid(str(error), found.group(1) if found else "")
    except msgspec.DecodeError:
        return invalid("the body is not a JSON object", code="bad_json")


def fault(refusal: Refusal) -> Fault:
    """A refusal as `openai` clients read it."""
    kind = _TYPES.get(refusal.status)
    if kind is None:
        kind = "server_error" if refusal.status >= 500 else "invalid_request_error"
    parameter = refusal.details.get("param")
    return Fault(refusal.message, kind, parameter if isinstance(parameter, str) else None, refusal.code)


def rendered(refusal: Refusal, task_id: str = "") -> Response:
    """The answer to a refused request."""
    body = ErrorBody(refusal.status, refusal.message, _clock.now_ms(), fault(refusal))
    headers = dict(NO_CACHE)
    if refusal.status in _FINAL_STATUSES:
        headers["x-should-retry"] = "false"
    if refusal.retry_after_s:
        headers["retry-after"] = str(refusal.retry_after_s)
    if task_id:
        headers["x-bella-task-id"] = task_id
    return Response(refusal.status, msgspec.json.encode(body), headers=headers)


def render(refusal: Refusal, _path: str) -> Response:
    """The dialect's shape of a refusal, wherever it came from."""
    return rendered(refusal)
