"""One step process as its pool sees it: started, given a job, listened to, and killed when it must be."""

import asyncio
import os
import sys
from collections.abc import Mapping
from pathlib import Path

import msgspec
from msgspec import Struct

import taskloom
from taskloom.core.limits import MIB
from taskloom.dialects.documents.steps.jobs import (
    FRAME_BYTES_MAX,
    LENGTH_BYTES,
    AtPage,
    Done,
    Failed,
    Job,
    decode_reply,
    frame,
)

_MODULE = "taskloom.dialects.documents.steps.worker"
_READ_BYTES = 1 * MIB
_EXIT_S = 1.0


class StepLimits(Struct, frozen=True):
    """What a step may use; a page is anything between two signs of life."""

    page_s: float = 60.0
    document_s: float = 600.0
    memory_bytes: int = 1024 * MIB
    jobs_per_process: int = 200


class ProcessLost(Exception):  # noqa: N818  one of the expected ends of a job, and caught by the pool
    """The process did not answer in time or is gone; `code` and `message` say which."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message


class StepProcess:
    """A running step process. One job at a time; after ProcessLost it must be killed."""

    def __init__(self, process: asyncio.subprocess.Process, limits: StepLimits) -> None:
        self._process = process
        self._limits = limits
        self._jobs = 0

    @classmethod
    async def start(cls, limits: StepLimits) -> "StepProcess":
        """Start a process with none of the server's environment but what finds Python's modules."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-B",
            "-m",
            _MODULE,
            str(limits.memory_bytes),
            str(int(limits.document_s)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=_environment(),
            limit=_READ_BYTES,
        )
        return cls(process, limits)

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def is_usable(self) -> bool:
        """Whether it lives and is young enough for another job."""
        return self._process.returncode is None and self._jobs < self._limits.jobs_per_process

    async def run(self, job: Job) -> Done | Failed:
        """The answer to a job; raises ProcessLost when none comes."""
        self._jobs += 1
        page = 0
        try:
            async with asyncio.timeout(self._limits.document_s):
                await self._send(job)
                while True:
                    async with asyncio.timeout(self._limits.page_s):
                        reply = await self._receive()
                    if not isinstance(reply, AtPage):
                        return reply
                    page = reply.page
        except TimeoutError:
            where = f"page {page}" if page else "opening the file"
            raise ProcessLost("STEP_TIMEOUT", f"The step took too long at {where}.") from None
        except (asyncio.IncompleteReadError, ConnectionError, msgspec.DecodeError):
            where = f"at page {page}" if page else "opening the file"
            raise ProcessLost("STEP_CRASHED", f"The step's process died {where}.") from None

    async def kill(self) -> None:
        """End it now."""
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()

    async def close(self) -> None:
        """Let an idle process end by itself, and kill it when it does not."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            async with asyncio.timeout(_EXIT_S):
                await self._process.wait()
        except TimeoutError:
            await self.kill()

    async def _send(self, job: Job) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(frame(job))
        async with asyncio.timeout(self._limits.page_s):
            await self._process.stdin.drain()

    async def _receive(self) -> AtPage | Done | Failed:
        assert self._process.stdout is not None
        head = await self._process.stdout.readexactly(LENGTH_BYTES)
        length = int.from_bytes(head, "big")
        if length > FRAME_BYTES_MAX:
            raise ProcessLost("STEP_CRASHED", "The step's result is too large.")
        return decode_reply(await self._process.stdout.readexactly(length))


def _environment() -> Mapping[str, str]:
    """No key, no address of a database: a file that takes the process over finds nothing."""
    source = str(Path(taskloom.__file__).parent.parent)
    return {"PATH": os.environ.get("PATH", ""), "PYTHONPATH": source, "PYTHONHASHSEED": "0"}
