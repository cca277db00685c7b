"""The reading statements of the PostgreSQL store, one function each, named as in the SQLite store."""

from collections.abc import Sequence
from typing import Any, Final, Protocol

from taskloom.core.lanes import LaneId
from taskloom.core.limits import NEVER_MS
from taskloom.core.records import Record
from taskloom.core.task import Task, TaskState
from taskloom.ports.store import (
    Details,
    FlowRow,
    FollowUpRow,
    HotCount,
    IdempotencyId,
    IdempotencyRow,
    JournalChunk,
    OutboxRow,
    Shelf,
    SubscriptionId,
    SubscriptionRow,
    TimerRow,
)
from taskloom.store.postgres.bodies import task_of
from taskloom.store.postgres.text import all_stored, numbers, shown, stored


class Connection(Protocol):
    """What the statements use of a driver's connection."""

    async def fetch(self, query: str, *args: Any) -> list[Any]:
        """All rows."""

    async def fetchrow(self, query: str, *args: Any) -> Any:
        """The first row."""

    async def fetchval(self, query: str, *args: Any) -> Any:
        """The first column of the first row."""

    async def execute(self, query: str, *args: Any) -> str:
        """No rows."""


_VERSION_MIN: Final = 130_000


async def tasks_by_key(connection: Connection, keys: Sequence[int], lock: str = "") -> dict[int, Task]:
    """Living tasks; with `lock`, in the order of their keys."""
    rows = await connection.fetch(
        f"SELECT body FROM tasks WHERE key = ANY($1::text::bigint[]) ORDER BY key {lock}",  # noqa: S608
        numbers(keys),
    )
    return _tasks(rows)


async def history_by_key(connection: Connection, keys: Sequence[int], lock: str = "") -> dict[int, Task]:
    """Ended tasks; with `lock`, in the order of their keys."""
    rows = await connection.fetch(
        f"SELECT body FROM history WHERE key = ANY($1::text::bigint[]) ORDER BY key {lock}",  # noqa: S608
        numbers(keys),
    )
    return _tasks(rows)


async def tasks_and_history(connection: Connection, keys: Sequence[int]) -> dict[int, Task]:
    """Tasks, hot or ended, without locks, as of one instant."""
    rows = await connection.fetch(
        "SELECT body FROM tasks WHERE key = ANY($1::text::bigint[])"
        " UNION ALL SELECT body FROM history WHERE key = ANY($1::text::bigint[])",
        numbers(keys),
    )
    return _tasks(rows)


def _tasks(rows: Sequence[Sequence[str]]) -> dict[int, Task]:
    tasks = [task_of(body) for (body,) in rows]
    return {task.key: task for task in tasks}


async def details_by_key(connection: Connection, keys: Sequence[int]) -> dict[int, Details]:
    """Attributes and callback addresses."""
    rows = await connection.fetch(
        "SELECT key, attributes, callback FROM details WHERE key = ANY($1::text::bigint[])", numbers(keys)
    )
    return {key: Details(attributes, shown(callback)) for key, attributes, callback in rows}


async def inputs_by_key(connection: Connection, keys: Sequence[int]) -> dict[int, bytes]:
    """Inputs of tasks."""
    rows = await connection.fetch(
        "SELECT key, input FROM details WHERE key = ANY($1::text::bigint[])", numbers(keys)
    )
    return {key: body for key, body in rows}  # noqa: C416  a driver's row is no pair to `dict`


async def payloads_by_key(connection: Connection, keys: Sequence[int]) -> dict[int, bytes]:
    """Payloads."""
    rows = await connection.fetch("SELECT key, body FROM payloads WHERE key = ANY($1::bigint[])", keys)
    return {key: body for key, body in rows}  # noqa: C416  as above


def _shelf(shelf: Shelf) -> tuple[str, list[Any]]:
    conditions = "queue = $1"
    values: list[Any] = [stored(shelf.queue)]
    if shelf.level >= 0:
        values.append(shelf.level)
        conditions += f" AND level = ${len(values)}"
    if shelf.tenant is not None:
        values.append(stored(shelf.tenant))
        conditions += f" AND tenant = ${len(values)}"
    return conditions, values


