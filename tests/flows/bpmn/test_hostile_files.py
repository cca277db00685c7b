"""Any bytes, and other people's files, end in a process or in a refusal with lines, never in an exception."""

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from samples.processes import BPMN, ZEEBE, ServiceTask, process_xml
from taskloom.flows.bpmn.check import read_processes
from taskloom.flows.bpmn.problems import NotDeployable

SHARED = Path(os.environ.get("TASKLOOM_SHARED", Path(__file__).parents[4] / "shared"))

VALID = process_xml(
    [
        ServiceTask(id="a", type="x", retries="2", headers={"k": "v"}, inputs=[("s", "t.u")], name="A"),
        ServiceTask(id="b", type="y", outputs=[("", "o")]),
    ],
    version_tag="1",
)

tags = st.sampled_from(
    [
        "process",
        "startEvent",
        "endEvent",
        "serviceTask",
        "sequenceFlow",
        "extensionElements",
        "zeebe:taskDefinition",
        "zeebe:taskHeaders",
        "zeebe:header",
        "zeebe:ioMapping",
        "zeebe:input",
        "zeebe:output",
        "zeebe:versionTag",
        "timerEventDefinition",
        "conditionExpression",
        "subProcess",
        "documentation",
        "incoming",
    ]
)
attributes = st.dictionaries(
    st.sampled_from(
        ["id", "isExecutable", "sourceRef", "targetRef", "type", "retries", "key", "source", "target"]
    ),
    st.sampled_from(["", "a", "b", "true", "1", "x.y", "x..y", "= a", "=", "é", "3"]),
)


def element(tag, attributes, children):
    written = "".join(f' {name}="{value}"' for name, value in attributes.items())
    return f"<{tag}{written}>{''.join(children)}</{tag}>\n"


trees = st.recursive(
    st.builds(element, tags, attributes, st.just([])),
    lambda inner: st.builds(element, tags, attributes, st.lists(inner, max_size=6)),
    max_leaves=30,
)


def ends_well(document: bytes) -> None:
    answer = read_processes(document, "any.bpmn")
    if not isinstance(answer, NotDeployable):
        assert answer
        return
    lines = document.count(b"\n") + document.count(b"\r") + 1
    assert answer.problems
    for problem in answer.problems:
        assert 1 <= problem.line <= lines
        assert problem.text
    assert f"(line {answer.problems[0].line})" in answer.describe()


@settings(max_examples=300, deadline=None)
@given(st.lists(trees, max_size=5))
def test_any_tree_of_known_words_is_read_or_refused(inside):
    body = "".join(inside)
    head = f'<definitions xmlns="{BPMN}" xmlns:zeebe="{ZEEBE}">\n<process id="p" isExecutable="true">\n'
    ends_well(f"{head}{body}</process></definitions>".encode())


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_any_damage_to_a_good_file_is_survived(data):
    position = data.draw(st.integers(0, len(VALID)))
    length = data.draw(st.integers(0, 40))
    patch = data.draw(st.one_of(st.binary(max_size=10), st.text(max_size=5).map(str.encode)))
    ends_well(VALID[:position] + patch + VALID[position + length :])


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_survived(noise):
    ends_well(noise)


@pytest.mark.shared
def test_other_peoples_files_are_read_or_refused_with_a_line_and_a_reason():
    files = sorted((SHARED / "bpmn").glob("*.bpmn"))
    assert len(files) >= 35
    for file in files:
        ends_well(file.read_bytes())


@pytest.mark.shared
@pytest.mark.parametrize(
    "name",
    [
        "jssdk-Client-SkipFirstTask",
        "jssdk-Client-Update-Job-Timeout",
        "jssdk-MigrateProcess-Version-1",
        "jssdk-Worker-Failure-Retries",
        "jssdk-hello-world-complete",
        "jssdk-job-complete-error-test",
        "zpt-start-end",
    ],
)
def test_other_peoples_rows_of_service_tasks_can_be_deployed(name):
    file = SHARED / "bpmn" / f"{name}.bpmn"
    assert isinstance(read_processes(file.read_bytes(), file.name), tuple)


@pytest.mark.shared
def test_the_model_that_is_meant_to_be_refused_is_refused_for_its_empty_type():
    file = SHARED / "bpmn" / "jssdk-Client-BrokenBpmn.bpmn"
    answer = read_processes(file.read_bytes(), file.name)
    assert isinstance(answer, NotDeployable)
    assert any("'type'" in problem.text and problem.line == 9 for problem in answer.problems)
