"""The state of one batch: what was loaded, what the accepted commands made of it, and what must be saved.

Each command works in a `Change` laid over the batch. Accepted, it is merged; refused or faulty, it is
dropped, so nothing of it is left and no stranger in the same batch suffers.
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct

from taskloom.core.events import Entry
from taskloom.core.keys import KeyMaker
from taskloom.core.lanes import TICK, GateId, Lane, LaneChange, LaneId, Offer
from taskloom.core.records import Record
from taskloom.core.task import COMPLETED, LEASED, READY, Task
from taskloom.core.terms import Terms
from taskloom.core.usage import UsageCount, usage_id
from taskloom.engine.standing import Standing
from taskloom.flows.flow import Flow, Say
from taskloom.ports.clock import Tokens
from taskloom.ports.store import (
    FlowRow,
    IdempotencyRow,
    Load,
    Loaded,
    NewTask,
    OutboxRow,
    Save,
    Slot,
    SubscriptionId,
    SubscriptionRow,
    TimerRow,
)
from taskloom.views.view import Project

_journal: Final = msgspec.msgpack.Encoder()


class NeedsLoad(Exception):  # noqa: N818  a signal to the driver, not an error
    """Something was named that has not been read; the command is tried again after this load."""

    def __init__(self, load: Load) -> None:
        super().__init__()
        self.load = load


class SlotBusy(Exception):  # noqa: N818  a signal to the driver, not an error
    """Another transaction holds what this command needs to itself; it goes to a later batch."""


def together(loads: Sequence[Load]) -> Load:
    """One load that names everything these name, each thing once."""
    names = Load.__struct_fields__
    return Load(
        **{name: list(dict.fromkeys(x for one in loads for x in getattr(one, name))) for name in names}
    )


class Environment(Struct):
    """What every batch of an engine shares. Definitions are immutable, so their cache needs no care."""

    keys: KeyMaker
    node: int
    tokens: Tokens
    flows: dict[str, Flow[Any]]
    projections: dict[str, Project]
    definitions: dict[int, Any]
    listeners: set[str] = set()
    """Tenants that want to hear of the end of every task."""
    standing: Standing = msgspec.field(default_factory=Standing)
    """Claims that wait for tasks."""


class FlowState(Struct, gc=False):
    """A flow in a batch: its row, its decoded state (None: ended), and its kind."""

    key: int
    root: int
    tenant: str
    kind: Flow[Any]
    state: Any


class Batch:
    """Everything a batch knows. Commands see it through their `Change`."""

    def __init__(self, environment: Environment, now: int) -> None:
        self.environment = environment
        self.now = now
        self.tasks: dict[int, Task | None] = {}
        self.before: dict[int, Task] = {}
        self.dirty: dict[int, Task] = {}
        self.new: dict[int, NewTask] = {}
        self.attributes: dict[int, bytes] = {}
        self.attributes_dirty: set[int] = set()
        self.flows: dict[int, FlowState | None] = {}
        self.flows_dirty: dict[int, FlowState] = {}
        self.records: dict[tuple[str, str, str], Record | None] = {}
        self.records_dirty: dict[tuple[str, str, str], Record | None] = {}
        self.idempotency: dict[tuple[str, str, str], IdempotencyRow | None] = {}
        self.subscriptions: dict[tuple[str, str, str, str], list[SubscriptionRow]] = {}
        self.payloads: dict[int, bytes | None] = {}
        self.lanes: dict[LaneId, Lane | None] = {}
        self.follow_ups_open: set[int] = set()
        self.outbox: dict[int, OutboxRow | None] = {}
        self.timers: dict[tuple[int, str], int] = {}
        self.busy: set[Slot] = set()
        self.contended: set[tuple[str, str]] = set()
        """(queue, tenant) where other servers held tasks that a claim was passed over for."""
        self.held_back: dict[tuple[str, str], int] = {}
        """(queue, tenant) where a limit, a rate or a pause kept tasks back -> when it lets go, 0 unknown."""
        self.stored_depths: dict[LaneId, int] = {}
        """How much the lanes on offer hold in the store."""
        self._seen: dict[tuple[Any, ...], tuple[int, int]] = {}
        self.terms: dict[LaneId, Terms] = {}
        self.gate_terms: dict[GateId, Terms] = {}
        self.created_in: dict[LaneId, int] = {}
        self._counted: dict[int, Task] = {}
        """The tasks as they were when their lanes were last counted."""
        self._lane_changes: dict[LaneId, LaneChange] = {}
        self._timer_changes: dict[tuple[int, str], TimerRow | None] = {}
        self._subscription_changes: dict[tuple[SubscriptionId, int], SubscriptionRow | None] = {}
        self.entries: list[Entry] = []
        self.said: list[Say] = []
        self.saving = empty_save()
        self.has_rows = False

    def add(self, load: Load, loaded: Loaded) -> None:
        """Take in what a load found; what it did not find is known to be missing."""
        for key in load.tasks:
            if key not in self.tasks:
                task = loaded.tasks.get(key)
                self.tasks[key] = task
                if task is not None:
                    self.before[key] = task
        self.attributes.update(loaded.attributes)
        for key, row in loaded.flows.items():
            if key not in self.flows:
                self.flows[key] = self._decode(row)
        for key in load.flows:
            self.flows.setdefault(key, None)
        for record in loaded.records.values():
            self._learn(record)
        for name in load.records:
            self.records.setdefault(name, None)
        for unknown in load.records_by_key:
            self.environment.definitions.setdefault(unknown, None)
        self.busy.update(loaded.busy)
        for slot in load.idempotency:
            if slot not in loaded.busy:
                self.idempotency.setdefault(slot, loaded.idempotency.get(slot))
        for subscription in load.subscriptions:
            if subscription not in loaded.busy:
                self.subscriptions.setdefault(subscription, loaded.subscriptions.get(subscription, []))
        for key in load.payloads:
            self.payloads.setdefault(key, loaded.payloads.get(key))
        for lane in load.lanes:
            self.lanes.setdefault(lane, loaded.lanes.get(lane))
        self.follow_ups_open.update(loaded.follow_ups)
        self.timers.update(loaded.timers)
        for key in load.outbox:
            self.outbox.setdefault(key, loaded.outbox.get(key))

    def write(self, field: str, row: Any) -> None:
        """A row to be saved. Of several changes of one timer or subscription the last one stands."""
        self.has_rows = True
        if field == "timers":
            slot = (row.flow, row.name)
            self._timer_changes[slot] = row
            self.timers[slot] = row.at
        elif field == "timers_cleared":
            self._timer_changes[row] = None
            self.timers.pop(row, None)
        elif field == "subscriptions":
            self._subscription_changes[(row.tenant, row.kind, row.name, row.key), row.flow] = row
        elif field == "usage":
            task, used = row
            self.saving.usage.setdefault(usage_id(task, used), UsageCount()).add(task, used)
        elif field == "said":
            self.said.append(row)
        elif field == "subscriptions_ended":
            self._subscription_changes[row] = None
        else:
            getattr(self.saving, field).append(row)
            if field == "payloads":
                # A repeat in the same batch is compared with the result the first one brought.
                self.payloads[row[0]] = row[1]
            elif field == "outbox":
                self.outbox[row.key] = row
            elif field == "outbox_done":
                self.outbox[row] = None

    def see(self, offers: Sequence[Offer]) -> None:
        """Remember what is on offer as the store has it, before the batch's own changes are counted in."""
        for offer in offers:
            self._seen.update({row.id: (row.in_flight, row.rate_at_us) for row in offer.lanes})
            self._seen.update({row.id: (row.in_flight, row.rate_at_us) for row in offer.gates.values()})
            self.stored_depths.update({lane.id: lane.depth for lane in offer.lanes})

    def hold_back(self, queue: str, tenant: str, opens_at: int) -> None:
        """Tasks are kept back there until an instant, 0 unknown; of several the first one counts."""
        known = self.held_back.get((queue, tenant), 0)
        first = min(opens_at, known) if opens_at and known else opens_at or known
        self.held_back[queue, tenant] = first

    def hold(self, lane: LaneId, terms: Terms) -> None:
        """Tasks of this lane are handed out under these terms."""
        self.terms[lane] = self._with_seen(lane, terms)

    def hold_gate(self, gate: GateId, terms: Terms) -> None:
        """Tasks may be handed out through this gate, under these terms."""
        self.gate_terms[gate] = self._with_seen(gate, terms)

    def _with_seen(self, name: LaneId | GateId, terms: Terms) -> Terms:
        in_flight, reach_us = self._seen.get(name, (0, 0))
        return msgspec.structs.replace(terms, seen_in_flight=in_flight, seen_rate_at_us=reach_us)

    def learn_flow(self, key: int, row: FlowRow) -> None:
        """A flow read without a lock: good to look at, not to change."""
        self.flows.setdefault(key, self._decode(row))

    def _decode(self, row: FlowRow) -> FlowState:
        kind = self.environment.flows[row.kind]
        state = msgspec.msgpack.decode(row.state, type=kind.state_type)
        return FlowState(row.key, row.root, row.tenant, kind, state)

    def _learn(self, record: Record) -> None:
        self.records.setdefault(record.id, record)
        kind = self.environment.flows.get(record.kind)
        if kind is not None and record.key and self.environment.definitions.get(record.key) is None:
            self.environment.definitions[record.key] = kind.compile(record.key, record.body)

    def save(self) -> Save | None:
        """All that must be written, or None when nothing changed."""
        if not (self.entries or self.has_rows):
            return None
        save = self.saving
        for key, task in self.dirty.items():
            self._sort_task(save, key, task)
        save.attributes = [
            (key, self.attributes[key]) for key in self.attributes_dirty if key not in self.new
        ]
        for flow in self.flows_dirty.values():
            if flow.state is None:
                save.flows_ended.append(flow.key)
            else:
                body = msgspec.msgpack.encode(flow.state)
                save.flows.append(FlowRow(flow.key, flow.root, flow.kind.kind, flow.tenant, body))
        for timer, set_to in self._timer_changes.items():
            if set_to is None:
                save.timers_cleared.append(timer)
            else:
                save.timers.append(set_to)
        for waiter, waits in self._subscription_changes.items():
            if waits is None:
                save.subscriptions_ended.append(waiter)
            else:
                save.subscriptions.append(waits)
        for name, record in self.records_dirty.items():
            if record is None:
                save.records_removed.append(name)
            else:
                save.records.append(record)
        save.lanes = self.lane_changes()
        for lane, change in save.lanes.items():
            weight = self.terms[lane].weight if lane in self.terms else 1
            change.virtual_time = change.started * TICK // weight
        save.terms = {lane: terms for lane, terms in self.terms.items() if lane in save.lanes}
        save.gate_terms = self.gate_terms
        save.now = self.now
        save.events = sum(len(entry.events) for entry in self.entries)
        save.journal = _journal.encode(self.entries) if self.entries else b""
        save.node = self.environment.node
        save.last_key = self.environment.keys.last
        return save

    def lane_changes(self) -> dict[LaneId, LaneChange]:
        """What the batch adds to its lanes so far, but for their clocks. Reserved tasks are no depth.

        Each change of a task is looked at once, however often this is asked for.
        """
        changes, counted, before = self._lane_changes, self._counted, self.before
        for key, task in self.dirty.items():
            was = counted.get(key) or before.get(key)
            if was is task:
                continue
            depth = (task.state == READY and not task.assignee) - (
                was is not None and was.state == READY and not was.assignee
            )
            in_flight = (task.state == LEASED) - (was is not None and was.state == LEASED)
            attempts = task.attempt - (0 if was is None else was.attempt)
            ended = (task.state >= COMPLETED) - (was is not None and was.state >= COMPLETED)
            if was is not None and not (depth or in_flight or attempts or ended):
                continue
            lane = (task.queue, task.level, task.tenant, task.lane)
            change = changes.get(lane)
            if change is None:
                change = changes[lane] = LaneChange()
            change.depth += depth
            change.in_flight += in_flight
            change.started += attempts
            change.ended += ended
            change.entered += was is None
        self._counted = dict(self.dirty)
        return changes

    def _sort_task(self, save: Save, key: int, task: Task) -> None:
        new = self.new.get(key)
        final = task.state >= COMPLETED
        if new is not None:
            new.task = task
            new.attributes = self.attributes.get(key, new.attributes)
            (save.created_ended if final else save.created).append(new)
            return
        was_final = self.before[key].state >= COMPLETED
        if final:
            (save.finished_again if was_final else save.finished).append(task)
        else:
            (save.reopened if was_final else save.changed).append(task)


def empty_save() -> Save:
    """A save that changes nothing yet."""
    return Save(
        **{name: [] for name in Save.__struct_fields__ if name not in _SCALARS},
        lanes={},
        usage={},
        terms={},
        gate_terms={},
        now=0,
        journal=b"",
        events=0,
        last_key=0,
        node=0,
    )


_SCALARS: Final = frozenset(
    {"lanes", "usage", "terms", "gate_terms", "now", "journal", "events", "last_key", "node"}
)
