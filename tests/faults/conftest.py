"""Stores for the kill tests, and a site: a server that has all the scripts need, ready to be started."""

import shutil
from pathlib import Path

import pytest
from msgspec import Struct

from tests.faults.server import QUICK, ServerProcess
from tests.faults.stage import Receiver, prepare, subscribe
from tests.faults.stores import StoreUnderTest, postgres_store, sqlite_store


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Each fault point runs in every dialect on SQLite; on PostgreSQL in one dialect, with --long in all."""
    for item in items:
        params = getattr(getattr(item, "callspec", None), "params", {})
        if params.get("site") == "postgres" and params.get("dialect") != "queue":
            item.add_marker("long")


@pytest.fixture(params=["sqlite", "postgres"])
def store_under_test(request, tmp_path):
    """An empty store of each kind, and how to look into it while a server works on it."""
    if request.param == "sqlite":
        return sqlite_store(tmp_path / "data")
    return postgres_store(request.getfixturevalue("new_database"))


class Site(Struct):
    """A server that is not running, its store and keys, and the receiver of its calls."""

    server: ServerProcess
    store: StoreUnderTest
    keys: dict[str, str]
    callback: str
    received: Path


@pytest.fixture(scope="session")
def receiver(tmp_path_factory):
    receiver = Receiver(tmp_path_factory.mktemp("receiver"))
    yield receiver
    receiver.stop()


def _prepared(folder: Path, receiver: Receiver, url: str = "") -> tuple[Path, dict[str, str]]:
    """A data folder, and a database if there is one, that a server has been prepared on."""
    (folder / "data").mkdir(mode=0o700)  # on PostgreSQL a server makes it when the first file comes
    server = ServerProcess(folder / "data", store=url)
    server.start()
    try:
        keys = prepare(server)
        subscribe(server, receiver.url)
        server.stop()
    finally:
        server.kill()
    return server.data, keys


@pytest.fixture(scope="session")
def _prepared_sqlite(tmp_path_factory, receiver):
    return _prepared(tmp_path_factory.mktemp("prepared"), receiver)


@pytest.fixture(scope="session")
def _prepared_postgres(tmp_path_factory, receiver, postgres_server):
    url = postgres_server.new_database()
    return url, *_prepared(tmp_path_factory.mktemp("prepared"), receiver, url)


@pytest.fixture
def copied_database(postgres_server, _prepared_postgres):
    """The URL of a copy of the prepared database."""
    url = postgres_server.new_database(_prepared_postgres[0])
    yield url
    postgres_server.drop_database(url)


@pytest.fixture(params=["sqlite", "postgres"])
def site(request, tmp_path, receiver):
    """A fresh copy of a prepared server."""
    data = tmp_path / "data"
    if request.param == "sqlite":
        prepared, keys = request.getfixturevalue("_prepared_sqlite")
        store = sqlite_store(data)
    else:
        _, prepared, keys = request.getfixturevalue("_prepared_postgres")
        store = postgres_store(request.getfixturevalue("copied_database"))
    shutil.copytree(prepared, data)
    receiver.received.write_bytes(b"")  # copies of one store may make the same keys
    server = ServerProcess(data, store=store.url, limits=QUICK)
    site = Site(server, store, keys, receiver.url, receiver.received)
    yield site
    site.server.kill()
