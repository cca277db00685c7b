"""Jobs as tasks: what a job is made of, what the process wants done with it, and what became of it."""

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
from taskloom.core.task import Task
from taskloom.flows.bpmn.effects import CancelJob, CreateJob, ProceedLater, ResumeJob, SuspendJob
from taskloom.flows.bpmn.effects import Effect as ProcessEffect
from taskloom.flows.bpmn.state import Instance
from taskloom.flows.bpmn.triggers import (
    ErrorThrown,
    JobCompleted,
    JobFailed,
    JobLost,
    JobResumed,
    RetriesUpdated,
    Trigger,
)
from taskloom.flows.bpmn.variables import variables_of
from taskloom.flows.flow import Effect, FlowCommand, FollowUp

KIND = "process"
DIALECT = "processes"

PROCEED = "proceed"

JOB_LEVEL = 1
LEASES_WITHOUT_END = -1
"""A worker that lost its lease costs a job nothing."""


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


def carried_out(effect: ProcessEffect, instance: Instance) -> Effect:
    """An effect of the process as one of the engine's."""
    return _EFFECTS[type(effect)](effect, instance)


def trigger_of(task: Task, event: AnyTaskEvent, payload: bytes) -> Trigger | None:
    """What an event of a job's task means for the process; None when it means nothing."""
    read = _EVENTS.get(type(event))
    return None if read is None else read(task, event, payload)


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
