"""Answers the requests of a batch on the tables of the memory store."""

from collections.abc import Callable, Iterable
from copy import copy
from typing import Any, Final

from msgspec import structs

from taskloom.core.lanes import Gate, LaneId, Offer
from taskloom.core.task import READY, Task
from taskloom.core.usage import UsageCount
from taskloom.ports.store import (
    Details,
    FollowUpRow,
    JournalChunk,
    Load,
    Loaded,
    NewTask,
    Openings,
    OpenLanes,
    Read,
    ReadAnswer,
    Ready,
    Request,
    Save,
    Saved,
)
from taskloom.store import lanes
from taskloom.store.tables import MemoryData, Table
from taskloom.views.view import ColumnType, View

_EMPTY: Final = {ColumnType.INTEGER: 0, ColumnType.TEXT: "", ColumnType.JSON: b""}


def answer(data: MemoryData, views: dict[str, View], request: Request) -> Any:
    """What the tables say to a request."""
    if isinstance(request, Save):
        return _save(data, views, request)
    return _ANSWERS[type(request)](data, request)


def task_of(data: MemoryData, key: int) -> Task | None:
    """A task, hot or ended."""
    return data.tasks.get(key) or data.history.get(key)


def details_of(data: MemoryData, keys: Any) -> dict[int, Details]:
    """What was written once with tasks."""
    found = {key: data.details.get(key) for key in keys}
    return {key: Details(one.attributes, one.callback) for key, one in found.items() if one is not None}


def inputs_of(data: MemoryData, keys: Any) -> dict[int, bytes]:
    """The inputs of tasks."""
    return {key: one.input for key in keys if (one := data.details.get(key)) is not None}


def picked(table: Table[Any, Any], keys: Any) -> dict[Any, Any]:
    """The rows of those keys that have one."""
    return {key: table[key] for key in keys if key in table}


def _load(data: MemoryData, load: Load) -> Loaded:
    tasks = {key: task for key in load.tasks if (task := task_of(data, key)) is not None}
    flows = {*load.flows, *(key for task in tasks.values() if task.flow for key in (task.flow, task.root))}
    flows |= {flow.root for flow in picked(data.flows, flows).values()}
    records = [data.records.get(name) for name in load.records]
    keys = {key for key in load.records_by_key if key}
    records += [record for record in data.records.values() if record.key in keys]
    return Loaded(
        tasks,
        {key: one.attributes for key, one in details_of(data, load.attributes).items()},
        picked(data.flows, flows),
        {record.id: record for record in records if record is not None},
        picked(data.idempotency, load.idempotency),
        {
            slot: [row for (own, _), row in sorted(data.subscriptions.items()) if own == slot]
            for slot in load.subscriptions
        },
        picked(data.payloads, load.payloads),
        lanes.by_id(data, load.lanes),
        {key for key in load.follow_ups if key in data.follow_ups},
        {key: copy(row) for key, row in picked(data.outbox, load.outbox).items()},
        picked(data.timers, load.timers),
    )


def _open_lanes(data: MemoryData, request: OpenLanes) -> list[Offer]:
    found = [lanes.offer(data, shelf, request.limit, request.now) for shelf in request.shelves]
    return [*found, lanes.named(data, request.also)]


def _openings(data: MemoryData, request: Openings) -> list[int]:
    return [lanes.opening(data, shelf, request.now) for shelf in request.shelves]


def gate_of(data: MemoryData, queue: str, tenant: str) -> Gate:
    """The gate of a tenant's queue."""
    return data.gates.get((queue, tenant)) or Gate(queue, tenant)


def _ready(data: MemoryData, request: Ready) -> list[list[Task]]:
    found = []
    for lane, count in request.lanes:
        tasks = [task for task in data.tasks.ready.get(lane, {}).values() if not task.assignee]
        found.append(_next(tasks, count))
    for shelf, worker, count in request.assigned:
        tasks = [
            task
            for task in data.tasks.values()
            if task.state == READY
            and task.assignee == worker
            and worker
            and shelf.shows(task.queue, task.level, task.tenant)
        ]
        found.append(_next(tasks, count))
    return found


def _next(tasks: list[Task], count: int) -> list[Task]:
    return sorted(tasks, key=lambda task: (-task.priority, task.key))[:count]


def _read(data: MemoryData, request: Read) -> ReadAnswer:
    return ReadAnswer(
        details_of(data, request.tasks), inputs_of(data, request.tasks), picked(data.flows, request.flows)
    )


def _save(data: MemoryData, views: dict[str, View], save: Save) -> Saved:
    _save_tasks(data, save)
    released = _count(data, save)  # before the flows, whose end takes their counters along
    _save_flows(data, save)
    _save_rest(data, save)
    _save_rows(data, views, save)
    _save_lanes(data, save)
    _add_usage(data, save)
    return Saved(_advance(data, save), released)


