"""The bus port: wake-ups and streams between servers. Losing any of it loses no task and no frame."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from msgspec import Struct


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

    def say(self, stream: str, number: int, body: bytes) -> None:
        """Say the next of a stream (text) to whoever reads along; never blocks, may be lost, soon forgotten.

        Whoever publishes hints at it does so afterwards, so that those who wake find it.
        """

    def heard(self, stream: str, after: int) -> list[tuple[int, bytes]]:
        """What was said, here or elsewhere: from exactly the number after `after` on, without a hole.

        Nothing, where that number was lost, is forgotten, or was not said yet.
        """

    def streams(self) -> "Streams | None":
        """The streams that others than servers may write to, if it has any."""


class Entry(Struct, frozen=True):
    """What somebody wrote to a stream: names and values, unchecked."""

    id: bytes
    fields: Mapping[bytes, bytes]


class StreamsError(Exception):
    """The streams cannot be reached now."""


class Streams(Protocol):
    """Streams beside the hints. Every method but `close` raises `StreamsError` while they are away.

    What was written may be lost with them, so whoever writes has another way, or is asked again.
    """

    async def admit(self, user: str, password: str, prefix: str) -> str:
        """Let a user write to streams whose names begin with this, and do nothing else; answers the URL."""

    async def dismiss(self, user: str) -> None:
        """Let a user do nothing any more."""

    async def sign(self, name: str, seconds: int) -> None:
        """Put up a sign that stands for so long."""

    async def signs(self, names: Sequence[str]) -> set[str]:
        """Those of the signs that stand."""

    async def names(self, prefix: str) -> list[str]:
        """The streams whose names begin with this."""

    async def read(self, names: Sequence[str], count: int, wait_ms: int) -> Mapping[str, Sequence[Entry]]:
        """The oldest entries of each stream; waits until there is one, or the time is over."""

    async def remove(self, name: str, entries: Sequence[bytes], keep_s: int) -> None:
        """Take entries away; a stream nobody touches goes after a while."""

    async def close(self) -> None:
        """Let go of the connections."""
