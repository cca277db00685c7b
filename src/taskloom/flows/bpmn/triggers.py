"""What an instance reacts to, and how it may answer."""

import enum
from collections.abc import Callable, Mapping

import msgspec

from taskloom.core.limits import FLOW_MOVES
from taskloom.flows.bpmn.effects import Effect
from taskloom.flows.bpmn.events import Event
from taskloom.flows.bpmn.state import Instance


class JobCompleted(msgspec.Struct, frozen=True, gc=False):
    """A worker finished a job with these variables."""

    job: int
    variables: Mapping[str, bytes] = {}


class JobFailed(msgspec.Struct, frozen=True, gc=False):
    """A worker could not do a job; `retries` are left, none means that a person must act."""

    job: int
    retries: int
    message: str = ""
    variables: Mapping[str, bytes] = {}


class ErrorThrown(msgspec.Struct, frozen=True, gc=False):
    """A worker reports a business error that the process should handle."""

    job: int
    code: str
    message: str = ""
    variables: Mapping[str, bytes] = {}


class RetriesUpdated(msgspec.Struct, frozen=True, gc=False):
    """Somebody set the retries of a job."""

    job: int
    retries: int


class JobResumed(msgspec.Struct, frozen=True, gc=False):
    """Somebody offered a suspended job again without going through its incident."""

    job: int
    retries: int


class JobLost(msgspec.Struct, frozen=True, gc=False):
    """A job ended without a result although its element still waits for one."""

    job: int
    type: str
    message: str = ""


class ResolveIncident(msgspec.Struct, frozen=True, gc=False):
    """A person has removed the cause of an incident."""

    incident: int


class SetVariables(msgspec.Struct, frozen=True, gc=False):
    """Write variables into exactly this scope, or each to the nearest scope that has it."""

    element_instance: int
    variables: Mapping[str, bytes]
    is_local: bool = False


class Cancel(msgspec.Struct, frozen=True, gc=False):
    """End the instance now."""


class Proceed(msgspec.Struct, frozen=True, gc=False):
    """Go on where the last reaction ran out of budget."""


Trigger = (
    JobCompleted
    | JobFailed
    | ErrorThrown
    | RetriesUpdated
    | JobResumed
    | JobLost
    | ResolveIncident
    | SetVariables
    | Cancel
    | Proceed
)


class Reason(enum.StrEnum):
    """Why a trigger is refused."""

    INSTANCE_ENDED = "instance ended"
    JOB_UNKNOWN = "job unknown"
    JOB_SUSPENDED = "job suspended"
    JOB_WITHOUT_RETRIES = "job without retries"
    INCIDENT_UNKNOWN = "incident unknown"
    SCOPE_UNKNOWN = "scope unknown"


class Refused(msgspec.Struct, frozen=True, gc=False):
    """The instance stays as it was; `key` names the job, incident or scope concerned."""

    reason: Reason
    key: int


class Reaction(msgspec.Struct, frozen=True, gc=False):
    """The instance afterwards, what happened, and what must be done outside."""

    instance: Instance
    events: tuple[Event, ...]
    effects: tuple[Effect, ...]


class Moment(msgspec.Struct, frozen=True, gc=False):
    """What a reaction may take from outside: the time, fresh keys, and how many moves it may make."""

    now_ms: int
    new_key: Callable[[], int]
    moves_max: int = FLOW_MOVES
