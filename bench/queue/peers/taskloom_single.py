"""Taskloom over HTTP one at a time: the queue protocol, one worker process, 16 connections."""

import threading
import time

from plain import Plain
from tally import Tally, paced, ready, role, said, seconds_of

CONNECTIONS = 16
QUEUE = "/v1/queue"


def put_one(server: Plain, instant: int) -> None:
    server.post(f"{QUEUE}/put", task(instant))


def task(instant: int) -> dict:
    return {"queue": "noop", "endpoint": "/v1/embeddings", "data": {"instant": instant}, "level": 1}


def put(count: int, url: str) -> None:
    register(url)
    instants = iter([0] * count)

    def some() -> None:
        server = Plain(url)
        for instant in instants:
            put_one(server, instant)

    said({"seconds": seconds_of(lambda: in_threads(some))})


def pace(count: int, url: str) -> None:
    server = Plain(url)
    for instant in paced(count):
        put_one(server, instant)


def register(url: str) -> None:
    Plain(url).post(f"{QUEUE}/register", {"queue": "noop", "endpoint": "/v1/embeddings"})


def in_threads(act) -> None:
    threads = [threading.Thread(target=act, daemon=True) for _ in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def work(count: int, url: str) -> None:
    register(url)
    tally, lock = Tally(count), threading.Lock()
    ready()

    def loop() -> None:
        server = Plain(url)
        asked = {"queues": ["noop:1"], "wait_seconds": 10}
        while True:
            taken = server.ask(f"{QUEUE}/take", asked)
            for items in taken.values():
                for item in items:
                    begun = time.monotonic_ns()
                    answer = {"result": {"status_code": 200, "body": {}}}
                    server.post(f"{QUEUE}/{item['task_id']}/complete", answer)
                    with lock:
                        tally.job(item["data"]["instant"], begun)

    in_threads(loop)


if __name__ == "__main__":
    name, count, url = role()
    {"put": put, "pace": pace, "drain": work, "start": work}[name](count, url)
