"""Files that were never said to be referred to: those that a row refers to stay, on every store."""

import os
import time

import pytest

from taskloom.server.orphans import Orphans
from tests.dialects.queue.desk import STORES
from tests.dialects.queue.files import Batches, row

pytestmark = pytest.mark.parametrize("server", STORES, indirect=True)

TWO_DAYS_S = 2 * 86_400


@pytest.fixture
async def batches(desk):
    await desk.register(models=["m"])
    return Batches(desk)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "data" / "blobs"


def files(folder):
    return {path.name for path in folder.glob("??/*")}


def loosened(folder):
    """Every file, as if the server had died before it said that a row refers to it, two days ago."""
    then = time.time() - TWO_DAYS_S
    for name in files(folder):
        (folder / "loose" / name).touch()
        os.utime(folder / "loose" / name, (then, then))
    return files(folder)


async def sweep(server):
    await Orphans(server.app.dialects).sweep(server.app.services)


async def test_what_is_kept_is_not_loose(server, batches, folder):
    await batches.file([row(1)])

    assert files(folder)
    assert list((folder / "loose").iterdir()) == []


async def test_a_file_that_was_brought_stays(server, batches, folder):
    file = await batches.file([row(1)])
    before = loosened(folder)

    await sweep(server)

    assert len(await batches.lines(file)) == 1
    assert files(folder) == before
    assert list((folder / "loose").iterdir()) == []


async def test_the_files_a_batch_ended_with_stay(server, batches, folder):
    batch = await batches.make([row(1), row(2)])
    await batches.work(2, status=lambda task: 200 if task["custom_id"] == "r-1" else 500)
    ended = await batches.until(batch["id"], "completed")
    before = loosened(folder)

    await sweep(server)

    output, errors = await batches.results(ended)
    assert (set(output), set(errors)) == ({"r-1"}, {"r-2"})
    assert files(folder) == before


async def test_the_file_a_batch_runs_on_stays_after_it_was_deleted(server, batches, folder):
    file = await batches.file([row(1)])
    batch = (await batches.post(file)).json()
    await batches.client.delete(f"/v1/files/{file}")
    before = loosened(folder)

    await sweep(server)

    assert files(folder) == before
    await batches.work(1)
    assert (await batches.until(batch["id"], "completed"))["request_counts"]["completed"] == 1


async def test_more_orphans_than_are_looked_at_at_once_all_go(server, batches, folder, monkeypatch):
    monkeypatch.setattr("taskloom.server.orphans.ORPHANS_AT_ONCE", 2)
    stays = loosened(folder)
    blobs = server.app.services.resources["blobs"]
    for _ in range(5):
        incoming = blobs.incoming(10)
        incoming.write(b"x")
        incoming.commit()
    loosened(folder)

    await sweep(server)

    assert files(folder) == stays
