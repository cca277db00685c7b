"""What every subject of `./dev bench queue` does in the same way: count jobs, time them, say so in JSON.

A subject is a script that is called as `SCRIPT put|drain|start|pace COUNT URL`. `put` stores COUNT jobs that
do nothing and prints the seconds. `drain` prints `ready`, works with one process until COUNT jobs are done
and prints the seconds from the first to the last.
`start` is `drain` for jobs that carry the instant they were put at, and prints the milliseconds from there to
their start; `pace` puts such jobs, one every 20 ms, from a process of its own.
"""

import json
import os
import sys
import time

PACE_S = 0.02


class Tally:
    """Jobs done by a worker; the last one ends the process, for many workers know no other way."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._done = 0
        self._begun = 0.0
        self._waits_ms: list[float] = []

    def job(self, put_at_ns: int = 0, started_ns: int = 0) -> None:
        """One job ran; `put_at_ns` is what it carried, `started_ns` when it began if that is not now."""
        now = time.perf_counter()
        if not self._done:
            self._begun = now
        self._done += 1
        if put_at_ns:
            self._waits_ms.append(((started_ns or time.monotonic_ns()) - put_at_ns) / 1e6)
        if self._done >= self._count:
            said({"seconds": time.perf_counter() - self._begun, "waits_ms": self._waits_ms})
            os._exit(0)


def seconds_of(act) -> float:
    """How long `act` took."""
    begun = time.perf_counter()
    act()
    return time.perf_counter() - begun


def said(answer: dict) -> None:
    """The answer of a role, a line."""
    print(json.dumps(answer), flush=True)


def ready() -> None:
    """The worker is listening, as far as it can tell."""
    print("ready", flush=True)


def role() -> tuple[str, int, str]:
    """What this process is asked to do: role, count, address."""
    return sys.argv[1], int(sys.argv[2]), sys.argv[3]


def paced(count: int):
    """The instants of `count` jobs, one every 20 ms."""
    for _ in range(count):
        time.sleep(PACE_S)
        yield time.monotonic_ns()
