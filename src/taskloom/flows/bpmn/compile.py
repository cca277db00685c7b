"""From the source of a process to its executable model; what an element type cannot read is a problem."""

import re

from taskloom.core.xmltree import Element as Node
from taskloom.flows.bpmn.limits import NAME_CHARS_MAX, TARGET_SEGMENTS_MAX
from taskloom.flows.bpmn.model import Element, Process, SequenceFlow, VariableMapping
from taskloom.flows.bpmn.parse import SourceElement, SourceProcess
from taskloom.flows.bpmn.problems import Problem, quoted
from taskloom.flows.bpmn.reading import ZEEBE, Reading

_TARGET_SEGMENT = re.compile(r"[^\W\d][\w\-]*")

PROCESS_KIND = "PROCESS"


def compile_process(source: SourceProcess, problems: list[Problem]) -> Process:
    """The executable model; of use only when no problem was found."""
    reading = Reading(source.node, problems)
    version_tag = reading.extension("versionTag")
    tag = None if version_tag is None else version_tag.get("value")
    if tag is not None and len(tag) > NAME_CHARS_MAX:
        reading.refuse(f"The version tag is longer than {NAME_CHARS_MAX} characters", version_tag)
    outgoing = _outgoing(source)
    elements = {source.id: _outermost(source, reading)}
    for element in source.elements.values():
        elements[element.id] = _compile_element(source, element, outgoing.get(element.id, []), problems)
    start = next((each.id for each in source.elements.values() if each.type.tag == "startEvent"), "")
    return Process(source.id, elements[source.id].name, tag or None, start, elements)


def _outermost(source: SourceProcess, reading: Reading) -> Element:
    return Element(source.id, _name(reading), "process", PROCESS_KIND, "", source.node.line)


def _compile_element(
    source: SourceProcess, element: SourceElement, outgoing: list[SequenceFlow], problems: list[Problem]
) -> Element:
    reading = Reading(element.node, problems)
    mapping = reading.extension("ioMapping")
    if mapping is not None:
        reading.refuse_children(mapping, but=("input", "output"))
    return Element(
        id=element.id,
        name=_name(reading),
        type=element.type.tag,
        kind=element.type.kind,
        scope=source.id,
        line=element.node.line,
        outgoing=tuple(outgoing),
        inputs=_read_mappings(reading, mapping, "input"),
        outputs=_read_mappings(reading, mapping, "output"),
        details=element.type.read(reading),
    )


def _outgoing(source: SourceProcess) -> dict[str, list[SequenceFlow]]:
    outgoing: dict[str, list[SequenceFlow]] = {}
    for node in source.flows:
        flow = SequenceFlow(node.get("id") or "", node.get("sourceRef") or "", node.get("targetRef") or "")
        outgoing.setdefault(flow.source, []).append(flow)
    return outgoing


def _name(reading: Reading) -> str:
    name = reading.node.get("name") or ""
    if len(name) > NAME_CHARS_MAX:
        reading.refuse(f"The name is longer than {NAME_CHARS_MAX} characters")
    return name


def _read_mappings(reading: Reading, holder: Node | None, local: str) -> tuple[VariableMapping, ...]:
    if holder is None:
        return ()
    return tuple(_read_mapping(reading, node) for node in holder.all(local, ZEEBE))


def _read_mapping(reading: Reading, node: Node) -> VariableMapping:
    target = (node.get("target") or "").strip()
    segments = tuple(target.split("."))
    if len(segments) > TARGET_SEGMENTS_MAX:
        reading.refuse(f"A mapping target has more than {TARGET_SEGMENTS_MAX} parts", node)
    elif not all(_TARGET_SEGMENT.fullmatch(segment) for segment in segments):
        text = f"The mapping target '{quoted(target)}' must be a variable name, or names joined by full stops"
        reading.refuse(text, node)
    return VariableMapping(reading.expression(node.get("source") or "", node), segments)
