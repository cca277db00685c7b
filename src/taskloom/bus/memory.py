"""The in-process bus: one server has nobody else to wake."""

from collections.abc import Callable

from taskloom.bus.said import Said
from taskloom.ports.bus import Streams
from taskloom.ports.clock import Clock, SystemClock


class MemoryBus:
    """Hints go nowhere; the engine has already rung its own waiters."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._said = Said(clock or SystemClock())

    async def open(self, wake: Callable[[str], None]) -> None:
        """Nothing to listen to."""

    async def close(self) -> None:
        """Nothing to let go of."""

    def publish(self, topics: set[str]) -> None:
        """Nobody else is there."""

    def say(self, stream: str, number: int, body: bytes) -> None:
        """Say it to those who read here."""
        self._said.add(stream, number, body)

    def heard(self, stream: str, after: int) -> list[tuple[int, bytes]]:
        """What was said from exactly the number after `after` on."""
        return self._said.after(stream, after)

    def streams(self) -> Streams | None:
        """There are none."""
        return None
