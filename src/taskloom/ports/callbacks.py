"""The callback port: telling a receiver outside that a task has ended."""

from typing import Protocol

from msgspec import Struct


class Call(Struct, frozen=True, gc=False):
    """One delivery: `key` is the same over all its attempts, `attempt` counts from 1."""

    key: int
    tenant: str
    url: str
    attempt: int
    headers: dict[str, str]
    body: bytes
    secrets: tuple[bytes, ...] = ()
    """What signs it, the newest first; none: the tenant's own."""


class Delivery(Struct, frozen=True, gc=False):
    """What came of an attempt. Only a 2xx answer delivers; `gone` (410) asks never to be called again."""

    delivered: bool
    gone: bool = False
    retry_after_ms: int = 0
    reason: str = ""
    status: int = 0
    """What the receiver answered, 0 for nothing."""


class Deliverer(Protocol):
    """Sends calls; refuses addresses that are not public unless it is told to trust them."""

    async def deliver(self, call: Call) -> Delivery:
        """One attempt; never raises, never takes longer than the call's time limit."""

    async def close(self) -> None:
        """Let go of connections."""
