"""What holds for every test, and what it may ask for: a server, a database."""

import pytest
from hypothesis import HealthCheck, settings
from redis import Redis

from devtools.postgres import PostgresServer
from devtools.valkey import ValkeyServer

pytest_plugins = ["tests.selection", "tests.workers", "tests.server.fixtures"]


def pytest_configure(config):
    """The same examples on every machine, fresh ones with --long; how long one takes is no failure."""
    fixed = not config.getoption("--long")
    settings.register_profile(
        "tests", deadline=None, derandomize=fixed, suppress_health_check=[HealthCheck.too_slow]
    )
    settings.load_profile("tests")


@pytest.fixture(scope="session")
def postgres_server():
    """One PostgreSQL for the session, with durability as in production."""
    server = PostgresServer()
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def _database(postgres_server):
    return postgres_server.new_database()


@pytest.fixture
def database(postgres_server, _database):
    """The URL of an empty database; the same one for every test, emptied before each."""
    postgres_server.empty(_database)
    return _database


@pytest.fixture
def new_database(postgres_server):
    """The URL of a fresh database that nobody has opened yet."""
    url = postgres_server.new_database()
    yield url
    postgres_server.drop_database(url)


@pytest.fixture(scope="session")
def _valkey_server():
    server = ValkeyServer()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def valkey(_valkey_server):
    """An empty Valkey; the same one for every test."""
    with Redis.from_url(_valkey_server.url) as client:
        client.flushall()
    return _valkey_server
