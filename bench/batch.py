"""A batch of 50,000 rows from upload to file: `./dev bench batch [ROWS]`.

The server is a process of its own on SQLite; the rows are drained by one worker process over the native API,
500 at a time on three connections. While the file is checked, another caller asks for his key once every
millisecond or so; his slowest answers say what the check costs the others.
Must: checked in 3 s, 5,000 rows a second. Aim: 2 s, 10,000 rows a second.
"""

import http.client
import json
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import msgspec

from bench.measure import folder, raw_fsync, table

KEY = "bench-key-of-twenty-four-letters"
HEADERS = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
BOUNDARY = "----bench"
SIZE = 500
CONNECTIONS = 3
TEXT = "a sentence of the usual length, to be turned into numbers by somebody else; " * 2


class Task(msgspec.Struct):
    key: str
    lease_token: str


class Taken(msgspec.Struct):
    items: list[Task]


_taken = msgspec.json.Decoder(Taken).decode


class Server:
    """A server of ours on fresh data."""

    def __init__(self, data: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        command = [
            Path(sys.executable).with_name("taskloom"),
            "serve",
            "--data",
            data,
            "--port",
            str(self.port),
        ]
        environment = {**os.environ, "TASKLOOM_ROOT_KEY": KEY}
        self.process = subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if "is ready at" in line:
                break

    def connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(30)


def call(
    connection: http.client.HTTPConnection, method: str, path: str, body: Any = None, **headers: str
) -> bytes:
    sent = body if isinstance(body, bytes | None) else json.dumps(body).encode()
    connection.request(method, path, sent, {**HEADERS, **headers})
    answer = connection.getresponse()
    found = answer.read()
    assert answer.status < 300, (answer.status, found[:300])
    return found


def rows(count: int) -> bytes:
    lines = (
        {
            "custom_id": f"row-{n}",
            "method": "POST",
            "url": "/v1/embeddings",
            "body": {"model": "m", "input": f"{n}: {TEXT}"},
        }
        for n in range(count)
    )
    return b"".join(msgspec.json.encode(line) + b"\n" for line in lines)


def upload(connection: http.client.HTTPConnection, content: bytes) -> str:
    parts = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nbatch\r\n--{BOUNDARY}\r\n'
    parts += 'Content-Disposition: form-data; name="file"; filename="rows.jsonl"\r\n\r\n'
    body = parts.encode() + content + f"\r\n--{BOUNDARY}--\r\n".encode()
    kind = f"multipart/form-data; boundary={BOUNDARY}"
    return json.loads(call(connection, "POST", "/v1/files", body, **{"Content-Type": kind}))["id"]


def neighbour(server: Server, done: threading.Event) -> list[float]:
    """How long the answers of another caller take meanwhile, in ms."""
    connection = server.connection()
    waits = []
    while not done.is_set():
        began = time.perf_counter()
        call(connection, "GET", "/api/v1/me")
        waits.append((time.perf_counter() - began) * 1000)
        time.sleep(0.001)
    return waits


def drain(port: int, count: int) -> None:
    """The worker process: claims and completes until so many are done."""
    left = [count]
    lock = threading.Lock()
    claim = {"queues": [{"queue": "embed", "level": 1}], "size": SIZE, "worker": "bench", "wait_ms": 1_000}
    result = {"status_code": 200, "body": {"object": "list", "data": [{"embedding": [0.5] * 16}]}}

    def work() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port)
        while left[0] > 0:
            items = _taken(call(connection, "POST", "/api/v1/tasks/claim", claim)).items
            if not items:
                continue
            sent = [{"key": one.key, "lease_token": one.lease_token, "result": result} for one in items]
            call(connection, "POST", "/api/v1/tasks/complete", msgspec.json.encode({"items": sent}))
            with lock:
                left[0] -= len(items)

    threads = [threading.Thread(target=work) for _ in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def until(connection: http.client.HTTPConnection, batch: str, *statuses: str) -> dict:
    while True:
        found = json.loads(call(connection, "GET", f"/v1/batches/{batch}"))
        if found["status"] in statuses:
            return found
        time.sleep(0.005)


def once(count: int) -> list[list[str]]:
    content = rows(count)
    with folder() as path:
        server = Server(path)
        try:
            return _measured(server, content, count)
        finally:
            server.stop()


def _measured(server: Server, content: bytes, count: int) -> list[list[str]]:
    connection = server.connection()
    call(
        connection,
        "POST",
        "/v1/queue/register",
        {"queue": "embed", "endpoint": "/v1/embeddings", "models": ["m"]},
    )
    began = time.perf_counter()
    file = upload(connection, content)
    uploaded_s = time.perf_counter() - began
    done, waits = threading.Event(), []
    watching = threading.Thread(target=lambda: waits.extend(neighbour(server, done)))
    watching.start()
    began = time.perf_counter()
    order = {"input_file_id": file, "endpoint": "/v1/embeddings", "completion_window": "24h"}
    batch = json.loads(call(connection, "POST", "/v1/batches", order))["id"]
    until(connection, batch, "in_progress")
    checked_s = time.perf_counter() - began
    done.set()
    watching.join()
    began = time.perf_counter()
    worker = subprocess.Popen([sys.executable, __file__, "--drain", str(server.port), str(count)])
    worker.wait()
    drained_s = time.perf_counter() - began
    ended = until(connection, batch, "completed")
    written_s = time.perf_counter() - began - drained_s
    assert ended["request_counts"] == {"total": count, "completed": count, "failed": 0}, ended
    lines = call(connection, "GET", f"/v1/files/{ended['output_file_id']}/content").count(b"\n")
    assert lines == count, lines
    waits.sort()
    return [
        ["upload", f"{uploaded_s:.2f} s", f"{len(content) / 1e6:.0f} MB"],
        ["check the whole file", f"{checked_s:.2f} s", "must 3, aim 2"],
        [
            "others meanwhile, p50 / p99",
            f"{waits[len(waits) // 2]:.1f} / {waits[len(waits) * 99 // 100]:.1f} ms",
            "",
        ],
        [
            "drain by one worker process",
            f"{drained_s:.2f} s",
            f"{count / drained_s:,.0f} rows/s, must 5,000, aim 10,000",
        ],
        ["write the files after the last row", f"{written_s:.2f} s", ""],
    ]


def main() -> None:
    count = int(next((word for word in sys.argv[1:] if word.isdigit()), 50_000))
    with folder() as path:
        print(raw_fsync(path))
    for _ in range(2):
        table(f"a batch of {count:,} rows", ["step", "time", ""], once(count))


if __name__ == "__main__":
    if "--drain" in sys.argv:
        drain(int(sys.argv[2]), int(sys.argv[3]))
    else:
        main()
