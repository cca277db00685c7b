"""From bytes to the source of each executable process: its elements and flows, still as XML nodes.

Whatever would have an effect and is not understood is a problem here: an element, an event definition, a
marker, an attribute or an extension. What has no effect is listed by name and skipped.
"""

import re
from collections.abc import Iterator

import msgspec

from taskloom.core.xmltree import Element as Node
from taskloom.core.xmltree import XmlError, parse_xml
from taskloom.flows.bpmn.elements.element_type import ElementType
from taskloom.flows.bpmn.elements.register import BY_TAG
from taskloom.flows.bpmn.limits import ELEMENTS_MAX, ID_CHARS_MAX, SEQUENCE_FLOWS_MAX, XML_LIMITS
from taskloom.flows.bpmn.problems import Problem, quoted
from taskloom.flows.bpmn.reading import BPMN, ZEEBE, Reading

_WITHOUT_EFFECT_ANYWHERE = frozenset(
    {"documentation", "extensionElements", "auditing", "monitoring", "categoryValueRef", "property"}
)
_WITHOUT_EFFECT_IN_PROCESS = _WITHOUT_EFFECT_ANYWHERE | {
    "association",
    "dataObject",
    "dataObjectReference",
    "dataStoreReference",
    "group",
    "ioSpecification",
    "laneSet",
    "supports",
    "textAnnotation",
}
_WITHOUT_EFFECT_IN_ELEMENT = _WITHOUT_EFFECT_ANYWHERE | {
    "dataInput",
    "dataInputAssociation",
    "dataOutput",
    "dataOutputAssociation",
    "humanPerformer",
    "incoming",
    "inputSet",
    "ioSpecification",
    "outgoing",
    "outputSet",
    "performer",
    "potentialOwner",
    "resourceRole",
}
_EXTENSIONS_WITHOUT_EFFECT = frozenset({"properties"})
_PROCESS_EXTENSIONS = _EXTENSIONS_WITHOUT_EFFECT | {"userTaskForm", "versionTag"}
_ATTRIBUTES_WITHOUT_EFFECT = frozenset({"modelerTemplate", "modelerTemplateVersion", "modelerTemplateIcon"})
_ONLY_DEFAULT = {"isForCompensation": "false", "startQuantity": "1", "completionQuantity": "1"}
_PROCESS_ID = re.compile(r"[^\W\d][\w.\-]*")


class SourceElement(msgspec.Struct, frozen=True):
    """An element whose type is known."""

    id: str
    type: ElementType
    node: Node


class SourceProcess(msgspec.Struct, frozen=True):
    """An executable process as it was written; `refused` are ids of elements that are problems already."""

    id: str
    node: Node
    elements: dict[str, SourceElement]
    flows: list[Node]
    refused: set[str]


class Source(msgspec.Struct, frozen=True):
    """A file as it was written."""

    processes: list[SourceProcess]
    problems: list[Problem]


def parse_source(document: bytes) -> Source:
    """Read a file; whatever is wrong with its form is among the problems, nothing is raised."""
    try:
        root = parse_xml(document, XML_LIMITS)
    except XmlError as error:
        return Source(
            [], [Problem("definitions", error.line, f"Not readable as XML: {quoted(error.message)}")]
        )
    if root.tag != (BPMN, "definitions"):
        text = f"Must be a BPMN 2.0 document, but the outermost element is '{quoted(root.local)}'"
        return Source([], [Problem("definitions", root.line, text)])
    source = Source([], [])
    executable = [node for node in root.all("process", BPMN) if node.get("isExecutable") in {"true", "1"}]
    if not executable:
        Reading(root, source.problems).refuse("Must contain at least one executable process")
    _refuse_repeated_ids(root, source.problems)
    source.processes.extend(_parse_process(node, source.problems) for node in executable)
    _refuse_too_many(root, source)
    return source


def _parse_process(node: Node, problems: list[Problem]) -> SourceProcess:
    reading = Reading(node, problems)
    process = SourceProcess(_read_id(reading), node, {}, [], set())
    if process.id and not _PROCESS_ID.fullmatch(process.id):
        reading.refuse(
            "The id of a process begins with a letter and has letters, digits, '_', '-' and '.' only"
        )
    _check_extensions(reading, _PROCESS_EXTENSIONS)
    for child in _with_effect(reading, _WITHOUT_EFFECT_IN_PROCESS):
        if child.local == "sequenceFlow":
            _parse_flow(process, Reading(child, problems))
        else:
            _parse_element(process, Reading(child, problems))
    return process


