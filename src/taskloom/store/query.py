"""What every adapter asks of a query before it searches: known columns, fitting values, a total order."""

from collections.abc import Sequence

from taskloom.views.view import ATTRIBUTE_PREFIX, ColumnType, Sort, Value, View

_INTEGER_LIMIT = 1 << 63


class UnknownColumnError(ValueError):
    """A query names a column the view does not declare, or a value that does not fit it."""


def column_type(view: View, name: str) -> ColumnType:
    """What a column holds; raises for one that cannot be searched."""
    if name == "key":
        return ColumnType.INTEGER
    if name == "tenant":
        return ColumnType.TEXT
    declared = view.columns.get(name)
    if declared is not None and declared is not ColumnType.JSON:
        return declared
    if attribute_name(view, name) is not None:
        return ColumnType.TEXT
    raise UnknownColumnError(name)


def attribute_name(view: View, name: str) -> str | None:
    """The member of the attributes that a column name means, None when it means a column."""
    if not name.startswith(ATTRIBUTE_PREFIX) or "attributes" not in view.columns:
        return None
    member = name.removeprefix(ATTRIBUTE_PREFIX)
    if not (member.isidentifier() and member.isascii()):
        raise UnknownColumnError(name)
    return member


def fitting(view: View, column: str, value: Value) -> Value:
    """The value, if a column can hold it; raises when it cannot."""
    if column_type(view, column) is ColumnType.TEXT:
        fits = isinstance(value, str)
    else:
        fits = isinstance(value, int) and -_INTEGER_LIMIT <= value < _INTEGER_LIMIT
    if not fits:
        raise UnknownColumnError(f"{column} cannot hold {value!r}")
    return value


def absent(view: View, column: str) -> Value:
    """What a column holds when nobody said anything."""
    return 0 if column_type(view, column) is ColumnType.INTEGER else ""


def full_order(sort: Sequence[Sort]) -> tuple[Sort, ...]:
    """The sort with the key as its last criterion, so that every order is total."""
    if any(one.column == "key" for one in sort):
        return tuple(sort)
    return (*sort, Sort("key", descending=bool(sort) and sort[-1].descending))


def fitting_edge(view: View, order: Sequence[Sort], edge: tuple[Value, ...]) -> tuple[Value, ...]:
    """The cursor, if it belongs to this order; raises when it does not."""
    if len(edge) != len(order):
        raise UnknownColumnError("the cursor does not belong to this sort")
    return tuple(fitting(view, sort.column, value) for sort, value in zip(order, edge, strict=True))
