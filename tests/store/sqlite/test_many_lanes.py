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

NEW, OLD = ("q", 1, "t", "new"), ("q", 1, "t", "000007")


class Store:
    """A database of which nothing is remembered yet."""

    def __init__(self):
        self.connection = sqlite3.connect(":memory:", isolation_level=None)
        for migration in migrations("taskloom.store.sqlite"):
            self.connection.executescript(migration.sql)
        self.hot_lanes = HotLanes()

    def ask(self, request):
        return batches.answer(self.connection, request, HotTasks(), self.hot_lanes)

    def add(self, *names, **change):
        changed = {name: LaneChange(**change) for name in names}
        self.ask(structs.replace(empty_save(), now=5_000, lanes=changed))


def work(store):
    """A task comes in where nothing waits, is handed out and ends; then one of a lane that was there."""
    for name in (NEW, OLD):
        store.add(name, depth=1, entered=1)
        store.ask(OpenLanes([Shelf("q", 1, "t")], 10, 5_000, [name]))
        store.add(name, depth=-1, in_flight=1, started=1, virtual_time=TICK)
        store.add(name, in_flight=-1, ended=1)


def looks(store):
    """The numbers of a queue are asked for, and its first lanes."""
    lanes.shares(store.connection, "q", "u", 10)
    lanes.of_queue(store.connection, "q", "u", 5)


def steps(idle, act):
    """SQLite's steps for something when so many lanes of two tenants are idle, and so many queues."""
    store, counted = Store(), []
    names = [("q", 1, tenant, f"{number:06}") for tenant in "tu" for number in range(idle)]
    names += [(f"queue {number}", 1, "u", "") for number in range(idle)]
    store.add(*names, depth=1, entered=1)
    store.add(*names, depth=-1, ended=1, started=1, virtual_time=TICK)
    store.hot_lanes.forget()
    store.connection.set_progress_handler(lambda: counted.append(1), 1)
    act(store)
    store.connection.close()
    return len(counted)


@pytest.mark.parametrize("act", [work, looks])
@pytest.mark.parametrize("kept", [0, 512])
def test_idle_lanes_cost_nothing(kept, act, monkeypatch):
    monkeypatch.setattr(module, "LANES_CACHED_PER_QUEUE", kept)

    assert steps(2_000, act) == steps(20, act) > 0
