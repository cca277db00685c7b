"""Process instances as flows: commands and task events become triggers, effects become commands.

Nothing is decided here: what a process does stands in `execute`. A job is a task whose queue is the type of
the job; its attributes say where in which process it belongs.
"""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from taskloom.core import commands as c
from taskloom.core.events import (
    AnyTaskEvent,
    TaskCancelled,
    TaskCompleted,
    TaskFailed,
    TaskResumed,
    TaskRetried,
    TaskSuspended,
    TaskUpdated,
)
from taskloom.core.rejections import Kind, Rejection
from taskloom.core.task import Task
from taskloom.flows.bpmn.advance import told
from taskloom.flows.bpmn.check import read_processes
from taskloom.flows.bpmn.effects import (
    CancelJob,
    CreateJob,
    ProceedLater,
    ResumeJob,
    SuspendJob,
)
from taskloom.flows.bpmn.effects import Effect as ProcessEffect
from taskloom.flows.bpmn.execute import create, react
from taskloom.flows.bpmn.model import Process
from taskloom.flows.bpmn.state import Instance, InstanceState
from taskloom.flows.bpmn.triggers import (
    Cancel,
    ErrorThrown,
    JobCompleted,
    JobFailed,
    JobLost,
    JobResumed,
    Moment,
    Proceed,
    Reaction,
    Reason,
    Refused,
    ResolveIncident,
    RetriesUpdated,
    SetVariables,
    Trigger,
)
from taskloom.flows.bpmn.variables import render, variables_of
from taskloom.flows.flow import Effect, FlowCommand, FlowContext, FollowUp, Step

KIND = "process"
DIALECT = "processes"

START = "start"
CANCEL = "cancel"
RESOLVE = "resolve incident"
SET_VARIABLES = "set variables"
PROCEED = "proceed"

JOB_LEVEL = 1
LEASES_WITHOUT_END = -1
"""A worker that lost its lease costs a job nothing."""


class Definition(msgspec.Struct, frozen=True, array_like=True):
    """The body of a definition record: one process of a deployed file, in one version."""

    process: str
    version: int
    resource_name: str
    document: bytes


class Executable(msgspec.Struct, frozen=True):
    """A definition ready to run."""

    version: int
    process: Process


class Start(msgspec.Struct, frozen=True, array_like=True):
    """The body of the command `start`; `variables` is a JSON object."""

    definition: int
    variables: bytes = b"{}"
    tags: tuple[str, ...] = ()
    business_id: str | None = None
    is_awaited: bool = False


class Started(msgspec.Struct, frozen=True):
    """What `start` answers."""

    instance: int
    process: str
    version: int


class JobAttributes(msgspec.Struct, frozen=True):
    """What is kept with the task of a job; keys are texts, for they are searched for as such."""

    process: str
    version: int
    definition: str
    element: str
    element_instance: str
    headers: Mapping[str, str]
    tags: tuple[str, ...] = ()
    business_id: str = ""


class ProcessFlow:
    """A flow per process instance; its key is the instance's key."""

    kind = KIND
    state_type = Instance

    def compile(self, _key: int, body: bytes) -> Executable:
        """The process of a definition record, which was found executable when it was deployed."""
        definition = msgspec.msgpack.decode(body, type=Definition)
        processes = read_processes(definition.document, definition.resource_name)
        if not isinstance(processes, tuple):
            raise TypeError(f"a deployed definition cannot be read any more: {processes.describe()}")
        process = next(each for each in processes if each.id == definition.process)
        return Executable(definition.version, process)

    def decide(
        self, state: Instance | None, command: FlowCommand, context: FlowContext
    ) -> Step[Instance] | Rejection:
        """Start an instance, or do something to one that runs."""
        if command.name == START:
            return _start(state, command, context)
        read = _COMMANDS.get(command.name)
        if state is None or read is None:
            return Rejection(Kind.NOT_FOUND, command.flow)
        process = _process(state.definition, context)
        reaction = react(state, read(command.body), process, _moment(context))
        if isinstance(reaction, Refused):
            return Rejection(_KINDS[reaction.reason], reaction.key, reaction.reason, code=reaction.reason)
        return _step(reaction, process)

    def admit(
        self, _state: Instance, _task: Task, _command: c.TaskCommand, _context: FlowContext
    ) -> Rejection | None:
        """The core's own rules are all that a job needs."""
        return None

    def react(
        self, state: Instance, task: Task, event: AnyTaskEvent, payload: bytes | None, context: FlowContext
    ) -> Step[Instance]:
        """What became of a job; the echo of the flow's own commands on it changes nothing."""
        read = _EVENTS.get(type(event))
        trigger = read(task, event, payload or b"") if read is not None else None
        if trigger is None:
            return Step(state, [])
        process = _process(state.definition, context)
        reaction = react(state, trigger, process, _moment(context))
        return Step(state, []) if isinstance(reaction, Refused) else _step(reaction, process)

    def render(self, state: Instance, task: Task, body: bytes, fetch: tuple[str, ...]) -> bytes:
        """The variables that the job's element sees now."""
        job = state.jobs.get(task.key)
        return body if job is None else render(state, job.element_instance, fetch)


