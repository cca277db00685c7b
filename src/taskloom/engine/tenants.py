"""What is set for a tenant, as it stands."""

from taskloom.core.access import EVERY_TENANT
from taskloom.core.tenants import TENANT, Switches, decoded
from taskloom.ports.store import Store


async def switches(store: Store, tenant: str) -> Switches:
    """The switches of a tenant; one that has no record has none."""
    record = await store.record(TENANT, EVERY_TENANT, tenant)
    return Switches() if record is None else decoded(record.body)
