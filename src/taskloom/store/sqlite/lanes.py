"""The statements about lanes, shares and gates, one function per statement."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from msgspec import structs

from taskloom.core.lanes import (
    BATCH_SUFFIX,
    Gate,
    GateId,
    Lane,
    LaneChange,
    LaneId,
    Offer,
    Share,
    by_gate,
    by_share,
)
from taskloom.core.limits import LEVELS
from taskloom.core.terms import ANY_NUMBER, gate_room, gate_terms, opens_at, terms_of
from taskloom.ports.store import Save, Shelf
from taskloom.store.lanes import Changed
from taskloom.store.sqlite.kept import KeptQueue
from taskloom.store.sqlite.statements import Connection

_LANE: Final = (
    "queue, level, tenant, lane, depth, in_flight, task_limit, paused_until, virtual_time, rate, burst,"
    " rate_at_us, weight, entered, ended"
)
_SHARE: Final = "queue, level, tenant, depth, in_flight, virtual_time, served_at, entered, ended"
_GATE: Final = (
    "queue, tenant, in_flight, task_limit, rate, burst, rate_at_us, paused_until,"
    " key_limit, key_rate, batch_limit, batch_rate, aging_ms"
)
_SHARES_WITH_GATES: Final = ", ".join(
    f"{table}.{column}" for table, columns in (("s", _SHARE), ("g", _GATE)) for column in columns.split(", ")
)
_SHARE_FIELDS: Final = len(Share.__struct_fields__)
_HIGHEST: Final = (
    "(SELECT l.virtual_time FROM lanes l WHERE l.queue = shares.queue AND l.level = shares.level"
    " AND l.tenant = shares.tenant AND l.depth <= 0 ORDER BY l.virtual_time DESC LIMIT 1)"
)
_LEVELS: Final = ", ".join(map(str, range(LEVELS)))
_COLUMN: Final = {"limit": "task_limit"}
"""Settings whose column has another name, for a keyword of SQL cannot be one."""
_GATE_KEY: Final = ("queue", "tenant")
_LANE_KEY: Final = ("queue", "level", "tenant", "lane")
_IS_BATCH: Final = f"substr(lane, {-len(BATCH_SUFFIX)}) = '{BATCH_SUFFIX}'"
_OPENINGS: Final = 1_000
"""Closed lanes looked at for the first instant that opens one."""


def by_id(connection: Connection, lanes: Sequence[LaneId]) -> dict[LaneId, Lane]:
    """Lanes by name."""
    sql = f"SELECT {_LANE} FROM lanes WHERE queue = ? AND level = ? AND tenant = ? AND lane = ?"  # noqa: S608
    rows = [connection.execute(sql, lane).fetchone() for lane in lanes]
    return {lane.id: lane for lane in (Lane(*row) for row in rows if row is not None)}


def offer(connection: Connection, shelf: Shelf, limit: int, now: int) -> Offer:
    """What a shelf has to hand out."""
    found = Offer([], {}, {})
    for row in _shares(connection, shelf, limit):
        one = Share(*row[:_SHARE_FIELDS])
        gate = Gate(*row[_SHARE_FIELDS:]) if row[_SHARE_FIELDS] is not None else Gate(one.queue, one.tenant)
        found.shares[one.id] = one
        found.gates[gate.id] = gate
        if gate_room(gate, now) > 0:
            found.lanes += _open(connection, one, gate, limit, now)
    return found


def named(connection: Connection, lanes: Sequence[LaneId]) -> Offer:
    """Lanes by name with their shares and gates, whether they hold anything or not."""
    known = by_id(connection, lanes)
    found = Offer([known.get(name) or Lane(*name) for name in lanes], {}, {})
    for queue, level, tenant, _ in lanes:
        if (queue, level, tenant) not in found.shares:
            sql = f"SELECT {_SHARE} FROM shares WHERE queue = ? AND level = ? AND tenant = ?"  # noqa: S608
            row = connection.execute(sql, (queue, level, tenant)).fetchone()
            found.shares[queue, level, tenant] = Share(*row) if row else Share(queue, level, tenant)
        if (queue, tenant) not in found.gates:
            found.gates[queue, tenant] = gate(connection, queue, tenant)
    return found


def _shares(connection: Connection, shelf: Shelf, limit: int) -> list[tuple[Any, ...]]:
    """The shares with work that come first, each with its gate."""
    sql = (
        f"SELECT {_SHARES_WITH_GATES} FROM shares s"  # noqa: S608
        " LEFT JOIN gates g ON g.queue = s.queue AND g.tenant = s.tenant WHERE s.queue = ? AND s.depth > 0"
    )
    values: list[Any] = [shelf.queue]
    if shelf.level >= 0:
        sql += " AND s.level = ?"
        values.append(shelf.level)
    if shelf.tenant is not None:
        sql += " AND s.tenant = ?"
        values.append(shelf.tenant)
    sql += " ORDER BY s.level, s.virtual_time, s.tenant LIMIT ?"
    return connection.execute(sql, [*values, limit]).fetchall()


_RATE: Final = f"CASE WHEN rate > 0 THEN rate WHEN {_IS_BATCH} THEN ?7 ELSE ?8 END"
_BURST: Final = f"max(1, CASE WHEN burst > 0 THEN burst ELSE {_RATE} / 60 END)"
_OPEN: Final = (
    f"SELECT {_LANE} FROM lanes WHERE queue = ?1 AND level = ?2 AND tenant = ?3 AND depth > 0"  # noqa: S608
    " AND paused_until <= ?4"
    f" AND in_flight < CASE WHEN task_limit > 0 THEN task_limit WHEN {_IS_BATCH} THEN ?5 ELSE ?6 END"
    " AND (rate_at_us <= ?4 * 1000"
    f" OR coalesce(rate_at_us <= ?4 * 1000 + ({_BURST} - 1) * (60000000 / nullif({_RATE}, 0)), TRUE))"
    " ORDER BY virtual_time, lane LIMIT ?9"
)


def _open(connection: Connection, one: Share, gate: Gate, limit: int, now: int) -> list[Lane]:
    """The lanes of a share that may hand out, by virtual time."""
    limits = (gate.batch_limit or ANY_NUMBER, gate.key_limit or ANY_NUMBER)
    values = (*one.id, now, *limits, gate.batch_rate, gate.key_rate, limit)
    return [Lane(*row) for row in connection.execute(_OPEN, values).fetchall()]


def opening(connection: Connection, shelf: Shelf, now: int) -> int:
    """The first instant at which a pause or a rate lets go of something on a shelf; 0 for none."""
    instants = []
    for row in _shares(connection, shelf, _OPENINGS):
        one = Share(*row[:_SHARE_FIELDS])
        gate = Gate(*row[_SHARE_FIELDS:]) if row[_SHARE_FIELDS] is not None else Gate(one.queue, one.tenant)
        instants.append(opens_at(gate_terms(gate), gate.rate_at_us, gate.paused_until, now))
        sql = (
            f"SELECT {_LANE} FROM lanes WHERE queue = ?1 AND level = ?2 AND tenant = ?3 AND depth > 0"  # noqa: S608
            " AND (paused_until > ?4 OR rate_at_us > ?4 * 1000) LIMIT ?5"
        )
        for found in connection.execute(sql, (*one.id, now, _OPENINGS)).fetchall():
            lane = Lane(*found)
            instants.append(opens_at(terms_of(lane, gate), lane.rate_at_us, lane.paused_until, now))
    return min((at for at in instants if at), default=0)


def of_queue(connection: Connection, queue: str, tenant: str | None, limit: int) -> list[Lane]:
    """The first lanes of a queue."""
    which, values = _belonging(queue, tenant)
    sql = f"SELECT {_LANE} FROM lanes WHERE {which} ORDER BY level, tenant, lane LIMIT ?"  # noqa: S608
    return [Lane(*row) for row in connection.execute(sql, (*values, limit))]


def _belonging(queue: str | None, tenant: str | None) -> tuple[str, list[str]]:
    """Which rows belong to a queue and a tenant, None for any; no others are even looked at."""
    conditions = {"queue = ?": queue, f"level IN ({_LEVELS}) AND tenant = ?": tenant}
    given = {condition: value for condition, value in conditions.items() if value is not None}
    return " AND ".join(given) or "TRUE", list(given.values())


def gate(connection: Connection, queue: str, tenant: str) -> Gate:
    """The gate of a tenant's queue."""
    sql = f"SELECT {_GATE} FROM gates WHERE queue = ? AND tenant = ?"  # noqa: S608
    row = connection.execute(sql, (queue, tenant)).fetchone()
    return Gate(*row) if row is not None else Gate(queue, tenant)


