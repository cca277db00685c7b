"""What may be deployed, and that each refusal names the element, the reason and the line."""

import pytest

from samples.processes import BPMN, ZEEBE, ServiceTask, process_xml, row_of_tasks
from taskloom.flows.bpmn.check import read_processes
from taskloom.flows.bpmn.limits import ELEMENTS_MAX, PROBLEMS_REPORTED_MAX
from taskloom.flows.bpmn.problems import NotDeployable

HEAD = f'<definitions xmlns="{BPMN}" xmlns:zeebe="{ZEEBE}" xmlns:x="urn:other" id="d">\n'
ROW = '<startEvent id="s"/><sequenceFlow id="f" sourceRef="s" targetRef="e"/><endEvent id="e"/>'


def document(body: str, *, process: str = '<process id="p" isExecutable="true">') -> bytes:
    """The process begins in line 2, the body in line 3."""
    return f"{HEAD}{process}\n{body}\n</process></definitions>".encode()


def task(body: str, attributes: str = "") -> bytes:
    """A row with one service task, which begins in line 3 and whose body stands in line 4."""
    flows = (("s", "t"), ("t", "e"))
    written = (f'<sequenceFlow id="{a}{b}" sourceRef="{a}" targetRef="{b}"/>' for a, b in flows)
    inside = f'<serviceTask id="t" {attributes}>\n{body}\n</serviceTask>'
    return document(f'{inside}<startEvent id="s"/><endEvent id="e"/>{"".join(written)}')


def extended(extensions: str, rest: str = "") -> bytes:
    return task(f"<extensionElements>{extensions}</extensionElements>{rest}")


def refusals(xml: bytes) -> list[tuple[str, int, str]]:
    answer = read_processes(xml, "test.bpmn")
    assert isinstance(answer, NotDeployable)
    return [(problem.element, problem.line, problem.text) for problem in answer.problems]


JOB = '<zeebe:taskDefinition type="w"/>'

