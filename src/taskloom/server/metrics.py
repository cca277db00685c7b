"""What is measured, for Prometheus. Labels name operations and statuses, so their number is bounded."""

import itertools
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from prometheus_client import CollectorRegistry, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from taskloom.core.task import LEASED, READY, SUSPENDED, WAITING
from taskloom.engine.engine import Engine
from taskloom.server.crowd import Crowd
from taskloom.views.view import Compare, In, Query, Sort

MEDIA_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60)
_COMMANDS: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1000)
_REQUEST_LABELS: Final = ("operation", "status")
_LIVE: Final = {"waiting": WAITING, "ready": READY, "leased": LEASED, "suspended": SUSPENDED}


class Tally:
    """The calls of one operation, counted in plain numbers because every call pays for it."""

    __slots__ = ("_counts", "seconds", "statuses")

    def __init__(self) -> None:
        self.statuses: dict[int, int] = {}
        self.seconds = 0.0
        self._counts = [0] * (len(_SECONDS) + 1)

    def add(self, status: int, seconds: float) -> None:
        """Count a call."""
        self.statuses[status] = self.statuses.get(status, 0) + 1
        self.seconds += seconds
        self._counts[bisect_left(_SECONDS, seconds)] += 1

    def buckets(self) -> list[tuple[str, float]]:
        """How many calls took at most so long, for each bound."""
        bounds = (*map(str, _SECONDS), "+Inf")
        return list(zip(bounds, itertools.accumulate(self._counts), strict=True))


class Metrics(Collector):
    """The measurements of one server; each server has its own registry."""

    def __init__(self, version: str, crowds: Mapping[str, Crowd]) -> None:
        self.registry = registry = CollectorRegistry()
        self._crowds = crowds
        self._tallies: dict[str, Tally] = {}
        registry.register(self)
        self._batch = Histogram(
            "taskloom_batch_commands", "Commands per commit.", buckets=_COMMANDS, registry=registry
        )
        self._commit = Histogram(
            "taskloom_commit_seconds", "Time per commit.", buckets=_SECONDS, registry=registry
        )
        self._tasks = Gauge("taskloom_tasks", "Tasks that have not ended.", ["state"], registry=registry)
        self._oldest = Gauge(
            "taskloom_oldest_ready_seconds", "Age of the oldest task that is ready.", registry=registry
        )
        self._waiters = Gauge("taskloom_waiters", "Open waits.", registry=registry)
        self._lag = Gauge(
            "taskloom_outbox_lag_seconds", "How long the most overdue callback is due.", registry=registry
        )
        build = Gauge("taskloom_build_info", "The version that runs.", ["version"], registry=registry)
        build.labels(version).set(1)

    def observer(self, operation: str) -> Callable[[int, float], None]:
        """What is to be called with status and seconds after each call of an operation."""
        tally = self._tallies[operation] = Tally()
        return tally.add

    def describe(self) -> Iterator[Metric]:
        """Tell the registry nothing in advance: the names are ours alone."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """The tallies of requests, as the registry wants them."""
        requests = CounterMetricFamily("taskloom_requests", "Requests answered.", labels=_REQUEST_LABELS)
        seconds = HistogramMetricFamily(
            "taskloom_request_seconds",
            "Time to answer; long polls include their wait.",
            labels=_REQUEST_LABELS[:1],
        )
        for operation, tally in self._tallies.items():
            for status, count in list(tally.statuses.items()):
                requests.add_metric([operation, str(status)], count)
            if tally.statuses:
                seconds.add_metric([operation], tally.buckets(), tally.seconds)
        yield requests
        yield seconds
        yield from self._crowd_sizes()

    def _crowd_sizes(self) -> Iterator[Metric]:
        there = GaugeMetricFamily("taskloom_crowd", "Connections open and calls under way.", labels=["by"])
        refused = CounterMetricFamily(
            "taskloom_crowd_refused", "Connections and calls beyond the limit of one.", labels=["by"]
        )
        for by, crowd in self._crowds.items():
            there.add_metric([by], len(crowd))
            refused.add_metric([by], crowd.refused)
        yield there
        yield refused

    def committed(self, commands: int, seconds: float) -> None:
        """A batch was committed; called in the store's thread."""
        self._batch.observe(commands)
        self._commit.observe(seconds)

    async def text(self, engine: Engine) -> bytes:
        """Everything in Prometheus' text format; what the store knows is read now."""
        now = engine.clock.now_ms()
        live = In("state", tuple(int(state) for state in _LIVE.values()))
        groups = await engine.store.aggregate(Query(view="tasks", tenants=None, filter=live), ("state",))
        counts = {state: count for (state,), count in groups}
        for name, state in _LIVE.items():
            self._tasks.labels(name).set(counts.get(int(state), 0))
        oldest = await engine.store.search(
            Query(
                view="tasks",
                tenants=None,
                filter=Compare("state", "eq", int(READY)),
                sort=(Sort("created_at"),),
                limit=1,
                total=False,
            )
        )
        self._oldest.set((now - oldest.rows[0]["created_at"]) / 1000 if oldest.rows else 0)
        due = [call.next_at for call in await engine.store.due_outbox(now, 1)]
        self._lag.set(max(0, now - min(due, default=now)) / 1000)
        self._waiters.set(len(engine.waiting))
        return generate_latest(self.registry)
