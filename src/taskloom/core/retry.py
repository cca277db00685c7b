"""When to try again: exponential back-off with a jitter that needs no dice, and the policy of a task.

A policy is one budget: a failed attempt, an attempt that took too long and a lost lease each take one off.
"""

import functools
from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec import Struct

_MIX: Final = 0x9E37_79B9_7F4A_7C15


class RetryPolicy(Struct, frozen=True, gc=False, array_like=True):
    """How often, after which pauses, and after which errors not at all."""

    retries: int
    """Attempts that may come to nothing before the task fails for good."""
    first_ms: int = 0
    max_ms: int = 0
    final_codes: tuple[str, ...] = ()
    """Errors after which no further attempt would do better."""


_read: Final = msgspec.json.Decoder(RetryPolicy).decode


def written(policy: RetryPolicy) -> str:
    """The policy as a task keeps it."""
    return msgspec.json.encode(policy).decode()


@functools.lru_cache(maxsize=256)
def read(text: str) -> RetryPolicy:
    """The policy that was written; there are few of them."""
    return _read(text)


def backoff_ms(attempt: int, *, first_ms: int, max_ms: int, seed: int) -> int:
    """The pause after failure number `attempt` (1..): doubling from `first_ms`, at most `max_ms`.

    Up to a quarter is taken off, chosen by `seed` (a key) and the attempt, so that what failed together
    does not come back together and a replay computes the same instant.
    """
    full = min(first_ms << min(max(attempt, 1) - 1, 40), max_ms)
    return full - (full // 4) * _chance(seed, attempt) // 0xFFFF


def planned_ms(attempt: int, pauses_ms: Sequence[int], seed: int) -> int | None:
    """The pause after failure number `attempt` (1..) by a plan, up to a tenth longer; None at its end."""
    if attempt > len(pauses_ms):
        return None
    full = pauses_ms[attempt - 1]
    return full + (full // 10) * _chance(seed, attempt) // 0xFFFF


def _chance(seed: int, attempt: int) -> int:
    """A number of 16 bits, the same for the same arguments."""
    return (((seed ^ attempt) * _MIX) & 0xFFFF_FFFF_FFFF_FFFF) >> 48
