"""The workers as processes, which may be killed and replaced."""

import os
import subprocess
import sys
from pathlib import Path
from typing import IO

_SCRIPT = Path(__file__).with_name("worker.py")
_ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "RAYON_NUM_THREADS": "1"}


class Crew:
    """So many workers; the place of one who was killed can be filled again."""

    def __init__(self, url: str, key: str, log: Path) -> None:
        self._variables = {**os.environ, **_ONE_THREAD, "TASKLOOM_URL": url, "TASKLOOM_KEY": key}
        self._log: IO[bytes] = log.open("ab")
        self._workers: dict[str, subprocess.Popen[bytes]] = {}

    def hire(self, name: str) -> None:
        """Start a worker of that name."""
        variables = {**self._variables, "TASKLOOM_WORKER": name}
        self._workers[name] = subprocess.Popen([sys.executable, _SCRIPT], env=variables, stderr=self._log)

    def kill(self, name: str) -> None:
        """SIGKILL: what it was at is in nobody's hands until the lease runs out."""
        self._workers[name].kill()
        self._workers.pop(name).wait(30)

    def dismiss(self) -> None:
        """SIGTERM for all of them, and SIGKILL for who does not go."""
        for process in self._workers.values():
            process.terminate()
        for process in self._workers.values():
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(30)
        self._workers.clear()
        self._log.close()
