"""Taskloom over HTTP in bulk: the native API, one worker process, two connections of 500 tasks each."""

import threading
import time

import msgspec
from plain import Plain
from tally import Tally, paced, ready, role, said, seconds_of

BATCH = 1_000
SIZE = 500
CONNECTIONS = 2


class Claimed(msgspec.Struct):
    key: str
    lease_token: str
    input: int


class Answer(msgspec.Struct):
    items: list[Claimed]


def put(count: int, url: str) -> None:
    server = Plain(url)
    body = {"items": [{"queue": "noop", "input": 0}] * min(BATCH, count)}
    said({"seconds": seconds_of(lambda: [server.post("/api/v1/tasks", body) for _ in range(count // BATCH)])})


def pace(count: int, url: str) -> None:
    server = Plain(url)
    for instant in paced(count):
        server.post("/api/v1/tasks", {"items": [{"queue": "noop", "input": instant}]})


def work(count: int, url: str) -> None:
    """Every connection tells what it finished before it asks for more."""
    tally, lock = Tally(count), threading.Lock()
    ready()

    def loop() -> None:
        server, decode = Plain(url), msgspec.json.Decoder(Answer).decode
        asked = {"queues": [{"queue": "noop"}], "size": SIZE, "worker": "bench", "wait_ms": 10_000}
        while True:
            items = decode(server.post("/api/v1/tasks/claim", asked)).items
            if not items:
                continue
            instants = [item.input for item in items]
            done = [{"key": item.key, "lease_token": item.lease_token} for item in items]
            begun = [time.monotonic_ns()] * len(items)
            server.post("/api/v1/tasks/complete", {"items": done})
            with lock:
                for instant, start in zip(instants, begun, strict=True):
                    tally.job(instant, start)

    for _ in range(CONNECTIONS - 1):
        threading.Thread(target=loop, daemon=True).start()
    loop()


if __name__ == "__main__":
    name, count, url = role()
    {"put": put, "pace": pace, "drain": work, "start": work}[name](count, url)
