"""The store a setting names is the store the server runs on; two servers on one PostgreSQL are one system."""

import json
import urllib.error
import urllib.request

import pytest

from taskloom.bus.memory import MemoryBus
from taskloom.bus.postgres import PostgresBus
from taskloom.bus.redis import RedisBus
from taskloom.ports.clock import SystemClock
from taskloom.server import wiring
from taskloom.server.settings import Settings
from taskloom.store.memory import MemoryStore
from taskloom.store.postgres.store import PostgresStore
from taskloom.store.sqlite.store import SqliteStore
from tests.server.fixtures import ROOT_KEY, Process

URL = "postgresql://somebody@db.example/taskloom"


@pytest.mark.parametrize(
    ("store", "adapter", "bus"),
    [
        ("sqlite", SqliteStore, MemoryBus),
        ("memory", MemoryStore, MemoryBus),
        (URL, PostgresStore, PostgresBus),
    ],
)
async def test_a_setting_names_its_adapter_and_the_bus_that_fits(store, adapter, bus, tmp_path):
    settings = Settings(data=tmp_path, store=store)

    assert type(wiring.store_of(settings)) is adapter
    assert type(wiring._bus(settings, SystemClock())) is bus


@pytest.mark.parametrize("store", ["sqlite", URL])
@pytest.mark.parametrize(
    "bus", ["redis://:secret@cache.example:6379/2", "valkeys://cache.example", "embedded"]
)
async def test_a_bus_that_is_named_comes_before_the_database(store, bus, tmp_path):
    assert type(wiring._bus(Settings(data=tmp_path, store=store, bus=bus), SystemClock())) is RedisBus


def call(process, method, path, key=ROOT_KEY, body=None):
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(process.url + path, data, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.loads(answer.read() or b"null")
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read() or b"null")


def test_two_servers_on_one_database_know_each_others_keys_and_outlive_each_other(database, tmp_path):
    one = Process(tmp_path / "one", "--store", database).start()
    two = Process(tmp_path / "two", "--store", database).start()
    try:
        wanted = {"name": "worker-1", "scopes": ["task.work"]}
        status, made = call(one, "POST", "/api/v1/keys", body=wanted)
        assert status in (200, 201), made

        assert call(two, "GET", "/api/v1/me", key=made["secret"])[0] == 200
        one.kill()
        assert call(two, "GET", "/api/v1/me", key=made["secret"])[0] == 200
        assert call(two, "GET", "/readyz")[0] == 200
        one.start()
        assert call(one, "GET", "/api/v1/me", key=made["secret"])[0] == 200
    finally:
        one.kill()
        two.kill()
