"""The stored data: its schema, a copy of it, and holding it still."""

import shutil
import sqlite3
import urllib.request

import pytest

from taskloom.store.migrations import migrations
from tests.server.fixtures import ROOT_KEY

KEY = {"authorization": f"Bearer {ROOT_KEY}"}
LABELS = [migration.label for migration in migrations("taskloom.store.sqlite")]


@pytest.fixture
def data(shared_process):
    return shared_process.folder / "data"


def test_a_database_that_is_not_there_is_all_pending_and_not_made(local, tmp_path):
    standing = local.json("db", "status", "--data", tmp_path / "data", status=1)

    assert standing == {"applied": [], "pending": LABELS, "strange": []}
    assert not (tmp_path / "data").exists()


def test_the_schema_is_made_by_migrate_and_then_up_to_date(local, tmp_path):
    place = ("--data", tmp_path / "data")

    local("db", "migrate", *place, "--dry-run")
    assert not (tmp_path / "data").exists()
    local("db", "migrate", *place, status=2)
    assert local.json("db", "migrate", *place, "--yes") == {"applied": LABELS}
    assert local.json("db", "migrate", *place) == {"applied": []}

    assert local.json("db", "status", *place)["applied"] == LABELS


def test_data_of_a_newer_version_is_told_and_not_touched(local, tmp_path):
    place = ("--data", tmp_path / "data")
    local("db", "migrate", *place, "--yes")
    database = sqlite3.connect(tmp_path / "data" / "taskloom.db")
    database.execute("INSERT INTO migrations VALUES (9999, 'later', 'x')")
    database.commit()
    database.close()

    assert local.json("db", "status", *place, status=1)["strange"] == ["9999"]
    local("db", "migrate", *place, "--yes", status=1)
    assert "newer version" in local.err


def test_the_schema_of_a_postgres_database_is_told_and_made(local, tmp_path, new_database):
    place = ("--data", tmp_path / "data", "--store", new_database)

    assert local.json("db", "status", *place, status=1)["applied"] == []
    local("db", "migrate", *place, "--yes")
    assert local.json("db", "status", *place)["pending"] == []
    local("db", "backup", tmp_path / "copy", *place, status=1)
    assert "pg_dump" in local.err
    assert not (tmp_path / "copy").exists()


def test_a_database_that_cannot_be_reached_is_said_in_one_line(local, unused_tcp_port):
    url = f"postgresql://nobody@127.0.0.1:{unused_tcp_port}/nothing"

    local("db", "status", "--store", url, status=1)
    assert local.err.startswith("taskloom: PostgreSQL cannot be reached")


def test_data_that_a_server_works_on_is_not_migrated(local, data):
    database = sqlite3.connect(data / "taskloom.db")
    (last,) = database.execute("SELECT max(number) FROM migrations").fetchone()
    row = database.execute("SELECT * FROM migrations WHERE number = ?", (last,)).fetchone()
    database.execute("DELETE FROM migrations WHERE number = ?", (last,))
    database.commit()
    try:
        local("db", "migrate", "--data", data, "--yes", status=1)
    finally:
        database.execute("INSERT INTO migrations VALUES (?, ?, ?)", row)
        database.commit()
        database.close()

    assert "another process works on" in local.err


def test_a_running_server_is_backed_up_and_the_copy_serves(local, data, tmp_path, shell, started):
    shell("key", "create", "kept-in-the-copy", "--scope", "task.read")

    told = local.json("db", "backup", tmp_path / "copy" / "data", "--data", data)
    copy = started(tmp_path / "copy")

    assert told["rows"]["records"] >= 2
    assert {entry.name for entry in (tmp_path / "copy").iterdir()} <= {"data", "server.log"}
    assert shell.json("key", "show", "kept-in-the-copy", "--url", copy.url)["scopes"] == ["task.read"]


def test_a_backup_takes_no_place_that_is_taken_and_leaves_nothing_half_made(local, data, tmp_path):
    (tmp_path / "taken").mkdir()
    local("db", "backup", tmp_path / "taken", "--data", data, status=1)
    local("db", "backup", tmp_path / "copy", "--data", tmp_path / "nothing", status=1)
    assert "there is no database" in local.err
    local("db", "backup", tmp_path / "copy", "--store", "memory", status=1)

    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


def test_a_damaged_database_makes_no_backup(local, tmp_path):
    local("db", "migrate", "--data", tmp_path / "data", "--yes")
    path = tmp_path / "data" / "taskloom.db"
    with path.open("r+b") as file:  # a page of an index, so that the schema can still be read
        connection = sqlite3.connect(path)
        (page,) = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'tasks_due'").fetchone()
        connection.close()
        file.seek(4096 * (page - 1))
        file.write(b"\xff" * 4096)

    local("db", "backup", tmp_path / "copy", "--data", tmp_path / "data", status=1)

    assert "damaged" in local.err
    assert not (tmp_path / "copy").exists()


def test_what_is_no_database_is_said_in_one_line(local, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "taskloom.db").write_bytes(b"x" * 8192)

    for words in (["status"], ["backup", tmp_path / "copy"]):
        local("db", *words, "--data", tmp_path / "data", status=1)
        assert local.err.endswith("taskloom.db: file is not a database\n")
    assert not (tmp_path / "copy").exists()


def test_a_freeze_ends_by_thaw_once(shell):
    frozen = shell.json("db", "freeze", "--seconds", "60")
    shell("db", "freeze", status=1)
    assert "frozen already" in shell.err

    shell("db", "thaw", "another", status=1)
    assert shell.json("db", "thaw", frozen["id"]) == {"lasted": True}
    shell("db", "thaw", frozen["id"], status=1)
    assert "not to be trusted" in shell.err


def test_a_frozen_folder_is_copied_by_any_tool(shell, data, tmp_path, started):
    frozen = shell.json("db", "freeze")
    shell("key", "create", "made-while-frozen", "--scope", "task.read")
    before = (data / "taskloom.db").read_bytes()
    shutil.copytree(data, tmp_path / "copy" / "data", ignore=shutil.ignore_patterns("*-shm"))
    assert (data / "taskloom.db").read_bytes() == before
    shell("db", "thaw", frozen["id"])

    copy = started(tmp_path / "copy")
    shell("key", "show", "made-while-frozen", "--url", copy.url)


@pytest.mark.parametrize("seconds", [0, 3601])
def test_a_freeze_is_bounded(shell, seconds):
    shell("db", "freeze", "--seconds", seconds, status=1)


def test_only_the_administrator_of_every_tenant_freezes(shell, monkeypatch):
    made = shell.json("key", "create", "tenant-admin", "--scope", "admin")
    monkeypatch.setenv("TASKLOOM_KEY", made["secret"])

    shell("db", "freeze", status=5)


def test_the_files_of_a_database_server_are_not_frozen(shell, tmp_path, started):
    memory = started(tmp_path / "memory", "--store", "memory")
    shell("db", "freeze", "--url", memory.url, status=1)
    shell("db", "freeze", "--url", memory.url, status=1)

    assert "use the tools of its database" in shell.err
    with urllib.request.urlopen(urllib.request.Request(memory.url + "/readyz", headers=KEY)) as answer:
        assert answer.status == 200
