"""HTTP completions against the same server answering without the engine, in turn, load from another process.

Each round completes the same number of claimed tasks one per request (queue dialect and processes dialect),
and sends as many equal requests to an operation whose handler answers at once. In the same round the native
API completes them a hundred a request, against the bare SQLite writer, which does nothing but that.
"""

import base64
import json
import random
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

from bench.core import BATCH, bare
from bench.measure import PAYLOAD, RESULT, folder, median, ratio, raw_fsync, table
from samples.processes import ServiceTask, process_xml

HERE = Path(__file__).resolve().parent
KEY = "bench-root-key-0123456789abcdef"
COUNT = int(next((word for word in sys.argv[1:] if word.isdigit()), 4_000))
ROUNDS = 5
IN_BULK = "complete, 100 a request (native)"
WRITER = "bare SQLite writer, batch 100"
CONNECTIONS = 64
BULK = 3 * COUNT
BULK_CONNECTIONS = 8


class Server:
    def __init__(self, path: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.process = subprocess.Popen(
            [sys.executable, str(HERE / "wire_server.py"), str(path), str(self.port), KEY],
            stdout=subprocess.PIPE,
            stderr=(path.parent / "server.log").open("ab"),
        )
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if b"is ready at" in line:
                return
        raise RuntimeError("the server did not start")

    def call(self, path: str, body: Any, *, content_type: str = "application/json") -> Any:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"authorization": f"Bearer {KEY}", "content-type": content_type}
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data, headers)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.loads(answer.read())

    def cpu_s(self) -> float:
        fields = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / 100

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(30)


