"""The load generator: a process of its own with raw sockets, so that the server has a core to itself.

Reads prepared requests (one per line, base64) and sends them over a number of keep-alive connections, each
waiting for its answer before the next. Prints one JSON line: how many, how long, how many were not 2xx.
"""

import asyncio
import base64
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import uvloop


class Caller(asyncio.Protocol):
    """One connection."""

    def __init__(self, requests: Iterator[bytes], done: asyncio.Event, tally: dict[str, int]) -> None:
        self._requests = requests
        self._done = done
        self._tally = tally
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._tally["open"] += 1
        self._next()

    def _next(self) -> None:
        request = next(self._requests, None)
        if request is None:
            self._transport.close()
            return
        self._transport.write(request)  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self._buffer[:end].lower()
        at = head.find(b"content-length:")
        length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        if len(self._buffer) < end + 4 + length:
            return
        self._tally["answers"] += 1
        if self._buffer[9:10] != b"2":
            self._tally["bad"] += 1
            self._tally.setdefault("first_bad", self._buffer[:300].decode("latin-1"))  # type: ignore[arg-type]
        self._buffer = b""
        self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        self._tally["open"] -= 1
        if self._tally["open"] == 0:
            self._done.set()


async def main(port: int, file: Path, connections: int) -> None:
    lines = file.read_bytes().splitlines()
    requests = iter([base64.b64decode(line) for line in lines])
    tally = {"open": 0, "answers": 0, "bad": 0}
    done = asyncio.Event()
    loop = asyncio.get_running_loop()
    start = time.perf_counter()
    for _ in range(connections):
        await loop.create_connection(lambda: Caller(requests, done, tally), "127.0.0.1", port)
    await done.wait()
    print(json.dumps({**tally, "seconds": time.perf_counter() - start, "asked": len(lines)}))


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])))
