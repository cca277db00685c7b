"""F16: data of every earlier schema, opened under this code: all is there, and all of it works.

The rows are those that this code writes for work in every dialect, brought into a database that knows only
the first so many migrations: a column that came later is left out, as it was not there then.
"""

import asyncio
import time

import pytest

from samples.processes import ServiceTask, process_xml
from taskloom.core.commands import Create
from taskloom.engine import followups
from taskloom.ports.callbacks import Delivery
from taskloom.server.wiring import views
from taskloom.store.migrations import migrations
from taskloom.views.view import Query
from tests.dialects.documents.desk import PDF, bare, form
from tests.dialects.native.bench import Bench, done
from tests.dialects.processes.conftest import Camunda
from tests.server.fixtures import TestClock, serving
from tests.store.databases import ROWS, Postgres, Sqlite

UPGRADE_S = 60
NEVER = 1 << 60
PROJECT = "/v2/default/project/proj_1"
_BOOKS = "CREATE TABLE migrations (number INTEGER PRIMARY KEY, name TEXT, digest TEXT)"
_EXTRA = (
    ("timers", "(flow, name, at)", (7, "later", NEVER)),
    ("subscriptions", "(tenant, kind, name, key, flow, data)", ("default", "k", "n", "x", 7, b"data")),
    ("counters", "(flow, name, value)", (7, "open", 3)),
)
"""Rows that no dialect needs yet."""


@pytest.fixture(params=["sqlite", "postgres"])
def databases(request, tmp_path):
    if request.param == "sqlite":
        yield Sqlite(tmp_path)
        return
    found = Postgres(request.getfixturevalue("postgres_server"))
    yield found
    found.drop()


def prefixes(package):
    """Every state the schema was in before this one, and this one."""
    known = migrations(package)
    return [known[:count] for count in range(1, len(known) + 1)]


async def filled(databases, tmp_path, clock):
    """A database with a row in every table; what a client saw of it."""
    place = databases.place()
    async with serving(tmp_path / "files", clock=clock, store=databases.store(place)) as server:
        server.inbox.answer = Delivery(delivered=False, retry_after_ms=86_400_000)
        bench = Bench(server, await server.key("bench"))
        (ended,) = await bench.taken()
        await bench.complete(done(ended, {"kept": True}))
        (leased,) = await bench.taken()
        once = {"idempotency-key": "once"}
        made = (await bench.post("", [{"queue": "once"}], headers=once)).json()["items"][0]["key"]
        (ready,) = await bench.made(input={"n": 7})
        root = server.client()
        await root.post("/v1/queue/register", {"queue": "q", "endpoint": "/v1/x"})
        called = {
            "endpoint": "/v1/x",
            "queue": "q",
            "level": 1,
            "data": {},
            "callback_url": "https://a.example",
        }
        await root.post("/v1/queue/put", called)
        taken = (await root.post("/v1/queue/take", {"queues": ["q:1"]})).json()["q:1"][0]
        await root.post(f"/v1/queue/{taken['task_id']}/complete", {"status_code": 200, "body": {}})
        await server.inbox.next()
        camunda = Camunda(root)
        await camunda.deploy(process_xml([ServiceTask(id="a", type="job")], "row"))
        instance = await camunda.start("row", variables={"x": 1})
        body, head = form({"a.pdf": PDF})
        steps = [{"id": "extract", "type": "EXTRACT", "automation": "NONE"}]
        assert (await root.put(f"{PROJECT}/schema", bare(steps))).status == 201
        assert (await root.post(f"{PROJECT}/upload", body=body, headers=head)).status == 201
        await in_review(root)
        seen = {key: await bench.get(key) for key in (ended["key"], leased["key"], made, ready)}
    for table, columns, row in _EXTRA:
        names = columns.strip("()").split(", ")
        await databases.insert(place, table, names, [row])
    later = followups.encode(Create(tenant="default", queue="followed", dialect="native"))
    await databases.insert(place, "follow_ups", ["key", "body"], [(2048, later)])
    return place, {"leased": leased, "ready": ready, "made": made, "instance": instance, "seen": seen}


async def in_review(client):
    """The document, once its step is done."""
    async with asyncio.timeout(30):
        while True:
            found = (await client.get(f"{PROJECT}/task?status=REVIEWING")).json()["payload"]
            if found:
                return found[0]
            await asyncio.sleep(0.01)


async def as_it_was(databases, full, prefix):
    """A database with only these migrations and the rows of another one."""
    place = databases.place()
    steps = [migration.sql for migration in prefix]
    await databases.run(place, _BOOKS, *steps)
    await databases.make_views(place)
    applied = [(one.number, one.name, one.digest) for one in prefix]
    await databases.insert(place, "migrations", ["number", "name", "digest"], applied)
    now = await databases.readable(full)
    for table, columns in (await databases.tables(place)).items():
        if table in databases.filled_by_migrations:
            continue
        shared = [column for column in columns if column in now.get(table, ())]
        rows = await databases.rows(full, table, shared) if shared else []
        await databases.run(place, f"DELETE FROM {table}")
        if rows:
            await databases.insert(place, table, shared, rows)
        assert rows or table not in _tables_of(prefix[:1]), f"nothing tells of {table}"
    return place


