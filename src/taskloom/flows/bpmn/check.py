"""Deployment: a file becomes executable processes, or every reason why it does not."""

from taskloom.core.xmltree import Element as Node
from taskloom.flows.bpmn.compile import compile_process
from taskloom.flows.bpmn.model import Process
from taskloom.flows.bpmn.parse import SourceProcess, parse_source
from taskloom.flows.bpmn.problems import NotDeployable, Problem, in_line_order, quoted
from taskloom.flows.bpmn.reading import Reading


def read_processes(document: bytes, file_name: str) -> tuple[Process, ...] | NotDeployable:
    """The executable processes of a file, ready to run; refused as a whole when anything is wrong."""
    source = parse_source(document)
    problems = list(source.problems)
    processes = []
    for process in source.processes:
        check_structure(process, problems)
        processes.append(compile_process(process, problems))
    return NotDeployable(file_name, in_line_order(problems)) if problems else tuple(processes)


def check_structure(process: SourceProcess, problems: list[Problem]) -> None:
    """What concerns several elements at once: where it starts, and where its flows lead."""
    reading = Reading(process.node, problems)
    starts = [each.node for each in process.elements.values() if each.type.tag == "startEvent"]
    if not starts and not any(_is_start(node) for node in process.node.children):
        reading.refuse("Must have at least one start event")
    for extra in starts[1:]:
        Reading(extra, problems).refuse("Must be the only none start event of its process")
    for flow in process.flows:
        _check_end(process, Reading(flow, problems), "sourceRef")
        _check_end(process, Reading(flow, problems), "targetRef")


def _is_start(node: Node) -> bool:
    """Also one that is refused already: it need not be missed as well."""
    return node.local == "startEvent"


def _check_end(process: SourceProcess, reading: Reading, attribute: str) -> None:
    element_id = reading.node.get(attribute) or ""
    if not element_id:
        reading.refuse(f"The '{attribute}' of a sequence flow refers to nothing")
    if not element_id or element_id in process.refused:
        return
    name = f"'{quoted(element_id)}'"
    element = process.elements.get(element_id)
    if element is None:
        reading.refuse(f"The '{attribute}' {name} of a sequence flow is no element of this process")
    elif attribute == "targetRef" and not element.type.has_incoming:
        reading.refuse(f"The {element.node.local} {name} cannot be the target of a sequence flow")
    elif attribute == "sourceRef" and not element.type.has_outgoing:
        reading.refuse(f"The {element.node.local} {name} cannot be the source of a sequence flow")