REFUSED = {
    "no executable process": (
        document(ROW, process='<process id="p">'),
        ("d", 1, "Must contain at least one executable process"),
    ),
    "no start event": (document('<endEvent id="e"/>'), ("p", 2, "Must have at least one start event")),
    "two start events": (
        document(f'{ROW}\n<startEvent id="s2"/>'),
        ("s2", 4, "Must be the only none start event of its process"),
    ),
    "unknown element": (
        document(f'{ROW}\n<exclusiveGateway id="g"/>'),
        ("g", 4, "The element 'exclusiveGateway' is not supported"),
    ),
    "element BPMN does not have": (
        document(f'{ROW}\n<coffeeBreak id="g"/>'),
        ("g", 4, "The element 'coffeeBreak' is not supported"),
    ),
    "event with a definition": (
        document(f'{ROW}\n<endEvent id="x"><errorEventDefinition/></endEvent>'),
        ("x", 4, "The element 'endEvent' with 'errorEventDefinition' is not supported"),
    ),
    "event with a referenced definition": (
        document(f'{ROW}\n<endEvent id="x"><eventDefinitionRef>y</eventDefinitionRef></endEvent>'),
        ("x", 4, "The element 'endEvent' with 'eventDefinitionRef' is not supported"),
    ),
    "only a refused start event": (
        document('<startEvent id="x"><timerEventDefinition/></startEvent>'),
        ("x", 3, "The element 'startEvent' with 'timerEventDefinition' is not supported"),
    ),
    "no id": (
        document(f"{ROW}\n<endEvent/>"),
        ("endEvent", 4, "Must have an id, but this 'endEvent' has none"),
    ),
    "id too long": (
        document(f'{ROW}\n<endEvent id="{"x" * 256}"/>'),
        ("x" * 100 + "...", 4, "The id is longer than 255 characters"),
    ),
    "process id with blanks": (
        document(ROW, process='<process id="a b" isExecutable="true">'),
        ("a b", 2, "The id of a process begins with a letter and has letters, digits, '_', '-' and '.' only"),
    ),
    "repeated id": (
        document(f'{ROW}\n<endEvent id="e"/>'),
        ("e", 4, "The id is used more than once in this file"),
    ),
    "two processes of one id": (
        document(f'{ROW}</process>\n<process id="p" isExecutable="true">{ROW}'),
        ("p", 4, "The id is used more than once in this file"),
    ),
    "flow to nowhere": (
        document(f'{ROW}\n<sequenceFlow id="g" sourceRef="s"/>'),
        ("g", 4, "The 'targetRef' of a sequence flow refers to nothing"),
    ),
    "flow from an unknown element": (
        document(f'{ROW}\n<sequenceFlow id="g" sourceRef="zzz" targetRef="e"/>'),
        ("g", 4, "The 'sourceRef' 'zzz' of a sequence flow is no element of this process"),
    ),
    "flow into the start": (
        document(f'{ROW}\n<sequenceFlow id="g" sourceRef="s" targetRef="s"/>'),
        ("g", 4, "The startEvent 's' cannot be the target of a sequence flow"),
    ),
    "flow out of the end": (
        document(f'{ROW}\n<sequenceFlow id="g" sourceRef="e" targetRef="e"/>'),
        ("g", 4, "The endEvent 'e' cannot be the source of a sequence flow"),
    ),
    "condition on a flow": (
        document(
            f'{ROW}\n<sequenceFlow id="g" sourceRef="s" targetRef="e">'
            "\n<conditionExpression>=a</conditionExpression></sequenceFlow>"
        ),
        ("g", 5, "'conditionExpression' is not supported on this sequence flow"),
    ),
    "no task definition": (
        task(""),
        ("t", 3, "Must have exactly one 'zeebe:taskDefinition' extension element"),
    ),
    "two task definitions": (
        extended(f"{JOB}\n{JOB}"),
        ("t", 5, "Must have at most one 'zeebe:taskDefinition' extension element"),
    ),
    "no type": (
        extended("<zeebe:taskDefinition/>"),
        ("t", 4, "Attribute 'type' of 'zeebe:taskDefinition' must be present and not empty"),
    ),
    "type too long": (
        extended(f'<zeebe:taskDefinition type="{"x" * 257}"/>'),
        ("t", 4, "Attribute 'type' of 'zeebe:taskDefinition' is longer than 256 characters"),
    ),
    "retries are no number": (
        extended('<zeebe:taskDefinition type="w" retries="many"/>'),
        ("t", 4, "The retries must be a number from 0 to 2147483647, but are 'many'"),
    ),
    "retries below zero": (
        extended('<zeebe:taskDefinition type="w" retries="-1"/>'),
        ("t", 4, "The retries must be a number from 0 to 2147483647, but are '-1'"),
    ),
    "retries too many": (
        extended('<zeebe:taskDefinition type="w" retries="2147483648"/>'),
        ("t", 4, "The retries must be a number from 0 to 2147483647, but are '2147483648'"),
    ),
    "header twice": (
        extended(
            f'{JOB}<zeebe:taskHeaders><zeebe:header key="k" value="1"/>\n'
            '<zeebe:header key="k" value="2"/></zeebe:taskHeaders>'
        ),
        ("t", 5, "The header 'k' is given twice"),
    ),
    "mapping without target": (
        extended(f'{JOB}<zeebe:ioMapping>\n<zeebe:input source="a"/></zeebe:ioMapping>'),
        ("t", 5, "The mapping target '' must be a variable name, or names joined by full stops"),
    ),
    "mapping target with an empty part": (
        extended(f'{JOB}<zeebe:ioMapping>\n<zeebe:output source="a" target="b..c"/></zeebe:ioMapping>'),
        ("t", 5, "The mapping target 'b..c' must be a variable name, or names joined by full stops"),
    ),
    "mapping target too deep": (
        extended(f'{JOB}<zeebe:ioMapping>\n<zeebe:output target="{".".join("a" * 21)}"/></zeebe:ioMapping>'),
        ("t", 5, "A mapping target has more than 20 parts"),
    ),
    "unknown part of a mapping": (
        extended(f"{JOB}<zeebe:ioMapping>\n<zeebe:inputs/></zeebe:ioMapping>"),
        ("t", 5, "'zeebe:inputs' is not supported in 'zeebe:ioMapping'"),
    ),
    "unknown part of the headers": (
        extended(f"{JOB}<zeebe:taskHeaders>\n<zeebe:input/></zeebe:taskHeaders>"),
        ("t", 5, "'zeebe:input' is not supported in 'zeebe:taskHeaders'"),
    ),
    "expression that is none": (
        extended('<zeebe:taskDefinition type="= a +"/>'),
        (
            "t",
            4,
            (
                "Failed to parse expression '= a +': "
                "Expected an expression, found the end of the text (line 1, column 4)"
            ),
        ),
    ),
    "unknown extension": (
        extended(f"{JOB}\n<zeebe:executionListeners/>"),
        ("t", 5, "The extension 'zeebe:executionListeners' is not supported on 'serviceTask'"),
    ),
    "extension outside": (
        extended(JOB, "\n<zeebe:ioMapping/>"),
        ("t", 5, "'zeebe:ioMapping' must stand inside 'extensionElements'"),
    ),
    "extension of the process": (
        document(f"<extensionElements>\n<zeebe:executionListeners/></extensionElements>{ROW}"),
        ("p", 4, "The extension 'zeebe:executionListeners' is not supported on 'process'"),
    ),
    "marker": (
        extended(JOB, "\n<multiInstanceLoopCharacteristics/>"),
        ("t", 5, "'multiInstanceLoopCharacteristics' is not supported on 'serviceTask'"),
    ),
    "compensation": (
        task(f"<extensionElements>{JOB}</extensionElements>", 'isForCompensation="true"'),
        ("t", 3, "The attribute 'isForCompensation' is not supported with the value 'true'"),
    ),
    "unknown attribute of the engine": (
        task(f"<extensionElements>{JOB}</extensionElements>", 'zeebe:secret="1"'),
        ("t", 3, "The attribute 'zeebe:secret' is not supported"),
    ),
    "name too long": (
        task(f"<extensionElements>{JOB}</extensionElements>", f'name="{"n" * 4001}"'),
        ("t", 3, "The name is longer than 4000 characters"),
    ),
    "not BPMN": (
        b"<a/>",
        ("definitions", 1, "Must be a BPMN 2.0 document, but the outermost element is 'a'"),
    ),
    "another namespace": (
        b'<definitions xmlns="urn:x"/>',
        ("definitions", 1, "Must be a BPMN 2.0 document, but the outermost element is 'definitions'"),
    ),
    "not XML": (b"<a>\n<b></a>", ("definitions", 2, "Not readable as XML: mismatched tag")),
    "empty file": (b"", ("definitions", 1, "Not readable as XML: no element found")),
    "entities": (
        b'<!DOCTYPE a [<!ENTITY e "x">]><a>&e;</a>',
        ("definitions", 1, "Not readable as XML: DOCTYPE and entity declarations are not allowed"),
    ),
}