def kept(connection: Connection, queue: str, limit: int) -> KeptQueue | None:
    """A queue without its idle lanes, or nothing when that is more than the limit."""
    found = [
        connection.execute(f"SELECT {what} LIMIT ?", (queue, limit + 1))
        for what in (
            f"{_LANE} FROM lanes INDEXED BY lanes_open WHERE queue = ? AND depth > 0",
            f"{_SHARE}, {_HIGHEST} FROM shares WHERE queue = ?",
            f"{_GATE} FROM gates WHERE queue = ?",
        )
    ]
    lanes, shares, gates = (cursor.fetchall() for cursor in found)
    if len(lanes) + len(shares) + len(gates) > limit:
        return None
    rows = Changed(
        {row[:4]: Lane(*row) for row in lanes},
        {row[:3]: Share(*row[:-1]) for row in shares},
        {row[:2]: Gate(*row) for row in gates},
    )
    return KeptQueue(rows, {row[:3]: row[-1] or 0 for row in shares})


def shares(connection: Connection, queue: str | None, tenant: str | None, limit: int) -> list[Share]:
    """Shares, of one queue or all, of one tenant or all."""
    which, values = _belonging(queue, tenant)
    sql = f"SELECT {_SHARE} FROM shares WHERE {which} ORDER BY queue, level, tenant LIMIT ?"  # noqa: S608
    return [Share(*row) for row in connection.execute(sql, (*values, limit))]


