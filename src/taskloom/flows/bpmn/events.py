"""What happened in an instance, in the order it happened: plain fields from which views are projected.

Every event belongs to the instance of its reaction and to the moment of its reaction.
"""

import msgspec


class InstanceCreated(msgspec.Struct, frozen=True, tag=True, gc=False):
    """An instance began."""

    key: int
    process: str
    definition: int
    version: int


class InstanceCompleted(msgspec.Struct, frozen=True, tag=True, gc=False):
    """The last token of the instance is gone."""

    key: int


class InstanceTerminated(msgspec.Struct, frozen=True, tag=True, gc=False):
    """The instance was cancelled and nothing of it is active any more."""

    key: int


class ElementActivated(msgspec.Struct, frozen=True, tag=True, gc=False):
    """A token reached an element."""

    key: int
    element: str
    name: str
    kind: str
    scope: int


class ElementCompleted(msgspec.Struct, frozen=True, tag=True, gc=False):
    """An element ended the regular way."""

    key: int
    element: str


class ElementTerminated(msgspec.Struct, frozen=True, tag=True, gc=False):
    """An element was ended early."""

    key: int
    element: str


class SequenceFlowTaken(msgspec.Struct, frozen=True, tag=True, gc=False):
    """A token left an element on this flow."""

    flow: str
    scope: int


class VariableCreated(msgspec.Struct, frozen=True, tag=True, gc=False):
    """A scope has a new variable; `value` is JSON."""

    key: int
    scope: int
    name: str
    value: bytes


class VariableUpdated(msgspec.Struct, frozen=True, tag=True, gc=False):
    """A variable of a scope has another value; `value` is JSON."""

    scope: int
    name: str
    value: bytes


class IncidentCreated(msgspec.Struct, frozen=True, tag=True, gc=False):
    """An element instance stopped; `job` is 0 when no job is concerned."""

    key: int
    kind: str
    message: str
    element: str
    element_instance: int
    job: int


class IncidentResolved(msgspec.Struct, frozen=True, tag=True, gc=False):
    """An incident is over: a person resolved it, or its element ended."""

    key: int
    element_instance: int


Event = (
    InstanceCreated
    | InstanceCompleted
    | InstanceTerminated
    | ElementActivated
    | ElementCompleted
    | ElementTerminated
    | SequenceFlowTaken
    | VariableCreated
    | VariableUpdated
    | IncidentCreated
    | IncidentResolved
)
