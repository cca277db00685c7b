"""What every test may ask for: the rules of selection.py, a server, a database."""

import pytest

from devtools.postgres import PostgresServer

pytest_plugins = ["tests.selection", "tests.server.fixtures"]


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
