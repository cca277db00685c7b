"""The in-process bus: one server has nobody else to wake."""

from collections.abc import Callable

from taskloom.ports.bus import Streams


class MemoryBus:
    """Hints go nowhere; the engine has already rung its own waiters."""

    async def open(self, wake: Callable[[str], None]) -> None:
        """Nothing to listen to."""

    async def close(self) -> None:
        """Nothing to let go of."""

    def publish(self, topics: set[str]) -> None:
        """Nobody else is there."""

    def streams(self) -> Streams | None:
        """There are none."""
        return None
