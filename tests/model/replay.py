"""Rebuilds all state from the journal: events are applied, flows decide and react again with their keys."""

import msgspec

from taskloom.core.events import (
    Entry,
    FlowCommanded,
    FlowEvent,
    QueueTuned,
    RecordPut,
    TaskClaimed,
    TaskCreated,
    TaskDiscarded,
)
from taskloom.engine import effects, handlers, tasks
from taskloom.engine.batch import Batch, Environment, NeedsLoad
from taskloom.engine.change import Change
from taskloom.flows.flow import FlowCommand


class RecordedKeys:
    """Hands out the keys an entry used, in their order."""

    def __init__(self):
        self.line = []
        self.last = 0

    def make(self, _now):
        return self.line.pop(0)


class Replay:
    """The state after some entries; `take` adds one and asserts that it makes the same events again."""

    def __init__(self, flows, payloads):
        self.keys = RecordedKeys()
        environment = Environment(self.keys, 1, None, flows, {}, {})
        self.batch = Batch(environment, 0)
        self.payloads = payloads

    def take(self, entry: Entry):
        while True:
            self.keys.line = list(entry.keys)
            self.batch.now = entry.at
            change = Change(self.batch)
            try:
                self._again(change, entry)
                break
            except NeedsLoad as missing:
                self._is_missing(missing.load)
        assert self.keys.line == [], f"keys left over after {entry.events[0]}"
        assert change.events == entry.events
        change.merge()

    def _is_missing(self, load):
        """What the journal has not told of does not exist."""
        for key in load.tasks:
            self.batch.tasks[key] = None
        for key in load.flows:
            self.batch.flows[key] = None
        for slot in load.subscriptions:
            self.batch.subscriptions[slot] = []

    def _again(self, change, entry):
        first = entry.events[0]
        if isinstance(first, QueueTuned):
            change.events.append(first)  # limits are no part of the state of tasks
        elif isinstance(first, TaskClaimed | RecordPut | FlowEvent):
            self._apply(change, entry)
        elif isinstance(first, TaskCreated):
            if first.create.key:
                self._expect(change, first.key)
            tasks.create_task(change, first.create)
        elif isinstance(first, FlowCommanded):
            if change.flow(first.flow) is None and entry.keys[:1] == [first.flow]:
                change.new_key()
            command = FlowCommand(
                kind=first.kind,
                name=first.name,
                tenant=first.tenant,
                flow=first.flow,
                root=first.root,
                body=first.body,
                by=first.by,
            )
            handlers.handle(change, command)
        else:
            if isinstance(first, TaskDiscarded) and first.anew:
                self._expect(change, first.anew)
            self._react(change, first)
            if isinstance(entry.events[-1], TaskCreated) and isinstance(first, TaskDiscarded):
                tasks.create_task(change, entry.events[-1].create)

    @staticmethod
    def _apply(change, entry):
        for event in entry.events:
            if isinstance(event, TaskClaimed):
                tasks.record(change, change.task(event.key), [event], None)
            else:
                change.events.append(event)

    def _react(self, change, event):
        result_key = getattr(event, "result_key", 0)
        if result_key:
            assert change.new_key() == result_key
        tasks.record(
            change, change.task(event.key), [event], self.payloads.get(result_key, self._null(event))
        )
        if change.effects:
            effects.carry_out(change)

    @staticmethod
    def _null(event):
        """A completion without a stored result was one with `null`."""
        return b"null" if type(event).__name__ == "TaskCompleted" else None

    @staticmethod
    def _expect(change, key):
        if change.batch.environment.keys.line[:1] == [key]:
            change.new_key()


def entries(body):
    """The entries of a chunk."""
    return msgspec.msgpack.decode(body, type=list[Entry])
