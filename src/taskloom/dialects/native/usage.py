"""Usage: what completed tasks used up, by day, key, model, queue and tenant."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import msgspec

from taskloom.core.limits import USAGE_DAYS
from taskloom.core.usage import DAY_MS, UsageCount
from taskloom.dialects.native.listing import whose
from taskloom.dialects.native.wire_life import UsageAsked, UsageRow, UsageTable
from taskloom.dialects.operation import Refusal, Reply, Request, Response
from taskloom.ports.store import UsageQuery, UsageSum

_DAYS: Final = 30
_EPOCH: Final = date(1970, 1, 1)
_COLUMNS: Final = {"key": "submitter"}
"""What the store calls differently."""


async def usage(request: Request) -> Reply:
    """Sums of usage over some days, grouped as asked for."""
    try:
        asked = _asked(request.query)
    except msgspec.ValidationError as problem:
        return Refusal(400, "invalid", str(problem))
    today = datetime.fromtimestamp(request.engine.clock.now_ms() / 1000, UTC).date()
    until = asked.until or today
    since = asked.since or until - timedelta(days=_DAYS - 1)
    if not 0 <= (until - since).days < USAGE_DAYS:
        return Refusal(400, "invalid", f"since must lie before until, at most {USAGE_DAYS} days apart")
    tenants = whose(request, asked.tenant)
    if isinstance(tenants, Refusal):
        return tenants
    groups = tuple(dict.fromkeys(asked.group_by))
    found = await request.engine.store.usage(
        UsageQuery(
            tenant=tenants[0] if tenants else None,
            first_day=(since - _EPOCH).days,
            last_day=(until - _EPOCH).days,
            group_by=tuple(_COLUMNS.get(name, name) for name in groups),
            submitter=asked.key,
            model=asked.model,
            queue=asked.queue,
            limit=asked.limit,
        )
    )
    total = UsageCount()
    for _, count in found:
        for name in UsageCount.__struct_fields__:
            setattr(total, name, getattr(total, name) + getattr(count, name))
    items = [_row(groups, one) for one in found]
    return Response(body=msgspec.json.encode(UsageTable(items, _row((), ((), total)))))


def _asked(query: Mapping[str, Sequence[str]]) -> UsageAsked:
    """The last value of each parameter; the groups of all of them, by comma too."""
    given: dict[str, object] = {name: values[-1] for name, values in query.items() if values[-1]}
    if "group_by" in given:
        given["group_by"] = [name for value in query["group_by"] for name in value.split(",")]
    return msgspec.convert(given, UsageAsked, strict=False)


def _row(groups: Sequence[str], one: UsageSum) -> UsageRow:
    values, count = one
    named: dict[str, Any] = dict(zip(groups, values, strict=True))
    if "day" in named:
        named["day"] = datetime.fromtimestamp(named["day"] * DAY_MS / 1000, UTC).date()
    return UsageRow(**named, **msgspec.structs.asdict(count))