def _save_tasks(data: MemoryData, save: Save) -> None:
    for new in (*save.created, *save.created_ended):
        kept = NewTask(new.task, new.attributes, new.callback, new.input)
        data.details.insert(new.task.key, kept)
    for task in (*(new.task for new in save.created), *save.reopened):
        data.tasks.insert(task.key, task)
        data.history.drop(task.key)
    for task in save.changed:
        data.tasks.put(task.key, task)
    for task in (*save.finished, *save.finished_again, *(new.task for new in save.created_ended)):
        data.tasks.drop(task.key)
        data.history.put(task.key, task)
    for key, attributes in save.attributes:
        old = data.details[key]
        data.details.put(key, NewTask(old.task, attributes, old.callback, old.input))
    for key, body in save.payloads:
        data.payloads.insert(key, body)


def _save_flows(data: MemoryData, save: Save) -> None:
    for flow in save.flows:
        data.flows.put(flow.key, flow)
    for slot in save.timers_cleared:
        data.timers.drop(slot)
    for timer in save.timers:
        data.timers.put((timer.flow, timer.name), timer.at)
    for row in save.subscriptions:
        data.subscriptions.put(((row.tenant, row.kind, row.name, row.key), row.flow), row)
    for ended in save.subscriptions_ended:
        data.subscriptions.drop(ended)
    gone = set(save.flows_ended)
    for key in save.flows_ended:
        data.flows.drop(key)
    if gone:
        for slot in [slot for slot in data.timers if slot[0] in gone]:
            data.timers.drop(slot)
        for place in [place for place in data.subscriptions if place[1] in gone]:
            data.subscriptions.drop(place)


def _save_rest(data: MemoryData, save: Save) -> None:
    for record in save.records:
        data.records.put(record.id, record)
    for name in save.records_removed:
        data.records.drop(name)
    for answered in save.idempotency:
        data.idempotency.insert((answered.tenant, answered.scope, answered.key), answered)
    for call in save.outbox:
        data.outbox.put(call.key, copy(call))
    for key in save.outbox_done:
        data.outbox.drop(key)
    for follow_up in save.follow_ups:
        data.follow_ups.insert(follow_up.key, follow_up.body)
    for key in save.follow_ups_done:
        data.follow_ups.drop(key)


def _save_rows(data: MemoryData, views: dict[str, View], save: Save) -> None:
    for change in save.rows:
        table, view = data.view(change.view), views[change.view]
        if change.values is None:
            table.drop(change.key)
            continue
        unknown = change.values.keys() - view.columns.keys()
        if unknown:
            raise KeyError(f"view {view.name} has no column {', '.join(sorted(unknown))}")
        row = table.get(change.key)
        if row is None:
            empty = {name: _EMPTY[kind] for name, kind in view.columns.items()}
            row = {"key": change.key, "tenant": change.tenant, **empty}
        table.put(change.key, {**row, **change.values})


def _count(data: MemoryData, save: Save) -> list[FollowUpRow]:
    released = []
    for counter, by, key, body in save.counters:
        value = (data.counters.get(counter) or 0) + by
        data.counters.put(counter, value)
        if value == 0:
            released.append(FollowUpRow(key, body))
            data.follow_ups.insert(key, body)
    gone = set(save.flows_ended)
    for counter in [counter for counter in data.counters if gone and counter[0] in gone]:
        data.counters.drop(counter)
    return released


def _save_lanes(data: MemoryData, save: Save) -> None:
    found = lanes.changed(data, save)
    for name, lane in found.lanes.items():
        data.lanes.put(name, lane)
    for place, share in found.shares.items():
        data.shares.put(place, share)
    for owner, gate in found.gates.items():
        data.gates.put(owner, gate)


def _add_usage(data: MemoryData, save: Save) -> None:
    for slot, count in save.usage.items():
        data.usage.put(slot, sum_of([data.usage.get(slot) or UsageCount(), count]))


def sum_of(counts: Iterable[UsageCount]) -> UsageCount:
    """Usage added up."""
    rows = list(zip(*map(structs.astuple, counts), strict=True))
    return UsageCount(*map(sum, rows))


def _advance(data: MemoryData, save: Save) -> int:
    sequence = (data.head.get("sequence") or 0) + save.events
    data.head.put("sequence", sequence)
    data.head.put("last_key", max(data.head.get("last_key") or 0, save.last_key))
    if save.events:
        first = sequence - save.events + 1
        data.journal.insert(first, JournalChunk(first, sequence, save.journal))
    return sequence


def lanes_of(data: MemoryData, queue: str, tenant: str | None) -> list[LaneId]:
    """The names of the lanes of a queue, in order."""
    return sorted(name for name in data.lanes if name[0] == queue and tenant in (None, name[2]))


_ANSWERS: Final[dict[type[Any], Callable[[MemoryData, Any], Any]]] = {
    Load: _load,
    OpenLanes: _open_lanes,
    Openings: _openings,
    Ready: _ready,
    Read: _read,
}
