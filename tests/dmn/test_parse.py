"""DMN XML: what is refused, with its line."""

import pytest

from taskloom.dmn import DmnError, compile_model, parse_dmn
from tests.dmn.modelling import NAMESPACE, decision, model

HEAD = f'<definitions xmlns="{NAMESPACE}" namespace="urn:t" name="t">\n'


@pytest.mark.parametrize(
    ("inner", "line", "message"),
    [
        ("<decision/>", 2, "<decision> has no name"),
        ('<decision name="D">\n<context><contextEntry/></context></decision>', 3, "holds no expression"),
        (
            '<decision name="D"><relation>\n<column name="a"/><row/></relation></decision>',
            3,
            "0 cells for 1 columns",
        ),
        (
            '<decision name="D"><decisionTable hitPolicy="BEST"><output/></decisionTable></decision>',
            2,
            "hit policy 'BEST'",
        ),
        (
            '<decision name="D"><decisionTable aggregation="AVG"><output/></decisionTable></decision>',
            2,
            "'AVG'",
        ),
        ('<decision name="D"><decisionTable/></decision>', 2, "has no output"),
        ('<decision name="D"><decisionTable><input/></decisionTable></decision>', 2, "has no expression"),
        (
            '<decision name="D"><decisionTable><output/>\n<rule/></decisionTable></decision>',
            3,
            "one cell for each column",
        ),
        ('<decision name="D"><conditional/></decision>', 2, "has no <if>"),
        ('<decision name="D"><for><in/></for></decision>', 2, "has no iteratorVariable"),
        (
            '<decision name="D"><informationRequirement><requiredInput/></informationRequirement></decision>',
            2,
            "href",
        ),
        ('<import name="x"/>', 2, "has no namespace"),
        ("<itemDefinition/>", 2, "has no name"),
        ("<decision", 3, "not well-formed"),
    ],
)
def test_malformed_models_are_refused_with_a_line(inner, line, message):
    with pytest.raises(DmnError, match=message) as caught:
        parse_dmn(f"{HEAD}{inner}\n</definitions>".encode())
    assert caught.value.line == line


@pytest.mark.parametrize(
    "document", [b"", b"<definitions/>", b"<html/>", b"<!DOCTYPE x><definitions/>", model()[:-5], b'{"a": 1}']
)
def test_what_is_no_dmn_is_refused(document):
    with pytest.raises(DmnError):
        compile_model(document)


def test_names_are_normalised_and_extensions_passed_over():
    inner = (
        '<extensionElements><decision name="no"/></extensionElements>'
        '<decision name="  two\n words " id="d"><x:extra xmlns:x="urn:x"/><variable name="two words"/>'
        "<literalExpression><description>d</description><text>1</text></literalExpression></decision>"
    )
    parsed = parse_dmn(f"{HEAD}{inner}</definitions>".encode())
    assert [found.name for found in parsed.decisions] == ["two words"]


def test_deeply_nested_expressions_end_in_a_problem_or_a_refusal():
    logic = "<list>" * 190 + "<literalExpression><text>1</text></literalExpression>" + "</list>" * 190
    made = compile_model(model(decision("D", logic)))
    assert made.decision("D", {}).failure is None
    with pytest.raises(DmnError, match="nested deeper"):
        compile_model(model(decision("D", "<list>" * 300 + "</list>" * 300)))
