"""The planner takes the keys: statements of a batch never walk a table, whatever the statistics say."""

import json

import asyncpg
import pytest
from msgspec import structs

from taskloom.core.task import LEASED, READY, Task
from taskloom.ports.store import OutboxRow
from taskloom.store.postgres import lanes, statements, writes
from taskloom.store.postgres.rows import PostgresDialect
from taskloom.store.postgres.store import PostgresStore
from taskloom.store.sql import SearchSql
from taskloom.views.tasks import TASKS
from taskloom.views.view import Compare, Query

ROWS = 20_000


@pytest.fixture
async def connection(database):
    """A database with many tasks, analysed while nothing was leased: statistics that mislead a planner."""
    store = PostgresStore(database)
    await store.open(())
    connection = await asyncpg.connect(database, server_settings={"plan_cache_mode": "force_generic_plan"})
    base = Task(1, "t", "q", 1, "", 0, READY, "queue", 1)
    await writes.tasks_insert(
        connection, [structs.replace(base, key=key, queue=f"q{key % 10}") for key in range(1, ROWS)]
    )
    await connection.execute("ANALYZE")
    await connection.execute("UPDATE tasks SET state = $1 WHERE key % 2 = 0", LEASED)
    yield connection
    await connection.close()
    await store.close()


async def plan(connection, statement, *values):
    """The nodes of the generic plan of a statement, as (kind, index or table)."""
    prepared = await connection.prepare(statement)
    del prepared
    arguments = ", ".join(values)
    await connection.execute("DEALLOCATE ALL")
    await connection.execute(f"PREPARE asked AS {statement}")
    (row,) = await connection.fetch(f"EXPLAIN (FORMAT JSON) EXECUTE asked ({arguments})")
    nodes, found = [json.loads(row[0])[0]["Plan"]], []
    while nodes:
        node = nodes.pop()
        nodes += node.get("Plans", [])
        found.append((node["Node Type"], node.get("Index Name") or node.get("Relation Name")))
    return found


def walks(found):
    return [node for node in found if node[0] == "Seq Scan"]


KEYS = "'{1,2,3}'"


async def test_tasks_are_locked_by_the_primary_key(connection):
    statement = "SELECT body FROM tasks WHERE key = ANY($1::text::bigint[]) ORDER BY key FOR UPDATE"

    found = await plan(connection, statement, KEYS)

    assert walks(found) == []
    assert any(index == "tasks_pkey" for _, index in found)


CHANGES = (KEYS, "'{0}'", "'{4}'", "'{w}'", "'{w}'", "'{0}'")


async def test_tasks_are_moved_by_the_primary_key(connection):
    found = await plan(connection, writes.END_TASKS, *CHANGES, "'{body}'")

    assert walks(found) == []
    assert any(index == "tasks_pkey" for _, index in found)


async def test_tasks_are_updated_by_the_primary_key(connection):
    found = await plan(connection, writes.UPDATE_TASKS, *CHANGES, "'{0}'", "'{body}'")

    assert walks(found) == []
    assert any(index == "tasks_pkey" for _, index in found)


async def test_a_page_of_tasks_is_fetched_by_their_keys(connection):
    await writes.details_insert(connection, [(key, b"{}", "", b"{}") for key in range(1, ROWS)])
    await connection.execute("ANALYZE details")
    builder = SearchSql(PostgresDialect(), {"tasks": TASKS})
    query = Query(view="tasks", tenants=("t",), filter=Compare("holder", "eq", "h"), limit=10)

    found = await plan(connection, builder.page(query), "'t'", "'h'", "10")

    assert {"details_pkey", "tasks_pkey"} <= {index for _, index in found}
    assert ("Seq Scan", "details") not in found


async def test_a_claim_walks_the_ready_index_in_order(connection):
    found = await plan(connection, statements.READY, "'q1'", "1::smallint", "'t'", "''", "10")

    assert walks(found) == []
    assert any(index == "tasks_ready" for _, index in found)
    assert not any(kind == "Sort" for kind, _ in found)


async def test_what_is_due_is_found_by_its_index(connection):
    found = await plan(
        connection,
        "SELECT key FROM tasks WHERE due_at <= $1 ORDER BY due_at, key LIMIT $2",
        "5::bigint",
        "10",
    )

    assert walks(found) == []
    assert any(index == "tasks_due" for _, index in found)


async def test_what_may_leave_is_found_line_by_line(connection):
    calls = [OutboxRow(key, "t", key, 0, 10, "t a") for key in range(1, ROWS)]
    await writes.outbox_put(connection, calls)
    await connection.execute("ANALYZE outbox")

    found = await plan(
        connection, statements.OUTBOX_DUE, "5::bigint", "10", "4", "ARRAY['t b']", "ARRAY['u']"
    )

    assert walks(found) == []
    assert {index for kind, index in found if kind.startswith("Index")} <= {"outbox_due", "outbox_task"}


async def test_who_joins_the_lanes_or_shares_of_a_queue_does_not_look_at_all_of_them(connection):
    for table, name in (("lanes", "'t', number::text"), ("shares", "number::text")):
        columns = "lane, depth" if table == "lanes" else "depth, served_at"
        await connection.execute(
            f"INSERT INTO {table} (queue, level, tenant, {columns}, in_flight, virtual_time)"
            f" SELECT 'q', 1, {name}, 0{', 0' if table == 'shares' else ''}, 0, number"
            f" FROM generate_series(1, {ROWS}) number"
        )
        await connection.execute(f"ANALYZE {table}")
    one = ("ARRAY['q']", "ARRAY[1]::smallint[]")

    among_lanes = await plan(connection, lanes.FLOORS, *one, "ARRAY['t']")
    among_shares = await plan(connection, lanes.SHARE_FLOORS, *one)

    for found, indexes in (
        (among_lanes, {"lanes_open", "lanes_idle"}),
        (among_shares, {"shares_open", "shares_idle"}),
    ):
        assert walks(found) == []
        assert {index for kind, index in found if "Scan" in kind and index} == indexes
        assert sum(kind == "Limit" for kind, _ in found) == 2


async def test_no_index_depends_on_the_leased_state(connection):
    rows = await connection.fetch("SELECT indexdef FROM pg_indexes WHERE tablename = 'tasks'")

    predicates = [row[0].partition(" WHERE ")[2] for row in rows]
    assert not any("state = 2" in predicate or "state <>" in predicate for predicate in predicates)
    assert [row[0] for row in rows if "(due_at)" in row[0] and "WHERE" in row[0]] == []


LED_BY_KEY = {
    "tasks_pkey",
    "view_dead_letters_pkey",
    "details_pkey",
    "payloads_pkey",
    "flows_pkey",
    "outbox_pkey",
    "follow_ups_pkey",
    "timers_pkey",
    "counters_pkey",
}
"""Unique by a key of ours, which names its node and so its shard as well as a tenant would."""
OF_THE_SERVER = {"migrations_pkey", "journal_pkey", "head_pkey", "nodes_pkey", "writers_pkey"}
"""Not about any tenant."""


async def test_every_other_unique_index_is_led_by_the_tenant(connection):
    rows = await connection.fetch(
        "SELECT indexname, indexdef FROM pg_indexes"
        " WHERE schemaname = 'public' AND indexdef LIKE 'CREATE UNIQUE%'"
    )

    led = {name for name, definition in map(tuple, rows) if "(tenant" in definition}
    assert {row[0] for row in rows} - led == LED_BY_KEY | OF_THE_SERVER
    assert not any(name.startswith("history") for name, _ in map(tuple, rows))
