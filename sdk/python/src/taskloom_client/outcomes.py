"""What a worker's function may say besides returning a value."""

from typing import Any

from msgspec import Struct


class Retry(Exception):  # noqa: N818  a request, not a fault
    """Try again, `after_s` from now; takes one of the task's retries."""

    def __init__(self, message: str = "", *, after_s: float = 0.0) -> None:
        super().__init__(message or "the worker asks to try again")
        self.after_s = after_s


class RateLimited(Exception):  # noqa: N818  a request, not a fault
    """Upstream wants less: the attempt is given back, and nothing of the queue is handed out for a while."""

    def __init__(self, retry_after_s: float, message: str = "") -> None:
        super().__init__(message or f"upstream asks to wait {retry_after_s} s")
        self.retry_after_s = retry_after_s


class Fatal(Exception):  # noqa: N818  a request, not a fault
    """Fail for good, whatever retries are left."""

    def __init__(self, message: str, *, code: str = "fatal") -> None:
        super().__init__(message)
        self.code = code


class Reply(Struct, frozen=True):
    """An answer with a status, for tasks that callers of the queue protocol wait for."""

    status_code: int
    body: Any = None