def ready_queues(connection: Connection, limit: int) -> list[tuple[str, str, int]]:
    """Where something is ready."""
    sql = "SELECT queue, tenant, sum(depth) FROM shares WHERE depth > 0 GROUP BY queue, tenant LIMIT ?"
    return connection.execute(sql, (limit,)).fetchall()


# Writing ---------------------------------------------------------------------------------------------------


def _put(table: str, columns: str) -> str:
    marks = ", ".join("?" for _ in columns.split(","))
    return f"INSERT OR REPLACE INTO {table} ({columns}) VALUES ({marks})"  # noqa: S608


_PUT_LANES: Final = _put("lanes", _LANE)
_PUT_SHARES: Final = _put("shares", _SHARE)
_PUT_GATES: Final = _put("gates", _GATE)


def put(connection: Connection, rows: Changed) -> None:
    """Rows as they are from now on."""
    if rows.lanes:
        connection.executemany(_PUT_LANES, map(structs.astuple, rows.lanes.values()))
    if rows.shares:
        connection.executemany(_PUT_SHARES, map(structs.astuple, rows.shares.values()))
    if rows.gates:
        connection.executemany(_PUT_GATES, map(structs.astuple, rows.gates.values()))


def save(connection: Connection, saving: Save) -> None:
    """Settings first, then the relative changes, of rows that nobody remembers."""
    for place, values in saving.gates:
        _set(connection, "gates", dict(zip(_GATE_KEY, place, strict=True)), values)
    for lane, values in saving.tuned:
        key = dict(zip(_LANE_KEY, lane, strict=True))
        _set(connection, "lanes", key, values, depth=0, in_flight=0, virtual_time=0)
    if saving.lanes:
        _add_lanes(connection, saving)
        _add_shares(connection, by_share(saving.lanes), saving.now)
        _add_gates(connection, by_gate(saving.lanes), saving)


def _set(
    connection: Connection, table: str, key: Mapping[str, Any], values: Mapping[str, int], **counters: int
) -> None:
    """Settings of a row, which is made if it is new; their names come from this code, never from outside."""
    if not values:
        return
    columns = [_COLUMN.get(setting, setting) for setting in values]
    first = [*key, *counters, *columns]
    marks = ", ".join("?" * len(first))
    updates = ", ".join(f"{column} = excluded.{column}" for column in columns)
    connection.execute(
        f"INSERT INTO {table} ({', '.join(first)}) VALUES ({marks})"  # noqa: S608
        f" ON CONFLICT ({', '.join(key)}) DO UPDATE SET {updates}",
        [*key.values(), *counters.values(), *values.values()],
    )