def _parse_flow(process: SourceProcess, reading: Reading) -> None:
    _read_id(reading)
    _check_extensions(reading, _EXTENSIONS_WITHOUT_EFFECT)
    for child in _with_effect(reading, _WITHOUT_EFFECT_ANYWHERE):
        reading.refuse(f"'{quoted(child.local)}' is not supported on this sequence flow", child)
    process.flows.append(reading.node)


def _parse_element(process: SourceProcess, reading: Reading) -> None:
    node = reading.node
    element_id = _read_id(reading)
    definitions = [child for child in node.children if child.namespace == BPMN and _is_definition(child)]
    element_type = BY_TAG.get("+".join([node.local, *(child.local for child in definitions)]))
    if element_type is None:
        process.refused.add(element_id)
        with_what = f" with '{quoted(definitions[0].local)}'" if definitions else ""
        reading.refuse(f"The element '{quoted(node.local)}'{with_what} is not supported")
        return
    for child in _with_effect(reading, _WITHOUT_EFFECT_IN_ELEMENT):
        if not _is_definition(child):
            reading.refuse(f"'{quoted(child.local)}' is not supported on '{node.local}'", child)
    _check_attributes(reading)
    _check_extensions(reading, element_type.extensions | _EXTENSIONS_WITHOUT_EFFECT)
    process.elements.setdefault(element_id, SourceElement(element_id, element_type, node))


def _is_definition(node: Node) -> bool:
    return node.local.endswith(("EventDefinition", "eventDefinitionRef"))


def _with_effect(reading: Reading, without_effect: frozenset[str]) -> Iterator[Node]:
    """The BPMN children that are not on the list; what other namespaces say is not for us."""
    for child in reading.node.children:
        if child.namespace == ZEEBE:
            reading.refuse(f"'zeebe:{quoted(child.local)}' must stand inside 'extensionElements'", child)
        elif child.namespace == BPMN and child.local not in without_effect:
            yield child


def _check_attributes(reading: Reading) -> None:
    for (namespace, name), value in reading.node.attributes.items():
        if namespace == ZEEBE and name not in _ATTRIBUTES_WITHOUT_EFFECT:
            reading.refuse(f"The attribute 'zeebe:{quoted(name)}' is not supported")
        if not namespace and _ONLY_DEFAULT.get(name, value) != value:
            reading.refuse(f"The attribute '{name}' is not supported with the value '{quoted(value)}'")


def _check_extensions(reading: Reading, understood: frozenset[str]) -> None:
    for extension in reading.extensions():
        if extension.local not in understood:
            name, where = quoted(extension.local), quoted(reading.node.local)
            reading.refuse(f"The extension 'zeebe:{name}' is not supported on '{where}'", extension)


def _read_id(reading: Reading) -> str:
    value = reading.node.get("id") or ""
    if not value.strip() or not value.isprintable():
        reading.refuse(f"Must have an id, but this '{quoted(reading.node.local)}' has none")
    elif len(value) > ID_CHARS_MAX:
        reading.refuse(f"The id is longer than {ID_CHARS_MAX} characters")
    return value


def _refuse_repeated_ids(root: Node, problems: list[Problem]) -> None:
    seen: set[str] = set()
    for node in root.walk():
        value = node.get("id") if node.namespace == BPMN else None
        if value is None:
            continue
        if value in seen:
            Reading(node, problems).refuse("The id is used more than once in this file")
        seen.add(value)


def _refuse_too_many(root: Node, source: Source) -> None:
    elements = sum(len(process.elements) + len(process.refused) for process in source.processes)
    if elements > ELEMENTS_MAX:
        Reading(root, source.problems).refuse(f"The file has more than {ELEMENTS_MAX} elements")
    if sum(len(process.flows) for process in source.processes) > SEQUENCE_FLOWS_MAX:
        Reading(root, source.problems).refuse(f"The file has more than {SEQUENCE_FLOWS_MAX} sequence flows")
