"""What each kind of command does within its change. Core and flows hold the rules; this carries them out."""

from collections import deque
from collections.abc import Callable
from typing import Any, Final, get_args

from msgspec import structs

from taskloom.core.apply import apply, created
from taskloom.core.commands import Complete, Create, Replay, TaskCommand, Tune, Update, Wake
from taskloom.core.decide import Finishing, Moment, decide, overlay
from taskloom.core.events import (
    AnyTaskEvent,
    FlowCommanded,
    FlowEvent,
    QueueTuned,
    RecordPut,
    TaskCancelled,
    TaskCompleted,
    TaskCreated,
    TaskDiscarded,
    TaskFailed,
    TaskReopened,
    TaskReported,
    TaskResumed,
    TaskRetried,
    TaskSuspended,
    TaskUpdated,
)
from taskloom.core.limits import FLOW_MOVES
from taskloom.core.records import PutRecords, Record
from taskloom.core.rejections import Kind, Rejection
from taskloom.core.task import COMPLETED, Task
from taskloom.core.webhooks import TASK_ENDS
from taskloom.engine import followups, outgoing
from taskloom.engine.batch import FlowState, NeedsLoad
from taskloom.engine.change import Change
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
from taskloom.flows.flow import (
    TIMER,
    Announce,
    ClearTimer,
    Count,
    Emit,
    FlowCommand,
    FlowContext,
    FollowUp,
    SetTimer,
    Step,
    Subscribe,
    Unsubscribe,
)
from taskloom.ports.store import Load, NewTask, SubscriptionRow, TimerRow
from taskloom.views.dead_letters import dead_letter

_ENDS: Final[dict[type[AnyTaskEvent], str]] = dict(
    zip((TaskCompleted, TaskFailed, TaskCancelled), TASK_ENDS, strict=True)
)
_OUTCOMES: Final = frozenset(_ENDS)
_TOLD_BY_LETTER: Final = frozenset({TaskFailed, TaskReopened, TaskDiscarded})
"""After these a task is a dead letter, or is none any more."""
_REACTED: Final = _OUTCOMES | {
    TaskRetried,
    TaskSuspended,
    TaskResumed,
    TaskReopened,
    TaskUpdated,
    TaskReported,
}
_EFFECTS_MAX: Final = 4 * FLOW_MOVES


class _FullError(Exception):
    """An effect met a full queue: the command that caused it is refused whole."""


def handle(change: Change, command: Command) -> Outcome:
    """Carry out one command, its flows' reactions included, down to the last effect."""
    outcome = _HANDLERS[type(command)](change, command)
    if change.effects:
        try:
            _carry_out(change)
        except _FullError as full:
            return Rejection(Kind.QUEUE_FULL, detail=str(full))
        if isinstance(outcome, Accepted) and isinstance(outcome.reply, Task):
            return Accepted(change.tasks[outcome.reply.key], outcome.repeated)
    return outcome


def _create(change: Change, command: Create) -> Outcome:
    if not _has_room(change, command):
        return Rejection(Kind.QUEUE_FULL, detail=command.queue)
    return Accepted(create_task(change, command))


def _has_room(change: Change, command: Create) -> bool:
    """Whether the lane holds fewer waiting tasks than the command allows; counts the new one."""
    if not command.queue_limit:
        return True
    lane = (command.queue, command.level, command.tenant, command.lane)
    if lane not in change.batch.lanes:
        raise NeedsLoad(Load(lanes=(lane,)))
    found = change.batch.lanes[lane]
    created = change.batch.created_in.get(lane, 0)
    if (found.depth if found else 0) + created >= command.queue_limit:
        return False
    change.batch.created_in[lane] = created + 1
    return True


def create_task(change: Change, command: Create) -> int:
    """Make the task and write what is written once; answers its key."""
    key = command.key or change.new_key()
    described = structs.replace(command, input=b"", key=key) if command.input else command
    event = TaskCreated(key, described, key)
    task = created(event, change.now)
    change.tasks[key] = task
    change.events.append(event)
    if change.new is None:
        change.new = {}
    change.new[key] = NewTask(task, command.attributes, command.callback, command.input)
    return key


def _task_command(change: Change, command: TaskCommand) -> Outcome:
    task = change.task(command.key)
    moment = Moment(change.now, change.new_key)
    if task is not None:
        if task.state >= COMPLETED and isinstance(command, Finishing) and task.result_key:
            moment.prior = change.payload(task.result_key)
        if type(command) is Update and command.attributes is not None:
            moment.attributes = change.attributes_of(command.key)
        if task.flow and type(command) is not Wake and task.tenant == (command.tenant or task.tenant):
            refused = _admit(change, task, command)
            if refused is not None:
                return refused
    decision = decide(task, command, moment)
    if isinstance(decision, Rejection):
        return decision
    assert task is not None
    after = _record(change, task, decision, getattr(command, "result", None))
    if type(command) is Complete and command.usage is not None and decision:
        change.write("usage", (after, command.usage))
    return Accepted(after, repeated=not decision)


