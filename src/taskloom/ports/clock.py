"""Time and chance, injected so that tests own them."""

import secrets
import time
from typing import Protocol


class Clock(Protocol):
    """Instants are Unix milliseconds; `monotonic_ms` never steps back."""

    def now_ms(self) -> int:
        """The wall clock."""

    def monotonic_ms(self) -> int:
        """A clock for durations."""


class SystemClock:
    """The machine's clocks."""

    def now_ms(self) -> int:
        """The wall clock."""
        return time.time_ns() // 1_000_000

    def monotonic_ms(self) -> int:
        """A clock for durations."""
        return time.monotonic_ns() // 1_000_000


class Tokens(Protocol):
    """Lease tokens: 63-bit numbers nobody can guess, never 0."""

    def token(self) -> int:
        """A new one."""


class SystemTokens:
    """From the system's source of randomness, fetched in blocks because a call costs more than a token."""

    def __init__(self) -> None:
        self._block: list[int] = []

    def token(self) -> int:
        """A new one."""
        if not self._block:
            raw = secrets.token_bytes(8 * 256)
            self._block = [(int.from_bytes(raw[i : i + 8], "big") >> 1) or 1 for i in range(0, len(raw), 8)]
        return self._block.pop()
