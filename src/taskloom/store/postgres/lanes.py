"""The statements about lanes, shares and gates, one function per statement.

Other servers change the same rows. Limits hold all the same: an addition answers with what it came to, and
one that went over its limit undoes the transaction, which then sees what the others did.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from taskloom.core.lanes import (
    BATCH_SUFFIX,
    Gate,
    GateId,
    Lane,
    LaneChange,
    LaneId,
    Offer,
    Share,
    ShareId,
    by_gate,
    by_share,
)
from taskloom.core.terms import ANY_NUMBER, Terms, gate_room, gate_terms, opens_at, terms_of
from taskloom.ports.store import Save, Shelf, TransientError
from taskloom.store.postgres.statements import Connection
from taskloom.store.postgres.text import all_stored, shown, stored

_LANE: Final = (
    "queue, level, tenant, lane, depth, in_flight, task_limit, paused_until, virtual_time, rate, burst,"
    " rate_at_us, weight, entered, ended"
)
_SHARE: Final = (
    "s.queue, s.level, s.tenant, s.depth, s.in_flight, s.virtual_time, s.served_at, s.entered, s.ended"
)
_GATE: Final = (
    "g.queue, g.tenant, g.in_flight, g.task_limit, g.rate, g.burst, g.rate_at_us, g.paused_until,"
    " g.key_limit, g.key_rate, g.batch_limit, g.batch_rate, g.aging_ms"
)
_SHARE_FIELDS: Final = len(Share.__struct_fields__)
_COLUMN: Final = {"limit": "task_limit"}
"""Settings whose column has another name, for a keyword of SQL cannot be one."""
_GATE_KEY: Final = ("tenant", "queue")
_LANE_KEY: Final = ("tenant", "queue", "level", "lane")
_IS_BATCH: Final = f"right(lane, {len(BATCH_SUFFIX)}) = '{BATCH_SUFFIX}'"
_OPENINGS: Final = 1_000
"""Closed lanes looked at for the first instant that opens one."""


def _lane(row: Sequence[Any]) -> Lane:
    queue, level, tenant, lane, *counts = row
    return Lane(shown(queue), level, shown(tenant), shown(lane), *counts)


def _share(row: Sequence[Any]) -> Share:
    queue, level, tenant, *counts = row
    return Share(shown(queue), level, shown(tenant), *counts)


def _gate(row: Sequence[Any], share: Share) -> Gate:
    if row[0] is None:
        return Gate(share.queue, share.tenant)
    return Gate(share.queue, share.tenant, *row[2:])


async def by_id(connection: Connection, lanes: Sequence[LaneId]) -> dict[LaneId, Lane]:
    """Lanes by name."""
    columns = [list(column) for column in zip(*lanes, strict=True)]
    rows = await connection.fetch(
        f"SELECT {_LANE} FROM lanes WHERE (queue, level, tenant, lane) IN"  # noqa: S608
        " (SELECT * FROM unnest($1::text[], $2::smallint[], $3::text[], $4::text[]))",
        *[[stored(one) if isinstance(one, str) else one for one in column] for column in columns],
    )
    return {lane.id: lane for lane in map(_lane, rows)}


async def offer(connection: Connection, shelf: Shelf, limit: int, now: int) -> Offer:
    """What a shelf has to hand out."""
    found = Offer([], {}, {})
    for row in await _shares(connection, shelf, limit):
        one = _share(row[:_SHARE_FIELDS])
        gate = _gate(row[_SHARE_FIELDS:], one)
        found.shares[one.id] = one
        found.gates[gate.id] = gate
        if gate_room(gate, now) > 0:
            found.lanes += await _open(connection, one, gate, limit, now)
    return found


async def named(connection: Connection, lanes: Sequence[LaneId]) -> Offer:
    """Lanes by name with their shares and gates, whether they hold anything or not."""
    known = await by_id(connection, lanes) if lanes else {}
    found = Offer([known.get(name) or Lane(*name) for name in lanes], {}, {})
    for queue, level, tenant, _ in lanes:
        if (queue, level, tenant) not in found.shares:
            row = await connection.fetchrow(
                f"SELECT {_SHARE} FROM shares s WHERE queue = $1 AND level = $2 AND tenant = $3",  # noqa: S608
                stored(queue),
                level,
                stored(tenant),
            )
            found.shares[queue, level, tenant] = (
                _share(row) if row is not None else Share(queue, level, tenant)
            )
        if (queue, tenant) not in found.gates:
            found.gates[queue, tenant] = await gate(connection, queue, tenant)
    return found


async def _shares(connection: Connection, shelf: Shelf, limit: int) -> list[tuple[Any, ...]]:
    """The shares with work that come first, each with its gate."""
    conditions = "s.queue = $1"
    values: list[Any] = [stored(shelf.queue)]
    if shelf.level >= 0:
        values.append(shelf.level)
        conditions += f" AND s.level = ${len(values)}"
    if shelf.tenant is not None:
        values.append(stored(shelf.tenant))
        conditions += f" AND s.tenant = ${len(values)}"
    values.append(limit)
    rows = await connection.fetch(
        f"SELECT {_SHARE}, {_GATE} FROM shares s"  # noqa: S608
        f" LEFT JOIN gates g ON g.queue = s.queue AND g.tenant = s.tenant WHERE {conditions} AND s.depth > 0"
        f" ORDER BY s.level, s.virtual_time, s.tenant LIMIT ${len(values)}",
        *values,
    )
    return [tuple(row) for row in rows]


_RATE: Final = f"CASE WHEN rate > 0 THEN rate WHEN {_IS_BATCH} THEN $7::bigint ELSE $8::bigint END"
_BURST: Final = f"greatest(1, CASE WHEN burst > 0 THEN burst ELSE {_RATE} / 60 END)"
OPEN: Final = (
    f"SELECT {_LANE} FROM lanes WHERE queue = $1 AND level = $2 AND tenant = $3 AND depth > 0"  # noqa: S608
    " AND paused_until <= $4::bigint"
    f" AND in_flight < CASE WHEN task_limit > 0 THEN task_limit WHEN {_IS_BATCH} THEN $5::bigint"
    " ELSE $6::bigint END"
    " AND (rate_at_us <= $4 * 1000"
    f" OR coalesce(rate_at_us <= $4 * 1000 + ({_BURST} - 1) * (60000000 / nullif({_RATE}, 0)), true))"
    " ORDER BY virtual_time, lane LIMIT $9"
)


async def _open(connection: Connection, one: Share, gate: Gate, limit: int, now: int) -> list[Lane]:
    """The lanes of a share that may hand out, by virtual time."""
    rows = await connection.fetch(
        OPEN,
        stored(one.queue),
        one.level,
        stored(one.tenant),
        now,
        gate.batch_limit or ANY_NUMBER,
        gate.key_limit or ANY_NUMBER,
        gate.batch_rate,
        gate.key_rate,
        limit,
    )
    return [_lane(row) for row in rows]


async def opening(connection: Connection, shelf: Shelf, now: int) -> int:
    """The first instant at which a pause or a rate lets go of something on a shelf; 0 for none."""
    instants = []
    for row in await _shares(connection, shelf, _OPENINGS):
        one = _share(row[:_SHARE_FIELDS])
        gate = _gate(row[_SHARE_FIELDS:], one)
        instants.append(opens_at(gate_terms(gate), gate.rate_at_us, gate.paused_until, now))
        closed = await connection.fetch(
            f"SELECT {_LANE} FROM lanes WHERE queue = $1 AND level = $2 AND tenant = $3 AND depth > 0"  # noqa: S608
            " AND (paused_until > $4::bigint OR rate_at_us > $4 * 1000) LIMIT $5",
            stored(one.queue),
            one.level,
            stored(one.tenant),
            now,
            _OPENINGS,
        )
        instants += [
            opens_at(terms_of(lane, gate), lane.rate_at_us, lane.paused_until, now)
            for lane in map(_lane, closed)
        ]
    return min((at for at in instants if at), default=0)


async def of_queue(connection: Connection, queue: str, tenant: str | None, limit: int) -> list[Lane]:
    """The first lanes of a queue."""
    which, values = _belonging(queue, tenant)
    rows = await connection.fetch(
        f"SELECT {_LANE} FROM lanes WHERE {which} ORDER BY level, tenant, lane LIMIT $1",  # noqa: S608
        limit,
        *values,
    )
    return [_lane(row) for row in rows]


def _belonging(queue: str | None, tenant: str | None) -> tuple[str, list[str]]:
    """Which rows belong to a queue and a tenant, None for any, marked from $2 on; no others are looked at."""
    given = {name: value for name, value in (("queue", queue), ("tenant", tenant)) if value is not None}
    which = " AND ".join(f"{name} = ${place}" for place, name in enumerate(given, 2))
    return which or "TRUE", all_stored(given.values())


async def gate(connection: Connection, queue: str, tenant: str) -> Gate:
    """The gate of a tenant's queue."""
    row = await connection.fetchrow(
        f"SELECT {_GATE} FROM gates g WHERE queue = $1 AND tenant = $2",  # noqa: S608
        stored(queue),
        stored(tenant),
    )
    return Gate(queue, tenant, *tuple(row)[2:]) if row is not None else Gate(queue, tenant)


