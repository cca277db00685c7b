"""The bus port: wake-ups between servers. Hints only: losing any of them loses no task."""

from collections.abc import Callable
from typing import Protocol


class Bus(Protocol):
    """Tells every server of the same store that something changed."""

    async def open(self, wake: Callable[[str], None]) -> None:
        """Begin to listen; `wake(topic)` is called on the event loop for each hint from elsewhere.

        The topic "all" stands for every topic: hints may have been lost, or were too many to name.
        """

    async def close(self) -> None:
        """Stop listening."""

    def publish(self, topics: set[str]) -> None:
        """Hint at these topics; never blocks, may be lost."""
