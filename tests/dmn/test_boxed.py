"""Every kind of boxed expression, in models of our own."""

from decimal import Decimal

import pytest

from taskloom.dmn import compile_model
from tests.dmn.modelling import (
    component,
    conditional,
    context,
    decision,
    filtered,
    for_each,
    function,
    input_data,
    invocation,
    item,
    knowledge_model,
    list_of,
    literal,
    model,
    quantified,
    relation,
)


def outcome_of(logic, inputs=None, *parts, type_ref=None, knowledge=()):
    given = inputs or {}
    compiled = compile_model(
        model(
            *parts,
            *(input_data(name) for name in given),
            decision("Result", logic, type_ref, inputs=tuple(given), knowledge=knowledge),
        )
    )
    assert not compiled.errors
    return compiled.decision("Result", given)


def value_of(logic, inputs=None, *parts, **options):
    outcome = outcome_of(logic, inputs, *parts, **options)
    assert outcome.faults == ()
    return outcome.value


def test_a_literal_expression_is_feel():
    assert value_of("Base price * 1.2", {"Base price": 10}) == Decimal("12.0")


def test_blank_text_is_null():
    assert value_of(literal("  ")) is None


def test_entries_of_a_context_see_those_before_and_the_whole_is_a_context():
    assert value_of(context({"net": "100", "gross amount": "net * 2"})) == {"net": 100, "gross amount": 200}


def test_the_result_cell_of_a_context_is_its_value():
    assert value_of(context({"net": "100", "gross amount": "net * 2"}, "gross amount + 1")) == 201


def test_members_of_an_entry_may_have_blanks():
    inner = context({"first name": '"Ada"'})
    assert value_of(context({"person": inner, "list": list_of(inner)}, "person.first name")) == "Ada"
    assert value_of(context({"people": list_of(inner)}, "people[1].first name")) == "Ada"


def test_a_typed_entry_that_does_not_fit_is_null_and_a_fault():
    outcome = outcome_of(context({("n", "number"): '"x"', "m": "1"}))
    assert outcome.value == {"n": None, "m": 1}
    assert [fault.code for fault in outcome.faults] == ["type"]


def test_a_function_in_a_context_may_call_itself():
    factorial = function({"n": "number"}, "if n <= 1 then 1 else n * fact of(n - 1)")
    assert value_of(context({"fact of": factorial}, "fact of(5)")) == 120


def test_a_list_keeps_the_order_of_its_items():
    assert value_of(list_of("1", '"x"', context({"a": "2"}))) == [1, "x", {"a": 2}]


def test_a_relation_is_a_list_of_contexts():
    rows = relation(["id", ("unit price", "number")], ("1", "2.5"), ("2", "3"))
    assert value_of(rows) == [{"id": 1, "unit price": Decimal("2.5")}, {"id": 2, "unit price": 3}]
    assert value_of(context({"prices": rows}, "prices[unit price > 2.7].id")) == [2]


def test_a_function_definition_checks_its_parameters():
    double = function({"x": "number"}, "x * 2")
    assert value_of(context({"f": double}, "[f(2), f([3]), f(x: 4)]")) == [4, 6, 8]
    assert value_of(context({"f": double}, 'f("a")')) is None
    assert value_of(context({"f": double}, "f(1, 2)")) is None


def test_a_java_function_is_one_of_those_that_are_known():
    def java(owner, signature):
        body = context({"class": f'"{owner}"', "method signature": f'"{signature}"'})
        return function({"a": None, "b": None}, body, kind="Java")

    most = java("java.lang.Math", "max(int, int)")
    assert value_of(context({"f": most}, "f(3, 7)")) == 7
    assert value_of(context({"f": most}, 'f(3, "7")')) is None
    assert value_of(context({"f": java("java.lang.System", "exit(int)")}, "f(1, 2)")) is None


@pytest.mark.parametrize("kind", ["PMML", "Python"])
def test_a_function_of_another_kind_is_a_problem(kind):
    compiled = compile_model(model(decision("Result", function({"x": None}, "x", kind=kind))))
    assert "not supported" in compiled.errors[0].message
    assert compiled.decision("Result", {}).value is None


def test_an_invocation_passes_arguments_by_name():
    minus = knowledge_model("minus", {"a": "number", "b": "number"}, "a - b")
    call = invocation("minus", {"b": "1", "a": "10"})
    assert value_of(call, None, minus, knowledge=["minus"]) == 9


def test_an_invocation_may_name_a_built_in_function():
    assert value_of(invocation("string join", {"list": '["a", "b"]', "delimiter": '"-"'})) == "a-b"


