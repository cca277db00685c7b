"""Tenants: what the record of one holds, and which ways of the original it wants kept."""

from typing import Final, Literal

from msgspec import Struct, json

TENANT: Final = "tenant"
"""Kind of the records of tenants: tenant `*`, name the tenant, body a `TenantBody`."""


class Switches(Struct, frozen=True, omit_defaults=True):
    """What is done otherwise for callers who come from the original."""

    partial_validation: bool = False
    """A bad line of a batch's file becomes a line of its error file; else the batch fails."""
    bella_batch_times: Literal["s", "ms"] = "s"
    """The unit of the instants of a batch."""


class TenantBody(Switches, frozen=True, omit_defaults=True):
    """What the record of a tenant holds."""

    created_at: int = 0


def decoded(body: bytes) -> TenantBody:
    """The body of a record."""
    return json.decode(body, type=TenantBody)
