"""dramatiq on Redis, four threads."""

import logging
import threading
import time

import dramatiq
from dramatiq.brokers.redis import RedisBroker
from tally import Tally, paced, ready, role, said

name, count, url = role()
broker = RedisBroker(url=url)
dramatiq.set_broker(broker)
tally = Tally(count)
lock = threading.Lock()


@dramatiq.actor
def noop(instant: int) -> None:
    with lock:
        tally.job(instant)


if name == "put":
    begun = time.perf_counter()
    for _ in range(count):
        noop.send(0)
    said({"seconds": time.perf_counter() - begun})
elif name == "pace":
    for instant in paced(count):
        noop.send(instant)
else:
    logging.disable(logging.CRITICAL)
    worker = dramatiq.Worker(broker, worker_threads=4)
    worker.start()
    ready()
    threading.Event().wait()
