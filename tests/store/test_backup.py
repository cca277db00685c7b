"""Which files a copy of a data folder holds, with uploads and deletions arranged around its instant."""

import asyncio

import pytest

from taskloom.ports.blobs import BlobMissing
from taskloom.ports.store import NotCopiedError
from taskloom.store.backup import back_up
from taskloom.store.blobs import LocalBlobs
from taskloom.store.sqlite.store import SqliteStore


class Meanwhile(SqliteStore):
    """Lets others do something just before the database is copied and just after."""

    def __init__(self, folder, before=lambda: None, after=lambda: None):
        super().__init__(folder)
        self._before = before
        self._after = after

    async def copy_to(self, target, tell):
        self._before()
        rows = await super().copy_to(target, tell)
        self._after()
        return rows


@pytest.fixture
def folder(tmp_path):
    """A data folder with a database and a file of another kind."""

    async def made():
        store = SqliteStore(tmp_path / "data")
        await store.open(())
        await store.close()

    asyncio.run(made())
    (tmp_path / "data" / "export").mkdir()
    (tmp_path / "data" / "export" / "day.jsonl").write_text("{}\n")
    return tmp_path / "data"


@pytest.fixture
def blobs(folder):
    return LocalBlobs(folder / "blobs")


def put(blobs, content):
    incoming = blobs.incoming(100)
    incoming.write(content)
    return incoming.commit().key


def told(*_):
    pass


def test_a_file_that_came_just_before_the_database_was_copied_is_in_the_copy(folder, blobs, tmp_path):
    came = []
    store = Meanwhile(folder, before=lambda: came.append(put(blobs, b"late")))

    copied = back_up(store, folder, tmp_path / "copy", told)

    assert LocalBlobs(tmp_path / "copy" / "blobs").read(came[0]) == b"late"
    assert (copied.files, copied.file_bytes) == (1, 4)


def test_a_file_that_is_deleted_just_after_the_database_was_copied_is_in_the_copy(folder, blobs, tmp_path):
    key = put(blobs, b"going")
    store = Meanwhile(folder, after=lambda: LocalBlobs(folder / "blobs").delete(key))

    back_up(store, folder, tmp_path / "copy", told)

    assert LocalBlobs(tmp_path / "copy" / "blobs").read(key) == b"going"


def test_what_else_lies_in_the_folder_is_copied_but_for_the_lock_and_the_bus(folder, tmp_path):
    (folder / "bus").mkdir()
    (folder / "bus" / "temp-rewrite.aof").touch()

    back_up(SqliteStore(folder), folder, tmp_path / "copy", told)

    names = {path.name for path in (tmp_path / "copy").iterdir()}
    assert names == {"taskloom.db", "export"}
    assert (tmp_path / "copy" / "export" / "day.jsonl").read_text() == "{}\n"


def test_a_copy_that_breaks_off_leaves_nothing_and_lets_the_files_go(folder, blobs, tmp_path):
    key = put(blobs, b"x")

    def breaks():
        raise OSError(28, "No space left on device")

    with pytest.raises(NotCopiedError, match="No space left"):
        back_up(Meanwhile(folder, after=breaks), folder, tmp_path / "copy", told)
    blobs.delete(key)

    assert {path.name for path in tmp_path.iterdir()} == {"data"}
    with pytest.raises(BlobMissing):
        blobs.read(key)
