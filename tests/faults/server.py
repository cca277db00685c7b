"""A real server process that tests may kill and start again on the same data and port."""

import os
import select
import socket
import subprocess
import sys
import time
import weakref
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROOT_KEY = "fault-tests-root-key-0123456789"
HANG_GUARD_S = 30.0
QUICK = {"CALLBACK_TIMEOUT_MS": 3_000, "STEP_LEASE_MS": 6_000}
"""Limits of servers that die: what was under way on a shared store is taken over after 6 s, not after 40."""
_START = """
import sys
from taskloom.core import limits
vars(limits).update({limits})
from taskloom.cli.main import main
sys.exit(main(sys.argv[1:]))
"""


def own_port() -> socket.socket:
    """Holds a port without listening: the system gives it to nobody else while a server of ours is dead.

    Whoever asks for the port by its number may listen there all the same; Linux sees it so.
    """
    held = socket.socket()
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    held.bind(("127.0.0.1", 0))
    return held


class ServerProcess:
    """One server; `start` returns when it says that it is ready. `limits` are bounds it takes for its own."""

    def __init__(
        self,
        data: Path,
        *,
        store: str = "",
        limits: Mapping[str, int] | None = None,
        flags: tuple[str, ...] = (),
    ) -> None:
        self.data = data
        held = own_port()
        self.port = int(held.getsockname()[1])
        weakref.finalize(self, held.close)
        if sys.platform != "linux":
            held.close()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = data.parent / f"{data.name}.log"
        self._program = _START.format(limits=dict(limits or {}))
        self._flags = [*flags, *(["--store", store] if store else [])]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *, fault: str = "") -> float:
        """Start and wait for the ready line; answers how long that took, in seconds."""
        environment = {**os.environ, "TASKLOOM_ROOT_KEY": ROOT_KEY, "PYTHONPATH": str(ROOT / "src")}
        environment.pop(
            "PYTHONDONTWRITEBYTECODE", None
        )  # an installed server does not compile at every start
        if fault:
            environment["TASKLOOM_FAULT"] = fault
        begun = time.monotonic()
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [
                    sys.executable,
                    "-c",
                    self._program,
                    "serve",
                    "--data",
                    str(self.data),
                    "--port",
                    str(self.port),
                    "--callbacks-allow",
                    "127.0.0.1",
                    *self._flags,
                ],
                stdout=subprocess.PIPE,
                stderr=log,
                env=environment,
                cwd=self.data.parent,
            )
        self._await_ready(begun + HANG_GUARD_S)
        return time.monotonic() - begun

    def _await_ready(self, deadline: float) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        said = b""
        while b"is ready at" not in said:
            left = deadline - time.monotonic()
            ready, _, _ = select.select([self._process.stdout], [], [], max(left, 0))
            chunk = os.read(self._process.stdout.fileno(), 4096) if ready else b""
            if not chunk:
                self.kill()
                raise AssertionError(f"the server did not become ready: {said!r}; see {self.log}")
            said += chunk

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def signal(self, number: int) -> None:
        """Send it a signal."""
        os.kill(self.pid, number)

    def wait(self) -> int:
        """Until it has ended by itself."""
        assert self._process is not None
        code = self._process.wait(HANG_GUARD_S)
        self._forget()
        return code

    def kill(self) -> None:
        """As a power cut would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._forget()

    def stop(self) -> int:
        """Ask it to end."""
        assert self._process is not None
        self._process.terminate()
        return self.wait()

    def _forget(self) -> None:
        assert self._process is not None
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._process = None