READY: Final = (
    "SELECT body FROM tasks WHERE queue = $1 AND level = $2 AND tenant = $3 AND lane = $4"
    " AND state = 1 AND assignee = '' ORDER BY priority DESC, key LIMIT $5 FOR UPDATE SKIP LOCKED"
)


async def ready_tasks(connection: Connection, lane: LaneId, limit: int) -> list[Task]:
    """The next unreserved ready tasks of a lane, locked; those another transaction holds are passed over."""
    queue, level, tenant, name = lane
    rows = await connection.fetch(READY, stored(queue), level, stored(tenant), stored(name), limit)
    return [task_of(body) for (body,) in rows]


async def reserved_tasks(connection: Connection, shelf: Shelf, worker: str, limit: int) -> list[Task]:
    """The next ready tasks reserved for a worker, locked; those another transaction holds are passed over."""
    conditions, values = _shelf(shelf)
    values += [stored(worker), limit]
    rows = await connection.fetch(
        f"SELECT body FROM tasks WHERE {conditions} AND assignee = ${len(values) - 1}"  # noqa: S608
        " AND state = 1 AND assignee <> '' ORDER BY priority DESC, key"
        f" LIMIT ${len(values)} FOR UPDATE SKIP LOCKED",
        *values,
    )
    return [task_of(body) for (body,) in rows]


async def flows_named(
    connection: Connection, tasks: Sequence[int], flows: Sequence[int]
) -> list[tuple[int, int]]:
    """What tasks and flows belong to: (root, flow), read without locks."""
    rows = await connection.fetch(
        "SELECT root, flow FROM tasks WHERE key = ANY($1::text::bigint[]) AND flow <> 0"
        " UNION SELECT root, flow FROM history WHERE key = ANY($1::text::bigint[]) AND flow <> 0"
        " UNION SELECT root, key FROM flows WHERE key = ANY($2::text::bigint[])",
        numbers(tasks),
        numbers(flows),
    )
    return [(root, flow) for root, flow in rows]


async def flows_by_key(connection: Connection, keys: Sequence[int], lock: str = "") -> dict[int, FlowRow]:
    """Flows; with `lock`, in the order of their keys."""
    rows = await connection.fetch(
        "SELECT key, root, kind, tenant, state FROM flows WHERE key = ANY($1::text::bigint[])"  # noqa: S608
        f" ORDER BY key {lock}",
        numbers(keys),
    )
    return {
        key: FlowRow(key, root, shown(kind), shown(tenant), state) for key, root, kind, tenant, state in rows
    }


def _record(row: Sequence[Any]) -> Record:
    kind, tenant, name, version, body, key = row
    return Record(shown(kind), shown(tenant), shown(name), version, body, key)


async def record_by_id(
    connection: Connection, kind: str, tenant: str, name: str, lock: str = ""
) -> Record | None:
    """One record."""
    row = await connection.fetchrow(
        f"SELECT * FROM records WHERE kind = $1 AND tenant = $2 AND name = $3 {lock}",  # noqa: S608
        stored(kind),
        stored(tenant),
        stored(name),
    )
    return None if row is None else _record(row)


async def record_by_key(connection: Connection, key: int) -> Record | None:
    """The record that was given a key."""
    row = await connection.fetchrow("SELECT * FROM records WHERE key = $1 AND key <> 0 LIMIT 1", key)
    return None if row is None else _record(row)


async def records_after(
    connection: Connection, kind: str, tenant: str | None, after: str, limit: int
) -> list[Record]:
    """Records of a kind by (name, tenant), names above `after`."""
    rows = await connection.fetch(
        "SELECT * FROM records WHERE kind = $1 AND ($2::text IS NULL OR tenant = $2) AND name > $3"
        " ORDER BY name, tenant LIMIT $4",
        stored(kind),
        None if tenant is None else stored(tenant),
        stored(after),
        limit,
    )
    return [_record(row) for row in rows]


async def idempotency_by_id(
    connection: Connection, slots: Sequence[IdempotencyId]
) -> dict[IdempotencyId, IdempotencyRow]:
    """Answers given before."""
    columns = [[stored(part) for part in column] for column in zip(*slots, strict=True)]
    rows = await connection.fetch(
        "SELECT * FROM idempotency WHERE (tenant, scope, key) IN"
        " (SELECT * FROM unnest($1::text[], $2::text[], $3::text[]))",
        *columns,
    )
    found = [
        IdempotencyRow(shown(row[0]), shown(row[1]), shown(row[2]), *row[3:]) for row in map(tuple, rows)
    ]
    return {(row.tenant, row.scope, row.key): row for row in found}


