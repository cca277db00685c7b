"""What the parser, the checks and the execution must know about a type of element: one entry per type."""

from collections.abc import Callable

import msgspec

from taskloom.flows.bpmn.model import Details
from taskloom.flows.bpmn.reading import Reading
from taskloom.flows.bpmn.run import Activation, Run


class ElementType(msgspec.Struct, frozen=True):
    """One type of element.

    `tag` is its XML name; an event with a definition has `startEvent+timerEventDefinition` and so on. `kind`
    is the word by which views and workers know it. `activate` runs after the input mappings and says whether
    the element waits, is done, or could not be activated.
    """

    tag: str
    kind: str
    read: Callable[[Reading], Details]
    activate: Callable[[Run, int], Activation]
    extensions: frozenset[str] = frozenset()
    has_incoming: bool = True
    has_outgoing: bool = True


def read_nothing(_reading: Reading) -> Details:
    """For types that have no more than every element has."""
    return Details()


def pass_through(_run: Run, _key: int) -> Activation:
    """For types that have nothing to wait for."""
    return "done"
