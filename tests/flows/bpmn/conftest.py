"""One process instance under test: it is fed triggers, and keeps all events and effects."""

from collections.abc import Callable
from itertools import count

import msgspec
import pytest

from samples.processes import ServiceTask, process_xml
from taskloom.flows.bpmn.check import read_processes
from taskloom.flows.bpmn.effects import CreateJob
from taskloom.flows.bpmn.execute import create, react
from taskloom.flows.bpmn.model import Process
from taskloom.flows.bpmn.state import Instance
from taskloom.flows.bpmn.triggers import JobCompleted, Moment, Reaction, Refused, Trigger
from taskloom.flows.bpmn.variables import render

INSTANCE_KEY = 1


class Driver:
    """Runs one instance and checks after each reaction that its state survives being stored."""

    def __init__(self, process: Process, variables: dict[str, object], moves_max: int) -> None:
        self.process = process
        numbers = count(100)
        self.moment = Moment(1_700_000_000_000, lambda: next(numbers), moves_max)
        self.events, self.effects = [], []
        fresh = Instance(INSTANCE_KEY, process.id, definition=2, version=1)
        self.take(create(fresh, process, as_json(variables), self.moment))

    def take(self, reaction: Reaction) -> Reaction:
        stored = msgspec.msgpack.encode(reaction.instance)
        self.instance = msgspec.msgpack.decode(stored, type=Instance)
        assert self.instance == reaction.instance
        self.events += reaction.events
        self.effects += reaction.effects
        return reaction

    def react(self, trigger: Trigger) -> Reaction | Refused:
        answer = react(self.instance, trigger, self.process, self.moment)
        return answer if isinstance(answer, Refused) else self.take(answer)

    def job(self, element: str) -> int:
        """The open job of an element."""
        jobs = [
            job for job in self.instance.jobs.values() if self.element_of(job.element_instance) == element
        ]
        assert len(jobs) == 1, f"{element} has {len(jobs)} jobs"
        return jobs[0].key

    def complete(self, element: str, **variables: object) -> Reaction | Refused:
        return self.react(JobCompleted(self.job(element), as_json(variables)))

    def element_of(self, key: int) -> str:
        return self.instance.scopes[key].element

    def active(self) -> list[str]:
        """The ids of the active elements."""
        return [each.element for each in self.instance.scopes.values() if each.key != INSTANCE_KEY]

    def sees(self, element: str, *names: str) -> dict[str, object]:
        """The variables that the job of an element is given now."""
        key = self.instance.jobs[self.job(element)].element_instance
        return msgspec.json.decode(render(self.instance, key, names))

    def variables(self) -> dict[str, object]:
        """The variables of the instance itself."""
        return msgspec.json.decode(render(self.instance, INSTANCE_KEY))

    def incident(self):
        """The only open incident."""
        (incident,) = self.instance.incidents.values()
        return incident

    def created_jobs(self) -> list[CreateJob]:
        return [effect for effect in self.effects if isinstance(effect, CreateJob)]

    def happened(self, kind: type) -> list:
        return [event for event in self.events if isinstance(event, kind)]


def as_json(variables: dict[str, object]) -> dict[str, bytes]:
    return {
        name: value if isinstance(value, bytes) else msgspec.json.encode(value)
        for name, value in variables.items()
    }


def compiled(document: bytes) -> Process:
    processes = read_processes(document, "test.bpmn")
    assert isinstance(processes, tuple), processes.describe()
    return processes[0]


@pytest.fixture(scope="session")
def begin() -> Callable[..., Driver]:
    """Begins an instance of a row of tasks, or of a document."""

    def start(
        *tasks: ServiceTask, document: bytes = b"", moves_max: int = 1_000, **variables: object
    ) -> Driver:
        return Driver(compiled(document or process_xml(tasks)), variables, moves_max)

    return start
