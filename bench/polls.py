"""10,000 open long polls: how long they take to open, what others feel, how soon all are woken."""

import asyncio
import base64
import json
import resource
import subprocess
import sys
import time
from pathlib import Path

import uvloop

from bench.measure import folder, memory_mb, raw_fsync, table
from bench.wire import Server, raw

POLLS = int(next((word for word in sys.argv[1:] if word.isdigit()), 10_000))


class Poll(asyncio.Protocol):
    """One connection that waits for a task."""

    def __init__(self, request: bytes, tally: dict[str, int], done: asyncio.Event) -> None:
        self._request, self._tally, self._done = request, tally, done
        self._answer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        transport.write(self._request)  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        self._answer += data
        head, found, body = self._answer.partition(b"\r\n\r\n")
        if not found or len(body) < int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0]):
            return
        self._tally["tasks"] += b'"task_id"' in body
        self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._tally["answers"] += 1
        if b"task_id" not in self._answer:
            self._tally["lost"] = self._tally.get("lost", 0) + 1
        if self._tally["answers"] >= POLLS:
            self._done.set()


async def probe(port: int, times: int) -> list[float]:
    """What other calls feel: a plain GET of a missing task, one after another, in ms."""
    request = raw("/v1/queue/TASK-1-1-C-261121000000-0001-000001/heartbeat", b"{}")
    felt = []
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for _ in range(times):
        start = time.perf_counter()
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        await reader.readexactly(length)
        felt.append((time.perf_counter() - start) * 1000)
    writer.close()
    return sorted(felt)


async def measure(server: Server) -> None:
    body = {"queues": ["bench:1"], "size": 1, "wait_seconds": 30}
    request = raw("/v1/queue/take", json.dumps(body).encode())
    tally = {"answers": 0, "tasks": 0}
    done = asyncio.Event()
    loop = asyncio.get_running_loop()
    before = memory_mb(server.process.pid)
    start = time.perf_counter()
    for first in range(0, POLLS, 200):
        count = min(200, POLLS - first)
        opened = [
            loop.create_connection(lambda: Poll(request, tally, done), "127.0.0.1", server.port)
            for _ in range(count)
        ]
        await asyncio.gather(*opened)
    felt = await probe(server.port, 1)
    opened_s = time.perf_counter() - start
    felt = await probe(server.port, 500)
    after = memory_mb(server.process.pid)
    start = time.perf_counter()
    put = raw("/v1/queue/put", b'{"endpoint":"/v1/x","queue":"bench","level":1,"data":{}}')
    with folder() as path:
        file = path / "puts"
        file.write_bytes(b"\n".join([base64.b64encode(put)] * POLLS))
        words = [sys.executable, str(Path(__file__).parent / "load.py"), str(server.port), str(file), "64"]
        producer = await asyncio.create_subprocess_exec(*words, stdout=subprocess.DEVNULL)
        await asyncio.wait_for(done.wait(), 120)
        woken_s = time.perf_counter() - start
        await producer.wait()
    rows = [
        ["open", f"{opened_s:.1f} s", ""],
        ["server memory", f"{before:.0f} -> {after:.0f} MB", ""],
        ["other calls meanwhile, p50 / p99", f"{felt[250]:.1f} / {felt[495]:.1f} ms", "must p99 < 50 ms"],
        ["a task put for each, all answered with one", f"{woken_s:.1f} s", f"{tally['tasks']} tasks"],
    ]
    table(f"{POLLS:,} open long polls", ["", "measured", ""], rows)


def main() -> None:
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    with folder() as path:
        print(raw_fsync(path))
        server = Server(path / "data")
        try:
            server.call("/v1/queue/register", {"queue": "bench", "endpoint": "/v1/x"})
            uvloop.run(measure(server))
        finally:
            server.stop()


if __name__ == "__main__":
    main()