def _start(state: Instance | None, command: FlowCommand, context: FlowContext) -> Step[Instance] | Rejection:
    if state is not None:
        return Rejection(Kind.ALREADY_EXISTS, command.flow)
    wanted = msgspec.msgpack.decode(command.body, type=Start)
    executable = context.definition(wanted.definition)
    if executable is None:
        return Rejection(Kind.NOT_FOUND, wanted.definition)
    process = executable.process
    fresh = Instance(
        context.flow,
        process.id,
        wanted.definition,
        executable.version,
        tags=wanted.tags,
        business_id=wanted.business_id,
        is_awaited=wanted.is_awaited,
    )
    reaction = create(fresh, process, variables_of(wanted.variables), _moment(context))
    step = _step(reaction, process)
    step.reply = Started(context.flow, process.id, executable.version)
    return step


def _process(definition: int, context: FlowContext) -> Process:
    executable: Executable = context.definition(definition)
    return executable.process


def _moment(context: FlowContext) -> Moment:
    return Moment(context.now, context.new_key, context.moves)


def _step(reaction: Reaction, process: Process) -> Step[Instance]:
    instance = reaction.instance
    effects: list[Effect] = [*told(reaction, process)]
    effects += [_EFFECTS[type(effect)](effect, instance) for effect in reaction.effects]
    is_over = instance.state in (InstanceState.COMPLETED, InstanceState.TERMINATED)
    return Step(None if is_over else instance, effects)


def _create_job(effect: CreateJob, instance: Instance) -> Effect:
    attributes = JobAttributes(
        instance.process,
        instance.version,
        str(instance.definition),
        effect.element,
        str(effect.element_instance),
        effect.headers,
        instance.tags,
        instance.business_id or "",
    )
    return c.Create(
        tenant="",
        queue=effect.type,
        dialect=DIALECT,
        key=effect.key,
        level=JOB_LEVEL,
        attributes=msgspec.json.encode(attributes),
        retries=effect.retries,
        losses_max=LEASES_WITHOUT_END,
    )


def _cancel_job(effect: CancelJob, _instance: Instance) -> Effect:
    return c.Cancel(key=effect.key, tenant=None, reason="the element is over")


def _suspend_job(effect: SuspendJob, _instance: Instance) -> Effect:
    return c.Suspend(key=effect.key, tenant=None)


def _resume_job(effect: ResumeJob, _instance: Instance) -> Effect:
    return c.Resume(key=effect.key, tenant=None)


def _proceed_later(_effect: ProceedLater, instance: Instance) -> Effect:
    return FollowUp(FlowCommand(kind=KIND, name=PROCEED, tenant=None, flow=instance.key, root=instance.key))


_EFFECTS: Mapping[type[ProcessEffect], Callable[[Any, Instance], Effect]] = {
    CreateJob: _create_job,
    CancelJob: _cancel_job,
    SuspendJob: _suspend_job,
    ResumeJob: _resume_job,
    ProceedLater: _proceed_later,
}


def _completed(task: Task, _event: TaskCompleted, payload: bytes) -> Trigger:
    return JobCompleted(task.key, variables_of(payload))


def _retried(task: Task, event: TaskRetried, payload: bytes) -> Trigger:
    return JobFailed(task.key, event.retries, event.message, variables_of(payload))


def _suspended(task: Task, event: TaskSuspended, payload: bytes) -> Trigger | None:
    """With retries left it was paused by a person, who need not be told by an incident."""
    if event.thrown:
        return ErrorThrown(task.key, event.code, event.message, variables_of(payload))
    if event.retries > 0:
        return None
    return JobFailed(task.key, event.retries, event.message, variables_of(payload))


def _resumed(task: Task, event: TaskResumed, _payload: bytes) -> Trigger:
    return JobResumed(task.key, event.retries)


def _updated(task: Task, event: TaskUpdated, _payload: bytes) -> Trigger | None:
    return None if event.retries is None else RetriesUpdated(task.key, event.retries)


def _failed(task: Task, event: TaskFailed, _payload: bytes) -> Trigger:
    return JobLost(task.key, task.queue, event.message)


def _cancelled(task: Task, event: TaskCancelled, _payload: bytes) -> Trigger:
    return JobLost(task.key, task.queue, event.reason)


_EVENTS: Mapping[type, Callable[[Task, Any, bytes], Trigger | None]] = {
    TaskCompleted: _completed,
    TaskRetried: _retried,
    TaskSuspended: _suspended,
    TaskResumed: _resumed,
    TaskUpdated: _updated,
    TaskFailed: _failed,
    TaskCancelled: _cancelled,
}

_COMMANDS: Mapping[str, Callable[[bytes], Trigger]] = {
    CANCEL: lambda _: Cancel(),
    RESOLVE: lambda body: ResolveIncident(msgspec.msgpack.decode(body, type=int)),
    SET_VARIABLES: msgspec.msgpack.Decoder(SetVariables).decode,
    PROCEED: lambda _: Proceed(),
}

_KINDS: Mapping[Reason, Kind] = {
    Reason.INSTANCE_ENDED: Kind.NOT_FOUND,
    Reason.JOB_UNKNOWN: Kind.NOT_FOUND,
    Reason.JOB_SUSPENDED: Kind.WRONG_STATE,
    Reason.JOB_WITHOUT_RETRIES: Kind.WRONG_STATE,
    Reason.INCIDENT_UNKNOWN: Kind.NOT_FOUND,
    Reason.SCOPE_UNKNOWN: Kind.NOT_FOUND,
}