def _floor(connection: Connection, table: str, where: Mapping[str, Any]) -> int:
    """The lowest clock of the rows with work; without any, the highest clock. Each has its index."""
    condition = " AND ".join(f"{column} = ?{place}" for place, column in enumerate(where, 1))
    row = connection.execute(
        f"SELECT coalesce((SELECT min(virtual_time) FROM {table} WHERE {condition} AND depth > 0),"  # noqa: S608
        f" (SELECT max(virtual_time) FROM {table} WHERE {condition} AND depth <= 0), 0)",
        list(where.values()),
    ).fetchone()
    return int(row[0])


_CLOCK: Final = "virtual_time = ?7 + CASE WHEN depth > 0 THEN virtual_time ELSE max(virtual_time, ?8) END"


def _add_lanes(connection: Connection, saving: Save) -> None:
    floors: dict[tuple[Any, ...], int] = {}
    rows = []
    for lane, change in saving.lanes.items():
        place = lane[:3]
        if change.fills and place not in floors:
            where = dict(zip(("queue", "level", "tenant"), place, strict=True))
            floors[place] = _floor(connection, "lanes", where)
        floor = floors[place] if change.fills else 0
        terms = saving.terms.get(lane)
        rows.append(
            (
                *lane,
                change.depth,
                change.in_flight,
                change.virtual_time,
                floor,
                change.entered,
                change.ended,
                change.started * terms.interval_us if terms is not None else 0,
                saving.now * 1000,
            )
        )
    connection.executemany(
        f"""
        INSERT INTO lanes
            (queue, level, tenant, lane, depth, in_flight, virtual_time, entered, ended, rate_at_us)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7 + ?8, ?9, ?10, CASE WHEN ?11 > 0 THEN ?11 + ?12 ELSE 0 END)
        ON CONFLICT (queue, level, tenant, lane) DO UPDATE SET
            {_CLOCK},
            depth = depth + ?5,
            in_flight = in_flight + ?6,
            entered = entered + ?9,
            ended = ended + ?10,
            rate_at_us = CASE WHEN ?11 > 0 THEN max(rate_at_us, ?12) + ?11 ELSE rate_at_us END
        """,  # noqa: S608
        rows,
    )


def _add_shares(connection: Connection, changes: Mapping[Any, LaneChange], now: int) -> None:
    rows = []
    for name, change in changes.items():
        queue, level, _ = name
        floor = _floor(connection, "shares", {"queue": queue, "level": level}) if change.fills else 0
        counts = (change.depth, change.in_flight, change.started, change.virtual_time, floor)
        rows.append((*name, *counts, now, change.entered, change.ended))
    connection.executemany(
        f"""
        INSERT INTO shares (queue, level, tenant, depth, in_flight, virtual_time, served_at, entered, ended)
        VALUES (?1, ?2, ?3, ?4, ?5, ?7 + ?8, CASE WHEN ?6 > 0 OR ?4 > 0 THEN ?9 ELSE 0 END, ?10, ?11)
        ON CONFLICT (queue, level, tenant) DO UPDATE SET
            {_CLOCK},
            served_at = CASE WHEN ?6 > 0 OR (depth <= 0 AND depth + ?4 > 0) THEN ?9 ELSE served_at END,
            depth = depth + ?4,
            in_flight = in_flight + ?5,
            entered = entered + ?10,
            ended = ended + ?11
        """,  # noqa: S608
        rows,
    )


def _add_gates(connection: Connection, changes: Mapping[GateId, LaneChange], saving: Save) -> None:
    rows = []
    for name, change in changes.items():
        terms = saving.gate_terms.get(name)
        reach_us = change.started * terms.interval_us if terms is not None else 0
        if change.in_flight or reach_us:
            rows.append((*name, change.in_flight, reach_us, saving.now * 1000))
    connection.executemany(
        """
        INSERT INTO gates (queue, tenant, in_flight, rate_at_us)
        VALUES (?1, ?2, ?3, CASE WHEN ?4 > 0 THEN ?4 + ?5 ELSE 0 END)
        ON CONFLICT (queue, tenant) DO UPDATE SET
            in_flight = in_flight + ?3,
            rate_at_us = CASE WHEN ?4 > 0 THEN max(rate_at_us, ?5) + ?4 ELSE rate_at_us END
        """,
        rows,
    )
