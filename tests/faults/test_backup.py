"""F7: copies of the data made while everybody works hold all that was acknowledged before they began."""

import contextlib
import shutil
import sqlite3
import threading
import time

import msgspec
import pytest

from taskloom.cli.main import main
from taskloom.dialects.queue.files import key_of as file_key
from taskloom.flows.document.state import Document
from taskloom.store.blobs import LocalBlobs
from tests.dialects.queue.files import BOUNDARY, form
from tests.faults import checker, history
from tests.faults.server import HANG_GUARD_S, ServerProcess
from tests.faults.spelling import key_of
from tests.faults.stage import Clients, prepare, request, wait_for
from tests.faults.stores import sqlite_store

COPIES, SERVERS_LONG, COPIES_LONG = 5, 10, 10
CLIENTS = 4
DIALECTS = ("queue", "agents", "processes", "documents")


def backed_up(server, target):
    """By our own command, as an operator would."""
    assert main(["db", "backup", str(target), "--data", str(server.data)]) == 0


def frozen_and_copied(server, target):
    """By a plain copy of the files between freeze and thaw."""
    freeze = request(server, "POST", "/api/v1/store/freeze", {"seconds": 60})
    target.mkdir()
    for name in ("taskloom.db", "taskloom.db-wal"):
        shutil.copy(server.data / name, target / name)
    shutil.copytree(server.data / "blobs", target / "blobs")
    request(server, "POST", "/api/v1/store/thaw", {"id": freeze["id"]})


class Uploads:
    """Somebody who brings files all the time and deletes every second one."""

    def __init__(self, server):
        self._server = server
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.kept = []
        """(when it was answered, id) of files that are never deleted."""

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join(HANG_GUARD_S)

    def _run(self):
        head = {"content-type": f"multipart/form-data; boundary={BOUNDARY}"}
        body = form(b"x" * 20_000, purpose="user_data")
        while not self._over.is_set():
            first, second = (request(self._server, "POST", "/v1/files", body, **head)["id"] for _ in "ab")
            self.kept.append((time.time(), first))
            request(self._server, "DELETE", f"/v1/files/{second}")


def lost_files(copy, begun, kept):
    """Files that were there when the copy began, and are not in it."""
    files = LocalBlobs(copy / "blobs")
    with contextlib.closing(sqlite3.connect(copy / "taskloom.db")) as connection:
        rows = connection.execute("SELECT key, blob, gone_at FROM view_files").fetchall()
    for key, blob, gone_at in rows:
        if gone_at > begun * 1000:
            assert len(files.read(blob)) == 20_000, key
    there = {key for key, _, _ in rows}
    return [name for at, name in kept if at < begun and file_key(name) not in there]


def faults_of(copy, acknowledged):
    """What is wrong with a copy."""
    with contextlib.closing(sqlite3.connect(copy / "taskloom.db")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        documents = connection.execute("SELECT state FROM flows WHERE kind = 'document'").fetchall()
    files = LocalBlobs(copy / "blobs")
    for (state,) in documents:
        document = msgspec.msgpack.decode(state, type=Document)
        assert len(files.read(document.file.blob)) == document.file.size
    return checker.check_copy(sqlite_store(copy).gather(), acknowledged, key_of)


def made_under_load(tmp_path, make_copy, count):
    """So many copies, one after another, each of them checked."""
    server = ServerProcess(tmp_path / "data")
    server.start()
    clients = Clients(tmp_path, server, prepare(server))
    sizes = []
    try:
        clients.start(CLIENTS, dialects=",".join(DIALECTS), seconds=60 + 20 * count)
        wait_for(lambda: is_busy(acknowledged_by(clients)))
        with Uploads(server) as uploads:
            wait_for(lambda: len(uploads.kept) > 3)
            for number in range(count):
                copy, begun = tmp_path / f"copy-{number}", time.time()
                make_copy(server, copy)
                acknowledged = [one for one in acknowledged_by(clients) if one.at < begun]
                assert faults_of(copy, acknowledged) == []
                assert lost_files(copy, begun, uploads.kept) == []
                sizes.append(len(acknowledged))
                shutil.rmtree(copy)
        assert server.running
        clients.stop_producing()
    finally:
        clients.kill()
        server.kill()
    print(f"\nF7: {count} copies, {sizes[0]} to {sizes[-1]} acknowledged operations in each")
    assert sizes[-1] > sizes[0] > 0


def is_busy(acknowledged):
    """Whether something was finished in every dialect, and much was made."""
    return len(acknowledged) > 100 and {one.dialect for one in acknowledged if one.verb == "complete"} == set(
        DIALECTS
    )


def acknowledged_by(clients):
    """What makes or ends something and was answered with ok, so far; a line that is being written waits."""
    verbs = {"put", "create", "upload", "complete"}
    return [one for one in history.read(clients.histories) if one.result == history.OK and one.verb in verbs]


@pytest.mark.parametrize("make_copy", [backed_up, frozen_and_copied])
def test_every_copy_holds_what_was_acknowledged_before_it_began(tmp_path, make_copy):
    made_under_load(tmp_path, make_copy, COPIES)


@pytest.mark.long
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("make_copy", [backed_up, frozen_and_copied])
def test_every_one_of_a_hundred_copies_does(tmp_path, make_copy):
    for number in range(SERVERS_LONG):  # one alone would grow for as long as the copies of it take
        place = tmp_path / str(number)
        place.mkdir()
        made_under_load(place, make_copy, COPIES_LONG)
        shutil.rmtree(place)
