"""A task is stored whole; the task view and narrower searches read columns out of it, NULs and all."""

import asyncpg
import msgspec
import pytest
from msgspec import structs

from taskloom.core.task import Task, TaskState
from taskloom.store import packed
from taskloom.store.migrations import migrations
from taskloom.store.postgres import bodies, rows, statements, writes
from taskloom.store.postgres.store import PostgresStore
from taskloom.store.postgres.text import stored
from taskloom.views.tasks import TASKS
from taskloom.views.view import Compare, Like, Query, Sort

PACKING = 6
LONG = (1 << 63) - 1
ODD = 'a\0b\1c\\u0000\\\\u0001"é\U0001f600\x1f'
VIEWS = {"tasks": TASKS}
SHOWN = [name for name in TASKS.columns if name != "attributes"]


def of_kind(kind):
    return [name for name in SHOWN if Task.__annotations__[name] is kind]


def task(key: int, text: str = "", number: int = 0, **fields: object) -> Task:
    """A task with one text and one number in all its fields that can hold them."""
    of_type = {int: number, str: text, bool: True, TaskState: TaskState.READY}
    values = {name: of_type[kind] for name, kind in Task.__annotations__.items()}
    return Task(**values | {"key": key, "level": 1} | fields)


TASKS_STORED = [task(1), task(2, ODD, LONG), task(3, ODD + "z", -LONG), task(4, "\0\1"), task(5, "\\u0001")]


@pytest.fixture
async def connection(database):
    """A migrated database with the tasks above."""
    store = PostgresStore(database)
    await store.open(())
    connection = await asyncpg.connect(database)
    await writes.details_insert(connection, [(one.key, b"{}", "", b"{}") for one in TASKS_STORED])
    await writes.tasks_insert(connection, TASKS_STORED)
    yield connection
    await connection.close()
    await store.close()


async def keys(connection, **query):
    page = await rows.search(connection, VIEWS, Query(view="tasks", tenants=None, **query))
    return [row["key"] for row in page.rows]


@pytest.mark.parametrize("one", TASKS_STORED)
def test_a_body_can_be_read_back_and_holds_no_nul(one):
    written = bodies.body(one)

    assert bodies.task_of(written) == one
    assert "\0" not in written
    assert "\0" not in str(msgspec.json.decode(written))


async def test_every_field_comes_back_as_it_was(connection):
    found = await statements.tasks_by_key(connection, [1, 2, 3, 4, 5])

    assert found == {one.key: one for one in TASKS_STORED}


async def test_an_ended_task_is_all_there_and_no_longer_hot(connection):
    changes = {"state": TaskState.COMPLETED, "worker": ODD, "finished_at": 9, "priority": 8, "assignee": "b"}
    ended = [structs.replace(one, **changes, error=ODD) for one in TASKS_STORED[:2]]
    await writes.tasks_end(connection, ended)

    assert await statements.tasks_by_key(connection, [1, 2]) == {}
    assert await statements.history_by_key(connection, [1, 2]) == {one.key: one for one in ended}
    assert await view_rows(connection, 1, 2) == [shown(one) for one in ended]


async def test_a_change_is_in_the_columns_and_in_the_task_itself(connection):
    changes = {"state": TaskState.LEASED, "worker": ODD, "priority": -5, "assignee": "b", "lease_until": 77}
    after = structs.replace(TASKS_STORED[1], **changes, run_ms=0)
    await writes.tasks_update(connection, [after])

    assert await statements.tasks_by_key(connection, [2]) == {2: after}
    assert await view_rows(connection, 2) == [shown(after)]
    assert await connection.fetchval("SELECT due_at FROM tasks WHERE key = 2") == after.due_at


def shown(one):
    return {name: getattr(one, name) for name in ["key", "tenant", *SHOWN]}


async def view_rows(connection, *wanted):
    page = await rows.search(connection, VIEWS, Query(view="tasks", tenants=None))
    return [
        {name: row[name] for name in row if name != "attributes"} for row in page.rows if row["key"] in wanted
    ]


async def test_the_view_shows_the_very_values_of_a_task(connection):
    assert await view_rows(connection, 1, 2, 3, 4, 5) == [shown(one) for one in TASKS_STORED]


@pytest.mark.parametrize("column", of_kind(str))
async def test_every_text_is_found_and_sorted_as_in_a_column_of_its_own(connection, column):
    assert await keys(connection, filter=Compare(column, "eq", ODD)) == [2]
    assert await keys(connection, filter=Compare(column, "gt", ODD)) == [3]
    assert await keys(connection, filter=Like(column, "\\\\u*")) == [5]
    assert await keys(connection, sort=(Sort(column),)) == [1, 4, 5, 2, 3]


@pytest.mark.parametrize("column", of_kind(int))
async def test_every_number_is_found_by_any_that_fits(connection, column):
    if column != "level":
        assert await keys(connection, filter=Compare(column, "eq", LONG)) == [2]
        assert await keys(connection, sort=(Sort(column),)) == [3, 1, 4, 5, 2]
    assert await keys(connection, filter=Compare(column, "gte", -(1 << 63))) == [1, 2, 3, 4, 5]
    groups = await rows.aggregate(connection, VIEWS, Query(view="tasks", tenants=None), (column,))
    assert sum(count for _, count in groups) == 5


async def test_the_columns_of_earlier_schemas_become_whole_tasks(new_database):
    numbers = iter(range(1, 100))
    of_type = {int: lambda: next(numbers), str: lambda: f"{next(numbers)}{ODD}", bool: lambda: True}
    of_type[TaskState] = lambda: TaskState.FAILED
    one = Task(**{name: of_type[kind]() for name, kind in Task.__annotations__.items()})
    tasks = [one, structs.replace(one, key=-1, callback=False, fenced=False)]
    connection = await asyncpg.connect(new_database)
    *earlier, packing = [step for step in migrations("taskloom.store.postgres") if step.number <= PACKING]
    for step in earlier:
        await connection.execute(step.sql)
    for table, due in (("tasks", ["due_at"]), ("history", [])):
        names = [*Task.__struct_fields__, *due]
        marks = ", ".join(f"${place}" for place in range(1, len(names) + 1))
        rows = [[as_stored(getattr(task, name)) for name in names] for task in tasks]
        await connection.executemany(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks})", rows)

    await connection.execute(packing.sql)

    for read in (statements.tasks_by_key, statements.history_by_key):
        assert await read(connection, [one.key, -1]) == {task.key: task for task in tasks}
    beside = ", ".join([*packed.COLUMNS, "due_at"])
    row = await connection.fetchrow(f"SELECT {beside} FROM tasks WHERE key = $1", one.key)
    assert list(row) == [as_stored(value) for value in (*packed.columns(one), one.due_at)]
    await connection.close()


def as_stored(value):
    return stored(value) if isinstance(value, str) else value


async def test_a_task_that_was_stored_before_a_field_was_added_has_its_default(connection):
    shorter = msgspec.json.encode(list(structs.astuple(TASKS_STORED[0]))[:-1]).decode()
    await connection.execute("UPDATE tasks SET body = $1 WHERE key = 1", shorter)

    assert await statements.tasks_by_key(connection, [1]) == {1: TASKS_STORED[0]}
