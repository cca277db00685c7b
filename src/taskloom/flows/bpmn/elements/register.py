"""The register of element types; what is not in it is refused at deployment."""

from collections.abc import Mapping

from taskloom.flows.bpmn.elements.element_type import ElementType
from taskloom.flows.bpmn.elements.end_event import END_EVENT
from taskloom.flows.bpmn.elements.service_task import SERVICE_TASK
from taskloom.flows.bpmn.elements.start_event import START_EVENT

TYPES = (START_EVENT, SERVICE_TASK, END_EVENT)

BY_TAG: Mapping[str, ElementType] = {each.tag: each for each in TYPES}