async def subscriptions_by_id(
    connection: Connection, slots: Sequence[SubscriptionId]
) -> dict[SubscriptionId, list[SubscriptionRow]]:
    """Who waits at these slots, oldest flow first."""
    columns = [[stored(part) for part in column] for column in zip(*slots, strict=True)]
    rows = await connection.fetch(
        "SELECT * FROM subscriptions WHERE (tenant, kind, name, key) IN"
        " (SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[])) ORDER BY flow",
        *columns,
    )
    found: dict[SubscriptionId, list[SubscriptionRow]] = {slot: [] for slot in slots}
    for tenant, kind, name, key, flow, data in rows:
        slot = (shown(tenant), shown(kind), shown(name), shown(key))
        found[slot].append(SubscriptionRow(*slot, flow, data))
    return found


async def slots_busy(connection: Connection, locks: Sequence[int]) -> set[int]:
    """Try to lock these slots until the end of the transaction, never waiting; those another one holds."""
    rows = await connection.fetch(
        "SELECT lock FROM unnest($1::bigint[]) AS lock WHERE NOT pg_try_advisory_xact_lock(lock)", locks
    )
    return {row[0] for row in rows}


async def timers_by_id(
    connection: Connection, slots: Sequence[tuple[int, str]]
) -> dict[tuple[int, str], int]:
    """Instants of timers."""
    rows = await connection.fetch(
        "SELECT flow, name, at FROM timers WHERE (flow, name) IN"
        " (SELECT * FROM unnest($1::bigint[], $2::text[]))",
        [flow for flow, _ in slots],
        [stored(name) for _, name in slots],
    )
    return {(flow, shown(name)): at for flow, name, at in rows}


async def outbox_by_key(connection: Connection, keys: Sequence[int], lock: str = "") -> dict[int, OutboxRow]:
    """Calls that have not left for good."""
    rows = await connection.fetch(
        f"SELECT * FROM outbox WHERE key = ANY($1::bigint[]) ORDER BY key {lock}",  # noqa: S608
        keys,
    )
    return {row[0]: _call(row) for row in rows}


def _call(row: Sequence[Any]) -> OutboxRow:
    key, tenant, subject, attempt, next_at, line, webhook, name, *rest = row
    return OutboxRow(key, shown(tenant), subject, attempt, next_at, shown(line), webhook, shown(name), *rest)


_EARLIER: Final = (
    "EXISTS (SELECT 1 FROM outbox e WHERE e.task = o.task AND e.webhook = o.webhook"
    " AND (e.name = '') = (o.name = '') AND e.key < o.key)"
)
# From line to line along the index, so that it does not matter how many calls stand in any of them.
OUTBOX_DUE: Final = f"""
    WITH RECURSIVE lines(line) AS (
        (SELECT line FROM outbox ORDER BY line LIMIT 1)
        UNION ALL
        SELECT (SELECT n.line FROM outbox n WHERE n.line > lines.line ORDER BY n.line LIMIT 1)
        FROM lines WHERE lines.line IS NOT NULL
    )
    SELECT c.* FROM lines CROSS JOIN LATERAL (
        SELECT * FROM outbox o WHERE o.line = lines.line AND o.next_at <= $1 AND NOT {_EARLIER}
        ORDER BY o.next_at, o.key LIMIT $3
    ) c
    WHERE lines.line <> ALL($4::text[]) AND c.tenant <> ALL($5::text[])
    ORDER BY row_number() OVER (PARTITION BY c.line ORDER BY c.next_at, c.key), c.next_at, c.key LIMIT $2
"""  # noqa: S608


async def outbox_due(
    connection: Connection, now: int, limit: int, each: int, busy: tuple[Sequence[str], Sequence[str]]
) -> list[OutboxRow]:
    """Calls that may leave now, fairly from every line."""
    rows = await connection.fetch(OUTBOX_DUE, now, limit, each, *map(all_stored, busy))
    return [_call(row) for row in rows]


