"""The writing statements of the PostgreSQL store: each takes arrays, one element per row."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from msgspec import structs

from taskloom.core.records import Record
from taskloom.core.task import Task
from taskloom.core.usage import UsageCount, UsageId
from taskloom.ports.store import (
    CounterId,
    FlowRow,
    FollowUpRow,
    IdempotencyRow,
    OutboxRow,
    RecordId,
    SubscriptionId,
    SubscriptionRow,
    TimerRow,
)
from taskloom.store import packed
from taskloom.store.postgres.bodies import body
from taskloom.store.postgres.statements import Connection
from taskloom.store.postgres.text import all_stored, numbers, shown, stored
from taskloom.store.usage_sql import ADDITION, COUNTS, ID

_SQL_TYPES: Final = {"level": "smallint", "state": "smallint"}
_COLUMNS: Final = ", ".join(packed.COLUMNS)
_CHANGING: Final = ("priority", "state", "worker", "assignee", "finished_at")
"""The columns that may change; all others of a task are as it was made."""


def _type(name: str) -> str:
    kind = Task.__annotations__.get(name, str if name == "body" else int)
    return "text" if kind is str else _SQL_TYPES.get(name, "bigint")


def _unnested(*names: str) -> str:
    """Rows of these columns; each number array is one text."""
    arrays = [
        f"${place}::{'' if _type(name) == 'text' else 'text::'}{_type(name)}[]"
        for place, name in enumerate(names, 1)
    ]
    return f"unnest({', '.join(arrays)}) AS n ({', '.join(names)})"


INSERT_TASKS: Final = (
    f"INSERT INTO tasks ({_COLUMNS}, due_at, body) SELECT * FROM"  # noqa: S608
    f" {_unnested(*packed.COLUMNS, 'due_at', 'body')}"
)
INSERT_HISTORY: Final = (
    f"INSERT INTO history ({_COLUMNS}, body) SELECT * FROM {_unnested(*packed.COLUMNS, 'body')}"  # noqa: S608
)
UPDATE_TASKS: Final = (
    f"UPDATE tasks AS t SET {', '.join(f'{name} = n.{name}' for name in (*_CHANGING, 'due_at', 'body'))}"  # noqa: S608
    f" FROM {_unnested('key', *_CHANGING, 'due_at', 'body')} WHERE t.key = n.key"
)
_ENDED: Final = ", ".join(f"{'n' if name in _CHANGING else 't'}.{name}" for name in packed.COLUMNS)
END_TASKS: Final = (
    f"WITH ended AS (DELETE FROM tasks AS t USING {_unnested('key', *_CHANGING, 'body')}"  # noqa: S608
    f" WHERE t.key = n.key RETURNING {_ENDED}, n.body)"
    f" INSERT INTO history ({_COLUMNS}, body) SELECT * FROM ended"
)
"""What never changes is taken from the hot row."""


def _arrays(rows: Iterable[Sequence[Any]], names: Sequence[str]) -> list[Any]:
    """The columns of rows as `_unnested` takes them."""
    return [
        all_stored(column) if _type(name) == "text" else numbers(column)
        for name, column in zip(names, zip(*rows, strict=True), strict=True)
    ]


def _changing(task: Task) -> tuple[Any, ...]:
    return task.key, task.priority, int(task.state), task.worker, task.assignee, task.finished_at


async def tasks_insert(connection: Connection, tasks: Sequence[Task]) -> None:
    """New hot rows."""
    arrays = _arrays(map(packed.columns, tasks), packed.COLUMNS)
    await connection.execute(INSERT_TASKS, *arrays, numbers(task.due_at for task in tasks), _bodies(tasks))


async def tasks_update(connection: Connection, tasks: Sequence[Task]) -> None:
    """Change hot rows."""
    arrays = _arrays(map(_changing, tasks), ("key", *_CHANGING))
    await connection.execute(UPDATE_TASKS, *arrays, numbers(task.due_at for task in tasks), _bodies(tasks))


async def tasks_end(connection: Connection, tasks: Sequence[Task]) -> None:
    """Move hot rows to the ended ones."""
    await connection.execute(END_TASKS, *_arrays(map(_changing, tasks), ("key", *_CHANGING)), _bodies(tasks))


async def history_insert(connection: Connection, tasks: Sequence[Task]) -> None:
    """Rows of ended tasks that are not hot."""
    arrays = _arrays(map(packed.columns, tasks), packed.COLUMNS)
    await connection.execute(INSERT_HISTORY, *arrays, _bodies(tasks))


def _bodies(tasks: Iterable[Task]) -> list[str]:
    return [body(task) for task in tasks]


async def history_delete(connection: Connection, tasks: Iterable[Task]) -> None:
    """Remove rows of ended tasks that were reopened."""
    await connection.execute(
        "DELETE FROM history WHERE key = ANY($1::bigint[])", [task.key for task in tasks]
    )


async def details_insert(connection: Connection, rows: Sequence[tuple[int, bytes, str, bytes]]) -> None:
    """What is written once with a task: (key, attributes, callback, input)."""
    keys, attributes, callbacks, inputs = zip(*rows, strict=True)
    await connection.execute(
        "INSERT INTO details SELECT * FROM unnest($1::text::bigint[], $2::bytea[], $3::text[], $4::bytea[])",
        numbers(keys),
        attributes,
        all_stored(callbacks),
        inputs,
    )


async def attributes_update(connection: Connection, rows: Sequence[tuple[int, bytes]]) -> None:
    """New attributes: (key, attributes)."""
    await connection.execute(
        "UPDATE details AS d SET attributes = n.attributes"
        " FROM unnest($1::bigint[], $2::bytea[]) AS n (key, attributes) WHERE d.key = n.key",
        *zip(*rows, strict=True),
    )


async def payloads_insert(connection: Connection, rows: Sequence[tuple[int, bytes]]) -> None:
    """Payloads, written once."""
    await connection.execute(
        "INSERT INTO payloads SELECT * FROM unnest($1::bigint[], $2::bytea[])", *zip(*rows, strict=True)
    )


async def flows_insert(connection: Connection, flows: Sequence[FlowRow]) -> None:
    """New flows; one that another transaction made meanwhile is a conflict."""
    await connection.execute(
        "INSERT INTO flows SELECT * FROM"
        " unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::bytea[])",
        [flow.key for flow in flows],
        [flow.root for flow in flows],
        all_stored(flow.kind for flow in flows),
        all_stored(flow.tenant for flow in flows),
        [flow.state for flow in flows],
    )


async def flows_update(connection: Connection, flows: Sequence[FlowRow]) -> None:
    """Flows as they stand now."""
    await connection.execute(
        "UPDATE flows AS f SET state = n.state FROM unnest($1::bigint[], $2::bytea[]) AS n (key, state)"
        " WHERE f.key = n.key",
        [flow.key for flow in flows],
        [flow.state for flow in flows],
    )


async def flows_delete(connection: Connection, keys: Sequence[int]) -> None:
    """Flows that ended for good; their timers and subscriptions go with them, their counters later."""
    for table, column in (("flows", "key"), ("timers", "flow"), ("subscriptions", "flow")):
        await connection.execute(f"DELETE FROM {table} WHERE {column} = ANY($1::bigint[])", keys)  # noqa: S608


async def records_insert(connection: Connection, records: Sequence[Record]) -> None:
    """New records; one that another transaction made meanwhile is a conflict."""
    await connection.execute(
        "INSERT INTO records SELECT * FROM"
        " unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::bytea[], $6::bigint[])",
        *_record_columns(records),
    )


async def records_update(connection: Connection, records: Sequence[Record]) -> None:
    """Records as they stand now."""
    await connection.execute(
        "UPDATE records AS r SET version = n.version, body = n.body, key = n.key FROM"
        " unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::bytea[], $6::bigint[])"
        " AS n (kind, tenant, name, version, body, key)"
        " WHERE r.kind = n.kind AND r.tenant = n.tenant AND r.name = n.name",
        *_record_columns(records),
    )


def _record_columns(records: Sequence[Record]) -> list[list[Any]]:
    kinds, tenants, names, *rest = zip(*map(structs.astuple, records), strict=True)
    return [all_stored(kinds), all_stored(tenants), all_stored(names), *map(list, rest)]


async def records_delete(connection: Connection, names: Sequence[RecordId]) -> None:
    """Records that are gone."""
    await connection.execute(
        "DELETE FROM records WHERE (kind, tenant, name) IN"
        " (SELECT * FROM unnest($1::text[], $2::text[], $3::text[]))",
        *map(all_stored, zip(*names, strict=True)),
    )


async def idempotency_insert(connection: Connection, rows: Sequence[IdempotencyRow]) -> None:
    """Answers given now."""
    tenants, scopes, keys, *rest = zip(*map(structs.astuple, rows), strict=True)
    await connection.execute(
        "INSERT INTO idempotency SELECT * FROM"
        " unnest($1::text[], $2::text[], $3::text[], $4::bytea[], $5::bytea[], $6::bigint[])",
        all_stored(tenants),
        all_stored(scopes),
        all_stored(keys),
        *rest,
    )


async def timers_put(connection: Connection, timers: Sequence[TimerRow]) -> None:
    """Set or move timers; of two for one slot the last one stands."""
    last = {(timer.flow, timer.name): timer.at for timer in timers}
    await connection.execute(
        "INSERT INTO timers SELECT * FROM unnest($1::bigint[], $2::text[], $3::bigint[])"
        " ON CONFLICT (flow, name) DO UPDATE SET at = excluded.at",
        [flow for flow, _ in last],
        all_stored(name for _, name in last),
        list(last.values()),
    )


async def timers_delete(connection: Connection, slots: Sequence[tuple[int, str]]) -> None:
    """Clear timers."""
    await connection.execute(
        "DELETE FROM timers WHERE (flow, name) IN (SELECT * FROM unnest($1::bigint[], $2::text[]))",
        [flow for flow, _ in slots],
        all_stored(name for _, name in slots),
    )


async def subscriptions_insert(connection: Connection, rows: Sequence[SubscriptionRow]) -> None:
    """New subscriptions; of two for one slot and flow the last one stands."""
    last = {(row.tenant, row.kind, row.name, row.key, row.flow): row for row in rows}
    *texts, flows, data = zip(*map(structs.astuple, last.values()), strict=True)
    await connection.execute(
        "INSERT INTO subscriptions SELECT * FROM"
        " unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::bytea[])"
        " ON CONFLICT (tenant, kind, name, key, flow) DO UPDATE SET data = excluded.data",
        *map(all_stored, texts),
        flows,
        data,
    )


async def subscriptions_delete(connection: Connection, rows: Sequence[tuple[SubscriptionId, int]]) -> None:
    """Ended subscriptions: (slot, flow)."""
    await connection.execute(
        "DELETE FROM subscriptions WHERE (tenant, kind, name, key, flow) IN"
        " (SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[]))",
        *[all_stored(slot[place] for slot, _ in rows) for place in range(4)],
        [flow for _, flow in rows],
    )


async def outbox_put(connection: Connection, rows: Sequence[OutboxRow]) -> None:
    """New calls, and those to be tried again."""
    last = {row.key: row for row in rows}
    columns = zip(*map(structs.astuple, last.values()), strict=True)
    keys, tenants, subject, attempt, next_at, lines, webhooks, names, *rest = columns
    numbers = (subject, attempt, next_at)
    await connection.execute(
        "INSERT INTO outbox SELECT * FROM"
        " unnest($1::bigint[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::text[],"
        " $7::bigint[], $8::text[], $9::bytea[], $10::bytea[], $11::bigint[])"
        " ON CONFLICT (key) DO UPDATE SET attempt = excluded.attempt, next_at = excluded.next_at,"
        " line = excluded.line, log = excluded.log, since = excluded.since",
        keys,
        all_stored(tenants),
        *numbers,
        all_stored(lines),
        webhooks,
        all_stored(names),
        *rest,
    )


async def outbox_delete(connection: Connection, keys: Sequence[int]) -> None:
    """Calls that are done."""
    await connection.execute("DELETE FROM outbox WHERE key = ANY($1::bigint[])", keys)


async def follow_ups_insert(connection: Connection, rows: Sequence[FollowUpRow]) -> None:
    """Commands that follow."""
    await connection.execute(
        "INSERT INTO follow_ups SELECT * FROM unnest($1::bigint[], $2::bytea[])",
        [row.key for row in rows],
        [row.body for row in rows],
    )


async def follow_ups_delete(connection: Connection, keys: Sequence[int]) -> None:
    """Commands that were carried out."""
    await connection.execute("DELETE FROM follow_ups WHERE key = ANY($1::bigint[])", keys)


async def counters_lock(connection: Connection, flows: Sequence[int]) -> None:
    """Lock the counters of these flows that there are, in order."""
    await connection.execute(
        "SELECT FROM counters WHERE flow = ANY($1::bigint[]) ORDER BY flow, name FOR UPDATE", flows
    )


async def counters_add(connection: Connection, sums: Mapping[CounterId, int]) -> dict[CounterId, int]:
    """Relative changes in the order of their names; answers the values afterwards."""
    names = sorted(sums)
    rows = await connection.fetch(
        "INSERT INTO counters SELECT * FROM unnest($1::bigint[], $2::text[], $3::bigint[])"
        " ON CONFLICT (flow, name) DO UPDATE SET value = counters.value + excluded.value"
        " RETURNING flow, name, value",
        [flow for flow, _ in names],
        [stored(name) for _, name in names],
        [sums[name] for name in names],
    )
    return {(flow, shown(name)): value for flow, name, value in rows}


async def counters_delete(connection: Connection, flows: Sequence[int]) -> None:
    """Counters of flows that ended."""
    await connection.execute("DELETE FROM counters WHERE flow = ANY($1::bigint[])", flows)


async def usage_add(connection: Connection, usage: Mapping[UsageId, UsageCount]) -> None:
    """Relative changes, in the order of their names."""
    names = sorted(usage)
    texts = [all_stored(str(name[place]) for name in names) for place in range(4)]
    counts = zip(*[structs.astuple(usage[name]) for name in names], strict=True)
    await connection.execute(_ADD_USAGE, *texts, [name[4] for name in names], *counts)


_USAGE_TYPES: Final = (*["text"] * 4, *["bigint"] * (1 + len(COUNTS)))
_ADD_USAGE: Final = (
    f"INSERT INTO usage ({', '.join((*ID, *COUNTS))}) SELECT * FROM"  # noqa: S608
    f" unnest({', '.join(f'${place}::{kind}[]' for place, kind in enumerate(_USAGE_TYPES, 1))}) {ADDITION}"
)


HEAD: Final = (
    "WITH mine AS (UPDATE nodes SET last_key = greatest(last_key, $3::bigint)"
    " WHERE node = $1::smallint AND owner = $2 RETURNING node),"
    " mark AS (INSERT INTO writers SELECT node, $4::smallint, $5::bigint FROM mine"
    " ON CONFLICT (node, writer) DO UPDATE SET batch = excluded.batch RETURNING node),"
    " numbered AS (UPDATE head SET sequence = sequence + $6::bigint WHERE EXISTS (SELECT FROM mark)"
    " RETURNING sequence),"
    " chunk AS (INSERT INTO journal SELECT sequence - $6 + 1, sequence, $7::bytea FROM numbered WHERE $6 > 0)"
    " SELECT sequence FROM numbered"
)
"""Last of all: the highest key, the mark of the batch, the event numbers and the events."""
