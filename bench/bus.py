"""From put at one server to the start at another: wake-ups through PostgreSQL against Redis, in turn.

Two servers share a database. A worker waits at the second, a task is put at the first; the clock runs from
the put being sent until the worker holds the task. The put alone, which has its commit in it, stands beside.
"""

import http.client
import json
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

from bench.measure import folder, median, ratio, raw_fsync, table
from devtools.postgres import PostgresServer
from devtools.valkey import ValkeyServer

KEY = "bench-root-key-0123456789abcdef"
COUNT = int(next((word for word in sys.argv[1:] if word.isdigit()), 100))
ROUNDS = 5
SERVE = "import sys; from taskloom.cli.main import main; sys.exit(main())"
TASK = {"queue": "bench", "endpoint": "/v1/embeddings", "level": 1, "data": {"model": "m"}}
SETTLED_S = 0.02
"""How long a poll is given to be waiting before the put is sent."""


class Server:
    def __init__(self, path: Path, store: str, bus: str, script: str = SERVE) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        flags = ["--data", str(path), "--port", str(self.port), "--store", store, "--bus", bus]
        self.process = subprocess.Popen(
            [sys.executable, "-c", script, "serve", *flags],
            stdout=subprocess.PIPE,
            stderr=path.with_suffix(".log").open("ab"),
            env={"TASKLOOM_ROOT_KEY": KEY},
        )
        assert self.process.stdout is not None
        if not any(b"is ready at" in line for line in self.process.stdout):
            raise RuntimeError("the server did not start")
        self._connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)

    def call(self, path: str, body: object) -> object:
        headers = {"authorization": f"Bearer {KEY}", "content-type": "application/json"}
        self._connection.request("POST", path, json.dumps(body), headers)
        return json.loads(self._connection.getresponse().read())

    def stop(self) -> None:
        self._connection.close()
        self.process.terminate()
        self.process.wait(30)


class Pair:
    """Two servers of one database."""

    def __init__(self, path: Path, store: str, bus: str) -> None:
        path.mkdir()
        self.servers = [Server(path / name, store, bus) for name in ("one", "two")]
        self.puts: list[float] = []
        self.servers[0].call("/v1/queue/register", {"queue": "bench", "endpoint": "/v1/embeddings"})
        self.once()

    def once(self) -> float:
        """Milliseconds from the put being sent until the waiting worker has the task."""
        one, two = self.servers
        held: list[float] = []

        def work() -> None:
            taken = two.call("/v1/queue/take", {"queues": ["bench:1"], "wait_seconds": 30})
            held.append(time.perf_counter())
            assert taken
            (task,) = taken["bench:1"]  # type: ignore[index]
            two.call(f"/v1/queue/{task['task_id']}/complete", {"body": {}})

        worker = threading.Thread(target=work)
        worker.start()
        time.sleep(SETTLED_S)
        sent = time.perf_counter()
        one.call("/v1/queue/put", TASK)
        self.puts.append((time.perf_counter() - sent) * 1000)
        worker.join()
        return (held[0] - sent) * 1000


def main() -> None:
    database, valkey = PostgresServer(), ValkeyServer()
    database.start()
    valkey.start()
    with folder() as path:
        pairs = {
            "PostgreSQL notify": Pair(path / "notify", database.new_database(), "memory"),
            "Redis": Pair(path / "redis", database.new_database(), valkey.url),
        }
        runs: dict[str, list[list[float]]] = {name: [] for name in pairs}
        for _ in range(ROUNDS):
            for name, pair in pairs.items():
                runs[name].append(sorted(pair.once() for _ in range(COUNT)))
        rows = []
        for name, pair in pairs.items():
            every = sorted(value for run in runs[name] for value in run)
            at = [every[len(every) * share // 100] for share in (50, 95, 99)]
            rows.append([name, f"{median(pair.puts):.2f}", *(f"{value:.2f}" for value in at)])
        table(
            f"put at one server to start at another, ms, {ROUNDS} x {COUNT}",
            ["wake-ups", "put p50", "p50", "p95", "p99"],
            rows,
        )
        medians = {name: [median(run) for run in of] for name, of in runs.items()}
        print(f"\nRedis / notify, medians by round: {ratio(medians, 'Redis', 'PostgreSQL notify')}")
        print(raw_fsync(path))
        for pair in pairs.values():
            for server in pair.servers:
                server.stop()
    valkey.stop()
    database.stop()


if __name__ == "__main__":
    main()
