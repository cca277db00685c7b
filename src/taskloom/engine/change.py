"""What one command has done so far, laid over its batch: merged when accepted, dropped when refused."""

from collections.abc import Callable
from typing import Any

from taskloom.core.events import AnyEvent, Entry
from taskloom.core.records import Record
from taskloom.core.task import Task
from taskloom.engine.batch import Batch, FlowState, NeedsLoad, SlotBusy
from taskloom.ports.store import Load, NewTask, SubscriptionRow


class Change:
    """What one command has done so far. Reads fall through to the batch, writes stay here until merged."""

    __slots__ = (
        "attributes",
        "batch",
        "effects",
        "events",
        "flows",
        "keys",
        "new",
        "now",
        "records",
        "rows",
        "spent",
        "subscriptions",
        "tasks",
    )

    def __init__(self, batch: Batch) -> None:
        self.batch = batch
        self.now = batch.now
        self.tasks: dict[int, Task] = {}
        self.events: list[AnyEvent] = []
        self.keys: list[int] = []
        self.rows: list[tuple[str, Any]] = []
        """(field of Save, row), in order."""
        self.new: dict[int, NewTask] | None = None
        self.attributes: dict[int, bytes] | None = None
        self.flows: dict[int, FlowState] | None = None
        self.records: dict[tuple[str, str, str], Record | None] | None = None
        self.subscriptions: dict[tuple[str, str, str, str], list[SubscriptionRow]] | None = None
        self.effects: list[Any] | None = None
        self.spent = 0

    def new_key(self) -> int:
        """A key, remembered for the journal."""
        key = self.batch.environment.keys.make(self.now)
        self.keys.append(key)
        return key

    def task(self, key: int) -> Task | None:
        """The task as this command sees it."""
        task = self.tasks.get(key)
        if task is not None:
            return task
        try:
            return self.batch.tasks[key]
        except KeyError:
            raise NeedsLoad(Load(tasks=(key,))) from None

    def payload(self, key: int) -> bytes | None:
        """A stored payload."""
        if key not in self.batch.payloads:
            raise NeedsLoad(Load(payloads=(key,)))
        return self.batch.payloads[key]

    def attributes_of(self, key: int) -> bytes:
        """A task's attributes."""
        if self.attributes is not None and key in self.attributes:
            return self.attributes[key]
        new = self.batch.new.get(key) or (self.new or {}).get(key)
        if new is not None and key not in self.batch.attributes:
            return new.attributes
        if key not in self.batch.attributes:
            raise NeedsLoad(Load(tasks=(key,), attributes=(key,)))
        return self.batch.attributes[key]

    def flow(self, key: int) -> FlowState | None:
        """A flow as this command sees it; None when there is none or it ended."""
        found = self.flows.get(key) if self.flows is not None else None
        if found is None:
            if key not in self.batch.flows:
                if key in self.keys:  # made by this very command, so nothing can be stored under it
                    return None
                raise NeedsLoad(Load(flows=(key,)))
            found = self.batch.flows[key]
        return None if found is None or found.state is None else found

    def put_flow(self, flow: FlowState) -> None:
        """The flow's next state."""
        if self.flows is None:
            self.flows = {}
        self.flows[flow.key] = flow

    def definition(self, key: int) -> Any:
        """A compiled definition."""
        definitions = self.batch.environment.definitions
        if key not in definitions:
            raise NeedsLoad(Load(records_by_key=(key,)))
        return definitions[key]

    def record(self, name: tuple[str, str, str]) -> Record | None:
        """A record as this command sees it."""
        if self.records is not None and name in self.records:
            return self.records[name]
        if name not in self.batch.records:
            raise NeedsLoad(Load(records=(name,)))
        return self.batch.records[name]

    def subscribers(self, tenant: str) -> Callable[[str, str, str], list[int]]:
        """Look up the flows of a tenant that wait for (kind, name, key)."""

        def find(kind: str, name: str, key: str) -> list[int]:
            return [row.flow for row in self.subscription_rows((tenant, kind, name, key))]

        return find

    def subscription_rows(self, slot: tuple[str, str, str, str]) -> list[SubscriptionRow]:
        """Who waits at a slot, oldest first."""
        if self.subscriptions is not None and slot in self.subscriptions:
            return self.subscriptions[slot]
        if slot not in self.batch.subscriptions:
            if slot in self.batch.busy:
                raise SlotBusy
            raise NeedsLoad(Load(subscriptions=(slot,)))
        return self.batch.subscriptions[slot]

    def put_subscriptions(self, slot: tuple[str, str, str, str], rows: list[SubscriptionRow]) -> None:
        """Who waits at a slot from now on."""
        if self.subscriptions is None:
            self.subscriptions = {}
        self.subscriptions[slot] = rows

    def take_effects(self) -> list[Any]:
        """The effects that wait to be carried out; they wait no longer."""
        effects, self.effects = self.effects or [], None
        return effects

    def write(self, field: str, row: Any) -> None:
        """Add a plain row to be saved."""
        self.rows.append((field, row))

    def merge(self) -> None:
        """Accepted: the batch takes everything over."""
        batch = self.batch
        if self.new is not None:
            batch.new.update(self.new)
        if self.tasks:
            batch.tasks.update(self.tasks)
            batch.dirty.update(self.tasks)
        if self.attributes is not None:
            batch.attributes.update(self.attributes)
            batch.attributes_dirty.update(self.attributes)
        if self.flows is not None:
            batch.flows.update(self.flows)
            batch.flows_dirty.update(self.flows)
        if self.records is not None:
            batch.records.update(self.records)
            batch.records_dirty.update(self.records)
        if self.subscriptions is not None:
            batch.subscriptions.update(self.subscriptions)
        for field, row in self.rows:
            batch.write(field, row)
        if self.events:
            batch.entries.append(Entry(self.now, self.keys, self.events))
