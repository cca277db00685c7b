"""Which blobs the rows of a view refer to."""

from collections.abc import Sequence

from taskloom.engine.engine import Engine
from taskloom.views.view import In, Query, View


async def referred(engine: Engine, view: View, column: str, blobs: Sequence[str]) -> set[str]:
    """Those of the blobs that some of the rows name in this column."""
    query = Query(view=view.name, tenants=None, filter=In(column, tuple(blobs)))
    return {values[0] for values, _ in await engine.store.aggregate(query, (column,))}
