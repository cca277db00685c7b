"""Workers that said they are there: records with a time to live, refreshed by every sign of life.

A record outlives its time, so that heartbeats cost one write and expiry none; what is long gone is removed
by a slow round.
"""

from collections import OrderedDict
from typing import Final

import msgspec
from msgspec import Struct

from taskloom.core.limits import WORKER_TTL_MS, WORKERS_CACHED
from taskloom.core.records import PutRecords, Record, RecordChange
from taskloom.core.rejections import Rejection
from taskloom.engine.engine import Engine

WORKER: Final = "worker"
"""Kind of the records."""
FORGOTTEN_MS: Final = 3_600_000
PAGE: Final = 500


class Worker(Struct, frozen=True):
    """What a record holds."""

    roles: list[str] = []
    working_directory: str | None = None
    seen_at: int = 0
    registered_by: str = ""

    def alive(self, now: int) -> bool:
        """Whether it gave a sign of life within its time."""
        return now < self.seen_at + WORKER_TTL_MS


class Registry:
    """The workers of this store. What was read is remembered for as long as it is certain to hold."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._seen: OrderedDict[tuple[str, str], Worker] = OrderedDict()

    async def register(self, tenant: str, name: str, worker: Worker) -> Rejection | None:
        """Write it down, whoever was registered under that name before."""
        return await self._put(tenant, name, worker)

    async def touch(self, tenant: str, name: str) -> Worker | None:
        """A sign of life; None when it must register first. Writes at most three times per life time."""
        now = self._engine.clock.now_ms()
        worker = self._seen.get((tenant, name))
        if worker is None or not worker.alive(now):
            worker = await self.read(tenant, name)
        if worker is None or not worker.alive(now):
            return None
        if now - worker.seen_at < WORKER_TTL_MS // 3:
            self._remember((tenant, name), worker)
            return worker
        again = msgspec.structs.replace(worker, seen_at=now)
        refused = await self._put(tenant, name, again)
        return worker if refused is not None else again

    async def read(self, tenant: str, name: str) -> Worker | None:
        """What is recorded, alive or not."""
        record = await self._engine.store.record(WORKER, tenant, name)
        return None if record is None else _decoded(record)

    async def unregister(self, tenant: str, name: str) -> Rejection | None:
        """Forget it; one that is not there is forgotten already."""
        self._seen.pop((tenant, name), None)
        if await self._engine.store.record(WORKER, tenant, name) is None:
            return None
        outcome = await self._engine.submit(PutRecords((RecordChange(WORKER, tenant, name, None),)))
        return outcome if isinstance(outcome, Rejection) else None

    async def sweep(self) -> int:
        """Remove the records of workers long gone, unless they come back this very moment; says how many."""
        gone_before = self._engine.clock.now_ms() - FORGOTTEN_MS
        removed = 0
        after = ""
        while records := await self._engine.store.records(WORKER, None, after, PAGE):
            for record in records:
                if _decoded(record).seen_at < gone_before:
                    change = RecordChange(WORKER, record.tenant, record.name, None, record.version)
                    outcome = await self._engine.submit(PutRecords((change,)))
                    removed += not isinstance(outcome, Rejection)
            after = records[-1].name
            if len(records) < PAGE:
                break
        return removed

    async def _put(self, tenant: str, name: str, worker: Worker) -> Rejection | None:
        change = RecordChange(WORKER, tenant, name, msgspec.json.encode(worker))
        outcome = await self._engine.submit(PutRecords((change,)))
        if isinstance(outcome, Rejection):
            return outcome
        self._remember((tenant, name), worker)
        return None

    def _remember(self, slot: tuple[str, str], worker: Worker) -> None:
        self._seen[slot] = worker
        self._seen.move_to_end(slot)
        if len(self._seen) > WORKERS_CACHED:
            self._seen.popitem(last=False)


def _decoded(record: Record) -> Worker:
    return msgspec.json.decode(record.body, type=Worker)
