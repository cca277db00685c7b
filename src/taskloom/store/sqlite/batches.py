"""Answers the requests of a batch on the writer's connection, and from what the writer still knows."""

from typing import Any

from taskloom.core.task import Task
from taskloom.ports.store import (
    Details,
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
)
from taskloom.store.sqlite import statements as sql
from taskloom.store.sqlite import writes
from taskloom.store.sqlite.hot import HotTasks, missing
from taskloom.store.sqlite.hot_lanes import HotLanes
from taskloom.store.sqlite.rows import rows_apply
from taskloom.store.sqlite.statements import Connection


def answer(connection: Connection, request: Request, hot: HotTasks, hot_lanes: HotLanes | None = None) -> Any:
    """What the database says to a request."""
    lanes = HotLanes() if hot_lanes is None else hot_lanes
    match request:
        case Load():
            return _load(connection, request, hot, lanes)
        case OpenLanes():
            return lanes.open_lanes(connection, request)
        case Openings():
            return lanes.openings(connection, request)
        case Ready():
            return _ready(connection, request, hot)
        case Read():
            return _read(connection, request, hot)
        case Save():
            return _save(connection, request, hot, lanes)


def _load(connection: Connection, load: Load, hot: HotTasks, lanes: HotLanes) -> Loaded:
    tasks = hot.found(load.tasks)
    if unknown := missing(load.tasks, tasks):
        tasks |= sql.tasks_by_key(connection, unknown)
    flow_keys = {*load.flows}
    for task in tasks.values():
        if task.flow:
            flow_keys.update((task.flow, task.root))
    flows = sql.flows_by_key(connection, list(flow_keys)) if flow_keys else {}
    roots = {flow.root for flow in flows.values()} - flow_keys
    if roots:
        flows |= sql.flows_by_key(connection, list(roots))
    details = sql.details_by_key(connection, load.attributes) if load.attributes else {}
    records = [sql.record_by_id(connection, *name) for name in load.records]
    records += [sql.record_by_key(connection, key) for key in load.records_by_key]
    return Loaded(
        tasks,
        {key: detail.attributes for key, detail in details.items()},
        flows,
        {record.id: record for record in records if record is not None},
        sql.idempotency_by_id(connection, load.idempotency) if load.idempotency else {},
        sql.subscriptions_by_id(connection, load.subscriptions) if load.subscriptions else {},
        sql.payloads_by_key(connection, load.payloads) if load.payloads else {},
        lanes.by_id(connection, load.lanes) if load.lanes else {},
        sql.follow_ups_open(connection, load.follow_ups) if load.follow_ups else set(),
        sql.outbox_by_key(connection, load.outbox) if load.outbox else {},
        sql.timers_by_id(connection, load.timers) if load.timers else {},
    )


def _ready(connection: Connection, request: Ready, hot: HotTasks) -> Any:
    ready = [sql.ready_keys(connection, lane, count) for lane, count in request.lanes]
    ready += _reserved(connection, request, hot)
    known = _known(connection, [key for keys in ready for key in keys], hot)
    return [[known[key] for key in keys] for keys in ready]


def _reserved(connection: Connection, request: Ready, hot: HotTasks) -> list[list[int]]:
    """The keys of what is reserved; where nothing is, as in most databases, nobody looks for each worker."""
    if request.assigned and hot.reserved is None:
        hot.reserved = sql.is_any_reserved(connection)
    if not hot.reserved:
        return [[] for _ in request.assigned]
    return [sql.reserved_keys(connection, *place) for place in request.assigned]


def _known(connection: Connection, keys: list[int], hot: HotTasks) -> dict[int, Task]:
    tasks = hot.found(keys)
    if unknown := missing(keys, tasks):
        read = sql.tasks_by_key(connection, unknown)
        hot.learn(read.values())
        tasks |= read
    return tasks


def _read(connection: Connection, request: Read, hot: HotTasks) -> ReadAnswer:
    new = hot.handed_out(request.tasks)
    inputs = {one.task.key: one.input for one in new}
    details = {one.task.key: Details(one.attributes, one.callback) for one in new}
    if unknown := missing(request.tasks, inputs):
        more, bodies = sql.written_once(connection, unknown)
        details |= more
        inputs |= bodies
    return ReadAnswer(details, inputs, sql.flows_by_key(connection, request.flows))


def _save(connection: Connection, save: Save, hot: HotTasks, lanes: HotLanes) -> Saved:
    _save_tasks(connection, save)
    released = _count(connection, save)  # before the flows, whose end takes their counters along
    _save_flows(connection, save)
    _save_rest(connection, save)
    lanes.save(connection, save)
    if save.usage:
        writes.usage_add(connection, save.usage)
    sequence = writes.head_advance(connection, save.events, save.last_key)
    if save.events:
        writes.journal_insert(connection, sequence - save.events + 1, sequence, save.journal)
    hot.saved(save)
    return Saved(sequence, released)


def _save_tasks(connection: Connection, save: Save) -> None:
    created = [*save.created, *save.created_ended]
    if created:
        rows = [(new.task.key, new.attributes, new.callback, new.input) for new in created]
        writes.details_insert(connection, rows)
        writes.tasks_insert(connection, [new.task for new in save.created])
    if save.finished or save.created_ended:
        writes.history_insert(connection, [*save.finished, *(new.task for new in save.created_ended)])
        writes.tasks_delete(connection, save.finished)
    if save.finished_again:
        writes.history_put(connection, save.finished_again)
    if save.reopened:
        writes.history_delete(connection, save.reopened)
        writes.tasks_insert(connection, save.reopened)
    if save.changed:
        writes.tasks_update(connection, save.changed)
    if save.attributes:
        writes.attributes_update(connection, save.attributes)
    if save.payloads:
        writes.payloads_insert(connection, save.payloads)


def _save_flows(connection: Connection, save: Save) -> None:
    if save.flows:
        writes.flows_put(connection, save.flows)
    if save.timers_cleared:
        writes.timers_delete(connection, save.timers_cleared)
    if save.timers:
        writes.timers_put(connection, save.timers)
    if save.subscriptions:
        writes.subscriptions_insert(connection, save.subscriptions)
    if save.subscriptions_ended:
        writes.subscriptions_delete(connection, save.subscriptions_ended)
    if save.flows_ended:
        writes.flows_delete(connection, save.flows_ended)


def _save_rest(connection: Connection, save: Save) -> None:
    if save.records:
        writes.records_put(connection, save.records)
    if save.records_removed:
        writes.records_delete(connection, save.records_removed)
    if save.idempotency:
        writes.idempotency_insert(connection, save.idempotency)
    if save.outbox:
        writes.outbox_put(connection, save.outbox)
    if save.outbox_done:
        writes.outbox_delete(connection, save.outbox_done)
    if save.follow_ups:
        writes.follow_ups_insert(connection, [(row.key, row.body) for row in save.follow_ups])
    if save.follow_ups_done:
        writes.follow_ups_delete(connection, save.follow_ups_done)
    if save.rows:
        rows_apply(connection, save.rows)


def _count(connection: Connection, save: Save) -> list[FollowUpRow]:
    released = []
    for (flow, name), by, key, body in save.counters:
        if writes.counter_add(connection, flow, name, by) == 0:
            released.append(FollowUpRow(key, body))
    if save.flows_ended:
        writes.counters_delete(connection, save.flows_ended)
    if released:
        writes.follow_ups_insert(connection, [(row.key, row.body) for row in released])
    return released
