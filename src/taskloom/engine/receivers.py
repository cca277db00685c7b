"""Who may be called now: a receiver in trouble delays itself and nobody else.

A receiver is a host and port as one tenant calls it, so tenants cannot hinder each other through a host they
share. It has a few calls under way at once. After a failure it has one, after a pause, until one succeeds;
and all receivers in trouble together have a part of all calls under way, as has every tenant.
"""

from urllib.parse import urlsplit

from msgspec import Struct

from taskloom.core.limits import (
    CALLBACK_RECEIVERS_REMEMBERED,
    CALLBACK_REST_ASKED_MS_MAX,
    CALLBACK_REST_MS_MAX,
    CALLBACK_REST_MS_MIN,
    CALLBACKS_AT_ONCE_IN_TROUBLE,
    CALLBACKS_AT_ONCE_PER_RECEIVER,
    CALLBACKS_AT_ONCE_PER_TENANT,
)
from taskloom.core.retry import backoff_ms


class _Receiver(Struct, gc=False):
    tenant: str
    sending: int = 0
    failures: int = 0
    """In a row, up to now."""
    rests_until: int = 0


def receiver_of(tenant: str, url: str) -> str:
    """The name of a receiver."""
    try:
        return f"{tenant} {urlsplit(url).netloc.lower()}"
    except ValueError:
        return f"{tenant} {url}"


class Receivers:
    """What this server knows of receivers; forgotten with it, for it only decides when a call is made."""

    def __init__(self) -> None:
        self._known: dict[str, _Receiver] = {}
        self._tenants: dict[str, int] = {}
        self._probes: set[str] = set()
        """Receivers in trouble that are being called."""

    def is_busy(self, name: str, tenant: str, now: int) -> bool:
        """Whether a receiver or its tenant has enough under way, or the receiver rests."""
        known = self._known.get(name)
        is_free = known is None or self._is_free(known, now)
        return not is_free or self._tenants.get(tenant, 0) >= CALLBACKS_AT_ONCE_PER_TENANT

    def admit(self, name: str, tenant: str) -> bool:
        """Whether a call may begin to one that is not busy; if so it counts until it is `released`."""
        known = self._known.setdefault(name, _Receiver(tenant))
        if known.failures:
            if len(self._probes) >= CALLBACKS_AT_ONCE_IN_TROUBLE:
                return False
            self._probes.add(name)
        known.sending += 1
        self._tenants[tenant] = self._tenants.get(tenant, 0) + 1
        return True

    def release(self, name: str, now: int, *, failed: bool | None, pause_ms: int = 0) -> None:
        """A call has ended, and how: None when it was not made after all."""
        known = self._known[name]
        known.sending -= 1
        self._probes.discard(name)
        left = self._tenants[known.tenant] - 1
        if left:
            self._tenants[known.tenant] = left
        else:
            del self._tenants[known.tenant]
        if failed:
            known.failures += 1
            rest = backoff_ms(
                known.failures,
                first_ms=CALLBACK_REST_MS_MIN,
                max_ms=CALLBACK_REST_MS_MAX,
                seed=known.failures,
            )
            known.rests_until = now + max(rest, min(pause_ms, CALLBACK_REST_ASKED_MS_MAX))
        elif failed is not None:
            known.failures = known.rests_until = 0
        if not (known.sending or known.failures):
            del self._known[name]
        elif len(self._known) > CALLBACK_RECEIVERS_REMEMBERED:
            self._forget()

    def is_in_trouble(self, name: str) -> bool:
        """Whether its last call failed."""
        known = self._known.get(name)
        return known is not None and known.failures > 0

    def busy(self, now: int) -> list[str]:
        """The receivers that cannot be called now."""
        return [name for name, known in self._known.items() if not self._is_free(known, now)]

    def busy_tenants(self) -> list[str]:
        """The tenants that have their part of the calls under way."""
        return [name for name, count in self._tenants.items() if count >= CALLBACKS_AT_ONCE_PER_TENANT]

    def _is_free(self, known: _Receiver, now: int) -> bool:
        limit = 1 if known.failures else CALLBACKS_AT_ONCE_PER_RECEIVER
        return known.sending < limit and known.rests_until <= now

    def _forget(self) -> None:
        """Let go of the receiver that failed first and has nothing under way."""
        for name, known in self._known.items():
            if not known.sending:
                del self._known[name]
                return
