"""The writing statements of the SQLite store, one function per statement."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, Final

from msgspec import structs

from taskloom.core.records import Record
from taskloom.core.task import Task
from taskloom.core.usage import UsageCount, UsageId
from taskloom.ports.store import (
    FlowRow,
    IdempotencyRow,
    OutboxRow,
    SubscriptionId,
    SubscriptionRow,
    TimerRow,
)
from taskloom.store import packed
from taskloom.store.sqlite.statements import Connection, in_marks
from taskloom.store.usage_sql import ADDITION, COUNTS, ID

Row = tuple[Any, ...]

_AT_ONCE: Final = (64, 16, 4, 1)
"""How many rows one statement writes; few sizes, so that few statements are prepared."""
_COLUMNS: Final = ", ".join(packed.COLUMNS)
_INSERT_TASK: Final = f"INSERT INTO tasks ({_COLUMNS}, due_at, body) VALUES "  # noqa: S608
_UPDATE_TASK: Final = (
    "UPDATE tasks SET priority = ?2, state = ?3, worker = ?4, assignee = ?5, finished_at = ?6, due_at = ?7,"
    " body = ?8 WHERE key = ?1"
)
_UPDATE_TASKS: Final = (
    "UPDATE tasks SET priority = v.column2, state = v.column3, worker = v.column4, assignee = v.column5,"
    " finished_at = v.column6, due_at = v.column7, body = v.column8"
    " FROM (VALUES {}) v WHERE tasks.key = v.column1"
)
_INSERT_HISTORY: Final = f"INSERT INTO history ({_COLUMNS}, body) VALUES "  # noqa: S608
_REPLACE_HISTORY: Final = (
    f"INSERT OR REPLACE INTO history ({_COLUMNS}, body) VALUES ({'?, ' * len(packed.COLUMNS)}?)"  # noqa: S608
)
_ADD_USAGE: Final = (
    f"INSERT INTO usage ({', '.join((*ID, *COUNTS))})"  # noqa: S608
    f" VALUES ({', '.join('?' * len((*ID, *COUNTS)))}) {ADDITION}"
)


def _parts(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    """Rows in portions for one statement each.

    Each statement lets go of the interpreter, which must be won back, so one for many rows is better.
    """
    start = 0
    while start < len(rows):
        count = next(size for size in _AT_ONCE if size <= len(rows) - start)
        yield rows[start : start + count]
        start += count


def _marks(rows: Sequence[Row]) -> str:
    """Placeholders for rows of equal length."""
    return ", ".join([f"({', '.join('?' * len(rows[0]))})"] * len(rows))


def _insert(connection: Connection, sql: str, rows: Sequence[Row]) -> None:
    """Insert rows."""
    for part in _parts(rows):
        connection.execute(sql + _marks(part), list(chain.from_iterable(part)))


def tasks_insert(connection: Connection, tasks: Iterable[Task]) -> None:
    """New hot rows."""
    _insert(
        connection, _INSERT_TASK, [(*packed.columns(task), task.due_at, packed.body(task)) for task in tasks]
    )


def tasks_update(connection: Connection, tasks: Iterable[Task]) -> None:
    """Change hot rows; the other columns never change."""
    rows = []
    for one in tasks:
        changing = (one.priority, int(one.state), one.worker, one.assignee, one.finished_at, one.due_at)
        rows.append((one.key, *changing, packed.body(one)))
    for part in _parts(rows):
        # A statement for many takes three times as long as one for a single row.
        sql = _UPDATE_TASK if len(part) == 1 else _UPDATE_TASKS.format(_marks(part))
        connection.execute(sql, list(chain.from_iterable(part)))


def tasks_delete(connection: Connection, tasks: Iterable[Task]) -> None:
    """Remove hot rows."""
    keys = [task.key for task in tasks]
    for start in range(0, len(keys), _AT_ONCE[0]):
        part = keys[start : start + _AT_ONCE[0]]
        marks, padded = in_marks(len(part))
        connection.execute(f"DELETE FROM tasks WHERE key IN ({marks})", [*part, *(0,) * (padded - len(part))])  # noqa: S608


def history_insert(connection: Connection, tasks: Iterable[Task]) -> None:
    """Rows of tasks that end for the first time."""
    _insert(connection, _INSERT_HISTORY, [(*packed.columns(task), packed.body(task)) for task in tasks])


def history_put(connection: Connection, tasks: Iterable[Task]) -> None:
    """Rows of tasks that have ended before."""
    connection.executemany(_REPLACE_HISTORY, [(*packed.columns(task), packed.body(task)) for task in tasks])


def history_delete(connection: Connection, tasks: Iterable[Task]) -> None:
    """Remove rows of ended tasks that were reopened."""
    connection.executemany("DELETE FROM history WHERE key = ?", [(task.key,) for task in tasks])


def details_insert(connection: Connection, rows: Sequence[tuple[int, bytes, str, bytes]]) -> None:
    """What is written once with a task: (key, attributes, callback, input)."""
    _insert(connection, "INSERT INTO details VALUES ", rows)


def attributes_update(connection: Connection, rows: Iterable[tuple[int, bytes]]) -> None:
    """New attributes: (key, attributes)."""
    connection.executemany(
        "UPDATE details SET attributes = ?2 WHERE key = ?1", [(key, body) for key, body in rows]
    )


def payloads_insert(connection: Connection, rows: Sequence[tuple[int, bytes]]) -> None:
    """Payloads, written once."""
    _insert(connection, "INSERT INTO payloads VALUES ", rows)


def usage_add(connection: Connection, usage: Mapping[UsageId, UsageCount]) -> None:
    """Relative changes."""
    connection.executemany(_ADD_USAGE, [(*slot, *structs.astuple(count)) for slot, count in usage.items()])


def flows_put(connection: Connection, flows: Iterable[FlowRow]) -> None:
    """Flows as they stand now."""
    connection.executemany(
        "INSERT INTO flows VALUES (?, ?, ?, ?, ?) ON CONFLICT (key) DO UPDATE SET state = excluded.state",
        [structs.astuple(flow) for flow in flows],
    )


def flows_delete(connection: Connection, keys: Iterable[int]) -> None:
    """Flows that ended for good; their timers and subscriptions go with them."""
    rows = [(key,) for key in keys]
    connection.executemany("DELETE FROM flows WHERE key = ?", rows)
    connection.executemany("DELETE FROM timers WHERE flow = ?", rows)
    connection.executemany("DELETE FROM subscriptions WHERE flow = ?", rows)


def records_put(connection: Connection, records: Iterable[Record]) -> None:
    """Records as they stand now."""
    connection.executemany(
        "INSERT OR REPLACE INTO records VALUES (?, ?, ?, ?, ?, ?)",
        [structs.astuple(record) for record in records],
    )


def records_delete(connection: Connection, names: Iterable[tuple[str, str, str]]) -> None:
    """Records that are gone."""
    connection.executemany("DELETE FROM records WHERE kind = ? AND tenant = ? AND name = ?", names)


def idempotency_insert(connection: Connection, rows: Iterable[IdempotencyRow]) -> None:
    """Answers given now."""
    connection.executemany(
        "INSERT INTO idempotency VALUES (?, ?, ?, ?, ?, ?)", [structs.astuple(row) for row in rows]
    )


def subscriptions_insert(connection: Connection, rows: Iterable[SubscriptionRow]) -> None:
    """New subscriptions."""
    connection.executemany(
        "INSERT OR REPLACE INTO subscriptions VALUES (?, ?, ?, ?, ?, ?)",
        [structs.astuple(row) for row in rows],
    )


def subscriptions_delete(connection: Connection, rows: Iterable[tuple[SubscriptionId, int]]) -> None:
    """Ended subscriptions: (slot, flow)."""
    connection.executemany(
        "DELETE FROM subscriptions WHERE tenant = ? AND kind = ? AND name = ? AND key = ? AND flow = ?",
        [(*slot, flow) for slot, flow in rows],
    )


def timers_put(connection: Connection, timers: Iterable[TimerRow]) -> None:
    """Set or move timers."""
    connection.executemany(
        "INSERT OR REPLACE INTO timers VALUES (?, ?, ?)", [structs.astuple(timer) for timer in timers]
    )


def timers_delete(connection: Connection, slots: Iterable[tuple[int, str]]) -> None:
    """Clear timers."""
    connection.executemany("DELETE FROM timers WHERE flow = ? AND name = ?", slots)


def counter_add(connection: Connection, flow: int, name: str, by: int) -> int:
    """Change a counter and answer its value."""
    row = connection.execute(
        "INSERT INTO counters VALUES (?1, ?2, ?3)"
        " ON CONFLICT (flow, name) DO UPDATE SET value = value + ?3 RETURNING value",
        (flow, name, by),
    ).fetchall()
    return int(row[0][0])


def counters_delete(connection: Connection, flows: Iterable[int]) -> None:
    """Counters of flows that ended."""
    connection.executemany("DELETE FROM counters WHERE flow = ?", [(flow,) for flow in flows])


def outbox_put(connection: Connection, rows: Iterable[OutboxRow]) -> None:
    """New calls, and those to be tried again."""
    connection.executemany(
        "INSERT OR REPLACE INTO outbox VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [structs.astuple(row) for row in rows],
    )


def outbox_delete(connection: Connection, keys: Iterable[int]) -> None:
    """Calls that are done."""
    connection.executemany("DELETE FROM outbox WHERE key = ?", [(key,) for key in keys])


def follow_ups_insert(connection: Connection, rows: Iterable[tuple[int, bytes]]) -> None:
    """Commands that follow."""
    connection.executemany("INSERT INTO follow_ups VALUES (?, ?)", rows)


def follow_ups_delete(connection: Connection, keys: Iterable[int]) -> None:
    """Commands that were carried out."""
    connection.executemany("DELETE FROM follow_ups WHERE key = ?", [(key,) for key in keys])


def head_advance(connection: Connection, events: int, last_key: int) -> int:
    """Take the next event numbers; answers the last of them."""
    rows = connection.execute(
        "UPDATE head SET sequence = sequence + ?, last_key = max(last_key, ?) RETURNING sequence",
        (events, last_key),
    ).fetchall()
    return int(rows[0][0])


def journal_insert(connection: Connection, first: int, last: int, body: bytes) -> None:
    """The events of this transaction."""
    connection.execute("INSERT INTO journal VALUES (?, ?, ?)", (first, last, body))
