"""A task in the hands of a function: what it is, and what the function may do meanwhile."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import msgspec

from taskloom_client.wire import Claimed


class Task:
    """What a function that asks for it (`def work(task: Task)`) is given."""

    def __init__(self, claimed: Claimed, report: Callable[["Task", Any], None]) -> None:
        self._claimed = claimed
        self._report = report
        self._cancelled = threading.Event()
        self._number = -1
        self.runner: asyncio.Task[None] | None = None

    @property
    def key(self) -> str:
        """Its key, the same for every attempt."""
        return self._claimed.key

    @property
    def queue(self) -> str:
        """The queue it came from."""
        return self._claimed.queue

    @property
    def attempt(self) -> int:
        """Which attempt it is, from 1."""
        return self._claimed.attempt

    @property
    def lease_token(self) -> str:
        """What proves that the attempt is ours."""
        return self._claimed.lease_token

    @property
    def attributes(self) -> dict[str, Any]:
        """What its protocol keeps about it, such as `endpoint` or `metadata`."""
        known: dict[str, Any] = msgspec.json.decode(self._claimed.attributes)
        return known

    @property
    def is_asked(self) -> bool:
        """Whether a caller of the queue protocol asked for it, who reads a status and a body."""
        return b'"endpoint"' in bytes(self._claimed.attributes)

    @property
    def cancelled(self) -> bool:
        """Whether nobody wants the result any more, or another worker has the task; long functions ask."""
        return self._cancelled.is_set()

    def input(self, kind: Any = Any) -> Any:
        """What is to be worked on, as a value of `kind`."""
        return msgspec.json.decode(self._claimed.input, type=kind)

    def raw_input(self) -> bytes:
        """The same as JSON text."""
        return bytes(self._claimed.input)

    def progress(self, data: Any) -> None:
        """Tell something on the way, from any thread; who reads the task's stream along sees it."""
        self._report(self, data)

    def next_number(self) -> int:
        """The number of the next report."""
        self._number += 1
        return self._number

    def was_stopped(self) -> bool:
        """What `cancelled` says, for a caller that looks again after waiting."""
        return self._cancelled.is_set()

    def stop(self) -> None:
        """Tell the function that its work is in vain; one on the event loop is cancelled."""
        self._cancelled.set()
        if self.runner is not None:
            self.runner.cancel()
