"""Process instances as flows: commands and task events become triggers, effects become commands.

Nothing is decided here: what a process does stands in `execute`, what a job is as a task in `job_tasks`.
"""

from collections.abc import Callable, Mapping

import msgspec

from taskloom.core import commands as c
from taskloom.core.events import AnyTaskEvent
from taskloom.core.rejections import Kind, Rejection
from taskloom.core.task import Task
from taskloom.flows.bpmn.advance import told
from taskloom.flows.bpmn.check import read_processes
from taskloom.flows.bpmn.execute import create, react
from taskloom.flows.bpmn.job_tasks import KIND, PROCEED, carried_out, trigger_of
from taskloom.flows.bpmn.model import Process
from taskloom.flows.bpmn.state import Instance, InstanceState
from taskloom.flows.bpmn.triggers import (
    Cancel,
    Moment,
    Proceed,
    Reaction,
    Reason,
    Refused,
    ResolveIncident,
    SetVariables,
    Trigger,
)
from taskloom.flows.bpmn.variables import render, variables_of
from taskloom.flows.flow import Effect, FlowCommand, FlowContext, Step

START = "start"
CANCEL = "cancel"
RESOLVE = "resolve incident"
SET_VARIABLES = "set variables"

EXECUTABLE_FORM = 1
"""To be counted up whenever the executable model changes its shape or its meaning."""


class Definition(msgspec.Struct, frozen=True, array_like=True):
    """The body of a definition record: one process of a deployed file, in one version."""

    process: str
    version: int
    resource_name: str
    document: bytes
    form: int = 0
    """The form of `executable`; another one than ours is not read, the document is."""
    executable: bytes = b""


def definition_of(process: Process, version: int, resource_name: str, document: bytes) -> bytes:
    """The body of a definition record, with the executable model beside the document."""
    executable = msgspec.msgpack.encode(process)
    definition = Definition(process.id, version, resource_name, document, EXECUTABLE_FORM, executable)
    return msgspec.msgpack.encode(definition)


_decode_process = msgspec.msgpack.Decoder(Process).decode


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


class ProcessFlow:
    """A flow per process instance; its key is the instance's key."""

    kind = KIND
    state_type = Instance

    def compile(self, _key: int, body: bytes) -> Executable:
        """The process of a definition record, which was found executable when it was deployed."""
        definition = msgspec.msgpack.decode(body, type=Definition)
        if definition.form == EXECUTABLE_FORM:
            return Executable(definition.version, _decode_process(definition.executable))
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
        trigger = trigger_of(task, event, payload or b"")
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
    effects += [carried_out(effect, instance) for effect in reaction.effects]
    is_over = instance.state in (InstanceState.COMPLETED, InstanceState.TERMINATED)
    return Step(None if is_over else instance, effects)


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
