"""Reading all records of a kind, a page at a time."""

from typing import Final

from taskloom.core.limits import PAGE_SIZE_MAX
from taskloom.core.records import Record
from taskloom.engine.engine import Engine

_PAGE: Final = 1_000


async def every(engine: Engine, kind: str, tenant: str) -> list[Record]:
    """The records of a kind in a tenant by name, as many as a list may have."""
    records: list[Record] = []
    after = ""
    while len(records) < PAGE_SIZE_MAX:
        page = await engine.store.records(kind, tenant, after, _PAGE)
        records += page
        if len(page) < _PAGE:
            break
        after = page[-1].name
    return records
