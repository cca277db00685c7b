"""The executable model of a process: what remains of the XML once it has been read and checked.

Immutable and free of XML, so that one copy serves every instance of a definition at once; plain values, so
that it can be stored: reading it back costs a fraction of reading the XML.
"""

from collections.abc import Mapping

import msgspec

from taskloom.flows.bpmn.expression import Expression


class VariableMapping(msgspec.Struct, frozen=True):
    """One `zeebe:input` or `zeebe:output`: a value and the dotted path it is written to."""

    source: Expression
    target: tuple[str, ...]


class JobDefinition(msgspec.Struct, frozen=True):
    """What a job-based element asks of its worker."""

    type: Expression
    retries: Expression
    headers: Mapping[str, str]


class Details(msgspec.Struct, frozen=True):
    """What only some element types have; a new element type that needs more adds its field here."""

    job: JobDefinition | None = None


class SequenceFlow(msgspec.Struct, frozen=True):
    """A way from one element to the next inside one scope."""

    id: str
    source: str
    target: str


class Element(msgspec.Struct, frozen=True):
    """One element of a process; `scope` is the id of the process or sub-process it stands in.

    `type` names its entry in the register of element types, `kind` is the word that views and workers know.
    """

    id: str
    name: str
    type: str
    kind: str
    scope: str
    line: int
    outgoing: tuple[SequenceFlow, ...] = ()
    inputs: tuple[VariableMapping, ...] = ()
    outputs: tuple[VariableMapping, ...] = ()
    details: Details = Details()


class Process(msgspec.Struct, frozen=True):
    """One executable process; `elements` are in document order, `start` is its none start event.

    The process is an element too, under its own id: the outermost scope.
    """

    id: str
    name: str
    version_tag: str | None
    start: str
    elements: Mapping[str, Element]