async def follow_ups_open(connection: Connection, keys: Sequence[int]) -> set[int]:
    """Which of these are still to be carried out, locked; one that another transaction carries out is not."""
    rows = await connection.fetch(
        "SELECT key FROM follow_ups WHERE key = ANY($1::bigint[]) ORDER BY key FOR UPDATE SKIP LOCKED", keys
    )
    return {row[0] for row in rows}


async def follow_ups_first(connection: Connection, limit: int) -> list[FollowUpRow]:
    """Commands that follow, oldest first."""
    rows = await connection.fetch("SELECT key, body FROM follow_ups ORDER BY key LIMIT $1", limit)
    return [FollowUpRow(key, body) for key, body in rows]


async def journal_after(connection: Connection, after: int, limit: int) -> list[JournalChunk]:
    """Chunks with events above a number."""
    rows = await connection.fetch(
        "SELECT first, last, body FROM journal"
        " WHERE first >= coalesce((SELECT max(first) FROM journal WHERE first <= $1 + 1), 0) AND last > $1"
        " ORDER BY first LIMIT $2",
        after,
        limit,
    )
    return [JournalChunk(first, last, body) for first, last, body in rows]


async def hot_counts(connection: Connection, queue: str, tenant: str | None) -> list[HotCount]:
    """The living tasks of a queue by level and state."""
    rows = await connection.fetch(
        "SELECT level, state, count(*), min(created_at) FROM tasks"
        " WHERE queue = $1 AND ($2::text IS NULL OR tenant = $2) GROUP BY level, state ORDER BY level, state",
        stored(queue),
        None if tenant is None else stored(tenant),
    )
    return [HotCount(level, TaskState(state), count, oldest) for level, state, count, oldest in rows]


async def unheld(connection: Connection, shelf: Shelf, upto: int, limit: int) -> list[int]:
    """The oldest tasks of a shelf that no worker holds."""
    conditions, values = _shelf(shelf)
    count = len(values)
    rows = await connection.fetch(
        f"SELECT key FROM tasks WHERE {conditions} AND key <= ${count + 1} AND state <> ${count + 2}"  # noqa: S608
        f" ORDER BY key LIMIT ${count + 3}",
        *values,
        upto,
        int(TaskState.LEASED),
        limit,
    )
    return [row[0] for row in rows]


async def due_tasks(connection: Connection, now: int, limit: int) -> list[int]:
    """Tasks whose instant has come."""
    rows = await connection.fetch(
        "SELECT key FROM tasks WHERE due_at <= $1 ORDER BY due_at, key LIMIT $2",
        min(now, NEVER_MS - 1),
        limit,
    )
    return [row[0] for row in rows]


async def due_timers(connection: Connection, now: int, limit: int) -> list[TimerRow]:
    """Timers whose instant has come."""
    rows = await connection.fetch(
        "SELECT flow, name, at FROM timers WHERE at <= $1 ORDER BY at, flow, name LIMIT $2", now, limit
    )
    return [TimerRow(flow, shown(name), at) for flow, name, at in rows]


async def next_due(connection: Connection) -> int | None:
    """The earliest instant a task or timer is due."""
    found = await connection.fetchval(
        "SELECT least((SELECT min(due_at) FROM tasks), (SELECT min(at) FROM timers))"
    )
    return None if found is None or found >= NEVER_MS else int(found)


async def migrations_applied(connection: Connection) -> dict[int, str]:
    """Number -> digest of the migrations that were applied; none where nobody ever migrated."""
    if await connection.fetchval("SELECT to_regclass('migrations')") is None:
        return {}
    return {row[0]: row[1] for row in await connection.fetch("SELECT number, digest FROM migrations")}


async def faults(connection: Connection) -> list[str]:
    """What of the database's settings does not keep what was committed."""
    version, *flags = await connection.fetchrow(
        "SELECT current_setting('server_version_num')::int, current_setting('fsync'),"
        " current_setting('full_page_writes')"
    )
    found = ["PostgreSQL is older than 13"] if version < _VERSION_MIN else []
    return found + [
        f"{name} is off: a crash of the machine loses what was acknowledged"
        for name, value in zip(("fsync", "full_page_writes"), flags, strict=True)
        if value != "on"
    ]


async def sequence(connection: Connection) -> int:
    """The number of the last event."""
    return int(await connection.fetchval("SELECT sequence FROM head"))
