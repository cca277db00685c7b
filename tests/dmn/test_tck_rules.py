"""How the kit's files are read and results judged."""

from decimal import Decimal

import pytest

from taskloom.dmn import DmnError, compile_model
from taskloom.dmn.tck.cases import parse_test_file
from taskloom.dmn.tck.compare import agrees
from taskloom.dmn.tck.runner import run_file
from taskloom.feel import DEFAULT_ENVIRONMENT, Date, DateTime, DayTimeDuration, Time, YearMonthDuration
from tests.dmn.modelling import decision, input_data, knowledge_model, model, service

HEAD = (
    '<testCases xmlns="http://www.omg.org/spec/DMN/20160719/testcase" '
    'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xsd="http://www.w3.org/2001/XMLSchema">'
)


def file_of(inner):
    return parse_test_file(f"{HEAD}<modelName>m</modelName>{inner}</testCases>".encode())


def value_of(inner):
    return (
        file_of(f'<testCase id="1"><inputNode name="x">{inner}</inputNode></testCase>')
        .cases[0]
        .inputs[0]
        .value
    )


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("string", " a ", " a "),
        ("decimal", "-1.50", Decimal("-1.50")),
        ("double", "1E3", 1000),
        ("integer", "+7", 7),
        ("boolean", "true", True),
        ("date", "2024-02-03", Date.of(2024, 2, 3)),
        ("time", "10:00:00Z", Time(36_000_000_000_000, 0)),
        ("dateTime", "2024-02-03T00:00:00", DateTime(Date.of(2024, 2, 3).days, 0)),
        ("duration", "P1Y", YearMonthDuration(12)),
        ("duration", "PT1S", DayTimeDuration(1_000_000_000)),
    ],
)
def test_plain_values(kind, text, value):
    assert value_of(f'<value xsi:type="xsd:{kind}">{text}</value>') == value


def test_lists_components_nulls_and_untyped_texts():
    assert value_of('<value xsi:nil="true"/>') is None
    assert value_of("<value>5</value>") == "5"
    assert value_of("<list/>") == []
    items = (
        '<item><component name="a  b"><value>x</value></component></item><item><value xsi:nil="1"/></item>'
    )
    assert value_of(f"<list>{items}</list>") == [{"a b": "x"}, None]


def test_unknown_types_and_broken_files_are_refused():
    with pytest.raises(DmnError, match="anyURI"):
        value_of('<value xsi:type="xsd:anyURI">x</value>')
    with pytest.raises(DmnError):
        parse_test_file(b"<testCases>")
    assert parse_test_file(b"<other/>") is None


@pytest.mark.parametrize(
    ("expected", "actual", "same"),
    [
        (1, Decimal("1.000000001"), True),
        (1, Decimal("1.0000001"), False),
        (0, Decimal("1e-9"), True),
        (Decimal("1e20"), Decimal("1.000000001e20"), True),
        (1, True, False),
        (True, True, True),
        (1, "1", False),
        (None, None, True),
        (None, False, False),
        (0, None, False),
        ([1, "a"], [1, "a"], True),
        ([1], [1, 2], False),
        ([1, 2], [2, 1], False),
        ([1], 1, False),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, True),
        ({"a": 1}, {"a": 1, "b": None}, False),
        ({"a": 1}, {"a": 2}, False),
        (Time(5, 0), Time(5, None, "Etc/UTC"), True),
        (Time(5, 0), Time(5), False),
        (DateTime(1, 5, 3600), DateTime(1, 5, 3600), True),
        (DateTime(1, 5, 3600), DateTime(1, 5, 0), False),
        (Date(5), Date(5), True),
        (Date(5), DateTime(5, 0), False),
        (YearMonthDuration(12), YearMonthDuration(12), True),
        (YearMonthDuration(0), DayTimeDuration(0), False),
    ],
)
def test_values_are_compared_by_what_they_mean(expected, actual, same):
    assert agrees(expected, actual) is same


def test_services_and_knowledge_models_are_invoked_by_name():
    made = compile_model(
        model(
            input_data("a"),
            decision("d", "a + 1", inputs=["a"]),
            decision("e", "a + 2", inputs=["a"]),
            service("one", ["d"], inputs=["a"]),
            service("two", ["d", "e"], inputs=["a"]),
            knowledge_model("f", {"a": None}, "a * 10"),
        )
    )
    given = '<inputNode name="a"><value xsi:type="xsd:decimal">1</value></inputNode>'

    def node(name, value):
        expected = f'<expected><value xsi:type="xsd:decimal">{value}</value></expected>'
        return f'<resultNode name="{name}">{expected}</resultNode>'

    asks = 'type="decisionService" invocableName'
    tests = file_of(
        f'<testCase id="1" {asks}="one">{given}{node("d", 2)}</testCase>'
        f'<testCase id="2" {asks}="two">{given}{node("d", 2)}{node("e", 3)}</testCase>'
        f'<testCase id="3" type="bkm" invocableName="f">{given}{node("f", 10)}</testCase>'
        f'<testCase id="4">{given}{node("d", 2)}</testCase>'
    )
    assert [(result.case, result.passed) for result in run_file(tests, made)] == [
        ("1", True),
        ("2", True),
        ("2", True),
        ("3", True),
        ("4", True),
    ]


def test_a_slow_case_fails_whatever_it_gives():
    made = compile_model(model(decision("d", "1")))
    node = '<resultNode name="d"><expected><value xsi:type="xsd:decimal">1</value></expected></resultNode>'
    ticks = iter([0.0, 1.5])
    [result] = run_file(
        file_of(f'<testCase id="1">{node}</testCase>'), made, DEFAULT_ENVIRONMENT, lambda: next(ticks)
    )
    assert not result.passed
    assert result.notes == ("it took 1.5 s",)
