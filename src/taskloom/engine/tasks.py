"""What commands do to tasks, and how the flows that own them react. Core and flows hold the rules."""

from typing import Any, Final

from msgspec import structs

from taskloom.core.apply import apply, created
from taskloom.core.commands import Complete, Create, Replay, TaskCommand, Update, Wake
from taskloom.core.decide import Finishing, Moment, decide, overlay
from taskloom.core.events import (
    AnyTaskEvent,
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
from taskloom.core.rejections import Rejection
from taskloom.core.task import COMPLETED, Task
from taskloom.core.webhooks import TASK_ENDS
from taskloom.engine import outgoing
from taskloom.engine.batch import FlowState, NeedsLoad
from taskloom.engine.change import Change
from taskloom.engine.outcome import Accepted, Outcome
from taskloom.flows.flow import FlowContext, Step
from taskloom.ports.store import Load, NewTask
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


def has_room(change: Change, command: Create) -> bool:
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


def task_command(change: Change, command: TaskCommand) -> Outcome:
    """A command on one task, unless the flow that owns it objects."""
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
    after = record(change, task, decision, getattr(command, "result", None))
    if type(command) is Complete and command.usage is not None and decision:
        change.write("usage", (after, command.usage))
    return Accepted(after, repeated=not decision)


def replay(change: Change, command: Replay) -> Outcome:
    """The letter is struck off and its successor made together, so a repeat makes no second one."""
    task = change.task(command.key)
    if command.anew is not None and task is not None and task.flow and task.is_dead:
        command = structs.replace(command, anew=structs.replace(command.anew, key=change.new_key()))
    decision = decide(task, command, Moment(change.now, change.new_key))
    if isinstance(decision, Rejection):
        return decision
    assert task is not None
    after = record(change, task, decision, None)
    if not after.is_final or command.anew is None:
        return Accepted(after)
    return Accepted(change.tasks[create_task(change, command.anew)])


def record(change: Change, task: Task, events: list[AnyTaskEvent], payload: bytes | None) -> Task:
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


def context_of(change: Change, flow: FlowState) -> FlowContext:
    """What a flow may know and use while it decides or reacts."""
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
    return flow.kind.admit(flow.state, task, command, context_of(change, flow))


def _react(change: Change, task: Task, event: AnyTaskEvent, payload: bytes | None) -> None:
    flow = change.flow(task.flow)
    if flow is None:
        return
    context = context_of(change, flow)
    step = flow.kind.react(flow.state, task, event, payload, context)
    take_step(change, flow, step, context)


def take_step(change: Change, flow: FlowState, step: Step[Any], context: FlowContext) -> None:
    """The flow's next state, and its effects in line."""
    change.spent = FLOW_MOVES - context.moves
    if step.state is not flow.state or step.effects:
        change.put_flow(FlowState(flow.key, flow.root, flow.tenant, flow.kind, step.state))
    if step.effects:
        if change.effects is None:
            change.effects = []
        change.effects.extend((flow, effect) for effect in step.effects)
