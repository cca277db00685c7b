"""The working copy of an instance during one reaction.

A reaction is pure from outside: it copies the instance's maps once, works on the copy and freezes it at the
end. Every change of the instance goes through a method here, which also records the event that tells of it.
"""

from collections import deque
from collections.abc import Mapping
from typing import Literal

import msgspec

from taskloom.core.limits import ERROR_MESSAGE_LENGTH
from taskloom.flows.bpmn.effects import CancelJob, CreateJob, Effect, SuspendJob
from taskloom.flows.bpmn.events import (
    ElementActivated,
    ElementCompleted,
    ElementTerminated,
    Event,
    IncidentCreated,
    IncidentResolved,
    SequenceFlowTaken,
    VariableCreated,
    VariableUpdated,
)
from taskloom.flows.bpmn.model import Element, Process
from taskloom.flows.bpmn.state import (
    Continue,
    ElementInstance,
    Enter,
    Incident,
    IncidentKind,
    Instance,
    Job,
    Move,
    Phase,
)
from taskloom.flows.bpmn.triggers import Moment, Reaction
from taskloom.flows.bpmn.variables import Seen, scopes_outward


class Failure(msgspec.Struct, frozen=True):
    """A step could not be made; the element stops there with an incident."""

    kind: IncidentKind
    message: str


Activation = Failure | Literal["waits", "done"]


class Run:
    """One reaction at work."""

    def __init__(self, instance: Instance, process: Process, moment: Moment) -> None:
        self.process = process
        self.moment = moment
        self.state = instance.state
        self.scopes = dict(instance.scopes)
        self.jobs = dict(instance.jobs)
        self.incidents = dict(instance.incidents)
        self.moves: deque[Move] = deque(instance.moves)
        self.events: list[Event] = []
        self.effects: list[Effect] = []
        self.steps = 0
        """What the expressions evaluated so far have cost."""
        self._instance = instance

    @property
    def key(self) -> int:
        """The instance's key, which is also that of its outermost scope."""
        return self._instance.key

    def reaction(self) -> Reaction:
        """The instance as it is now, with all that happened since the run began."""
        instance = msgspec.structs.replace(
            self._instance,
            state=self.state,
            scopes=self.scopes,
            jobs=self.jobs,
            incidents=self.incidents,
            moves=tuple(self.moves),
        )
        return Reaction(instance, tuple(self.events), tuple(self.effects))

    def element(self, me: ElementInstance) -> Element:
        """The model of what an element instance runs."""
        return self.process.elements[me.element]

    def seen(self, key: int) -> Seen:
        """The variables that an element instance sees."""
        return Seen(self.scopes, key, self.moment.now_ms, self._spend)

    def _spend(self, steps: int) -> None:
        self.steps += steps

    def begin(self, element: Element, scope: int) -> int:
        """A new instance of an element; its key."""
        key = self.moment.new_key()
        self.scopes[key] = ElementInstance(key, element.id, scope, Phase.ACTIVATING)
        self.events.append(ElementActivated(key, element.id, element.name, element.kind, scope))
        return key

    def open_scope(self, key: int, start: str) -> None:
        """The first token inside a process or sub-process goes to its start event."""
        self._change(key, tokens=1)
        self.moves.append(Enter(start, key))

    def wait(self, key: int) -> None:
        """The element is active until something from outside happens."""
        self._change(key, phase=Phase.ACTIVATED)

    def complete_later(self, key: int) -> None:
        """The element has done its work; its completion is a move of its own."""
        self._change(key, phase=Phase.COMPLETING)
        self.moves.append(Continue(key))

    def leave(self, key: int) -> None:
        """The element is complete: a token takes each way out, and its own token is gone."""
        me = self.scopes[key]
        outgoing = self.element(me).outgoing
        self._drop(me)
        self.events.append(ElementCompleted(key, me.element))
        for flow in outgoing:
            self.events.append(SequenceFlowTaken(flow.id, me.scope))
            self.moves.append(Enter(flow.target, me.scope))
        tokens = self.scopes[me.scope].tokens + len(outgoing) - 1
        self._change(me.scope, tokens=tokens)
        if tokens == 0:
            self.complete_later(me.scope)

    def end_early(self, me: ElementInstance) -> None:
        """The element is terminated, and its job is taken back."""
        self._drop(me)
        self.events.append(ElementTerminated(me.key, me.element))

    def create_job(self, key: int, job_type: str, retries: int, headers: Mapping[str, str]) -> None:
        """Offer the element's work to the workers of a type."""
        me = self.scopes[key]
        job = Job(self.moment.new_key(), key, retries)
        self.jobs[job.key] = job
        self._change(key, job=job.key)
        self.effects.append(CreateJob(job.key, job_type, retries, headers, me.element, key))

    def set_retries(self, job: Job, retries: int) -> None:
        """A worker or a person changed how often the job may still be tried."""
        self.jobs[job.key] = msgspec.structs.replace(job, retries=retries)

    def finish_job(self, job: Job) -> None:
        """The job is done; its element no longer waits for it."""
        del self.jobs[job.key]
        self._change(job.element_instance, job=0)

    def stop(self, key: int, failure: Failure, job: int = 0) -> None:
        """The element waits for a person; its job, if one is concerned, for nobody else."""
        message = failure.message[:ERROR_MESSAGE_LENGTH]
        incident = Incident(self.moment.new_key(), failure.kind, message, key, job)
        self.incidents[incident.key] = incident
        self._change(key, incident=incident.key)
        element = self.scopes[key].element
        self.events.append(IncidentCreated(incident.key, failure.kind.value, message, element, key, job))
        if job:
            self.effects.append(SuspendJob(job))

    def close_incident(self, incident: Incident) -> None:
        """The incident is over; what follows is for the caller to say."""
        del self.incidents[incident.key]
        self._change(incident.element_instance, incident=0)
        self.events.append(IncidentResolved(incident.key, incident.element_instance))

    def set_local(self, scope: int, variables: Mapping[str, bytes]) -> None:
        """Write variables into exactly this scope; a value that is already there is no event."""
        owner = self.scopes[scope]
        changed = {name: value for name, value in variables.items() if owner.variables.get(name) != value}
        if not changed:
            return
        for name, value in changed.items():
            if name in owner.variables:
                self.events.append(VariableUpdated(scope, name, value))
            else:
                self.events.append(VariableCreated(self.moment.new_key(), scope, name, value))
        self.scopes[scope] = msgspec.structs.replace(owner, variables={**owner.variables, **changed})

    def propagate(self, scope: int, variables: Mapping[str, bytes]) -> None:
        """Write each variable into the nearest scope that has it, or else into the outermost."""
        by_scope: dict[int, dict[str, bytes]] = {}
        for name, value in variables.items():
            owners = (each.key for each in scopes_outward(self.scopes, scope) if name in each.variables)
            by_scope.setdefault(next(owners, self.key), {})[name] = value
        for owner, written in by_scope.items():
            self.set_local(owner, written)

    def _change(self, key: int, **fields: object) -> None:
        self.scopes[key] = msgspec.structs.replace(self.scopes[key], **fields)

    def _drop(self, me: ElementInstance) -> None:
        """Forget an element instance; what still waits for it is taken back."""
        if me.incident:
            self.close_incident(self.incidents[me.incident])
        if me.job:
            del self.jobs[me.job]
            self.effects.append(CancelJob(me.job))
        del self.scopes[me.key]