@pytest.mark.parametrize(("xml", "expected"), REFUSED.values(), ids=REFUSED.keys())
def test_each_refusal_names_element_line_and_reason(xml, expected):
    found = refusals(xml)
    assert expected in found


@pytest.mark.parametrize(
    "name",
    [name for name in REFUSED if name not in {"two processes of one id", "repeated id", "type too long"}],
)
def test_a_fault_is_reported_once_and_brings_no_other_with_it(name):
    assert len(refusals(REFUSED[name][0])) == 1


def test_all_faults_of_a_file_are_told_together_grouped_by_element():
    bad = ServiceTask(id="t", type="", retries="x")
    answer = read_processes(process_xml([bad], extra='<bpmn:task id="u"/>'), "order.bpmn")
    assert isinstance(answer, NotDeployable)
    assert answer.describe() == (
        "'order.bpmn': - Element: t\n"
        "    - ERROR: Attribute 'type' of 'zeebe:taskDefinition' must be present and not empty (line 8)\n"
        "    - ERROR: The retries must be a number from 0 to 2147483647, but are 'x' (line 8)\n"
        "- Element: u\n"
        "    - ERROR: The element 'task' is not supported (line 14)"
    )


def test_the_text_of_a_refusal_stays_short_whatever_the_file_holds():
    many = "".join(f'<task id="{"i" * 200}{number}"/>' for number in range(1_000))
    answer = read_processes(document(f"{ROW}{many}"), "f" * 10_000)
    assert isinstance(answer, NotDeployable)
    assert len(answer.problems) == 1_000
    assert answer.describe().endswith(f"- and {1_000 - PROBLEMS_REPORTED_MAX} more errors")
    assert len(answer.describe()) < 30_000


