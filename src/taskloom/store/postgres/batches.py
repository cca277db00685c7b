"""Answers the requests of a batch within one transaction, taking every lock in the one order.

Roots by key, then task rows by key, then records by name: the first load of a transaction waits for them. A
later load must not wait, for it may come out of order; what it cannot have at once ends the transaction, and
the batch starts again with the larger set. Slots (subscriptions, idempotency keys) are tried and never waited
for: commands that need a busy one are left out of the batch. Hand-outs skip what others hold. View rows,
counters, lanes and the event head come last, each kind in sorted order.
"""

import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

import msgspec

from taskloom.core.task import Task
from taskloom.ports.store import (
    CounterId,
    FlowRow,
    FollowUpRow,
    Load,
    Loaded,
    Openings,
    OpenLanes,
    Read,
    ReadAnswer,
    Ready,
    Request,
    Save,
    Saved,
    Slot,
    TransientError,
    UnavailableError,
)
from taskloom.store.postgres import lanes, writes
from taskloom.store.postgres import statements as sql
from taskloom.store.postgres.rows import rows_apply
from taskloom.store.postgres.statements import Connection
from taskloom.views.view import View


class Mark(msgspec.Struct, frozen=True):
    """What tells this batch's commit from all others: whose it is and its own number."""

    node: int
    owner: str
    writer: int
    batch: int


