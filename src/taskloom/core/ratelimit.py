"""Rate limits: a token bucket per slot, in whole numbers, with the instant passed in.

A bucket holds at most one minute's worth of calls, fills evenly, and a call takes one out. A refused call
takes nothing, so a caller that keeps knocking is let in as soon as one that waits.
"""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Final

from msgspec import Struct

from taskloom.core.limits import RATE_SLOTS

MINUTE_MS: Final = 60_000


class Grant(Struct, frozen=True, gc=False):
    """What a bucket said to one call; the numbers are what the standard headers carry."""

    allowed: bool
    limit: int
    """Calls a minute."""
    remaining: int
    """Calls that would be allowed now, after this one."""
    retry_after_ms: int
    """When the next call is allowed; 0 for at once."""
    full_after_ms: int
    """When the bucket is full again if nobody calls."""


class RateLimiter:
    """The buckets of one server by slot, such as (principal, operation); never more than `slots_max`.

    When there are too many, the one that was idle longest is forgotten: by then it is full, or nearly so.
    """

    __slots__ = ("_buckets", "_slots_max")

    def __init__(self, slots_max: int = RATE_SLOTS) -> None:
        self._buckets: OrderedDict[Hashable, tuple[int, int]] = OrderedDict()
        self._slots_max = slots_max

    def take(self, slot: Hashable, rate: int, now_ms: int) -> Grant:
        """Take one call out of the slot's bucket of `rate` calls a minute, if one is left.

        `now_ms` comes from a monotonic clock. A rate that changed takes effect at once.
        """
        if rate <= 0:
            raise ValueError(f"rate must be above 0, but is {rate}")
        full = rate * MINUTE_MS
        # A level counts calls times MINUTE_MS, so that each millisecond adds exactly `rate` to it.
        level, seen_ms = self._buckets.get(slot, (full, now_ms))
        level = min(full, level + rate * max(0, now_ms - seen_ms))
        allowed = level >= MINUTE_MS
        if allowed:
            level -= MINUTE_MS
        self._buckets[slot] = (level, max(now_ms, seen_ms))
        self._buckets.move_to_end(slot)
        if len(self._buckets) > self._slots_max:
            self._buckets.popitem(last=False)
        return Grant(
            allowed, rate, level // MINUTE_MS, _wait_ms(MINUTE_MS - level, rate), _wait_ms(full - level, rate)
        )

    def __len__(self) -> int:
        return len(self._buckets)


def _wait_ms(missing: int, rate: int) -> int:
    return 0 if missing <= 0 else -(-missing // rate)
