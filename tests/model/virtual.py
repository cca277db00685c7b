"""A loop whose time passes only when nobody can run: a day of waiting takes a millisecond, and replays."""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")

START_MS = 1_790_000_000_000


class _Selector(selectors.SelectSelector):
    """Never blocks: instead of waiting for a timer it moves the loop's time to it."""

    loop: "VirtualLoop"

    def select(self, timeout: float | None = None) -> Any:
        events = super().select(0)
        if events or timeout == 0:
            return events
        if timeout is None:
            raise RuntimeError("everybody waits for something that will not come")
        self.loop.passed_s += timeout
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop in virtual time."""

    def __init__(self) -> None:
        self.passed_s = 0.0
        selector = _Selector()
        selector.loop = self
        super().__init__(selector)
        self._clock_resolution = 1e-6  # else a rounding error would be waited for for ever

    def time(self) -> float:
        return self.passed_s


class VirtualClock:
    """The engine's clock on a virtual loop; the wall clock may jump, the monotonic one may not."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop
        self.jump_ms = 0

    def now_ms(self) -> int:
        return START_MS + self.jump_ms + int(self._loop.passed_s * 1000)

    def monotonic_ms(self) -> int:
        return int(self._loop.passed_s * 1000)


def run(main: Coroutine[Any, Any, Result], loop: VirtualLoop) -> Result:
    """Run to the end on this loop, then close it."""
    try:
        return loop.run_until_complete(main)
    finally:
        loop.close()