def _replay(change: Change, command: Replay) -> Outcome:
    """The letter is struck off and its successor made together, so a repeat makes no second one."""
    task = change.task(command.key)
    if command.anew is not None and task is not None and task.flow and task.is_dead:
        command = structs.replace(command, anew=structs.replace(command.anew, key=change.new_key()))
    decision = decide(task, command, Moment(change.now, change.new_key))
    if isinstance(decision, Rejection):
        return decision
    assert task is not None
    after = _record(change, task, decision, None)
    if not after.is_final or command.anew is None:
        return Accepted(after)
    return Accepted(change.tasks[create_task(change, command.anew)])


def _record(change: Change, task: Task, events: list[AnyTaskEvent], payload: bytes | None) -> Task:
    """Apply the events, write what belongs to them, and let the owning flow react."""
    for event in events:
        task = apply(task, event, change.now)
        change.tasks[task.key] = task
        change.events.append(event)
        kind = type(event)
        if kind in _TOLD_BY_LETTER:
            change.write("rows", dead_letter(task))
        if kind in _OUTCOMES:
            if payload is not None and task.result_key:
                change.write("payloads", (task.result_key, payload))
            if task.callback:
                outgoing.tell_own_address(change, task)
            if task.tenant in change.batch.environment.listeners:
                outgoing.announce_end(change, task, _ENDS[kind])
        elif isinstance(event, TaskUpdated) and event.attributes is not None:
            merged = overlay(change.attributes_of(task.key), event.attributes)
            if change.attributes is None:
                change.attributes = {}
            change.attributes[task.key] = merged
        if task.flow and kind in _REACTED:
            _react(change, task, event, payload)
    return task


def _context(change: Change, flow: FlowState) -> FlowContext:
    return FlowContext(
        flow.key,
        flow.root,
        flow.tenant,
        change.now,
        change.new_key,
        change.definition,
        change.subscribers(flow.tenant),
        FLOW_MOVES - change.spent,
    )


def _admit(change: Change, task: Task, command: TaskCommand) -> Rejection | None:
    flow = change.flow(task.flow)
    if flow is None:
        return None
    return flow.kind.admit(flow.state, task, command, _context(change, flow))


def _react(change: Change, task: Task, event: AnyTaskEvent, payload: bytes | None) -> None:
    flow = change.flow(task.flow)
    if flow is None:
        return
    context = _context(change, flow)
    step = flow.kind.react(flow.state, task, event, payload, context)
    _take(change, flow, step, context)


def _take(change: Change, flow: FlowState, step: Step[Any], context: FlowContext) -> None:
    """The flow's next state, and its effects in line."""
    change.spent = FLOW_MOVES - context.moves
    if step.state is not flow.state or step.effects:
        change.put_flow(FlowState(flow.key, flow.root, flow.tenant, flow.kind, step.state))
    if step.effects:
        if change.effects is None:
            change.effects = []
        change.effects.extend((flow, effect) for effect in step.effects)


def _carry_out(change: Change) -> None:
    """All effects, first in first out, those that they cause included; bounded."""
    line = deque(change.take_effects())
    for _ in range(_EFFECTS_MAX):
        if not line:
            return
        flow, effect = line.popleft()
        _EFFECTS[type(effect)](change, flow, effect)
        line.extend(change.take_effects())
    raise RuntimeError(f"flow {line[0][0].key} did more than {_EFFECTS_MAX} things at once")


def _flow_command(change: Change, command: FlowCommand) -> Outcome:
    flow = change.flow(command.flow) if command.flow else None
    if flow is None:
        flow = _new_flow(change, command)
    elif _is_foreign(flow, command):
        return Rejection(Kind.NOT_FOUND, command.flow)
    context = _context(change, flow)
    step = flow.kind.decide(flow.state, command, context)
    if isinstance(step, Rejection):
        return step
    change.events.append(
        FlowCommanded(
            flow.key, flow.root, flow.kind.kind, flow.tenant, command.name, command.body, command.by
        )
    )
    _take(change, flow, step, context)
    return Accepted(step.reply)


def _is_foreign(flow: FlowState, command: FlowCommand) -> bool:
    """Whether the key names a flow of another tenant or of another kind than the caller thinks."""
    is_elsewhere = command.tenant is not None and command.tenant != flow.tenant
    return is_elsewhere or command.kind not in ("", flow.kind.kind)


