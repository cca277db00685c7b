"""`taskloom dmn`."""

import io
import json

import pytest

from taskloom.cli.main import main
from tests.dmn.modelling import (
    column,
    decision,
    href,
    input_data,
    knowledge_model,
    model,
    output,
    service,
    table,
)

TESTS = """<testCases xmlns="http://www.omg.org/spec/DMN/20160719/testcase"
    xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xsd="http://www.w3.org/2001/XMLSchema">
  <modelName>main.dmn</modelName>{cases}</testCases>"""


def case(number, node, expected, given=""):
    result = f'<resultNode name="{node}"><expected>{expected}</expected></resultNode>'
    return f'<testCase id="{number}">{given}{result}</testCase>'


@pytest.fixture
def folder(tmp_path):
    """A model, the one it imports, and a broken neighbour."""
    rules = [('"a"', "1"), ('"b"', "2")]
    main_model = model(
        input_data("x", "string"),
        input_data("day", "date"),
        decision("Price", table([column("x", label="The x")], [output()], rules), "number", inputs=["x"]),
        decision("Year", "day.year", inputs=["day"]),
        decision("Imported", "lib.base + 1", decisions=[href("base", "urn:lib")]),
        decision("Endless", "f(1)", knowledge=["f"]),
        knowledge_model("f", {"n": "number"}, "f(n + 1)"),
        knowledge_model("double", {"n": "number"}, "n * 2"),
        service("Prices", ["Price"], inputs=["x"]),
        imports={"lib": "urn:lib"},
    )
    (tmp_path / "main.dmn").write_bytes(main_model)
    (tmp_path / "lib.dmn").write_bytes(model(decision("base", "41"), namespace="urn:lib", name="lib"))
    (tmp_path / "broken.dmn").write_text("<definitions")
    return tmp_path


@pytest.mark.parametrize(
    ("wanted", "given", "printed"),
    [
        (["--decision", "Price"], '{"x": "b"}', "2"),
        (["--decision", "id_Price"], '{"x": "c"}', "null"),
        (["--decision", "Year"], '{"day": "2024-02-03"}', "2024"),
        (["--decision", "Imported"], "{}", "42"),
        (["--service", "Prices"], '{"x": "a"}', "1"),
        (["--bkm", "double"], '{"n": 2.25}', "4.5"),
    ],
)
def test_evaluate_prints_the_value_as_json(wanted, given, printed, folder, capsys):
    assert main(["dmn", "evaluate", str(folder / "main.dmn"), *wanted, "--input", given]) == 0
    assert capsys.readouterr().out == printed + "\n"


def test_inputs_may_come_from_standard_input(folder, capsys, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO('{"x": "a"}'))
    assert main(["dmn", "evaluate", str(folder / "main.dmn"), "--decision", "Price", "--input", "-"]) == 0
    assert capsys.readouterr().out == "1\n"


def test_the_trace_shows_inputs_rules_and_outputs(folder, capsys):
    arguments = ["--decision", "Price", "--input", '{"x": "b"}', "--trace"]
    assert main(["dmn", "evaluate", str(folder / "main.dmn"), *arguments]) == 0
    [record] = json.loads(capsys.readouterr().out)["decisions"]
    [hit] = record["tables"]
    assert hit["inputs"] == [{"id": "id_x", "label": "The x", "value": "b"}]
    assert hit["rules"] == [{"id": "rule2", "index": 2, "outputs": [{"id": None, "name": None, "value": 2}]}]


def test_faults_and_warnings_go_to_standard_error(folder, capsys):
    assert (
        main(["dmn", "evaluate", str(folder / "main.dmn"), "--decision", "Price", "--input", '{"x": 1}']) == 0
    )
    printed = capsys.readouterr()
    assert printed.out == "null\n"
    assert "the input 'x' does not have the declared type" in printed.err


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["--decision", "Nothing"], 2, "no decision 'Nothing'; it has: Price"),
        (["--decision", "Price", "--input", "{"], 2, "no JSON"),
        (["--decision", "Price", "--input", "[]"], 2, "must be a JSON object"),
        (["--decision", "Endless"], 1, "levels"),
    ],
)
def test_what_goes_wrong_is_said(arguments, status, message, folder, capsys):
    assert main(["dmn", "evaluate", str(folder / "main.dmn"), *arguments]) == status
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(("name", "status"), [("none.dmn", 2), ("broken.dmn", 1)])
def test_a_file_that_cannot_be_read_is_named(name, status, folder, capsys):
    assert main(["dmn", "validate", str(folder / name)]) == status
    assert name in capsys.readouterr().err


def test_validate_prints_problems_with_their_lines(folder, capsys):
    assert main(["dmn", "validate", str(folder / "main.dmn")]) == 0
    assert capsys.readouterr().out == "0 errors, 0 warnings\n"

    (folder / "wrong.dmn").write_bytes(model(decision("A", "1 +"), decision("B", "2", "tNothing")))
    assert main(["dmn", "validate", str(folder / "wrong.dmn")]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "1 errors, 1 warnings"
    assert any(line.startswith("error: test, line 1: '1 +' is no FEEL") for line in lines)


def test_the_kit_prints_value_cases_null_cases_and_totals(folder, capsys):
    given = '<inputNode name="x"><value xsi:type="xsd:string">a</value></inputNode>'
    cases = [
        case(1, "Price", '<value xsi:type="xsd:decimal">1.000000001</value>', given),
        case(2, "Price", '<value xsi:type="xsd:decimal">2</value>', given),
        case(3, "Price", '<value xsi:nil="true"/>'),
        case(4, "Price", '<value xsi:nil="true"/>', given),
        case(5, "Nothing", '<value xsi:nil="true"/>'),
    ]
    (folder / "a.xml").write_text(TESTS.format(cases="".join(cases)))
    (folder / "other.xml").write_text("<something/>")

    assert main(["dmn", "tck", str(folder)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith("/2/Price: expected 2, got 1")
    assert lines[1] == "value cases: 1 passed, 1 failed"
    assert lines[2].endswith("/4/Price: expected null, got 1")
    assert "the model has no decision 'Nothing'" in lines[3]
    assert lines[4:] == ["null cases: 1 passed, 2 failed", "2 passed, 3 failed"]


def test_the_kit_fails_cases_without_a_model_and_files_that_are_no_xml(folder, capsys):
    (folder / "main.dmn").unlink()
    (folder / "a.xml").write_text(TESTS.format(cases=case(1, "Price", "<value>1</value>")))
    (folder / "b.xml").write_text("<testCases")
    assert main(["dmn", "tck", str(folder)]) == 1
    assert capsys.readouterr().out.splitlines()[-1] == "0 passed, 2 failed"


def test_the_kit_without_cases_or_folder_is_no_success(tmp_path, capsys):
    assert main(["dmn", "tck", str(tmp_path)]) == 1
    assert capsys.readouterr().out.splitlines()[-1] == "0 passed, 0 failed"
    assert main(["dmn", "tck", str(tmp_path / "none")]) == 2
