"""huey: on SQLite with fsync when the address is a file, on Redis otherwise; one thread."""

import time

from huey import RedisHuey, SqliteHuey
from tally import Tally, paced, ready, role, said

name, count, url = role()
huey = RedisHuey(url=url) if "://" in url else SqliteHuey(filename=url, fsync=True)
tally = Tally(count)


@huey.task()
def noop(instant: int) -> None:
    tally.job(instant)


if name == "put":
    begun = time.perf_counter()
    for _ in range(count):
        noop(0)
    said({"seconds": time.perf_counter() - begun})
elif name == "pace":
    for instant in paced(count):
        noop(instant)
else:
    consumer = huey.create_consumer(
        workers=1, worker_type="thread", periodic=False, initial_delay=0.001, max_delay=0.01
    )
    ready()
    consumer.run()
