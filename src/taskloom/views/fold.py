"""Row changes folded: what a batch does to one row of a view is written once."""

from collections.abc import Sequence

from msgspec import Struct

from taskloom.views.view import RowChange, Value


class RowFold(Struct):
    """What all changes of one row come to: perhaps a removal, then perhaps values."""

    tenant: str = ""
    removed: bool = False
    values: dict[str, Value] | None = None


def folded(changes: Sequence[RowChange]) -> dict[str, dict[int, RowFold]]:
    """The changes by view and row."""
    views: dict[str, dict[int, RowFold]] = {}
    for change in changes:
        fold = views.setdefault(change.view, {}).setdefault(change.key, RowFold())
        if change.values is None:
            fold.removed, fold.values = True, None
        else:
            fold.tenant = change.tenant
            fold.values = {**(fold.values or {}), **change.values}
    return views