def _fire_timer(change: Change, command: FireTimer) -> Outcome:
    """Exactly once: the row must still be there with the very instant that was due."""
    slot = (command.flow, command.name)
    if change.batch.timers.get(slot) != command.at:
        return Rejection(Kind.NOT_FOUND, command.flow)
    change.write("timers_cleared", slot)
    fired = FlowCommand(kind="", name=TIMER, tenant=None, flow=command.flow, body=command.name.encode())
    flow = change.flow(command.flow)
    return Accepted(None) if flow is None else _flow_command(change, fired)


def _new_flow(change: Change, command: FlowCommand) -> FlowState:
    key = command.flow or change.new_key()
    kind = change.batch.environment.flows[command.kind]
    return FlowState(key, command.root or key, command.tenant or "", kind, None)


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
        _tell(change, event)
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


def _effect_create(change: Change, flow: FlowState, effect: Create) -> None:
    owned = structs.replace(effect, tenant=flow.tenant, flow=flow.key, root=flow.root)
    if not _has_room(change, owned):
        raise _FullError(owned.queue)
    create_task(change, owned)


def _effect_task(change: Change, flow: FlowState, effect: TaskCommand) -> None:
    """A flow's command on a task of its own root; a refusal means that the task went another way already."""
    task = change.task(effect.key)
    if task is None or task.root != flow.root:
        return
    decision = decide(task, effect, Moment(change.now, change.new_key))
    if not isinstance(decision, Rejection):
        _record(change, task, decision, getattr(effect, "result", None))


def _effect_flow(change: Change, flow: FlowState, effect: FlowCommand) -> None:
    inner = structs.replace(effect, tenant=flow.tenant, root=effect.root or flow.root)
    if inner.root != flow.root:
        raise RuntimeError(f"flow {flow.key} reached into root {inner.root}; that needs a follow-up")
    _flow_command(change, inner)


def _effect_emit(change: Change, flow: FlowState, effect: Emit) -> None:
    _tell(change, FlowEvent(flow.key, flow.root, flow.kind.kind, flow.tenant, effect.name, effect.body))


def _tell(change: Change, event: FlowEvent) -> None:
    change.events.append(event)
    project = change.batch.environment.projections.get(event.kind)
    if project is not None:
        for row in project(event, change.now):
            change.write("rows", row)


def _effect_subscribe(change: Change, flow: FlowState, effect: Subscribe) -> None:
    row = SubscriptionRow(flow.tenant, effect.kind, effect.name, effect.key, flow.key, effect.data)
    slot = (row.tenant, row.kind, row.name, row.key)
    rows = change.subscription_rows(slot)
    if all(other.flow != flow.key for other in rows):
        change.put_subscriptions(slot, [*rows, row])
        change.write("subscriptions", row)


def _effect_unsubscribe(change: Change, flow: FlowState, effect: Unsubscribe) -> None:
    slot = (flow.tenant, effect.kind, effect.name, effect.key)
    rows = change.subscription_rows(slot)
    change.put_subscriptions(slot, [row for row in rows if row.flow != flow.key])
    change.write("subscriptions_ended", (slot, flow.key))


def _effect_count(change: Change, _flow: FlowState, effect: Count) -> None:
    follow_up = followups.encode(effect.then)
    change.write("counters", ((effect.flow, effect.name), effect.by, change.new_key(), follow_up))


def _effect_follow_up(change: Change, flow: FlowState, effect: FollowUp) -> None:
    command = structs.replace(effect.command, tenant=flow.tenant)
    key = change.new_key()
    change.write("follow_ups", followups.row(key, command))


def _effect_set_timer(change: Change, flow: FlowState, effect: SetTimer) -> None:
    change.write("timers", TimerRow(flow.key, effect.name, effect.at))


def _effect_clear_timer(change: Change, flow: FlowState, effect: ClearTimer) -> None:
    change.write("timers_cleared", (flow.key, effect.name))


_TASK_COMMANDS: Final = get_args(TaskCommand)
_HANDLERS: Final[dict[type[Any], Callable[[Change, Any], Outcome]]] = {
    **dict.fromkeys(_TASK_COMMANDS, _task_command),
    Replay: _replay,
    Create: _create,
    Tune: _tune,
    FlowCommand: _flow_command,
    PutRecords: _put_records,
    OutboxResult: outgoing.result,
    FanOut: outgoing.fan_out,
    SendAgain: outgoing.send_again,
    ForgetDeliveries: outgoing.forget,
    FireTimer: _fire_timer,
}
_EFFECTS: Final[dict[type[Any], Callable[[Change, FlowState, Any], None]]] = {
    Create: _effect_create,
    FlowCommand: _effect_flow,
    Emit: _effect_emit,
    Announce: outgoing.announce,
    SetTimer: _effect_set_timer,
    ClearTimer: _effect_clear_timer,
    Subscribe: _effect_subscribe,
    Unsubscribe: _effect_unsubscribe,
    Count: _effect_count,
    FollowUp: _effect_follow_up,
    **dict.fromkeys(_TASK_COMMANDS, _effect_task),
}
