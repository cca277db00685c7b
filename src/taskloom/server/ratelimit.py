"""Rate limits of callers: which rate applies, and what the standard headers say about it."""

from collections.abc import Mapping

from msgspec import Struct

from taskloom.core.access import Principal
from taskloom.core.ratelimit import MINUTE_MS, Grant, RateLimiter
from taskloom.dialects.operation import Refusal
from taskloom.ports.clock import Clock


class Verdict(Struct, frozen=True):
    """What came of asking: a refusal or none, and headers for the answer, whichever it is."""

    refusal: Refusal | None
    headers: Mapping[str, str]


class Throttle:
    """One bucket per principal and operation, in memory."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._limiter = RateLimiter()

    def take(self, principal: Principal, operation: str, rate: int) -> Verdict | None:
        """Count a call against the operation's rate, or the key's where it has one; None when unlimited."""
        if principal.rate is not None:
            rate = principal.rate
        if rate <= 0:
            return None
        slot = (principal.tenant, principal.name, operation)
        grant = self._limiter.take(slot, rate, self._clock.monotonic_ms())
        return Verdict(None if grant.allowed else _refusal(operation, grant), headers(grant))


def headers(grant: Grant) -> Mapping[str, str]:
    """`RateLimit-Policy` and `RateLimit` as the IETF draft (version 10) spells them."""
    seconds = MINUTE_MS // 1000
    return {
        "ratelimit-policy": f'"minute";q={grant.limit};w={seconds}',
        "ratelimit": f'"minute";r={grant.remaining};t={_seconds(grant.full_after_ms)}',
    }


def _refusal(operation: str, grant: Grant) -> Refusal:
    return Refusal(
        429,
        "rate_limited",
        f"more than {grant.limit} calls a minute of {operation}",
        details={"limit": grant.limit, "retry_after_ms": grant.retry_after_ms},
        retry_after_s=_seconds(grant.retry_after_ms),
    )


def _seconds(milliseconds: int) -> int:
    return max(1, -(-milliseconds // 1000)) if milliseconds else 0
