"""What can go wrong, one class for each kind; all are `TaskloomError`."""

from typing import Final


class TaskloomError(Exception):
    """A call that did not do what was asked. `code` is the server's symbol, `status` its HTTP status."""

    def __init__(self, message: str, code: str = "", status: int = 0) -> None:
        super().__init__(message)
        self.code = code
        self.status = status


class InvalidError(TaskloomError):
    """The server cannot understand or does not allow what was asked (400, 413, 415, 422)."""


class UnauthorizedError(TaskloomError):
    """The key is missing, wrong, expired or revoked (401)."""


class ForbiddenError(TaskloomError):
    """The key lacks the scope (403)."""


class NotFoundError(TaskloomError):
    """There is no such thing, or not for this key (404)."""


class ConflictError(TaskloomError):
    """The task is not in a state for this, or somebody else was first (409)."""


class RateLimitedError(TaskloomError):
    """Too much at once, also after the pauses the server asked for (429)."""


class UnavailableError(TaskloomError):
    """The server is away or cannot store now, also after trying again (5xx, no connection)."""


class WaitTimeoutError(TaskloomError):
    """The task has not ended in the time one was willing to wait."""


class TaskFailedError(TaskloomError):
    """The task one waited for ended without a result: it failed or was cancelled; `state` says which."""

    def __init__(self, message: str, code: str, state: str) -> None:
        super().__init__(message, code)
        self.state = state


_KINDS: Final = {
    401: UnauthorizedError,
    403: ForbiddenError,
    404: NotFoundError,
    409: ConflictError,
    429: RateLimitedError,
}


def error_of(status: int, code: str, message: str) -> TaskloomError:
    """The error that an answer stands for."""
    if status >= 500:
        return UnavailableError(message, code, status)
    return _KINDS.get(status, InvalidError)(message, code, status)


ITEM_STATUS: Final = {
    "not_found": 404,
    "queue_full": 429,
    "overloaded": 503,
    "internal": 500,
    "invalid": 400,
    "idempotency_key_reused": 422,
}
"""Codes of single items in the status that a call of their own would have had; the rest is a conflict."""