def test_a_file_may_have_so_many_elements_and_no_more():
    assert isinstance(read_processes(row_of_tasks(ELEMENTS_MAX - 2), "big.bpmn"), tuple)
    answer = read_processes(row_of_tasks(ELEMENTS_MAX - 1), "big.bpmn")
    assert isinstance(answer, NotDeployable)
    assert [problem.text for problem in answer.problems] == [
        f"The file has more than {ELEMENTS_MAX} elements"
    ]


def test_a_file_of_more_than_five_megabytes_is_refused_unread():
    (problem,) = refusals(b" " * (5 * 1024 * 1024 + 1))
    assert problem == ("definitions", 1, "Not readable as XML: the document is larger than 5242880 bytes")


def test_what_has_no_effect_is_accepted():
    body = """<documentation>why</documentation>
<extensionElements><zeebe:properties/><zeebe:userTaskForm id="u"/><x:note>hello</x:note></extensionElements>
<laneSet id="l"><lane id="l1"><flowNodeRef>s</flowNodeRef></lane></laneSet>
<dataObject id="o"/><dataObjectReference id="o1" dataObjectRef="o"/><dataStoreReference id="o2"/>
<textAnnotation id="a"><text>note</text></textAnnotation><association id="a1" sourceRef="s" targetRef="a"/>
<group id="g"/>
<startEvent id="s" zeebe:modelerTemplate="t"><documentation/><outgoing>f</outgoing></startEvent>
<sequenceFlow id="f" name="on" sourceRef="s" targetRef="e"><documentation/></sequenceFlow>
<endEvent id="e" x:color="red"><incoming>f</incoming><dataInputAssociation id="i"/></endEvent>"""
    around = document(body).replace(
        b'<process id="p"',
        b'<collaboration id="c"><participant id="q" processRef="p"/></collaboration><message id="m"/>'
        b'<process id="other"><task id="z"/></process><process id="p"',
    )
    (process,) = read_processes(around, "test.bpmn")
    assert list(process.elements) == ["p", "s", "e"]


def test_name_version_tag_and_start_are_read():
    xml = process_xml([ServiceTask(id="t", type="w", name="Work")], "order", name="Order", version_tag="v7")
    (process,) = read_processes(xml, "order.bpmn")
    assert (process.id, process.name, process.version_tag, process.start) == ("order", "Order", "v7", "start")
    assert process.elements["t"].name == "Work"


def test_every_executable_process_of_a_file_is_read():
    second = ROW.replace('"s"', '"s2"').replace('"e"', '"e2"').replace('"f"', '"f2"')
    processes = read_processes(
        document(f'{ROW}</process><process id="q" isExecutable="1">{second}'), "two.bpmn"
    )
    assert [process.id for process in processes] == ["p", "q"]


def test_a_row_without_retries_has_three_and_an_empty_attribute_says_nothing():
    for retries in (None, "", " "):
        (process,) = read_processes(process_xml([ServiceTask(id="t", type="w", retries=retries)]), "r.bpmn")
        assert process.elements["t"].details.job.retries.text == "3"