async def shares(connection: Connection, queue: str | None, tenant: str | None, limit: int) -> list[Share]:
    """Shares, of one queue or all, of one tenant or all."""
    which, values = _belonging(queue, tenant)
    rows = await connection.fetch(
        f"SELECT {_SHARE} FROM shares s WHERE {which} ORDER BY queue, level, tenant LIMIT $1",  # noqa: S608
        limit,
        *values,
    )
    return [_share(row) for row in rows]


async def ready_queues(connection: Connection, limit: int) -> list[tuple[str, str, int]]:
    """Where something is ready."""
    rows = await connection.fetch(
        "SELECT queue, tenant, sum(depth)::bigint FROM shares WHERE depth > 0"
        " GROUP BY queue, tenant LIMIT $1",
        limit,
    )
    return [(shown(queue), shown(tenant), depth) for queue, tenant, depth in rows]


# Writing ---------------------------------------------------------------------------------------------------


async def save(connection: Connection, saving: Save) -> None:
    """Settings first, then the relative changes; raises `TransientError` when one goes over its limit."""
    for (queue, tenant), values in saving.gates:
        await _set(connection, "gates", _GATE_KEY, (stored(tenant), stored(queue)), values)
    for (queue, level, tenant, lane), values in saving.tuned:
        name = (stored(tenant), stored(queue), level, stored(lane))
        await _set(connection, "lanes", _LANE_KEY, name, values, **_NEW_LANE)
    if saving.lanes:
        await _add_lanes(connection, saving)
        await _add_shares(connection, by_share(saving.lanes), saving.now)
        await _add_gates(connection, by_gate(saving.lanes), saving)


