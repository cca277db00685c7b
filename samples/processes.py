"""BPMN processes that we make ourselves: a row of service tasks, written as XML the way a modeler writes it.

Nothing is checked here, so that tests can also write what must be refused.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from itertools import pairwise

BPMN = "http://www.omg.org/spec/BPMN/20100524/MODEL"
BPMN_DI = "http://www.omg.org/spec/BPMN/20100524/DI"
DC = "http://www.omg.org/spec/DD/20100524/DC"
DI = "http://www.omg.org/spec/DD/20100524/DI"
ZEEBE = "http://camunda.org/schema/zeebe/1.0"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceTask:
    """One service task; mappings are (source, target), `extra` is XML that stands inside the task."""

    id: str
    type: str
    name: str = ""
    retries: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    inputs: Sequence[tuple[str, str]] = ()
    outputs: Sequence[tuple[str, str]] = ()
    extra: str = ""


def row_of_tasks(count: int, process_id: str = "row") -> bytes:
    """A process of start, `count` service tasks and end; task n is `task_n` with job type `work_n`."""
    tasks = [ServiceTask(id=f"task_{number}", type=f"work_{number}") for number in range(1, count + 1)]
    return process_xml(tasks, process_id)


def process_xml(
    tasks: Sequence[ServiceTask],
    process_id: str = "row",
    *,
    name: str = "",
    version_tag: str = "",
    has_diagram: bool = True,
    extra: str = "",
) -> bytes:
    """A process of start, these tasks in a row and end; `extra` is XML that stands inside the process."""
    ids = ["start", *(task.id for task in tasks), "end"]
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<bpmn:definitions xmlns:bpmn="{BPMN}" xmlns:bpmndi="{BPMN_DI}" xmlns:dc="{DC}" xmlns:di="{DI}"',
        f'  xmlns:zeebe="{ZEEBE}" id="definitions_{_attribute(process_id)}" targetNamespace="urn:example">',
        f'  <bpmn:process id="{_attribute(process_id)}" name="{_attribute(name)}" isExecutable="true">',
        *_version_tag(version_tag),
        '    <bpmn:startEvent id="start" />',
        *(line for task in tasks for line in _task(task)),
        '    <bpmn:endEvent id="end" />',
        *(_flow(source, target) for source, target in pairwise(ids)),
        *([extra] if extra else []),
        "  </bpmn:process>",
        *(_diagram(process_id, ids) if has_diagram else []),
        "</bpmn:definitions>",
    ]
    return "\n".join(lines).encode()


def _version_tag(tag: str) -> list[str]:
    if not tag:
        return []
    return [
        "    <bpmn:extensionElements>",
        f'      <zeebe:versionTag value="{_attribute(tag)}" />',
        "    </bpmn:extensionElements>",
    ]


def _task(task: ServiceTask) -> list[str]:
    retries = "" if task.retries is None else f' retries="{_attribute(task.retries)}"'
    return [
        f'    <bpmn:serviceTask id="{_attribute(task.id)}" name="{_attribute(task.name)}">',
        "      <bpmn:extensionElements>",
        f'        <zeebe:taskDefinition type="{_attribute(task.type)}"{retries} />',
        *_headers(task.headers),
        *_mappings(task),
        "      </bpmn:extensionElements>",
        *([task.extra] if task.extra else []),
        "    </bpmn:serviceTask>",
    ]


def _headers(headers: Mapping[str, str]) -> list[str]:
    if not headers:
        return []
    return [
        "        <zeebe:taskHeaders>",
        *(
            f'          <zeebe:header key="{_attribute(key)}" value="{_attribute(value)}" />'
            for key, value in headers.items()
        ),
        "        </zeebe:taskHeaders>",
    ]


def _mappings(task: ServiceTask) -> list[str]:
    if not task.inputs and not task.outputs:
        return []
    return [
        "        <zeebe:ioMapping>",
        *_mapping_lines("input", task.inputs),
        *_mapping_lines("output", task.outputs),
        "        </zeebe:ioMapping>",
    ]


def _mapping_lines(tag: str, mappings: Iterable[tuple[str, str]]) -> list[str]:
    return [
        f'          <zeebe:{tag} source="{_attribute(source)}" target="{_attribute(target)}" />'
        for source, target in mappings
    ]


def _flow(source: str, target: str) -> str:
    source, target = _attribute(source), _attribute(target)
    return f'    <bpmn:sequenceFlow id="{source}_to_{target}" sourceRef="{source}" targetRef="{target}" />'


def _diagram(process_id: str, ids: Sequence[str]) -> list[str]:
    """Boxes and arrows from left to right, so that every viewer shows the process."""
    plane = _attribute(process_id)
    lines = [
        '  <bpmndi:BPMNDiagram id="diagram">',
        f'    <bpmndi:BPMNPlane id="plane" bpmnElement="{plane}">',
    ]
    left, boxes = 160, []
    for element_id in ids:
        width, height = (36, 36) if element_id in {"start", "end"} else (100, 80)
        boxes.append((_attribute(element_id), left, width, height))
        left += width + 60
    for element_id, x, width, height in boxes:
        bounds = f'<dc:Bounds x="{x}" y="{120 - height // 2}" width="{width}" height="{height}" />'
        lines.append(f'      <bpmndi:BPMNShape id="{element_id}_di" bpmnElement="{element_id}">')
        lines.append(f"        {bounds}")
        lines.append("      </bpmndi:BPMNShape>")
    for (source, x, width, _), (target, next_x, _, _) in pairwise(boxes):
        flow = f"{source}_to_{target}"
        lines.append(f'      <bpmndi:BPMNEdge id="{flow}_di" bpmnElement="{flow}">')
        lines.append(f'        <di:waypoint x="{x + width}" y="120" /><di:waypoint x="{next_x}" y="120" />')
        lines.append("      </bpmndi:BPMNEdge>")
    return [*lines, "    </bpmndi:BPMNPlane>", "  </bpmndi:BPMNDiagram>"]


def _attribute(text: str) -> str:
    return escape(text, quote=True).replace("\n", "&#10;")
