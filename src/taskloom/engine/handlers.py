"""What each kind of command does within its change. Core and flows hold the rules; this carries them out."""

from collections.abc import Callable
from typing import Any, Final

from taskloom.core.commands import Create, Replay, Tune
from taskloom.core.events import QueueTuned, RecordPut
from taskloom.core.records import PutRecords, Record
from taskloom.core.rejections import Kind, Rejection
from taskloom.core.task import Task
from taskloom.engine import outgoing
from taskloom.engine.change import Change
from taskloom.engine.effects import TASK_COMMANDS, FullError, carry_out, fire_timer, flow_command, tell
from taskloom.engine.outcome import (
    Accepted,
    Command,
    FanOut,
    FireTimer,
    ForgetDeliveries,
    OutboxResult,
    Outcome,
    SendAgain,
)
from taskloom.engine.tasks import create_task, has_room, replay, task_command
from taskloom.flows.flow import FlowCommand


def handle(change: Change, command: Command) -> Outcome:
    """Carry out one command, its flows' reactions included, down to the last effect."""
    outcome = _HANDLERS[type(command)](change, command)
    if change.effects:
        try:
            carry_out(change)
        except FullError as full:
            return Rejection(Kind.QUEUE_FULL, detail=str(full))
        if isinstance(outcome, Accepted) and isinstance(outcome.reply, Task):
            return Accepted(change.tasks[outcome.reply.key], outcome.repeated)
    return outcome


def _create(change: Change, command: Create) -> Outcome:
    if not has_room(change, command):
        return Rejection(Kind.QUEUE_FULL, detail=command.queue)
    return Accepted(create_task(change, command))


def _put_records(change: Change, command: PutRecords) -> Outcome:
    versions: list[int] = []
    for wanted in command.changes:
        name = (wanted.kind, wanted.tenant, wanted.name)
        stored = change.record(name)
        version = stored.version if stored is not None else 0
        if wanted.expected is not None and wanted.expected != version:
            return Rejection(Kind.VERSION_CONFLICT, wanted.key, f"version is {version}")
        if change.records is None:
            change.records = {}
        if wanted.body is None:
            change.records[name] = None
            versions.append(0)
        else:
            key = wanted.key or (stored.key if stored is not None else 0)
            change.records[name] = Record(*name, version + 1, wanted.body, key)
            versions.append(version + 1)
        change.events.append(RecordPut(*name, versions[-1]))
    for event in command.told:
        tell(change, event)
    return Accepted(versions)


def _tune(change: Change, command: Tune) -> Outcome:
    """New limits and pauses; whoever waits looks again."""
    change.write("gates", ((command.queue, command.tenant), command.gate))
    for setting in command.lanes:
        lane = (command.queue, setting.level, command.tenant, setting.lane)
        change.write("tuned", (lane, setting.values))
    change.events.append(QueueTuned(command.tenant, command.queue, command.gate, command.lanes, command.by))
    change.batch.contended.add((command.queue, command.tenant))
    return Accepted(None)


_HANDLERS: Final[dict[type[Any], Callable[[Change, Any], Outcome]]] = {
    **dict.fromkeys(TASK_COMMANDS, task_command),
    Replay: replay,
    Create: _create,
    Tune: _tune,
    FlowCommand: flow_command,
    PutRecords: _put_records,
    OutboxResult: outgoing.result,
    FanOut: outgoing.fan_out,
    SendAgain: outgoing.send_again,
    ForgetDeliveries: outgoing.forget,
    FireTimer: fire_timer,
}