_NEW_LANE: Final = {"depth": 0, "in_flight": 0, "virtual_time": 0}


async def _set(
    connection: Connection,
    table: str,
    key: tuple[str, ...],
    name: tuple[Any, ...],
    values: Mapping[str, int],
    **counters: int,
) -> None:
    """Settings of a row, which is made if it is new; their names come from this code, never from outside."""
    if not values:
        return
    columns = [_COLUMN.get(setting, setting) for setting in values]
    first = [*key, *counters, *columns]
    marks = ", ".join(f"${place}" for place in range(1, len(first) + 1))
    updates = ", ".join(f"{column} = excluded.{column}" for column in columns)
    await connection.execute(
        f"INSERT INTO {table} ({', '.join(first)}) VALUES ({marks})"  # noqa: S608
        f" ON CONFLICT ({', '.join(key)}) DO UPDATE SET {updates}",
        *name,
        *counters.values(),
        *values.values(),
    )


FLOORS: Final = (
    "SELECT p.queue, p.level, p.tenant, coalesce("
    " (SELECT min(l.virtual_time) FROM lanes l WHERE l.queue = p.queue AND l.level = p.level"
    " AND l.tenant = p.tenant AND l.depth > 0),"
    " (SELECT max(l.virtual_time) FROM lanes l WHERE l.queue = p.queue AND l.level = p.level"
    " AND l.tenant = p.tenant AND l.depth <= 0), 0)"
    " FROM unnest($1::text[], $2::smallint[], $3::text[]) AS p (queue, level, tenant)"
)
"""The lowest clock of the rows with work; without any, the highest clock. Each has its index."""
SHARE_FLOORS: Final = (
    "SELECT p.queue, p.level, coalesce("
    " (SELECT min(s.virtual_time) FROM shares s WHERE s.queue = p.queue AND s.level = p.level"
    " AND s.depth > 0),"
    " (SELECT max(s.virtual_time) FROM shares s WHERE s.queue = p.queue AND s.level = p.level"
    " AND s.depth <= 0), 0)"
    " FROM unnest($1::text[], $2::smallint[]) AS p (queue, level)"
)


