"""From a worker's report to its reader: frames that the bus brings against frames read in the store, in turn.

Each stream has a worker that reports one frame after another, and a reader. The clock runs from the report
being sent until its reader has the frame, so the commit is in it.
"""

import http.client
import json
import sys
import threading
import time
from pathlib import Path

from bench.bus import KEY, SERVE, Server
from bench.measure import folder, median, ratio, raw_fsync, table
from devtools.postgres import PostgresServer
from devtools.valkey import ValkeyServer

FRAMES = int(next((word for word in sys.argv[1:] if word.isdigit()), 400))
ROUNDS = 5
STREAMS = (1, 8)
PUT = {"queue": "bench", "endpoint": "/v1/embeddings", "level": 1, "data": {"model": "m"}}
FROM_STORE = f"from taskloom.engine.engine import Engine; Engine.heard = lambda *_: []; {SERVE}"


class Caller:
    """A connection of its own."""

    def __init__(self, server: Server) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)

    def post(self, path: str, body: object) -> http.client.HTTPResponse:
        headers = {"authorization": f"Bearer {KEY}", "content-type": "application/json"}
        self._connection.request("POST", path, json.dumps(body), headers)
        return self._connection.getresponse()

    def call(self, path: str, body: object) -> dict[str, list[dict[str, str]]]:
        answer: dict[str, list[dict[str, str]]] = json.loads(self.post(path, body).read())
        return answer


class Subject:
    """Servers where streams are read at the first and written at the last."""

    def __init__(self, servers: list[Server]) -> None:
        self.servers = servers
        self.rates: dict[int, list[float]] = {count: [] for count in STREAMS}
        self.delays: dict[int, list[float]] = {count: [] for count in STREAMS}
        Caller(servers[0]).call("/v1/queue/register", {"queue": "bench", "endpoint": "/v1/embeddings"})
        self._run(1, 20)

    def once(self, streams: int) -> None:
        """One round."""
        rate, delays = self._run(streams, FRAMES // streams)
        self.rates[streams].append(rate)
        self.delays[streams].append(median(delays))

    def _run(self, streams: int, frames: int) -> tuple[float, list[float]]:
        """Frames per second over all streams, and the delay of each frame in ms."""
        delays: list[float] = []
        threads = [threading.Thread(target=self._read, args=(delays,)) for _ in range(streams)]
        threads += [threading.Thread(target=self._work, args=(frames,)) for _ in range(streams)]
        began = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(delays) == streams * frames
        return streams * frames / (time.perf_counter() - began), delays

    def _work(self, frames: int) -> None:
        caller = Caller(self.servers[-1])
        taken = caller.call("/v1/queue/take", {"queues": ["bench:1"], "wait_seconds": 30})
        path = f"/v1/queue/{taken['bench:1'][0]['task_id']}"
        for number in range(frames):
            report = {"event_id": number, "event_data": {"sent": time.perf_counter(), "text": "x" * 200}}
            caller.call(f"{path}/progress", report)
        caller.call(f"{path}/complete", {"body": {}})

    def _read(self, delays: list[float]) -> None:
        for line in Caller(self.servers[0]).post("/v1/queue/put", {**PUT, "response_mode": "streaming"}):
            if line.startswith(b"data:{"):
                sent = json.loads(line.removeprefix(b"data:"))["sent"]
                delays.append((time.perf_counter() - sent) * 1000)

    def stop(self) -> None:
        """End the servers."""
        for server in self.servers:
            server.stop()


def compared(title: str, subjects: dict[str, Subject]) -> None:
    """Both ways in turn, and what came of it."""
    for streams in STREAMS:
        for _ in range(ROUNDS):
            for subject in subjects.values():
                subject.once(streams)
    rows = [
        [
            name,
            str(streams),
            f"{median(subject.rates[streams]):.0f}",
            f"{median(subject.delays[streams]):.2f}",
        ]
        for streams in STREAMS
        for name, subject in subjects.items()
    ]
    table(f"{title}, {ROUNDS} x {FRAMES}", ["read from", "streams", "frames/s", "delay p50 ms"], rows)
    for streams in STREAMS:
        rates = {name: subject.rates[streams] for name, subject in subjects.items()}
        delays = {name: subject.delays[streams] for name, subject in subjects.items()}
        print(f"{streams} streams, bus / store: rate {ratio(rates, 'bus', 'store')}", end="")
        print(f", delay {ratio(delays, 'bus', 'store')}")
    for subject in subjects.values():
        subject.stop()


def main() -> None:
    database, valkey = PostgresServer(), ValkeyServer()
    database.start()
    valkey.start()
    ways = {"bus": SERVE, "store": FROM_STORE}

    def apart(path: Path, bus: str, script: str) -> Subject:
        path.mkdir()
        store = database.new_database()
        return Subject([Server(path / name, store, bus, script) for name in ("one", "two")])

    with folder() as path:
        for title, bus in (("Valkey", valkey.url), ("PostgreSQL", "memory")):
            named = {way: apart(path / f"{title}-{way}", bus, script) for way, script in ways.items()}
            compared(f"two servers of one database, {title} between them", named)
        alone = {
            way: Subject([Server(path / way, "sqlite", "memory", script)]) for way, script in ways.items()
        }
        compared("one server on SQLite", alone)
        print(raw_fsync(path))
    valkey.stop()
    database.stop()


if __name__ == "__main__":
    main()
