"""A small flow with one of everything: tasks, a blocker counter, a subscription, a timer, a child flow."""

import msgspec
from msgspec import Struct

from taskloom.core.commands import Cancel, Create, Unblock, Update
from taskloom.core.events import TaskCancelled, TaskCompleted, TaskFailed, TaskSuspended
from taskloom.core.rejections import Kind, Rejection
from taskloom.flows.flow import (
    Announce,
    ClearTimer,
    Count,
    Emit,
    FlowCommand,
    FollowUp,
    SetTimer,
    Step,
    Subscribe,
    Unsubscribe,
)
from taskloom.views.view import ColumnType, RowChange, View

KIND = "toy"
TOYS = View("toys", {"status": ColumnType.TEXT, "results": ColumnType.INTEGER}, (("status",),))
FORBIDDEN_PRIORITY = 666


class Start(Struct):
    """Body of `start`: how many tasks, which message, when too late, how many tasks the child has."""

    tasks: int = 1
    message: str = ""
    late_ms: int = 0
    child: int = 0
    blockers: int = 0
    dependant: int = 0
    parent: int = 0
    callback: str = ""


class Toy(Struct):
    """The state of a toy."""

    open: list[int]
    message: str = ""
    child: int = 0
    parent: int = 0
    dependant: int = 0
    results: int = 0
    late: bool = False


def start(body, *, flow=0, root=0, tenant="t"):
    return FlowCommand(
        kind=KIND, name="start", tenant=tenant, flow=flow, root=root, body=msgspec.msgpack.encode(body)
    )


def publish(key, tenant="t"):
    return FlowCommand(kind=KIND, name="publish", tenant=tenant, body=key.encode())


def tell(flow, name, tenant=None):
    return FlowCommand(kind=KIND, name=name, tenant=tenant, flow=flow)


class ToyFlow:
    kind = KIND
    state_type = Toy

    def compile(self, key, body):
        return (key, body)

    def decide(self, state, command, context):
        if command.name == "publish":
            return self._publish(command, context)
        if command.name == "start":
            if state is not None:
                return Rejection(Kind.ALREADY_EXISTS, context.flow)
            return self._start(msgspec.msgpack.decode(command.body, type=Start), context)
        if state is None:
            return Rejection(Kind.NOT_FOUND, context.flow)
        return getattr(self, f"_{command.name}")(state, context)

    def _publish(self, command, context):
        waiting = context.subscribers("message", "go", command.body.decode())
        told = [FollowUp(tell(flow, "message")) for flow in waiting]
        return Step(None, told, reply=len(waiting))

    def _start(self, body, context):
        state = Toy(
            [context.new_key() for _ in range(body.tasks)], body.message, 0, body.parent, body.dependant
        )
        effects = [
            Create(
                tenant=context.tenant,
                queue="toys",
                dialect="toy",
                key=key,
                blocked=body.blockers > 0,
                callback=body.callback,
                retries=1,
            )
            for key in state.open
        ]
        if body.blockers:
            effects.append(Count(context.flow, "blockers", body.blockers, tell(context.flow, "unblocked")))
        if body.message:
            effects.append(Subscribe("message", "go", body.message))
        if body.late_ms:
            effects.append(SetTimer("late", context.now + body.late_ms))
        if body.child:
            state.child = context.new_key()
            effects.append(start(Start(tasks=body.child, parent=context.flow), flow=state.child))
        effects.append(Emit("toy.started", b"{}"))
        return self._settle(state, effects, context, reply=context.flow)

    def _message(self, state, context):
        if not state.message:
            return Rejection(Kind.WRONG_STATE, context.flow)
        after = msgspec.structs.replace(state, message="")
        return self._settle(after, [Unsubscribe("message", "go", state.message)], context)

    def _unblocked(self, state, context):
        return Step(state, [Unblock(key=key, tenant=None) for key in state.open])

    def _child_ended(self, state, context):
        return self._settle(msgspec.structs.replace(state, child=0), [], context)

    def _timer(self, state, context):
        after = msgspec.structs.replace(state, late=True)
        return Step(after, [Cancel(key=key, tenant=None, reason="late") for key in state.open])

    def _cancel(self, state, context):
        effects = [Cancel(key=key, tenant=None, reason="stopped") for key in state.open]
        if state.child:
            effects.append(tell(state.child, "cancel"))
        if state.message:
            effects.append(Unsubscribe("message", "go", state.message))
        return self._settle(msgspec.structs.replace(state, message=""), effects, context)

    def _settle(self, state, effects, context, reply=None):
        """End when nothing is open any more, and tell those who wait for the end."""
        if state.open or state.message or state.child:
            return Step(state, effects, reply)
        body = msgspec.json.encode({"results": state.results})
        effects += [ClearTimer("late"), Emit("toy.ended", body), Announce("toy.ended", body)]
        if state.parent:
            effects.append(tell(state.parent, "child_ended"))
        if state.dependant:
            then = tell(state.dependant, "unblocked")
            effects.append(Count(state.dependant, "blockers", -1, then))
        return Step(None, effects, reply)

    def admit(self, state, task, command, context):
        if isinstance(command, Update) and command.priority == FORBIDDEN_PRIORITY:
            return Rejection(Kind.INVALID, task.key, "not that priority")
        return None

    def react(self, state, task, event, payload, context):
        if isinstance(event, TaskSuspended) and event.thrown:
            return Step(state, [Cancel(key=task.key, tenant=None, reason=event.code)])
        if not isinstance(event, TaskCompleted | TaskFailed | TaskCancelled):
            return Step(state, [])
        left = [key for key in state.open if key != task.key]
        got = 1 if payload is not None else 0
        after = msgspec.structs.replace(state, open=left, results=state.results + got)
        return self._settle(after, [], context)

    def render(self, state, task, body, fetch):
        return b'{"open":%d}' % len(state.open)


def project(event, at):
    if event.name == "toy.started":
        yield RowChange("toys", event.flow, event.tenant, {"status": "started"})
    else:
        results = msgspec.json.decode(event.body)["results"]
        yield RowChange("toys", event.flow, event.tenant, {"status": "ended", "results": results})