async def _floors(connection: Connection, places: Sequence[ShareId]) -> dict[ShareId, int]:
    """For each share the clock at which an empty lane joins."""
    if not places:
        return {}
    rows = await connection.fetch(
        FLOORS,
        [stored(queue) for queue, _, _ in places],
        [level for _, level, _ in places],
        [stored(tenant) for _, _, tenant in places],
    )
    return {(shown(queue), level, shown(tenant)): floor for queue, level, tenant, floor in rows}


async def _share_floors(
    connection: Connection, places: Sequence[tuple[str, int]]
) -> dict[tuple[str, int], int]:
    """For each (queue, level) the clock at which an empty share joins."""
    if not places:
        return {}
    rows = await connection.fetch(
        SHARE_FLOORS,
        [stored(queue) for queue, _ in places],
        [level for _, level in places],
    )
    return {(shown(queue), level): floor for queue, level, floor in rows}


_CLOCK: Final = (
    "virtual_time = excluded.virtual_time - excluded.floor + CASE WHEN {0}.depth > 0 THEN {0}.virtual_time"
    " ELSE greatest({0}.virtual_time, excluded.floor) END, floor = excluded.floor"
)
_REACH: Final = (
    "rate_at_us = CASE WHEN excluded.rate_at_us > 0"
    " THEN greatest({0}.rate_at_us, {1}) + excluded.rate_at_us - {1} ELSE {0}.rate_at_us END"
)


async def _add_lanes(connection: Connection, saving: Save) -> None:
    """Relative changes in the order of the lanes' names."""
    changes = saving.lanes
    names = sorted(changes)
    floors = await _floors(connection, list({name[:3]: None for name in names if changes[name].fills}))
    joins = [floors[name[:3]] if changes[name].fills else 0 for name in names]
    now_us = saving.now * 1000
    rows = await connection.fetch(
        "INSERT INTO lanes"  # noqa: S608
        " (queue, level, tenant, lane, depth, in_flight, virtual_time, floor, entered, ended, rate_at_us)"
        " SELECT * FROM unnest($1::text[], $2::smallint[], $3::text[], $4::text[], $5::bigint[],"
        " $6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[])"
        f" ON CONFLICT (tenant, queue, level, lane) DO UPDATE SET {_CLOCK.format('lanes')},"
        " depth = lanes.depth + excluded.depth, in_flight = lanes.in_flight + excluded.in_flight,"
        " entered = lanes.entered + excluded.entered, ended = lanes.ended + excluded.ended,"
        f" {_REACH.format('lanes', '$12::bigint')}"
        " RETURNING queue, level, tenant, lane, in_flight, rate_at_us",
        [stored(name[0]) for name in names],
        [name[1] for name in names],
        [stored(name[2]) for name in names],
        [stored(name[3]) for name in names],
        [changes[name].depth for name in names],
        [changes[name].in_flight for name in names],
        [changes[name].virtual_time + floor for name, floor in zip(names, joins, strict=True)],
        joins,
        [changes[name].entered for name in names],
        [changes[name].ended for name in names],
        [_reach_us(changes[name], saving.terms.get(name), now_us) for name in names],
        now_us,
    )
    for queue, level, tenant, lane, in_flight, reach_us in rows:
        name = (shown(queue), level, shown(tenant), shown(lane))
        _hold(changes[name], saving.terms.get(name), in_flight, reach_us, now_us)


