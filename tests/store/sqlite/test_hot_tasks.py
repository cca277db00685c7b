"""What the writer remembers changes nothing about what is stored."""

import sqlite3

import msgspec
import pytest

from taskloom.core.task import COMPLETED, LEASED, READY, WAITING, Task
from taskloom.engine.batch import empty_save
from taskloom.ports.store import Details, Load, NewTask, Read, Ready, Shelf
from taskloom.store.migrations import migrations
from taskloom.store.sqlite.batches import answer
from taskloom.store.sqlite.hot import HotTasks

LANE = ("q", 1, "t", "k")
COUNT = 20


def database() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    for migration in migrations("taskloom.store.sqlite"):
        connection.executescript(migration.sql)
    return connection


def task(key: int, **fields) -> Task:
    return Task(key, "t", "q", 1, "k", 0, READY, "queue", 1_000, root=key, **fields)


def changed(before: Task, **fields) -> Task:
    return msgspec.structs.replace(before, **fields)


def save(**lists):
    return msgspec.structs.replace(empty_save(), **lists)


def created(tasks: list[Task]):
    return save(created=[NewTask(one, b"{}", "", b"{}") for one in tasks])


HELD = {
    "state": LEASED,
    "attempt": 1,
    "worker": "w",
    "holder": "h",
    "lease_until": 9_000,
    "started_at": 8_000,
}


def test_what_is_remembered_is_what_was_written_last():
    connection, hot = database(), HotTasks()
    answer(connection, created([task(1), task(2)]), hot)
    answer(connection, save(changed=[changed(task(1), state=WAITING, ready_at=50)]), hot)

    assert answer(connection, Ready([(LANE, 9)]), hot) == [[task(2)]]
    assert answer(connection, Load(tasks=(1, 2)), hot).tasks == {
        1: changed(task(1), state=WAITING, ready_at=50),
        2: task(2),
    }


def test_after_an_undone_transaction_the_database_is_asked_again():
    connection, hot = database(), HotTasks()
    answer(connection, created([task(1)]), hot)
    connection.execute("BEGIN")
    answer(connection, save(changed=[changed(task(1), **HELD)]), hot)
    connection.execute("ROLLBACK")
    hot.forget()

    assert answer(connection, Load(tasks=(1,)), hot).tasks == {1: task(1)}


def test_a_full_memory_is_emptied_and_answers_the_same(monkeypatch):
    monkeypatch.setattr("taskloom.store.sqlite.hot.TASKS_CACHED", 4)
    connection, hot = database(), HotTasks()
    tasks = [task(key) for key in range(1, COUNT + 1)]
    answer(connection, created(tasks), hot)

    assert answer(connection, Ready([(LANE, COUNT)]), hot) == [tasks]
    assert answer(connection, Load(tasks=[one.key for one in tasks]), hot).tasks == {
        one.key: one for one in tasks
    }


def test_what_is_handed_out_is_what_was_stored_whether_remembered_or_not():
    connection, hot = database(), HotTasks()
    bodies = {1: b"{}", 2: b'"' + b"x" * 5_000 + b'"'}
    new = [NewTask(task(key), b'{"a":1}', f"http://there/{key}", body) for key, body in bodies.items()]
    answer(connection, save(created=new), hot)

    for _ in range(2):  # the second time nothing is remembered
        found = answer(connection, Read([1, 2]), hot)
        assert found.inputs == bodies
        assert found.details == {key: Details(b'{"a":1}', f"http://there/{key}") for key in bodies}


def test_changed_attributes_are_handed_out():
    connection, hot = database(), HotTasks()
    answer(connection, created([task(1)]), hot)
    answer(connection, save(attributes=[(1, b'{"b":2}')]), hot)

    assert answer(connection, Read([1]), hot).details[1].attributes == b'{"b":2}'


@pytest.mark.parametrize("state", [READY, LEASED])
def test_a_finished_task_is_forgotten(state):
    connection, hot = database(), HotTasks()
    answer(connection, created([task(1)]), hot)
    answer(connection, save(changed=[changed(task(1), state=state, attempt=1)]), hot)
    answer(connection, save(finished=[changed(task(1), state=COMPLETED)]), hot)

    assert hot.found([1]) == {}


def reserved(connection, hot, worker="w"):
    return answer(connection, Ready((), [(Shelf("q", 1, "t"), worker, 9)]), hot)[0]


def test_what_is_reserved_is_found_also_when_there_was_nothing_before():
    connection, hot = database(), HotTasks()
    answer(connection, created([task(1), task(2)]), hot)
    assert reserved(connection, hot) == []

    mine = changed(task(2), assignee="w")
    answer(connection, save(changed=[mine]), hot)

    assert reserved(connection, hot) == [mine]
    assert reserved(connection, hot, "another") == []


def test_what_was_reserved_before_the_start_is_found():
    connection = database()
    mine = task(1, assignee="w")
    answer(connection, created([mine]), HotTasks())

    assert reserved(connection, HotTasks()) == [mine]


def test_what_an_undone_transaction_reserved_is_reserved_no_longer():
    connection, hot = database(), HotTasks()
    answer(connection, created([task(1)]), hot)
    assert reserved(connection, hot) == []
    connection.execute("BEGIN")
    answer(connection, save(changed=[changed(task(1), assignee="w")]), hot)
    assert len(reserved(connection, hot)) == 1
    connection.execute("ROLLBACK")
    hot.forget()

    assert reserved(connection, hot) == []
