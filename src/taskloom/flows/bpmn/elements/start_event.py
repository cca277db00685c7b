"""The none start event: where a new instance, or a sub-process, begins."""

from taskloom.flows.bpmn.elements.element_type import ElementType, pass_through, read_nothing

START_EVENT = ElementType(
    tag="startEvent",
    kind="START_EVENT",
    read=read_nothing,
    activate=pass_through,
    extensions=frozenset({"ioMapping"}),
    has_incoming=False,
)
