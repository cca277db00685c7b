"""What flows are commanded, and the effects they ask for, down to the last one."""

from collections import deque
from collections.abc import Callable
from typing import Any, Final, get_args

from msgspec import structs

from taskloom.core.commands import Create, TaskCommand
from taskloom.core.decide import Moment, decide
from taskloom.core.events import FlowCommanded, FlowEvent
from taskloom.core.limits import FLOW_MOVES
from taskloom.core.rejections import Kind, Rejection
from taskloom.engine import followups, outgoing
from taskloom.engine.batch import FlowState
from taskloom.engine.change import Change
from taskloom.engine.outcome import Accepted, FireTimer, Outcome
from taskloom.engine.tasks import context_of, create_task, has_room, record, take_step
from taskloom.flows.flow import (
    TIMER,
    Announce,
    ClearTimer,
    Count,
    Emit,
    FlowCommand,
    FollowUp,
    Say,
    SetTimer,
    Subscribe,
    Unsubscribe,
)
from taskloom.ports.store import SubscriptionRow, TimerRow

_EFFECTS_MAX: Final = 4 * FLOW_MOVES


class FullError(Exception):
    """An effect met a full queue: the command that caused it is refused whole."""


def carry_out(change: Change) -> None:
    """All effects, first in first out, those that they cause included; bounded."""
    line = deque(change.take_effects())
    for _ in range(_EFFECTS_MAX):
        if not line:
            return
        flow, effect = line.popleft()
        _EFFECTS[type(effect)](change, flow, effect)
        line.extend(change.take_effects())
    raise RuntimeError(f"flow {line[0][0].key} did more than {_EFFECTS_MAX} things at once")


def flow_command(change: Change, command: FlowCommand) -> Outcome:
    """What a flow is commanded, a new one by its first command."""
    flow = change.flow(command.flow) if command.flow else None
    if flow is None:
        flow = _new_flow(change, command)
    elif _is_foreign(flow, command):
        return Rejection(Kind.NOT_FOUND, command.flow)
    context = context_of(change, flow)
    step = flow.kind.decide(flow.state, command, context)
    if isinstance(step, Rejection):
        return step
    change.events.append(
        FlowCommanded(
            flow.key, flow.root, flow.kind.kind, flow.tenant, command.name, command.body, command.by
        )
    )
    take_step(change, flow, step, context)
    return Accepted(step.reply)


def _is_foreign(flow: FlowState, command: FlowCommand) -> bool:
    """Whether the key names a flow of another tenant or of another kind than the caller thinks."""
    is_elsewhere = command.tenant is not None and command.tenant != flow.tenant
    return is_elsewhere or command.kind not in ("", flow.kind.kind)


def fire_timer(change: Change, command: FireTimer) -> Outcome:
    """Exactly once: the row must still be there with the very instant that was due."""
    slot = (command.flow, command.name)
    if change.batch.timers.get(slot) != command.at:
        return Rejection(Kind.NOT_FOUND, command.flow)
    change.write("timers_cleared", slot)
    fired = FlowCommand(kind="", name=TIMER, tenant=None, flow=command.flow, body=command.name.encode())
    flow = change.flow(command.flow)
    return Accepted(None) if flow is None else flow_command(change, fired)


def _new_flow(change: Change, command: FlowCommand) -> FlowState:
    key = command.flow or change.new_key()
    kind = change.batch.environment.flows[command.kind]
    return FlowState(key, command.root or key, command.tenant or "", kind, None)


def _effect_create(change: Change, flow: FlowState, effect: Create) -> None:
    owned = structs.replace(effect, tenant=flow.tenant, flow=flow.key, root=flow.root)
    if not has_room(change, owned):
        raise FullError(owned.queue)
    create_task(change, owned)


def _effect_task(change: Change, flow: FlowState, effect: TaskCommand) -> None:
    """A flow's command on a task of its own root; a refusal means that the task went another way already."""
    task = change.task(effect.key)
    if task is None or task.root != flow.root:
        return
    decision = decide(task, effect, Moment(change.now, change.new_key))
    if not isinstance(decision, Rejection):
        record(change, task, decision, getattr(effect, "result", None))


def _effect_flow(change: Change, flow: FlowState, effect: FlowCommand) -> None:
    inner = structs.replace(effect, tenant=flow.tenant, root=effect.root or flow.root)
    if inner.root != flow.root:
        raise RuntimeError(f"flow {flow.key} reached into root {inner.root}; that needs a follow-up")
    flow_command(change, inner)


def _effect_say(change: Change, _flow: FlowState, effect: Say) -> None:
    change.write("said", effect)


def _effect_emit(change: Change, flow: FlowState, effect: Emit) -> None:
    tell(change, FlowEvent(flow.key, flow.root, flow.kind.kind, flow.tenant, effect.name, effect.body))


def tell(change: Change, event: FlowEvent) -> None:
    """Something happened in a flow: for the journal, and for the views that show it."""
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


TASK_COMMANDS: Final = get_args(TaskCommand)

_EFFECTS: Final[dict[type[Any], Callable[[Change, FlowState, Any], None]]] = {
    Create: _effect_create,
    FlowCommand: _effect_flow,
    Say: _effect_say,
    Emit: _effect_emit,
    Announce: outgoing.announce,
    SetTimer: _effect_set_timer,
    ClearTimer: _effect_clear_timer,
    Subscribe: _effect_subscribe,
    Unsubscribe: _effect_unsubscribe,
    Count: _effect_count,
    FollowUp: _effect_follow_up,
    **dict.fromkeys(TASK_COMMANDS, _effect_task),
}
