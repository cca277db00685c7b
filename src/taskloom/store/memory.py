"""The memory store: the promises of the port in dictionaries, driven step by step on one event loop.

Nothing survives the process. It is the reference the databases are compared with; simulations run on it.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from copy import copy
from pathlib import Path
from typing import Any, Final

from taskloom.core.lanes import Gate, Lane, Share
from taskloom.core.limits import NEVER_MS
from taskloom.core.records import Record
from taskloom.core.task import LEASED, Task, TaskState
from taskloom.core.usage import UsageCount
from taskloom.ports.faults import fault_point
from taskloom.ports.store import (
    Details,
    FlowRow,
    FollowUpRow,
    HotCount,
    JournalChunk,
    NotCopiedError,
    OutboxRow,
    Shelf,
    Standing,
    Tell,
    TimerRow,
    UsageQuery,
    UsageSum,
    Work,
    WorkSource,
)
from taskloom.store.changes import (
    answer,
    details_of,
    gate_of,
    inputs_of,
    lanes_of,
    picked,
    sum_of,
    task_of,
)
from taskloom.store.tables import MemoryData
from taskloom.store.usage_sql import ID, known_columns
from taskloom.store.walk import Row, Walk
from taskloom.views.dead_letters import DEAD_LETTERS
from taskloom.views.tasks import TASKS
from taskloom.views.view import Page, Query, View

__all__ = ["MemoryData", "MemoryStore"]

_NODE: Final = 1
Step = Callable[[str], None]
"""Called before each step of a batch with its name; what it raises fails the batch."""


class MemoryStore:
    """The store port on dictionaries. `data` outlives the store; a second store over it finds it all."""

    shared = False

    def __init__(self, data: MemoryData | None = None, *, step: Step | None = None) -> None:
        self._data = MemoryData() if data is None else data
        self._step = step
        self._views: dict[str, View] = {}
        self._source: WorkSource | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._driving = False

    async def open(self, views: Sequence[View]) -> None:
        """Make the tables of the views."""
        self._loop = asyncio.get_running_loop()
        self._views = {view.name: view for view in (TASKS, DEAD_LETTERS, *views)}
        for name in self._views:
            self._data.declare(name)

    async def close(self) -> None:
        """Drive what waits, then no more."""
        if self._source is not None:
            self.drive()
            self._source = None

    async def standing(self) -> Standing:
        """There is no schema."""
        return Standing((), ())

    async def complaints(self, *, thorough: bool) -> list[str]:
        """Dictionaries do not complain."""
        del thorough
        return []

    async def copy_to(self, target: Path, tell: Tell) -> dict[str, int]:
        """There is nothing that outlives the process."""
        del target, tell
        raise NotCopiedError("what is kept in memory is not backed up")

    async def hold(self, *, held: bool) -> bool:
        """There are no files."""
        del held
        return False

    async def lease_node(self, now: int) -> tuple[int, int]:
        """There is one node."""
        del now
        return _NODE, self._data.head.get("last_key") or 0

    async def keep_node(self, node: int, now: int) -> bool:
        """Nobody else can take it."""
        del now
        return node == _NODE

    # Writing -------------------------------------------------------------------------------------------

    def start(self, source: WorkSource) -> None:
        """Drive batches on the event loop."""
        self._source = source

    def kick(self) -> None:
        """Drive in the next turn of the loop."""
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self.drive)

    def drive(self) -> None:
        """Every batch that waits, each to its commit, now. Whoever runs the loop by hand may call it."""
        if self._driving:
            return
        self._driving = True
        try:
            while self._source is not None and (work := self._source.next()) is not None:
                self._drive(self._source, work)
        finally:
            self._driving = False

    def _drive(self, source: WorkSource, work: Work) -> None:
        try:
            request = next(work)
            while True:
                self._pass(type(request).__name__)
                request = work.send(answer(self._data, self._views, request))
        except StopIteration as stop:
            result = stop.value
        except Exception as error:  # noqa: BLE001  whatever it was, the batch is undone and the source told
            self._undo(source, work, error)
            return
        try:
            self._pass("commit")
            fault_point("before_commit")
        except Exception as error:  # noqa: BLE001  as above
            self._undo(source, work, error)
            return
        self._data.commit()
        source.done(work, result)

    def _pass(self, step: str) -> None:
        if self._step is not None:
            self._step(step)

    def _undo(self, source: WorkSource, work: Work, error: Exception) -> None:
        self._data.roll_back()
        source.failed(work, error)

    # Reading -------------------------------------------------------------------------------------------

    async def task(self, key: int) -> Task | None:
        """A task, hot or ended."""
        return task_of(self._data, key)

    async def tasks(self, keys: Sequence[int]) -> dict[int, Task]:
        """Several tasks, hot or ended."""
        return {key: task for key in keys if (task := task_of(self._data, key)) is not None}

    async def details(self, keys: Sequence[int]) -> dict[int, Details]:
        """What was written once with these tasks."""
        return details_of(self._data, keys)

    async def inputs(self, keys: Sequence[int]) -> dict[int, bytes]:
        """The inputs these tasks were made with."""
        return inputs_of(self._data, keys)

    async def payloads(self, keys: Sequence[int]) -> dict[int, bytes]:
        """Payloads by their own key."""
        return picked(self._data.payloads, keys)

    async def flow(self, key: int) -> FlowRow | None:
        """A flow as it stands."""
        return self._data.flows.get(key)

    async def record(self, kind: str, tenant: str, name: str) -> Record | None:
        """One record."""
        return self._data.records.get((kind, tenant, name))

    async def record_by_key(self, key: int) -> Record | None:
        """The record that was given this key."""
        return next((one for one in self._data.records.values() if one.key == key and key), None)

    async def records(self, kind: str, tenant: str | None, after: str, limit: int) -> list[Record]:
        """Records of a kind, names above `after`."""
        found = [
            one
            for one in self._data.records.values()
            if one.kind == kind and tenant in (None, one.tenant) and one.name > after
        ]
        return sorted(found, key=lambda one: (one.name, one.tenant))[:limit]

    async def search(self, query: Query) -> Page:
        """A page of a view."""
        return Walk(self._views, self._rows).search(query)

    async def aggregate(self, query: Query, group_by: tuple[str, ...]) -> list[tuple[tuple[Any, ...], int]]:
        """Counts per combination of columns."""
        return Walk(self._views, self._rows).aggregate(query, group_by)

    def _rows(self, view: str) -> Iterable[Row]:
        if view != TASKS.name:
            return self._data.view(view).values()
        tasks = (*self._data.tasks.values(), *self._data.history.values())
        return [self._task_row(task) for task in sorted(tasks, key=lambda task: task.key)]

    def _task_row(self, task: Task) -> Row:
        columns = {name: getattr(task, name) for name in TASKS.columns if name != "attributes"}
        columns["state"] = int(task.state)
        columns["callback"] = int(task.callback)
        attributes = self._data.details[task.key].attributes
        return {"key": task.key, "tenant": task.tenant, **columns, "attributes": attributes}

    async def usage(self, query: UsageQuery) -> list[UsageSum]:
        """Sums of usage."""
        wanted = {name: getattr(query, name) for name in ("tenant", "submitter", "model", "queue")}
        known_columns(query)
        groups: dict[tuple[str | int, ...], list[UsageCount]] = {}
        for slot, count in self._data.usage.items():
            row: dict[str, str | int] = dict(zip(ID, slot, strict=True))
            is_wanted = all(value in (None, row[name]) for name, value in wanted.items())
            if is_wanted and query.first_day <= slot[4] <= query.last_day:
                groups.setdefault(tuple(row[name] for name in query.group_by), []).append(count)
        if not query.group_by and not groups:
            return [((), UsageCount())]
        return [(group, sum_of(groups[group])) for group in sorted(groups)][: query.limit]

    async def hot_counts(self, queue: str, tenant: str | None) -> list[HotCount]:
        """The living tasks of a queue by level and state."""
        found: dict[tuple[int, TaskState], list[int]] = {}
        for task in self._data.tasks.values():
            if task.queue == queue and tenant in (None, task.tenant):
                found.setdefault((task.level, task.state), []).append(task.created_at)
        return [HotCount(*place, len(made), min(made)) for place, made in sorted(found.items())]

    async def unheld(self, shelf: Shelf, upto: int, limit: int) -> list[int]:
        """The oldest tasks of a shelf that no worker holds."""
        found = [
            task.key
            for task in self._data.tasks.values()
            if shelf.shows(task.queue, task.level, task.tenant) and task.state != LEASED and task.key <= upto
        ]
        return sorted(found)[:limit]

    async def journal(self, after: int, limit: int) -> list[JournalChunk]:
        """Chunks that hold events numbered above `after`."""
        found = sorted(chunk.first for chunk in self._data.journal.values() if chunk.last > after)
        return [self._data.journal[first] for first in found[:limit]]

    async def sequence(self) -> int:
        """The number of the last event."""
        return self._data.head.get("sequence") or 0

    async def due_tasks(self, now: int, limit: int) -> list[int]:
        """Tasks whose instant has come."""
        due = sorted((task.due_at, task.key) for task in self._data.tasks.values() if task.due_at <= now)
        return [key for _, key in due[:limit]]

    async def due_timers(self, now: int, limit: int) -> list[TimerRow]:
        """Timers whose instant has come."""
        due = sorted((at, slot) for slot, at in self._data.timers.items() if at <= now)
        return [TimerRow(*slot, at) for at, slot in due[:limit]]

    async def due_outbox(
        self, now: int, limit: int, each: int = 1, busy: Sequence[str] = (), busy_tenants: Sequence[str] = ()
    ) -> list[OutboxRow]:
        """Calls that may leave now, fairly from every line."""
        earlier: set[tuple[int, int, bool]] = set()
        due: list[OutboxRow] = []
        for _, row in sorted(self._data.outbox.items()):
            place = (row.subject, row.webhook, row.name == "")
            is_open = row.line not in busy and row.tenant not in busy_tenants
            if is_open and place not in earlier and row.next_at <= now:
                due.append(row)
            earlier.add(place)
        ranks: dict[str, int] = {}
        ranked = []
        for row in sorted(due, key=lambda row: (row.next_at, row.key)):
            rank = ranks[row.line] = ranks.get(row.line, 0) + 1
            if rank <= each:
                ranked.append((rank, row.next_at, row.key))
        return [copy(self._data.outbox[key]) for _, _, key in sorted(ranked)[:limit]]

    async def follow_ups(self, limit: int) -> list[FollowUpRow]:
        """Follow-up commands not yet done."""
        return [FollowUpRow(*row) for row in sorted(self._data.follow_ups.items())[:limit]]

    async def next_due(self) -> int | None:
        """The earliest instant a task or timer is due."""
        instants = [task.due_at for task in self._data.tasks.values() if task.due_at < NEVER_MS]
        instants += [at for _, at in self._data.timers.items()]
        return min(instants, default=None)

    async def ready_queues(self, limit: int) -> list[tuple[str, str, int]]:
        """Where something is ready."""
        depths: dict[tuple[str, str], int] = {}
        for lane in self._data.lanes.values():
            if lane.depth > 0:
                place = (lane.queue, lane.tenant)
                depths[place] = depths.get(place, 0) + lane.depth
        return [(*place, depth) for place, depth in depths.items()][:limit]

    async def lanes(self, queue: str, tenant: str | None, limit: int) -> list[Lane]:
        """The lanes of a queue."""
        return [copy(self._data.lanes[name]) for name in lanes_of(self._data, queue, tenant)[:limit]]

    async def gate(self, queue: str, tenant: str) -> Gate:
        """The limits of a tenant's queue."""
        return copy(gate_of(self._data, queue, tenant))

    async def shares(self, queue: str | None, tenant: str | None, limit: int) -> list[Share]:
        """What waits, is under way and was."""
        found = [
            copy(share)
            for name, share in sorted(self._data.shares.items())
            if queue in (None, name[0]) and tenant in (None, name[2])
        ]
        return found[:limit]
