"""Decision tables: matching, hit policies, aggregation, defaults, and the index against plain evaluation."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taskloom.dmn import compile_model
from taskloom.dmn.cells import cell_of
from taskloom.dmn.index import ColumnIndex
from taskloom.feel import Date, DayTimeDuration, Dialect, Run, compile_unary_tests
from tests.dmn.modelling import column, decision, input_data, item, model, output, table

X = [column("x")]


def compiled(logic, *parts, type_ref=None, names=("x",), dialect=Dialect.DMN):
    inputs = [input_data(name) for name in names]
    made = compile_model(
        model(*parts, *inputs, decision("D", logic, type_ref, inputs=names)), dialect=dialect
    )
    assert not made.errors
    return made


def value_of(logic, x, *parts, **options):
    return compiled(logic, *parts, **options).decision("D", {"x": x}).value


# ---- matching


@pytest.mark.parametrize(
    ("cell", "matching", "other"),
    [
        ("-", [1, "a", None, True, [1], {"a": 1}], []),
        ("", [1, None], []),
        ("5", [5, Decimal("5.0")], [4, "5", None, True, [5]]),
        ("-5", [-5], [5]),
        ('"a"', ["a"], ["b", 1, None]),
        ('"a", "b"', ["a", "b"], ["c"]),
        ('["a", "b"]', ["a", "b", ["a", "b"]], ["c", ["a"]]),
        ("null", [None], [1]),
        ("true", [True], [False, 1, "a", None]),
        ("limit = 7", [True, 1, "a", None], [False]),
        ("1 = 1", [True, 1, None], [False]),
        ("limit = 8", [False], [True, 1, None]),
        ("false", [False], [True, 1, None]),
        ("< 5", [4, Decimal("4.9")], [5, 6, "a", None]),
        (">= 5", [5, 6], [4]),
        ("[1..5]", [1, 3, 5], [0, 6, "3", None]),
        ("(1..5)", [2, 4], [1, 5]),
        ("]1..5]", [5], [1]),
        ("[5..5]", [5], [4]),
        ("[5..1]", [], [1, 3, 5]),
        ('["a".."c"]', ["a", "b", "bz", "c"], ["d"]),
        ("< 2, > 4, 3", [1, 3, 5], [2, 4]),
        ("not(5)", [4, None], [5, "a"]),
        ("not(< 5, 7)", [5, 6], [4, 7, None]),
        ('not("a")', ["b", None], ["a", 1]),
        ("!= 5", [4, None], [5]),
        ("= 5", [5], [4]),
        ('date("2024-01-31")', [Date.of(2024, 1, 31)], [Date.of(2024, 1, 30)]),
        ('>= date("2024-01-31")', [Date.of(2024, 2, 1)], [Date.of(2024, 1, 30), 5]),
        ('< duration("PT1H")', [DayTimeDuration(1)], [DayTimeDuration(4_000_000_000_000)]),
        ("? > 3 and ? < 6", [4], [3, 6]),
        ("limit", [7], [8]),
        ("> limit", [8], [7]),
        ("x * 2 = 8", [4], [5]),
        ("string length(?) = 3", ["abc"], ["ab", 3]),
    ],
)
def test_a_cell_lets_values_pass(cell, matching, other):
    logic = table(X, [output()], [(cell, '"hit"')])
    made = compiled(logic, names=("x", "limit"))

    def hit(value):
        return made.decision("D", {"x": value, "limit": 7}).value == "hit"

    assert [value for value in matching if not hit(value)] == []
    assert [value for value in other if hit(value)] == []


def test_all_columns_must_match():
    logic = table(
        [column("x"), column("y")], [output()], [("> 1", '"a"', "1"), ("> 1", '"b"', "2"), ("-", '"c"', "3")]
    )
    made = compiled(logic, names=("x", "y"))
    assert [made.decision("D", {"x": 2, "y": y}).value for y in "abcd"] == [1, 2, 3, None]


def test_a_table_without_inputs_has_its_only_rule():
    assert value_of(table([], [output()], [("1 + 1",)]), None) == 2


def test_an_input_that_is_not_allowed_is_a_fault_and_null():
    logic = table([column("x", values='"a", "b"')], [output()], [("-", "1")])
    made = compiled(logic)
    assert made.decision("D", {"x": "a"}).value == 1
    assert made.decision("D", {"x": None}).value == 1
    outcome = made.decision("D", {"x": "c"})
    assert outcome.value is None
    assert [fault.code for fault in outcome.faults] == ["input_values"]


def test_camunda_does_not_check_allowed_inputs():
    logic = table([column("x", "string", values='"a", "b"')], [output()], [("-", "1")])
    assert value_of(logic, "c", dialect=Dialect.CAMUNDA) == 1
    assert value_of(logic, 5, dialect=Dialect.CAMUNDA) == 1


def test_outputs_may_be_expressions_of_everything_in_scope():
    assert value_of(table(X, [output()], [("> 1", "x + 1")]), 5) == 6


# ---- hit policies

RULES = [("> 0", '"low"'), ("> 10", '"high"'), ("> 20", '"low"')]


@pytest.mark.parametrize(
    ("policy", "x", "expected"),
    [
        (None, 5, "low"),
        (None, 15, None),
        ("UNIQUE", 5, "low"),
        ("UNIQUE", 15, None),
        ("UNIQUE", 0, None),
        ("FIRST", 25, "low"),
        ("FIRST", 0, None),
        ("ANY", 5, "low"),
        ("ANY", 15, None),
        ("PRIORITY", 25, "high"),
        ("OUTPUT ORDER", 25, ["high", "low", "low"]),
        ("OUTPUT ORDER", 0, None),
        ("RULE ORDER", 25, ["low", "high", "low"]),
        ("RULE ORDER", 0, None),
        ("COLLECT", 25, ["low", "high", "low"]),
        ("COLLECT", 0, []),
    ],
)
def test_the_hit_policy_decides_which_rules_count(policy, x, expected):
    logic = table(X, [output(values='"high", "low"')], RULES, policy=policy)
    assert value_of(logic, x) == expected


def test_any_allows_rules_that_agree():
    assert value_of(table(X, [output()], [("> 0", "[1, x]"), ("> 1", "[1, 5]")], policy="ANY"), 5) == [1, 5]


def test_unique_and_any_say_why_there_is_no_value():
    for policy in ("UNIQUE", "ANY"):
        outcome = compiled(table(X, [output()], RULES, policy=policy)).decision("D", {"x": 15})
        assert [fault.code for fault in outcome.faults] == ["hit_policy"]
        assert policy in outcome.faults[0].message


@pytest.mark.parametrize(
    ("aggregation", "expected", "without_hit"),
    [("SUM", 6, None), ("MIN", 1, None), ("MAX", 3, None), ("COUNT", 3, 0)],
)
def test_collected_values_are_aggregated(aggregation, expected, without_hit):
    rules = [("> 0", "1"), ("> 0", "3"), ("> 0", "2")]
    logic = table(X, [output()], rules, policy="COLLECT", aggregation=aggregation)
    assert value_of(logic, 5) == expected
    assert value_of(logic, 0) == without_hit


def test_several_outputs_make_a_context():
    outputs = [output("status"), output("the rate", "number")]
    logic = table(X, outputs, [("> 0", '"ok"', "0.5"), ("<= 0", '"no"', "1")])
    assert value_of(logic, 1) == {"status": "ok", "the rate": Decimal("0.5")}


def test_an_output_of_the_wrong_type_is_a_problem_and_null():
    logic = table(X, [output("rate", "number")], [("-", '"none"')])
    made = compile_model(model(input_data("x"), decision("D", logic, inputs=["x"])))
    assert "type" in made.errors[0].message
    assert made.decision("D", {"x": 1}).value is None


def test_several_outputs_are_ordered_by_the_first_column_then_the_next():
    outputs = [output("a", values='"x", "y"'), output("b", values="2, 1")]
    rules = [("-", '"y"', "2"), ("-", '"x"', "1"), ("-", '"x"', "2"), ("-", '"z"', "2")]
    logic = table(X, outputs, rules, policy="OUTPUT ORDER")
    assert [tuple(row.values()) for row in value_of(logic, 1)] == [("x", 2), ("x", 1), ("y", 2), ("z", 2)]
    assert value_of(table(X, outputs, rules, policy="PRIORITY"), 1) == {"a": "x", "b": 2}


def test_priorities_come_from_the_type_when_the_table_lists_none():
    kind = item("tRisk", "string", allowed='"high", "low"')
    logic = table(X, [output(type_ref="tRisk")], RULES, policy="PRIORITY")
    assert value_of(logic, 25, kind) == "high"


def test_priorities_may_be_ranges():
    logic = table(X, [output(values=">= 10, < 10")], [("-", "3"), ("-", "30")], policy="PRIORITY")
    assert value_of(logic, 1) == 30


def test_default_outputs_count_when_no_rule_matches():
    outputs = [output("a", default='"none"'), output("b")]
    logic = table(X, outputs, [("> 0", '"x"', "1")], policy="FIRST")
    assert value_of(logic, 0) == {"a": "none", "b": None}
    assert value_of(table(X, [output(default="x + 1")], [("> 9", "1")]), 1) == 2


def test_a_dash_as_output_is_null():
    assert value_of(table(X, [output()], [("-", "-")]), 1) is None


def test_several_outputs_cannot_be_summed():
    logic = table(X, [output("a"), output("b")], [("-", "1", "2")], policy="COLLECT", aggregation="SUM")
    assert compiled(logic).decision("D", {"x": 1}).faults[0].code == "hit_policy"


# ---- trace


def test_the_trace_tells_inputs_matched_rules_and_outputs():
    logic = table(
        [column("x", label="The x")], [output("a"), output("b")], [("< 0", "1", "2"), ("-", "3", "x")]
    )
    outcome = compiled(logic).decision("D", {"x": 5})

    [record] = outcome.decisions
    [hit] = record.tables
    assert (record.name, record.id, record.value) == ("D", "id_D", {"a": 3, "b": 5})
    assert record.kind == "DecisionTable"
    assert [(given.id, given.label, given.value) for given in hit.inputs] == [("id_x", "The x", 5)]
    assert [(rule.id, rule.index) for rule in hit.rules] == [("rule2", 2)]
    assert [(cell.name, cell.value) for cell in hit.rules[0].outputs] == [("a", 3), ("b", 5)]


def test_without_trace_nothing_is_recorded():
    outcome = compiled(table(X, [output()], RULES)).decision("D", {"x": 5}, traces=False)
    assert (outcome.value, outcome.decisions) == ("low", ())


# ---- the index

NUMBERS = st.integers(-4, 4) | st.decimals(-4, 4, places=1)
LITERALS = st.one_of(NUMBERS.map(str), st.sampled_from(["a", "b", "c"]).map('"{}"'.format))
BOOLEANS = st.sampled_from(["true", "false", "null", 'date("2024-01-05")', 'duration("PT2H")'])
COMPARISONS = st.builds("{} {}".format, st.sampled_from(["<", "<=", ">", ">=", "=", "!="]), LITERALS)
INTERVALS = st.builds("{}{}..{}{}".format, st.sampled_from("[(]"), NUMBERS, NUMBERS, st.sampled_from("])["))
TESTS = st.lists(st.one_of(LITERALS, BOOLEANS, COMPARISONS, INTERVALS), min_size=1, max_size=3).map(", ".join)
CELLS = st.one_of(st.just("-"), TESTS, TESTS.map("not({})".format))
VALUES = st.one_of(
    NUMBERS,
    st.sampled_from(["a", "b", "z", True, False, None, Date.of(2024, 1, 5), DayTimeDuration(0), [1], {}]),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(CELLS, min_size=1, max_size=8), VALUES)
def test_the_index_finds_what_evaluation_finds(texts, value):
    tests = [compile_unary_tests(text) for text in texts]
    cells = {rule: cell for rule, test in enumerate(tests) if (cell := cell_of(test.expr)) is not None}

    found = ColumnIndex(cells).rules_for(value)

    if found is not None:
        evaluated = {rule for rule in cells if tests[rule].matches(Run(), {}, value)}
        assert {rule for rule in cells if found >> rule & 1} == evaluated


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=12), VALUES, VALUES)
def test_a_table_matches_what_its_cells_match_one_by_one(rows, x, y):
    rules = [(first, second, str(number)) for number, (first, second) in enumerate(rows)]
    logic = table([column("x"), column("y")], [output()], rules, policy="COLLECT")
    tests = [[compile_unary_tests(cell) for cell in row] for row in rows]

    expected = [
        number
        for number, (first, second) in enumerate(tests)
        if first.matches(Run(), {}, x) and second.matches(Run(), {}, y)
    ]

    assert compiled(logic, names=("x", "y")).decision("D", {"x": x, "y": y}).value == expected


def test_a_thousand_rules_are_looked_up_and_not_evaluated():
    rules = [(f'"k{number}"', f"[{number}..{number + 1})", str(number)) for number in range(1_000)]
    made = compiled(table([column("x"), column("y")], [output()], rules), names=("x", "y"))
    outcome = made.decision("D", {"x": "k777", "y": Decimal("777.5")})
    assert outcome.value == 777
    assert outcome.warnings == ()