def raw(path: str, body: bytes) -> bytes:
    head = (
        f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def load(server: Server, requests: list[bytes], connections: int = CONNECTIONS) -> tuple[float, float]:
    """Send them; answers requests a second and server CPU microseconds for each."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(b"\n".join(base64.b64encode(request) for request in requests))
        file.flush()
        before = server.cpu_s()
        done = subprocess.run(
            [sys.executable, str(HERE / "load.py"), str(server.port), file.name, str(connections)],
            capture_output=True,
            check=True,
        )
        tally = json.loads(done.stdout)
        assert tally["answers"] == len(requests), tally
        assert tally["bad"] == 0, tally
        return len(requests) / tally["seconds"], (server.cpu_s() - before) / len(requests) * 1e6


def puts(count: int) -> list[bytes]:
    body = json.dumps({"endpoint": "/v1/x", "queue": "bench", "level": 1, "data": {"n": "x" * 190}}).encode()
    return [raw("/v1/queue/put", body)] * count


def taken(server: Server, count: int) -> list[bytes]:
    """Claimed tasks of the queue dialect, as completions ready to be sent."""
    requests = []
    while len(requests) < count:
        body = {"queues": ["bench:1"], "size": 10, "process_timeout": 3600}
        for task in server.call("/v1/queue/take", body).get("bench:1", []):
            done = {"status_code": 200, "lease_id": task["lease_id"], "body": json.loads(RESULT)}
            requests.append(raw(f"/v1/queue/{task['task_id']}/complete", json.dumps(done).encode()))
    return requests


def jobs(server: Server, count: int) -> list[bytes]:
    """Activated jobs of single-task processes, as completions ready to be sent."""
    start = raw("/v2/process-instances", b'{"processDefinitionId":"bench"}')
    load(server, [start] * count)
    requests = []
    while len(requests) < count:
        body = {"type": "bench-job", "timeout": 3_600_000, "maxJobsToActivate": 200, "requestTimeout": -1}
        requests += [
            raw(f"/v2/jobs/{job['jobKey']}/completion", b'{"variables":{"done":true}}')
            for job in server.call("/v2/jobs/activation", body)["jobs"]
        ]
    return requests


def bulk(server: Server) -> tuple[list[bytes], list[str]]:
    """Claimed tasks as completions of a hundred each, shuffled within a neighbourhood; and their keys."""
    items = [{"queue": "bulk", "input": json.loads(PAYLOAD)}] * 1000
    for _ in range(-(-BULK // 1000)):
        server.call("/api/v1/tasks", {"items": items})
    requests: list[bytes] = []
    keys: list[str] = []
    claim = {"queues": [{"queue": "bulk", "level": 1}], "size": 1000, "lease_ms": 3_600_000}
    while found := server.call("/api/v1/tasks/claim", claim)["items"]:
        random.Random(len(requests)).shuffle(found)
        keys += [task["key"] for task in found]
        for start in range(0, len(found), BATCH):
            done = [
                {"key": task["key"], "lease_token": task["lease_token"], "result": json.loads(RESULT)}
                for task in found[start : start + BATCH]
            ]
            requests.append(raw("/api/v1/tasks/complete", json.dumps({"items": done}).encode()))
    return requests, keys


def completed(server: Server, keys: list[str]) -> bool:
    """Whether all have ended: another outcome is refused."""
    for start in range(0, len(keys), 1000):
        items = [{"key": key, "result": 0} for key in keys[start : start + 1000]]
        for outcome in server.call("/api/v1/tasks/complete", {"items": items})["items"]:
            if outcome.get("error", {}).get("code") != "already_final":
                return False
    return True


def prepare(server: Server) -> None:
    server.call("/v1/queue/register", {"queue": "bench", "endpoint": "/v1/x"})
    document = process_xml([ServiceTask(id="only", type="bench-job")], "bench")
    head = b'--b\r\nContent-Disposition: form-data; name="resources"; filename="bench.bpmn"\r\n\r\n'
    content_type = "multipart/form-data; boundary=b"
    server.call("/v2/deployments", head + document + b"\r\n--b--\r\n", content_type=content_type)


def main() -> None:
    with folder() as path:
        print(raw_fsync(path))
        server = Server(path / "data")
        try:
            prepare(server)
            speed: dict[str, list[float]] = {}
            cpu: dict[str, list[float]] = {}
            many: dict[str, list[float]] = {}
            for _ in range(ROUNDS):
                plain = [raw("/bare/TASK-1-1-C-261121000000-0001-000001/complete", RESULT)] * COUNT
                for name, make in (
                    ("bare HTTP", lambda plain=plain: plain),
                    ("put", lambda: puts(COUNT)),
                    ("complete (queue)", lambda: taken(server, COUNT)),
                    ("complete job (processes)", lambda: jobs(server, COUNT // 4)),
                ):
                    requests = make()
                    time.sleep(0.2)
                    rate, spent = load(server, requests)
                    speed.setdefault(name, []).append(rate)
                    cpu.setdefault(name, []).append(spent)
                requests, keys = bulk(server)
                time.sleep(0.2)
                rate, spent = load(server, requests, BULK_CONNECTIONS)
                assert completed(server, keys)
                many.setdefault(IN_BULK, []).append(rate * BATCH)
                cpu.setdefault(IN_BULK, []).append(spent / BATCH)
                many.setdefault(WRITER, []).append(bare())
        finally:
            server.stop()
    rows = [
        [name, f"{median(values):,.0f}", ratio(speed, name, "bare HTTP"), f"{median(cpu[name]):.0f}"]
        for name, values in speed.items()
    ]
    head = ["", "per s", "÷ bare HTTP", "server CPU µs each"]
    table(f"{CONNECTIONS} connections, one call a request (must >= 0.60 of bare, aim 0.85)", head, rows)
    rows = [
        [
            IN_BULK,
            f"{median(many[IN_BULK]):,.0f}",
            ratio(many, IN_BULK, WRITER),
            f"{median(cpu[IN_BULK]):.0f}",
        ],
        [WRITER, f"{median(many[WRITER]):,.0f}", "1", ""],
    ]
    head = ["", "completions per s", "÷ bare writer", "server CPU µs each"]
    table(f"{BULK_CONNECTIONS} connections (must >= 0.30 of the bare writer, aim 0.60)", head, rows)


if __name__ == "__main__":
    main()
