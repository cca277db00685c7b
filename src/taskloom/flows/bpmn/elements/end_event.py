"""The none end event: a path ends, the rest of the scope goes on."""

from taskloom.flows.bpmn.elements.element_type import ElementType, pass_through, read_nothing

END_EVENT = ElementType(
    tag="endEvent",
    kind="END_EVENT",
    read=read_nothing,
    activate=pass_through,
    extensions=frozenset({"ioMapping"}),
    has_outgoing=False,
)
