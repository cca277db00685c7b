"""The sums of usage as SQL, once for all adapters that speak it; their marks differ, as in `store.sql`."""

from typing import Final

from msgspec import structs

from taskloom.core.usage import UsageCount
from taskloom.ports.store import UsageQuery
from taskloom.store.sql import SqlDialect

ID: Final = ("tenant", "submitter", "model", "queue", "day")
COUNTS: Final = UsageCount.__struct_fields__
ADDITION: Final = (
    f"ON CONFLICT (tenant, day, submitter, model, queue) DO UPDATE SET"
    f" {', '.join(f'{name} = usage.{name} + excluded.{name}' for name in COUNTS)}"
)
"""How a row that is there takes in another one."""


def known_columns(query: UsageQuery) -> None:
    """Raises for a query that groups by what there is not."""
    unknown = set(query.group_by) - set(ID)
    if unknown:
        raise KeyError(f"usage has no column {', '.join(sorted(unknown))}")


def sums(dialect: SqlDialect, query: UsageQuery) -> tuple[str, list[str | int]]:
    """The statement that sums the usage that is asked for, and its values."""
    known_columns(query)
    values: list[str | int] = [query.first_day, query.last_day]
    parts = [f"day >= {dialect.placeholder(1)}", f"day <= {dialect.placeholder(2)}"]
    wanted = structs.asdict(query)
    for name in ("tenant", "submitter", "model", "queue"):
        if wanted[name] is not None:
            values.append(wanted[name])
            parts.append(f"{name} = {dialect.placeholder(len(values))}")
    values.append(query.limit)
    by = ", ".join(query.group_by)
    added = ", ".join(f"CAST(coalesce(sum({name}), 0) AS BIGINT)" for name in COUNTS)
    grouped = f" GROUP BY {by} ORDER BY {by}" if by else ""
    limit = dialect.placeholder(len(values))
    columns = f"{by}, {added}" if by else added
    sql = f"SELECT {columns} FROM usage WHERE {' AND '.join(parts)}{grouped} LIMIT {limit}"  # noqa: S608
    return sql, values