def _tables_of(prefix):
    words = " ".join(migration.sql for migration in prefix).split()
    return {words[at + 2] for at in range(len(words) - 2) if words[at : at + 2] == ["CREATE", "TABLE"]} - {
        "writers",
        "nodes",
    }


async def test_data_of_every_earlier_schema_is_all_there_and_works(databases, tmp_path):
    clock = TestClock()
    full, work = await filled(databases, tmp_path, clock)
    for prefix in prefixes(databases.package):
        place = await as_it_was(databases, full, prefix)
        before = {
            table: (columns, await databases.rows(place, table, columns))
            for table, columns in (await databases.tables(place)).items()
            if table not in databases.filled_by_migrations
        }
        opened = databases.store(place)
        await opened.open(())
        await opened.close()
        for table, (columns, rows) in before.items():
            assert await databases.rows(place, table, columns) == rows, table
        async with serving(tmp_path / "files", clock=clock, store=databases.store(place)) as server:
            await works(server, work)
            begun = clock.now
            clock.advance(seconds=2 * 86_400)
            await server.engine.sweep()
            assert [call.url for call in await server.inbox.next()] == ["https://a.example"]
            clock.now = begun


async def works(server, work):
    """Whatever was begun under the earlier schema goes on under this one."""
    bench = Bench(server, await server.key("bench-2"))
    assert {key: await bench.get(key) for key in work["seen"]} == work["seen"]
    root = Bench(server, None)
    root.client = server.client()
    again = await root.client.post(
        "/api/v1/tasks", {"items": [{"queue": "once"}]}, headers={"idempotency-key": "once"}
    )
    assert again.json()["items"][0]["key"] == work["made"]
    assert (await bench.complete(done(work["leased"], 1)))[0]["status"] == "completed"
    (task,) = await bench.claimed()
    assert (task["key"], task["input"]) == (work["ready"], {"n": 7})
    assert (await bench.complete(done(task)))[0]["status"] == "completed"
    await server.engine.sweep()
    assert len(await bench.claimed(queues=[{"queue": "followed"}])) == 1
    camunda = Camunda(root.client)
    (job,) = await camunda.activate("job")
    assert job["variables"] == {"x": 1}
    assert (await camunda.post(f"/jobs/{job['jobKey']}/completion")).status == 204
    document = await in_review(root.client)
    reviewed = await root.client.post(f"{PROJECT}/task/{document['id']}/complete")
    assert reviewed.status == 200


async def many_tasks(databases, place):
    """Ready and ended tasks, written as a client's would be, one of three still open."""
    columns = (await databases.tables(place))["history"]
    values = {"key": "value * 2048", "tenant": "'default'", "queue": "'bulk'", "dialect": "'native'"}
    values |= dict.fromkeys(("lane", "worker", "holder", "assignee", "denied"), "''")
    values |= dict.fromkeys(("finished_by", "error_code", "error"), "''")
    values |= {"callback": databases.false, "fenced": databases.false, "level": "1"}
    names = ", ".join(columns)

    def selected(state, which):
        shown = ", ".join(values.get(name, state if name == "state" else "0") for name in columns)
        return f"SELECT {shown}{{}} FROM {databases.numbers} WHERE value % 3 {which}"

    await databases.run(
        place,
        f"INSERT INTO tasks ({names}, due_at) {selected('1', '= 0').format(f', {NEVER}')}",
        f"INSERT INTO history ({names}) {selected('4', '<> 0').format('')}",
        f"INSERT INTO details SELECT value * 2048, {databases.empty}, '', {databases.empty}"
        f" FROM {databases.numbers} WHERE true",
    )


@pytest.mark.long
@pytest.mark.timeout(1800)
async def test_a_million_tasks_of_the_first_schema_are_taken_over_in_a_minute(databases):
    place = databases.place()
    (first,) = migrations(databases.package)[:1]
    await databases.run(place, _BOOKS, first.sql)
    await databases.insert(
        place, "migrations", ["number", "name", "digest"], [(first.number, first.name, first.digest)]
    )
    await many_tasks(databases, place)
    store = databases.store(place)

    begun = time.monotonic()
    await store.open(views())
    took_s = time.monotonic() - begun

    counts = dict(await store.aggregate(Query(view="tasks", tenants=None), ("state",)))
    await store.close()
    steps = len(migrations(databases.package)) - 1
    print(f"\nF16 {databases.package}: {ROWS} tasks, {steps} migrations in {took_s:.1f} s")
    assert counts == {(1,): ROWS // 3, (4,): ROWS - ROWS // 3}
    assert took_s < UPGRADE_S
