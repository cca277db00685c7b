"""What a task costs does not depend on how many lanes its queue ever had."""

import sqlite3

import pytest
from msgspec import structs

from taskloom.core.lanes import TICK, LaneChange
from taskloom.engine.batch import empty_save
from taskloom.ports.store import OpenLanes, Shelf
from taskloom.store.migrations import migrations
from taskloom.store.sqlite import batches, lanes
from taskloom.store.sqlite import hot_lanes as module
from taskloom.store.sqlite.hot import HotTasks
from taskloom.store.sqlite.hot_lanes import HotLanes

NEW = ("q", 1, "t", "new")


@pytest.fixture
def cost(monkeypatch):
    """The steps of SQLite that requests take after so many lanes of each of two tenants fell idle."""
    monkeypatch.setattr(module, "LANES_CACHED_PER_QUEUE", 0)

    def steps(idle, *requests):
        connection = sqlite3.connect(":memory:", isolation_level=None)
        for migration in migrations("taskloom.store.sqlite"):
            connection.executescript(migration.sql)
        names = [("q", 1, tenant, f"{number:06}") for tenant in "tu" for number in range(idle)]
        ask(connection, changed(*names, depth=1, entered=1))
        ask(connection, changed(*names, depth=-1, ended=1, started=1, virtual_time=TICK))
        counted = []
        connection.set_progress_handler(lambda: counted.append(1), 1)
        for request in requests:
            request(connection)
        connection.close()
        return len(counted)

    return steps


def ask(connection, request):
    return batches.answer(connection, request, HotTasks(), HotLanes())


def changed(*names, **change):
    return structs.replace(empty_save(), now=5_000, lanes={name: LaneChange(**change) for name in names})


def work(connection):
    """A task comes in where nothing waits, is handed out and ends."""
    ask(connection, changed(NEW, depth=1, entered=1))
    ask(connection, OpenLanes([Shelf("q", 1, "t")], 10, 5_000, [NEW]))
    ask(connection, changed(NEW, depth=-1, in_flight=1, started=1, virtual_time=TICK))
    ask(connection, changed(NEW, in_flight=-1, ended=1))


def looks(connection):
    """The numbers of a queue are asked for, and its first lanes."""
    lanes.shares(connection, "q", "u", 10)
    lanes.of_queue(connection, "q", "u", 5)


@pytest.mark.parametrize("request_", [work, looks])
def test_idle_lanes_cost_nothing(cost, request_):
    assert cost(2_000, request_) == cost(20, request_)
