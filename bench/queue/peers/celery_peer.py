"""celery on Redis, results off, one process without a pool, prefetch 100."""

import logging
import time
import warnings

from celery import Celery
from tally import Tally, paced, ready, role, said

name, count, url = role()
app = Celery("bench", broker=url)
app.conf.update(
    task_ignore_result=True,
    worker_prefetch_multiplier=100,
    worker_redirect_stdouts=False,
    broker_connection_retry_on_startup=True,
)
tally = Tally(count)


@app.task(name="noop")
def noop(instant: int) -> None:
    tally.job(instant)


if name == "put":
    begun = time.perf_counter()
    for _ in range(count):
        noop.delay(0)
    said({"seconds": time.perf_counter() - begun})
elif name == "pace":
    for instant in paced(count):
        noop.delay(instant)
else:
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")  # it minds being root, which build machines are
    ready()
    app.worker_main(["worker", "--pool=solo", "--loglevel=CRITICAL", "--without-gossip", "--without-mingle"])