class Session:
    """One transaction of a batch: what it has locked so far, and the answers to its requests."""

    def __init__(self, connection: Connection, views: Mapping[str, View], mark: Mark) -> None:
        self._connection = connection
        self._views = views
        self._mark = mark
        self._lock = "FOR UPDATE"
        self._held: set[int] = set()
        """Keys of roots and flows that were locked, whether there was a row or not."""
        self._flows: set[int] = set()
        self._records: set[tuple[str, str, str]] = set()
        self.saved = False

    async def answer(self, request: Request) -> Any:
        """What the database says to a request."""
        return await _ANSWERS[type(request)](self, request)

    # Reading -------------------------------------------------------------------------------------------

    async def load(self, load: Load) -> Loaded:
        """Lock and read, in the order every transaction keeps."""
        connection = self._connection
        flows = await self._lock_flows(load)
        tasks = await self._lock_tasks(load.tasks)
        records = [await sql.record_by_id(connection, *name, self._lock) for name in sorted(load.records)]
        self._records.update(record.id for record in records if record is not None)
        self._lock = "FOR UPDATE NOWAIT"
        records += [await sql.record_by_key(connection, key) for key in load.records_by_key]
        busy = await self._try_slots([*load.idempotency, *load.subscriptions, *load.turns])
        idempotency = [slot for slot in load.idempotency if slot not in busy]
        subscriptions = [slot for slot in load.subscriptions if slot not in busy]
        details = await sql.details_by_key(connection, load.attributes) if load.attributes else {}
        return Loaded(
            tasks,
            {key: detail.attributes for key, detail in details.items()},
            flows,
            {record.id: record for record in records if record is not None},
            await sql.idempotency_by_id(connection, idempotency) if idempotency else {},
            await sql.subscriptions_by_id(connection, subscriptions) if subscriptions else {},
            await sql.payloads_by_key(connection, load.payloads) if load.payloads else {},
            await lanes.by_id(connection, load.lanes) if load.lanes else {},
            await sql.follow_ups_open(connection, load.follow_ups) if load.follow_ups else set(),
            await self._outbox(load.outbox) if load.outbox else {},
            await sql.timers_by_id(connection, load.timers) if load.timers else {},
            busy,
        )

    async def _outbox(self, keys: Sequence[int]) -> Any:
        return await sql.outbox_by_key(self._connection, keys, "FOR UPDATE SKIP LOCKED")

    async def _lock_flows(self, load: Load) -> dict[int, FlowRow]:
        """Lock the roots of everything named, and the flows themselves for the case that a root is gone."""
        if not (load.tasks or load.flows):
            return {}
        named = await sql.flows_named(self._connection, load.tasks, load.flows)
        wanted = {key for pair in named for key in pair} | set(load.flows)
        if not wanted:
            return {}
        self._held |= wanted
        flows = await sql.flows_by_key(self._connection, sorted(wanted), self._lock)
        for flow in flows.values():
            self._must_hold(flow.root)
        self._flows |= flows.keys()
        return flows

    async def _lock_tasks(self, keys: Sequence[int]) -> dict[int, Task]:
        if not keys:
            return {}
        tasks = await sql.tasks_by_key(self._connection, sorted(keys), self._lock)
        missing = [key for key in keys if key not in tasks]
        if missing:
            tasks |= await sql.history_by_key(self._connection, sorted(missing), self._lock)
            missing = [key for key in missing if key not in tasks]
        if missing and await sql.tasks_by_key(self._connection, missing):
            raise TransientError("a task came back from history while it was looked for")
        for task in tasks.values():
            if task.flow:
                self._must_hold(task.root)
                self._must_hold(task.flow)
        return tasks

    def _must_hold(self, key: int) -> None:
        """What named the roots is read again under lock: a root that was not named then needs a new start."""
        if key not in self._held:
            raise TransientError(f"root {key} appeared while its parts were being locked")

    async def _try_slots(self, slots: Sequence[Slot]) -> frozenset[Slot]:
        if not slots:
            return frozenset()
        by_lock: dict[int, list[Slot]] = {}
        for slot in slots:
            by_lock.setdefault(slot_lock(slot), []).append(slot)
        busy = await sql.slots_busy(self._connection, sorted(by_lock))
        return frozenset(slot for lock in busy for slot in by_lock[lock])

    async def open_lanes(self, request: OpenLanes) -> Any:
        """The lanes that may hand out."""
        return [
            await lanes.offer(self._connection, shelf, request.limit, request.now)
            for shelf in request.shelves
        ] + [await lanes.named(self._connection, request.also)]

    async def openings(self, request: Openings) -> Any:
        """When what is closed opens."""
        return [await lanes.opening(self._connection, shelf, request.now) for shelf in request.shelves]

    async def ready(self, request: Ready) -> Any:
        """The next tasks of lanes, then those reserved for workers."""
        found = [await sql.ready_tasks(self._connection, lane, count) for lane, count in request.lanes]
        found += [await sql.reserved_tasks(self._connection, *place) for place in request.assigned]
        return found

    async def read(self, request: Read) -> ReadAnswer:
        """Details, inputs and flows, without locks."""
        return ReadAnswer(
            await sql.details_by_key(self._connection, request.tasks) if request.tasks else {},
            await sql.inputs_by_key(self._connection, request.tasks) if request.tasks else {},
            await sql.flows_by_key(self._connection, request.flows) if request.flows else {},
        )

    # Saving --------------------------------------------------------------------------------------------

    async def save(self, save: Save) -> Saved:
        """Write everything; what others wait for comes last."""
        connection = self._connection
        await self._save_tasks(save)
        await self._save_flows(save)
        await self._save_rest(save)
        if save.rows:
            await rows_apply(connection, self._views, save.rows)
        released = await self._count(save)
        await lanes.save(connection, save)
        if save.usage:
            await writes.usage_add(connection, save.usage)
        sequence = await connection.fetchval(
            writes.HEAD,
            self._mark.node,
            self._mark.owner,
            save.last_key,
            self._mark.writer,
            self._mark.batch,
            save.events,
            save.journal,
        )
        if sequence is None:
            raise UnavailableError("the node number of this server was lost; it makes no more keys")
        self.saved = True
        return Saved(int(sequence), released)

    async def _save_tasks(self, save: Save) -> None:
        connection = self._connection
        created = [*save.created, *save.created_ended]
        if created:
            rows = [(new.task.key, new.attributes, new.callback, new.input) for new in created]
            await writes.details_insert(connection, rows)
        if save.reopened or save.finished_again:
            await writes.history_delete(connection, [*save.reopened, *save.finished_again])
        hot = [*(new.task for new in save.created), *save.reopened]
        if hot:
            await writes.tasks_insert(connection, hot)
        ended = [*save.finished_again, *(new.task for new in save.created_ended)]
        if ended:
            await writes.history_insert(connection, ended)
        if save.finished:
            await writes.tasks_end(connection, save.finished)
        if save.changed:
            await writes.tasks_update(connection, save.changed)
        if save.attributes:
            await writes.attributes_update(connection, save.attributes)
        if save.payloads:
            await writes.payloads_insert(connection, save.payloads)

    async def _save_flows(self, save: Save) -> None:
        connection = self._connection
        new = [flow for flow in save.flows if flow.key not in self._flows]
        known = [flow for flow in save.flows if flow.key in self._flows]
        if new:
            await writes.flows_insert(connection, sorted(new, key=lambda flow: flow.key))
        if known:
            await writes.flows_update(connection, known)
        if save.timers_cleared:
            await writes.timers_delete(connection, save.timers_cleared)
        if save.timers:
            await writes.timers_put(connection, save.timers)
        if save.subscriptions:
            await writes.subscriptions_insert(connection, save.subscriptions)
        if save.subscriptions_ended:
            await writes.subscriptions_delete(connection, save.subscriptions_ended)
        if save.flows_ended:
            await writes.flows_delete(connection, save.flows_ended)

    async def _save_rest(self, save: Save) -> None:
        connection = self._connection
        new = [record for record in save.records if record.id not in self._records]
        known = [record for record in save.records if record.id in self._records]
        if new:
            await writes.records_insert(connection, sorted(new, key=lambda record: record.id))
        if known:
            await writes.records_update(connection, known)
        if save.records_removed:
            await writes.records_delete(connection, save.records_removed)
        if save.idempotency:
            await writes.idempotency_insert(connection, save.idempotency)
        if save.outbox:
            await writes.outbox_put(connection, save.outbox)
        if save.outbox_done:
            await writes.outbox_delete(connection, save.outbox_done)
        if save.follow_ups:
            await writes.follow_ups_insert(connection, save.follow_ups)
        if save.follow_ups_done:
            await writes.follow_ups_delete(connection, save.follow_ups_done)

    async def _count(self, save: Save) -> list[FollowUpRow]:
        """Change the counters; the step that brings one to zero releases its follow-up."""
        connection = self._connection
        released: list[FollowUpRow] = []
        if save.flows_ended:
            touched = {*save.flows_ended, *(counter[0] for counter, *_ in save.counters)}
            await writes.counters_lock(connection, sorted(touched))
        if save.counters:
            sums: dict[CounterId, int] = {}
            for counter, by, _, _ in save.counters:
                sums[counter] = sums.get(counter, 0) + by
            after = await writes.counters_add(connection, sums)
            values = {counter: after[counter] - sums[counter] for counter in sums}
            for counter, by, key, body in save.counters:
                values[counter] += by
                if values[counter] == 0:
                    released.append(FollowUpRow(key, body))
        if save.flows_ended:
            await writes.counters_delete(connection, save.flows_ended)
        if released:
            await writes.follow_ups_insert(connection, released)
        return released


def slot_lock(slot: Slot) -> int:
    """The number of the advisory lock of a slot."""
    digest = hashlib.blake2b(msgspec.msgpack.encode(slot), digest_size=8, person=b"taskloom-slot")
    return int.from_bytes(digest.digest(), "big", signed=True)


_ANSWERS: Final[dict[type[Any], Callable[[Session, Any], Awaitable[Any]]]] = {
    Load: Session.load,
    OpenLanes: Session.open_lanes,
    Openings: Session.openings,
    Ready: Session.ready,
    Read: Session.read,
    Save: Session.save,
}