@pytest.mark.parametrize("arguments", [{"a": "1"}, {"a": "1", "b": "2", "c": "3"}, {"a": "1", "x": "2"}])
def test_an_invocation_with_other_parameters_is_null(arguments):
    minus = knowledge_model("minus", {"a": "number", "b": "number"}, "a - b")
    assert value_of(invocation("minus", arguments), None, minus, knowledge=["minus"]) is None


def test_an_invocation_of_what_is_no_function_is_null():
    assert [fault.code for fault in outcome_of(invocation("1 + 1", {})).faults] == ["invocation"]


@pytest.mark.parametrize(
    ("condition", "expected"), [("true", "yes"), ("false", "no"), ("null", "no"), ("1 = 1 and 2 > 1", "yes")]
)
def test_a_conditional_takes_one_of_its_branches(condition, expected):
    assert value_of(conditional(condition, '"yes"', '"no"')) == expected


def test_a_conditional_on_something_else_is_null():
    outcome = outcome_of(conditional('"true"', '"yes"', '"no"'))
    assert outcome.value is None
    assert outcome.faults[0].message == "the condition is no boolean"


def test_a_filter_sees_item_and_its_members():
    assert value_of(filtered("[1, 2, 3]", "item >= 2")) == [2, 3]
    assert value_of(filtered("[{unit price: 1}, {unit price: 5}]", "unit price > 2")) == [{"unit price": 5}]
    assert value_of(filtered("[1, 2]", "item > 2")) == []
    assert value_of(filtered("null", "true")) is None


@pytest.mark.parametrize("match", ['"yes"', "1", "if item < 2 then true else 3"])
def test_a_filter_whose_match_is_no_boolean_is_null(match):
    assert value_of(filtered("[1, 2]", match)) is None


def test_a_for_sees_the_results_so_far():
    assert value_of(for_each("i", "[1, 2, 3]", "i * 10")) == [10, 20, 30]
    assert value_of(for_each("i", "[1..4]", "if i = 1 then 1 else i * partial[-1]")) == [1, 2, 6, 24]
    assert value_of(for_each("the row", "[{unit price: 2}]", "the row.unit price")) == [2]
    assert value_of(for_each("i", "null", "i")) is None


@pytest.mark.parametrize(
    ("word", "source", "condition", "expected"),
    [
        ("some", "[1, 2]", "x > 1", True),
        ("some", "[1, 2]", "x > 2", False),
        ("some", "[]", "true", False),
        ("some", "[1, 2]", "x", None),
        ("every", "[1, 2]", "x > 0", True),
        ("every", "[1, 2]", "x > 1", False),
        ("every", "[]", "false", True),
        ("every", "[1, 2]", 'if x = 1 then true else "x"', None),
        ("every", "null", "true", None),
    ],
)
def test_quantifiers_are_three_valued(word, source, condition, expected):
    assert value_of(quantified(word, "x", source, condition)) is expected


def test_boxed_expressions_nest():
    rows = relation(["name", "amount"], ('"a"', "1"), ('"b"', "20"))
    logic = for_each("big", filtered(rows, "amount > 10"), conditional('big.name = "b"', "big.amount", "0"))
    assert value_of(context({"sums": logic}, invocation("sum", {"list": "sums"}))) == 20


def test_the_type_of_an_inner_expression_counts():
    assert value_of(list_of(literal("[1]", "number"))) == [1]
    assert outcome_of(list_of(literal('"1"', "number"))).value == [None]


def test_other_expression_languages_are_a_problem():
    text = '<literalExpression expressionLanguage="urn:javascript"><text>1</text></literalExpression>'
    compiled = compile_model(model(decision("Result", text)))
    assert "urn:javascript" in compiled.errors[0].message
    assert compiled.decision("Result", {}).value is None


def test_a_text_that_is_no_feel_is_a_problem_of_its_line_and_null():
    compiled = compile_model(model(decision("Result", "1 +"), decision("Other", "2")))
    assert [(problem.line, problem.element) for problem in compiled.errors] == [(1, "Result")]
    assert compiled.decision("Result", {}).value is None
    assert compiled.decision("Result", {}).faults[0].code == "syntax"
    assert compiled.decision("Other", {}).value == 2


def test_member_names_of_item_definitions_may_have_symbols():
    person = item("tPerson", None, component("e-mail", "string"), component("age in years", "number"))
    logic = 'Person.e-mail + " " + string(Person.age in years - 1)'
    compiled = compile_model(
        model(person, input_data("Person", "tPerson"), decision("Result", logic, inputs=["Person"]))
    )
    given = {"Person": {"e-mail": "a@b", "age in years": 3}}
    assert compiled.decision("Result", given).value == "a@b 2"
