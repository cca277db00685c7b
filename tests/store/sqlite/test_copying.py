"""Copies of the database while it is worked on, and files that are held still."""

import sqlite3

import pytest

from taskloom.core.commands import Create
from taskloom.engine.outcome import Accepted
from taskloom.ports.store import NotCopiedError
from taskloom.store.sqlite import store as adapter
from taskloom.store.sqlite.store import SqliteStore
from tests.server.fixtures import serving


@pytest.fixture
async def server(tmp_path, monkeypatch):
    """A server that checkpoints at every chance, so that whether it does can be seen."""
    monkeypatch.setattr(adapter, "_CHECKPOINT_PAGES", 1)
    async with serving(tmp_path / "data") as running:
        yield running


async def work(server, count=20):
    """Commits, one after another."""
    for number in range(count):
        made = await server.engine.submit(Create(tenant="default", queue=f"q{number}", dialect="native"))
        assert isinstance(made, Accepted)


def main_file(tmp_path):
    return (tmp_path / "data" / "taskloom.db").read_bytes()


async def test_the_main_file_stays_as_it_is_while_held_and_only_then(server, tmp_path):
    store = server.engine.store
    before = main_file(tmp_path)
    await work(server)
    assert main_file(tmp_path) != before

    assert await store.hold(held=True)
    held = main_file(tmp_path)
    await work(server)
    assert main_file(tmp_path) == held
    await store.hold(held=False)
    await work(server)

    assert main_file(tmp_path) != held


async def test_a_copy_is_of_the_instant_it_began(server, tmp_path):
    await work(server, 3)
    told = []

    def tell(what, done, total):
        told.append((what, done, total))
        if what == "copying":  # somebody else commits in the midst of the copy
            other = sqlite3.connect(tmp_path / "data" / "taskloom.db", timeout=30)
            other.execute("INSERT INTO payloads VALUES (7, x'00')")
            other.commit()
            other.close()

    rows = await server.engine.store.copy_to(tmp_path / "copy.db", tell)

    copy = sqlite3.connect(tmp_path / "copy.db")
    assert (rows["tasks"], rows["payloads"]) == (3, 0)
    assert copy.execute("SELECT count(*) FROM payloads").fetchone() == (0,)
    assert [name.name for name in tmp_path.glob("copy.db*")] == ["copy.db"]
    copy.close()
    assert told[-1] == ("verifying", 0, 0)


async def test_what_is_not_there_is_not_copied_and_not_made(tmp_path):
    store = SqliteStore(tmp_path / "nothing")

    with pytest.raises(NotCopiedError, match="there is no database"):
        await store.copy_to(tmp_path / "copy.db", lambda *_: None)
    assert list(tmp_path.iterdir()) == []
