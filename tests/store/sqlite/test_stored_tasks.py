"""A task is stored whole, as an array in the order of its fields; the task view reads columns out of it."""

import sqlite3

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from taskloom.core.task import Task, TaskState
from taskloom.engine.batch import empty_save
from taskloom.ports.store import Load, NewTask
from taskloom.store.migrations import migrations
from taskloom.store.sqlite.batches import answer
from taskloom.store.sqlite.hot import HotTasks
from taskloom.store.sqlite.statements import tasks_by_key
from taskloom.views.tasks import TASKS

LONG = st.integers(-(1 << 63), (1 << 63) - 1)
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
OF_TYPE = {int: LONG, str: TEXT, bool: st.booleans(), TaskState: st.sampled_from(TaskState)}
TASK = st.builds(Task, **{name: OF_TYPE[kind] for name, kind in Task.__annotations__.items()})


def database() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    for migration in migrations("taskloom.store.sqlite"):
        connection.executescript(migration.sql)
    return connection


def stored(task: Task, **changes: object) -> sqlite3.Connection:
    """A database with this task, which was then changed."""
    connection = database()
    new = NewTask(task, b"{}", "", b"{}")
    answer(connection, structs.replace(empty_save(), created=[new]), HotTasks())
    if changes:
        after = structs.replace(task, **changes)
        answer(connection, structs.replace(empty_save(), changed=[after]), HotTasks())
    return connection


def view_row(connection: sqlite3.Connection) -> dict[str, object]:
    columns = [name for name in TASKS.columns if name != "attributes"]
    row = connection.execute(f"SELECT key, tenant, {', '.join(columns)} FROM task_view").fetchone()
    return dict(zip(["key", "tenant", *columns], row, strict=True))


@given(TASK)
def test_every_field_comes_back_as_it_was(task):
    connection = stored(task)

    assert answer(connection, Load(tasks=(task.key,)), HotTasks()).tasks == {task.key: task}


@given(TASK)
def test_the_view_shows_the_very_values_of_a_task(task):
    shown = view_row(stored(task))

    assert shown == {name: getattr(task, name) for name in shown}


@given(TASK, LONG, TEXT, st.sampled_from(TaskState))
def test_a_change_is_in_the_columns_and_in_the_task_itself(task, priority, assignee, state):
    changes = {"priority": priority, "assignee": assignee, "state": state, "worker": assignee}
    connection = stored(task, **changes)

    assert tasks_by_key(connection, [task.key]) == {task.key: structs.replace(task, **changes)}
    assert view_row(connection).items() >= changes.items()


@given(TASK)
def test_an_ended_task_is_all_there(task):
    connection = stored(task)
    ended = structs.replace(task, state=TaskState.COMPLETED, finished_by="w")
    answer(connection, structs.replace(empty_save(), finished=[ended]), HotTasks())

    assert tasks_by_key(connection, [task.key]) == {task.key: ended}
    shown = view_row(connection)
    assert shown == {name: getattr(ended, name) for name in shown}


def test_a_task_that_was_stored_before_a_field_was_added_has_its_default():
    task = Task(1, "t", "q", 1, "k", 0, TaskState.READY, "queue", 1_000, failures="")
    connection = stored(task)
    shorter = msgspec.json.encode(list(structs.astuple(task))[:-1])
    connection.execute("UPDATE tasks SET body = ?", (shorter.decode(),))

    assert tasks_by_key(connection, [1]) == {1: task}
