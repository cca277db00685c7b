"""The statements of the SQLite store, one function per statement."""

import json
import sqlite3
from collections.abc import Sequence
from typing import Any, Final

from taskloom.core.lanes import LaneId
from taskloom.core.records import Record
from taskloom.core.task import Task, TaskState
from taskloom.ports.store import (
    Details,
    FlowRow,
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
from taskloom.store import packed

Connection = sqlite3.Connection

_STATES: Final = tuple(TaskState)


def migrations_applied(connection: Connection) -> dict[int, str]:
    """Number -> digest of the migrations that were applied; none where nobody ever migrated."""
    there = connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'migrations'").fetchone()
    return dict(connection.execute("SELECT number, digest FROM migrations").fetchall()) if there else {}


def faults(connection: Connection) -> list[str]:
    """What SQLite finds wrong in its own file; the first few."""
    found = [row[0] for row in connection.execute("PRAGMA quick_check(5)")]
    return [] if found == ["ok"] else found


def in_marks(count: int) -> tuple[str, int]:
    """Placeholders for `count` values, padded to a power of two so that few statements are prepared."""
    padded = 1 << max(count - 1, 0).bit_length()
    return ", ".join("?" * padded), padded


def select_in(connection: Connection, sql: str, keys: Sequence[int]) -> list[tuple[Any, ...]]:
    """Rows of `sql` (with `{}` for the placeholders) for any number of keys."""
    rows: list[tuple[Any, ...]] = []
    for start in range(0, len(keys), 512):
        part = keys[start : start + 512]
        marks, padded = in_marks(len(part))
        rows += connection.execute(sql.format(marks), [*part, *(0,) * (padded - len(part))]).fetchall()
    return rows


def tasks_by_key(connection: Connection, keys: Sequence[int]) -> dict[int, Task]:
    """Hot tasks, and the ended ones among those that are not hot."""
    found = _tasks(connection, "SELECT body FROM tasks WHERE key IN ({})", keys)
    if len(found) < len(keys):
        missing = [key for key in keys if key not in found]
        found |= _tasks(connection, "SELECT body FROM history WHERE key IN ({})", missing)
    return found


def _tasks(connection: Connection, sql: str, keys: Sequence[int]) -> dict[int, Task]:
    tasks = [packed.decode(row[0]) for row in select_in(connection, sql, keys)]
    return {task.key: task for task in tasks}


def details_by_key(connection: Connection, keys: Sequence[int]) -> dict[int, Details]:
    """Attributes and callback addresses."""
    rows = select_in(connection, "SELECT key, attributes, callback FROM details WHERE key IN ({})", keys)
    return {key: Details(attributes, callback) for key, attributes, callback in rows}


def written_once(connection: Connection, keys: Sequence[int]) -> tuple[dict[int, Details], dict[int, bytes]]:
    """Details and inputs of tasks, by one look."""
    sql = "SELECT key, attributes, callback, input FROM details WHERE key IN ({})"
    rows = select_in(connection, sql, keys)
    details = {key: Details(attributes, callback) for key, attributes, callback, _ in rows}
    return details, {row[0]: row[3] for row in rows}


def inputs_by_key(connection: Connection, keys: Sequence[int]) -> dict[int, bytes]:
    """Inputs of tasks."""
    return dict(select_in(connection, "SELECT key, input FROM details WHERE key IN ({})", keys))


def payloads_by_key(connection: Connection, keys: Sequence[int]) -> dict[int, bytes]:
    """Payloads."""
    return dict(select_in(connection, "SELECT key, body FROM payloads WHERE key IN ({})", keys))


def ready_keys(connection: Connection, lane: LaneId, limit: int) -> list[int]:
    """The keys of the next unreserved ready tasks of a lane."""
    sql = (
        "SELECT key FROM tasks WHERE queue = ? AND level = ? AND tenant = ? AND lane = ?"
        " AND state = 1 AND assignee = '' ORDER BY priority DESC, key LIMIT ?"
    )
    return [key for (key,) in connection.execute(sql, (*lane, limit)).fetchall()]


def is_any_reserved(connection: Connection) -> bool:
    """Whether some ready task is reserved for a worker."""
    sql = "SELECT 1 FROM tasks INDEXED BY tasks_reserved WHERE state = 1 AND assignee <> '' LIMIT 1"
    return connection.execute(sql).fetchone() is not None


def reserved_keys(connection: Connection, shelf: Shelf, worker: str, limit: int) -> list[int]:
    """The next ready tasks reserved for a worker.

    The index is named because SQLite would else compare the worker with what partial indexes ask for, and
    for that compile the statement anew for every worker.
    """
    sql = (
        "SELECT key FROM tasks INDEXED BY tasks_reserved"
        " WHERE queue = ?1 AND assignee = ?2 AND state = 1 AND assignee <> ''"
        " AND (?3 < 0 OR level = ?3) AND (?4 IS NULL OR tenant = ?4) ORDER BY priority DESC, key LIMIT ?5"
    )
    values = (shelf.queue, worker, shelf.level, shelf.tenant, limit)
    return [row[0] for row in connection.execute(sql, values)]


def flows_by_key(connection: Connection, keys: Sequence[int]) -> dict[int, FlowRow]:
    """Flows."""
    sql = "SELECT key, root, kind, tenant, state FROM flows WHERE key IN ({})"
    return {row[0]: FlowRow(*row) for row in select_in(connection, sql, keys)}


def record_by_id(connection: Connection, kind: str, tenant: str, name: str) -> Record | None:
    """One record."""
    row = connection.execute(
        "SELECT * FROM records WHERE kind = ? AND tenant = ? AND name = ?", (kind, tenant, name)
    ).fetchone()
    return Record(*row) if row is not None else None


def record_by_key(connection: Connection, key: int) -> Record | None:
    """The record that was given a key."""
    row = connection.execute("SELECT * FROM records WHERE key = ? AND key <> 0", (key,)).fetchone()
    return Record(*row) if row is not None else None


def records_after(
    connection: Connection, kind: str, tenant: str | None, after: str, limit: int
) -> list[Record]:
    """Records of a kind by (name, tenant), names above `after`."""
    rows = connection.execute(
        "SELECT * FROM records WHERE kind = ?1 AND (?2 IS NULL OR tenant = ?2) AND name > ?3"
        " ORDER BY name, tenant LIMIT ?4",
        (kind, tenant, after, limit),
    )
    return [Record(*row) for row in rows]


def idempotency_by_id(
    connection: Connection, slots: Sequence[IdempotencyId]
) -> dict[IdempotencyId, IdempotencyRow]:
    """Answers given before."""
    sql = "SELECT * FROM idempotency WHERE tenant = ? AND scope = ? AND key = ?"
    rows = [connection.execute(sql, slot).fetchone() for slot in slots]
    return {(row[0], row[1], row[2]): IdempotencyRow(*row) for row in rows if row is not None}


def subscriptions_by_id(
    connection: Connection, slots: Sequence[SubscriptionId]
) -> dict[SubscriptionId, list[SubscriptionRow]]:
    """Who waits at these slots, oldest flow first."""
    sql = "SELECT * FROM subscriptions WHERE tenant = ? AND kind = ? AND name = ? AND key = ? ORDER BY flow"
    return {slot: [SubscriptionRow(*row) for row in connection.execute(sql, slot)] for slot in slots}


def timers_by_id(connection: Connection, slots: Sequence[tuple[int, str]]) -> dict[tuple[int, str], int]:
    """Instants of timers."""
    sql = "SELECT at FROM timers WHERE flow = ? AND name = ?"
    rows = {slot: connection.execute(sql, slot).fetchone() for slot in slots}
    return {slot: row[0] for slot, row in rows.items() if row is not None}


def outbox_by_key(connection: Connection, keys: Sequence[int]) -> dict[int, OutboxRow]:
    """Calls that have not left for good."""
    rows = select_in(connection, "SELECT * FROM outbox WHERE key IN ({})", keys)
    return {row[0]: OutboxRow(*row) for row in rows}


_EARLIER: Final = (
    "EXISTS (SELECT 1 FROM outbox e WHERE e.task = o.task AND e.webhook = o.webhook"
    " AND (e.name = '') = (o.name = '') AND e.key < o.key)"
)
# From line to line along the index, so that it does not matter how many calls stand in any of them.
_OUTBOX_DUE: Final = f"""
    WITH RECURSIVE lines(line) AS (
        SELECT min(line) FROM outbox
        UNION ALL
        SELECT (SELECT min(line) FROM outbox WHERE line > lines.line) FROM lines WHERE lines.line IS NOT NULL
    )
    SELECT c.* FROM lines JOIN outbox c ON c.key IN (
        SELECT o.key FROM outbox o WHERE o.line = lines.line AND o.next_at <= ?1 AND NOT {_EARLIER}
        ORDER BY o.next_at, o.key LIMIT ?3
    )
    WHERE lines.line NOT IN (SELECT value FROM json_each(?4))
    AND c.tenant NOT IN (SELECT value FROM json_each(?5))
    ORDER BY row_number() OVER (PARTITION BY c.line ORDER BY c.next_at, c.key), c.next_at, c.key LIMIT ?2
"""  # noqa: S608


def outbox_due(
    connection: Connection, now: int, limit: int, each: int, busy: tuple[Sequence[str], Sequence[str]]
) -> list[OutboxRow]:
    """Calls that may leave now, oldest first."""
    rows = connection.execute(_OUTBOX_DUE, (now, limit, each, *map(json.dumps, busy)))
    return [OutboxRow(*row) for row in rows]


def follow_ups_open(connection: Connection, keys: Sequence[int]) -> set[int]:
    """Which of these are still to be carried out."""
    return {row[0] for row in select_in(connection, "SELECT key FROM follow_ups WHERE key IN ({})", keys)}


def journal_after(connection: Connection, after: int, limit: int) -> list[JournalChunk]:
    """Chunks with events above a number."""
    rows = connection.execute(
        "SELECT * FROM journal WHERE first > (SELECT coalesce(max(first), 0) FROM journal WHERE first <= ?1)"
        " OR (first <= ?1 AND last > ?1) ORDER BY first LIMIT ?2",
        (after, limit),
    )
    return [JournalChunk(*row) for row in rows if row[1] > after]


def hot_counts(connection: Connection, queue: str, tenant: str | None) -> list[HotCount]:
    """The living tasks of a queue by level and state."""
    rows = connection.execute(
        "SELECT level, state, count(*), min(created_at) FROM tasks"
        " WHERE queue = ?1 AND (?2 IS NULL OR tenant = ?2) GROUP BY level, state ORDER BY level, state",
        (queue, tenant),
    )
    return [HotCount(level, _STATES[state], count, oldest) for level, state, count, oldest in rows]


def unheld(connection: Connection, shelf: Shelf, upto: int, limit: int) -> list[int]:
    """The oldest tasks of a shelf that no worker holds."""
    sql = (
        "SELECT key FROM tasks WHERE key <= ?4 AND queue = ?1 AND (?2 < 0 OR level = ?2)"
        " AND (?3 IS NULL OR tenant = ?3) AND state <> ?5 ORDER BY key LIMIT ?6"
    )
    values = (shelf.queue, shelf.level, shelf.tenant, upto, int(TaskState.LEASED), limit)
    return [row[0] for row in connection.execute(sql, values)]


def due_tasks(connection: Connection, now: int, limit: int) -> list[int]:
    """Tasks whose instant has come."""
    sql = (
        "SELECT key FROM tasks WHERE due_at <= ? AND due_at < 4611686018427387903"
        " ORDER BY due_at, key LIMIT ?"
    )
    return [row[0] for row in connection.execute(sql, (now, limit))]


def due_timers(connection: Connection, now: int, limit: int) -> list[TimerRow]:
    """Timers whose instant has come."""
    sql = "SELECT flow, name, at FROM timers WHERE at <= ? ORDER BY at, flow, name LIMIT ?"
    return [TimerRow(*row) for row in connection.execute(sql, (now, limit))]


def next_due(connection: Connection) -> int | None:
    """The earliest instant a task or timer is due."""
    row = connection.execute(
        "SELECT min(at) FROM (SELECT min(due_at) AS at FROM tasks WHERE due_at < 4611686018427387903"
        " UNION ALL SELECT min(at) FROM timers)"
    ).fetchone()
    return None if row[0] is None else int(row[0])