async def _add_shares(connection: Connection, changes: Mapping[ShareId, LaneChange], now: int) -> None:
    names = sorted(changes)
    places = list({name[:2]: None for name in names if changes[name].fills})
    floors = await _share_floors(connection, places)
    joins = [floors[name[:2]] if changes[name].fills else 0 for name in names]
    await connection.execute(
        "INSERT INTO shares"  # noqa: S608
        " (queue, level, tenant, depth, in_flight, virtual_time, floor, entered, ended, served_at)"
        " SELECT queue, level, tenant, depth, in_flight, virtual_time, floor, entered, ended,"
        " CASE WHEN started > 0 OR depth > 0 THEN $9::bigint ELSE 0 END"
        " FROM unnest($1::text[], $2::smallint[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[],"
        " $7::bigint[], $8::bigint[], $10::bigint[], $11::bigint[])"
        " AS p (queue, level, tenant, depth, in_flight, virtual_time, floor, started, entered, ended)"
        f" ON CONFLICT (tenant, queue, level) DO UPDATE SET {_CLOCK.format('shares')},"
        " served_at = CASE WHEN excluded.virtual_time > excluded.floor"
        " OR (shares.depth <= 0 AND shares.depth + excluded.depth > 0) THEN $9::bigint"
        " ELSE shares.served_at END,"
        " depth = shares.depth + excluded.depth, in_flight = shares.in_flight + excluded.in_flight,"
        " entered = shares.entered + excluded.entered, ended = shares.ended + excluded.ended",
        [stored(name[0]) for name in names],
        [name[1] for name in names],
        [stored(name[2]) for name in names],
        [changes[name].depth for name in names],
        [changes[name].in_flight for name in names],
        [changes[name].virtual_time + floor for name, floor in zip(names, joins, strict=True)],
        joins,
        [changes[name].started for name in names],
        now,
        [changes[name].entered for name in names],
        [changes[name].ended for name in names],
    )


async def _add_gates(connection: Connection, changes: Mapping[GateId, LaneChange], saving: Save) -> None:
    now_us = saving.now * 1000
    terms = saving.gate_terms
    names = sorted(name for name, change in changes.items() if change.in_flight or change.started)
    if not names:
        return
    rows = await connection.fetch(
        "INSERT INTO gates (queue, tenant, in_flight, rate_at_us)"  # noqa: S608
        " SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[])"
        " ON CONFLICT (tenant, queue) DO UPDATE SET in_flight = gates.in_flight + excluded.in_flight,"
        f" {_REACH.format('gates', '$5::bigint')}"
        " RETURNING queue, tenant, in_flight, rate_at_us",
        [stored(queue) for queue, _ in names],
        [stored(tenant) for _, tenant in names],
        [changes[name].in_flight for name in names],
        [_reach_us(changes[name], terms.get(name), now_us) for name in names],
        now_us,
    )
    for queue, tenant, in_flight, reach_us in rows:
        name = (shown(queue), shown(tenant))
        _hold(changes[name], terms.get(name), in_flight, reach_us, now_us)


def _reach_us(change: LaneChange, terms: Terms | None, now_us: int) -> int:
    """How far the starts of a change reach by themselves; 0 where there is no rate."""
    if terms is None or not terms.interval_us or change.started <= 0:
        return 0
    return now_us + change.started * terms.interval_us


def _hold(change: LaneChange, terms: Terms | None, in_flight: int, reach_us: int, now_us: int) -> None:
    """Refuse what went over a limit because another server handed out since it was looked at."""
    if terms is None or change.started <= 0:
        return
    others = in_flight - change.in_flight > terms.seen_in_flight
    too_many = others and terms.limit and in_flight > terms.limit
    if too_many or _is_too_fast(change, terms, reach_us, now_us):
        raise TransientError("another server handed out from the same lane at that moment")


def _is_too_fast(change: LaneChange, terms: Terms, reach_us: int, now_us: int) -> bool:
    """Whether the starts reach too far ahead, and further than these alone would."""
    if not terms.interval_us:
        return False
    alone_us = max(terms.seen_rate_at_us, now_us) + change.started * terms.interval_us
    return reach_us > alone_us and reach_us > now_us + terms.tolerance_us + terms.interval_us
