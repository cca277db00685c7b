"""The state of one process instance: plain values that can be stored and read back.

The instance is its own outermost scope: `scopes[key]` is the process itself and holds the root variables.
Variables are the bytes of JSON values by name; nothing here parses them. A scope counts its `tokens`: active
elements directly inside it and tokens on their way to one. It is complete when none is left.
"""

import enum
from collections.abc import Mapping

import msgspec


class InstanceState(enum.StrEnum):
    """Where an instance stands; TERMINATING may last over several reactions, the other steps do not."""

    ACTIVE = "active"
    TERMINATING = "terminating"
    COMPLETED = "completed"
    TERMINATED = "terminated"


class Phase(enum.StrEnum):
    """Which step an element is in; an incident stops it there and resolving repeats that step."""

    ACTIVATING = "activating"
    ACTIVATED = "activated"
    COMPLETING = "completing"


class IncidentKind(enum.StrEnum):
    """Why an element stopped."""

    JOB_NO_RETRIES = "JOB_NO_RETRIES"
    UNHANDLED_ERROR_EVENT = "UNHANDLED_ERROR_EVENT"
    IO_MAPPING_ERROR = "IO_MAPPING_ERROR"
    EXTRACT_VALUE_ERROR = "EXTRACT_VALUE_ERROR"
    UNKNOWN = "UNKNOWN"


class ElementInstance(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One run of one element; `scope` is the key of the element instance around it.

    `job` is the job it waits for, `incident` the one it stands at; 0 when there is none.
    """

    key: int
    element: str
    scope: int
    phase: Phase
    variables: Mapping[str, bytes] = {}
    tokens: int = 0
    job: int = 0
    incident: int = 0


class Job(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """A job that is not finished, and the element instance that waits for it."""

    key: int
    element_instance: int
    retries: int


class Incident(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """An element instance that stopped until a person acts; `job` is 0 when no job is concerned."""

    key: int
    kind: IncidentKind
    message: str
    element_instance: int
    job: int = 0


class Enter(msgspec.Struct, frozen=True, tag="enter"):
    """A token arrives at an element."""

    element: str
    scope: int


class Continue(msgspec.Struct, frozen=True, tag="continue"):
    """An element instance goes on with the step it is in."""

    element_instance: int


class Terminate(msgspec.Struct, frozen=True, tag="terminate"):
    """A scope and everything inside it ends early."""

    element_instance: int


Move = Enter | Continue | Terminate


class Instance(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One process instance; `moves` are left over when a reaction used up its budget."""

    key: int
    process: str
    definition: int
    version: int
    state: InstanceState = InstanceState.ACTIVE
    scopes: Mapping[int, ElementInstance] = {}
    jobs: Mapping[int, Job] = {}
    incidents: Mapping[int, Incident] = {}
    moves: tuple[Move, ...] = ()
    tags: tuple[str, ...] = ()
    business_id: str | None = None
    is_awaited: bool = False
    """Whether somebody wants its variables when it completes."""
