"""The requirement graph: what sees what, imports, services, circles."""

import pytest

from taskloom.dmn import UnknownElementError, compile_model
from taskloom.dmn.graph import Severity
from tests.dmn.modelling import (
    OLDER,
    column,
    component,
    context,
    decision,
    function_item,
    href,
    input_data,
    item,
    knowledge_model,
    model,
    output,
    service,
    table,
)


def compiled(*parts, library=(), **options):
    made = compile_model(model(*parts, **options), library)
    assert not made.errors
    return made


@pytest.mark.parametrize("version", sorted(OLDER))
def test_every_version_of_the_standard_is_read(version):
    made = compiled(input_data("x", "number"), decision("D", "x + 1", inputs=["x"]), dmn=OLDER[version])
    assert made.decision("D", {"x": 1}).value == 2


def test_requirements_come_first_and_each_decision_is_evaluated_once():
    made = compiled(
        input_data("x"),
        decision("Top", "Left + Right", decisions=["Left", "Right"]),
        decision("Left", "Base + 1", decisions=["Base"]),
        decision("Right", "Base + 2", decisions=["Base"]),
        decision("Base", "x", inputs=["x"]),
    )
    outcome = made.decision("Top", {"x": 10})
    assert outcome.value == 23
    assert [record.name for record in outcome.decisions] == ["Base", "Left", "Right", "Top"]


def test_a_decision_sees_only_what_it_requires():
    made = compiled(input_data("x"), decision("A", "1"), decision("B", "[x, A]"))
    assert made.decision("B", {"x": 5}).value == [None, None]


def test_inputs_that_no_element_declares_are_seen_by_all():
    made = compiled(decision("A", "free + 1"), decision("B", "free + A", decisions=["A"]))
    assert made.decision("B", {"free": 1}).value == 3


def test_elements_are_found_by_name_or_id():
    made = compiled(decision("A", "1"))
    assert made.decision("id_A", {}).value == 1
    with pytest.raises(UnknownElementError, match="no decision 'B'"):
        made.decision("B", {})
    with pytest.raises(UnknownElementError, match="no decision service 'A'"):
        made.service("A", {})
    assert made.names() == ("A",)


def test_without_a_variable_a_decision_is_known_by_name_and_by_id():
    made = compiled(
        decision("The first", "1", with_variable=False),
        decision("Both", "[The first, id_The_first]", decisions=["The first"]),
    )
    assert made.decision("Both", {}).value == [1, 1]


def test_a_missing_input_is_null():
    made = compiled(input_data("x", "number"), decision("D", "x = null", inputs=["x"]))
    outcome = made.decision("D", {})
    assert (outcome.value, outcome.faults) == (True, ())


def test_an_input_of_the_wrong_type_is_null_and_a_fault():
    made = compiled(input_data("x", "number"), decision("D", "x = null", inputs=["x"]))
    outcome = made.decision("D", {"x": "1"})
    assert outcome.value is True
    assert [(fault.code, fault.element) for fault in outcome.faults] == [("type", "x")]


def test_the_value_of_a_decision_has_its_declared_type():
    made = compiled(
        decision("A", '"x"', "number"),
        decision("B", "[7]", "number"),
        decision("C", "7", "tAll"),
        item("tAll", "number", collection=True),
    )
    assert made.decision("A", {}).value is None
    assert made.decision("A", {}).faults[0].element == "A"
    assert made.decision("B", {}).value == 7
    assert made.decision("C", {}).value == [7]


# ---- knowledge models


def test_a_knowledge_model_is_a_function():
    made = compiled(
        knowledge_model("add tax", {"net": "number"}, "net * 1.5"),
        decision("D", "add tax(10)", knowledge=["add tax"]),
        decision("Wrong", 'add tax("x")', knowledge=["add tax"]),
    )
    assert made.decision("D", {}).value == 15
    assert made.decision("Wrong", {}).value is None
    assert made.knowledge_model("add tax", {"net": 2}).value == 3
    assert made.knowledge_model("add tax", {"gross": 2}).value is None


def test_a_knowledge_model_sees_its_parameters_and_the_functions_it_requires():
    made = compiled(
        input_data("x"),
        knowledge_model("inner", {"a": None}, "a + 1"),
        knowledge_model("outer", {"a": None}, "[inner(a), x]", knowledge=["inner"]),
        decision("D", "outer(1)", inputs=["x"], knowledge=["outer"]),
    )
    assert made.decision("D", {"x": 9}).value == [2, None]


def test_a_knowledge_model_may_call_itself():
    logic = "if n < 2 then n else fib(n - 1) + fib(n - 2)"
    made = compiled(
        knowledge_model("fib", {"n": "number"}, logic), decision("D", "fib(12)", knowledge=["fib"])
    )
    assert made.decision("D", {}).value == 144


def test_a_recursion_without_end_is_a_failure():
    made = compiled(knowledge_model("f", {"n": None}, "f(n + 1)"), decision("D", "f(1)", knowledge=["f"]))
    outcome = made.decision("D", {})
    assert outcome.value is None
    assert outcome.failure is not None


def test_a_knowledge_model_returns_its_declared_type():
    made = compiled(
        function_item("tFn", {"n": "number"}, "string"),
        knowledge_model("good", {"n": None}, "string(n)", "tFn"),
        knowledge_model("bad", {"n": None}, "n", "tFn"),
        knowledge_model("plain", {"n": None}, "n", "string"),
        decision("D", '[good(1), good("x"), bad(1), plain(1)]', knowledge=["good", "bad", "plain"]),
    )
    assert made.decision("D", {}).value == ["1", None, None, None]


def test_a_knowledge_model_may_be_a_table():
    logic = table([column("n")], [output()], [("< 5", '"few"'), (">= 5", '"many"')])
    made = compiled(
        knowledge_model("size", {"n": "number"}, logic), decision("D", "size(7)", knowledge=["size"])
    )
    outcome = made.decision("D", {})
    assert outcome.value == "many"
    assert outcome.decisions[0].tables[0].rules[0].index == 2


# ---- decision services


def service_model():
    return compiled(
        input_data("a", "string"),
        input_data("b", "string"),
        decision("given", '"own"', "string"),
        decision("out", "a + b + given", "string", inputs=["a", "b"], decisions=["given"]),
        decision("other", '"other"'),
        service("svc", ["out"], inputs=["a", "b"], decisions=["given"]),
        service("two", ["out", "other"], inputs=["a", "b"], decisions=["given"]),
        decision("calls", 'svc("1", "2", "3")', knowledge=["svc"]),
        decision("named", 'svc(given: "3", b: "2", a: "1")', knowledge=["svc"]),
        decision("few", 'svc("1", "2")', knowledge=["svc"]),
        decision("mistyped", 'svc("1", "2", 3)', knowledge=["svc"]),
        decision("both", 'two("1", "2", "3").other', knowledge=["two"]),
    )


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("calls", "123"),
        ("named", "123"),
        ("few", None),
        ("mistyped", None),
        ("both", "other"),
        ("out", "xyown"),
    ],
)
def test_a_service_is_a_function_of_input_data_then_input_decisions(name, expected):
    assert service_model().decision(name, {"a": "x", "b": "y"}).value == expected


def test_a_service_can_be_asked_directly():
    made = service_model()
    assert made.service("svc", {"a": "1", "b": "2", "given": "3"}).value == "123"
    assert made.service("two", {"a": "1", "b": "2", "given": "3"}).value == {"out": "123", "other": "other"}
    assert made.service("svc", {"a": "1", "b": "2", "given": 3}).value is None
    assert made.output_names("two") == ("out", "other")


def test_a_service_does_not_change_what_is_outside():
    made = compiled(
        input_data("x"),
        decision("inner", "x", inputs=["x"]),
        service("svc", ["inner"], inputs=["x"]),
        decision("D", "[x, svc(2), inner]", inputs=["x"], decisions=["inner"], knowledge=["svc"]),
    )
    assert made.decision("D", {"x": 1}).value == [1, 2, 1]


def test_a_decision_without_logic_takes_what_is_handed_in():
    made = compile_model(model(decision("open"), decision("D", "open + 1", decisions=["open"])))
    assert [problem.severity for problem in made.problems] == [Severity.WARNING]
    assert made.decision("D", {"open": 1}).value == 2
    assert made.decision("D", {}).faults[0].code == "no_logic"


# ---- imports


def library():
    return model(
        item("tPerson", None, component("full name", "string")),
        input_data("who", "tPerson"),
        decision("greeting", '"Hello " + who.full name', "string", inputs=["who"]),
        knowledge_model("shout", {"p": "tPerson"}, "upper case(p.full name)"),
        namespace="urn:lib",
        name="lib",
    )


@pytest.mark.parametrize(("alias", "prefix"), [("lib", "lib."), ("my lib", "my lib."), ("", "")])
def test_elements_of_an_imported_model_are_used_under_the_name_of_the_import(alias, prefix):
    made = compiled(
        input_data("someone", f"{prefix}tPerson"),
        decision(
            "D",
            f"[{prefix}greeting, {prefix}shout(someone), someone instance of {prefix}tPerson]",
            inputs=["someone"],
            decisions=[href("greeting", "urn:lib")],
            knowledge=[href("shout", "urn:lib")],
        ),
        imports={alias: "urn:lib"},
        library=[library()],
    )
    ada, bob = {"full name": "Ada"}, {"full name": "Bob"}
    expected = ["Hello Bob", "ADA", True]
    assert made.decision("D", {"someone": ada, "who": bob}).value == expected
    assert made.decision("D", {"someone": ada, alias: {"who": bob}}).value == expected
    qualified = {("urn:lib", "who"): bob}
    assert made.decision("D", {"someone": ada}, qualified=qualified).value == expected
    assert made.decision("D", {"someone": {}, "who": bob}).value[2] is False


def test_an_import_that_is_not_there_is_a_problem():
    made = compile_model(
        model(decision("D", "1", decisions=[href("x", "urn:gone")]), imports={"gone": "urn:gone"})
    )
    assert "the import 'urn:gone' was not found" in [problem.message for problem in made.errors]
    assert made.decision("D", {}).value == 1


def test_imports_go_through_several_models():
    middle = model(
        decision("twice", "deep.base * 2", decisions=[href("base", "urn:deep")]),
        namespace="urn:middle",
        name="middle",
        imports={"deep": "urn:deep"},
    )
    deep = model(decision("base", "21"), namespace="urn:deep", name="deep")
    made = compiled(
        decision("D", "m.twice", decisions=[href("twice", "urn:middle")]),
        imports={"m": "urn:middle"},
        library=[deep, middle],
    )
    assert made.decision("D", {}).value == 42


# ---- what is wrong with a model


def problems(*parts, **options):
    return [problem.message for problem in compile_model(model(*parts, **options)).problems]


@pytest.mark.parametrize(
    ("parts", "word"),
    [
        ([decision("D", "1", decisions=["X"])], "leads to no such element"),
        ([input_data("X"), decision("D", "1", decisions=["X"])], "leads to no such element"),
        ([decision("D", "1", knowledge=[href("f", "urn:unknown")])], "leads to no such element"),
        ([decision("D", "1"), decision("D", "2")], "is given twice"),
        ([decision("D", "1", "tNothing")], "type 'tNothing' does not exist"),
        ([decision("D", "1 +")], "is no FEEL"),
        ([item("t", "number", allowed="< ")], "is no FEEL"),
    ],
)
def test_problems_are_found(parts, word):
    assert any(word in message for message in problems(*parts))


def test_decisions_in_a_circle_are_found_and_null():
    made = compile_model(
        model(
            decision("A", "B", decisions=["B"]),
            decision("B", "A", decisions=["A"]),
            decision("Self", "1", decisions=["Self"]),
            decision("Free", "1"),
        )
    )
    assert {problem.element for problem in made.errors} == {"A", "B", "Self"}
    assert made.decision("A", {}).value is None
    assert {fault.code for fault in made.decision("A", {}).faults} == {"cycle"}
    assert made.decision("Free", {}).value == 1


def test_functions_in_a_circle_are_only_a_warning():
    made = compile_model(
        model(
            knowledge_model(
                "even", {"n": None}, "if n = 0 then true else odd one(n - 1)", knowledge=["odd one"]
            ),
            knowledge_model(
                "odd one", {"n": None}, "if n = 0 then false else even(n - 1)", knowledge=["even"]
            ),
            decision("D", "even(10)", knowledge=["even"]),
        )
    )
    assert [problem.severity for problem in made.problems] == [Severity.WARNING]
    assert made.decision("D", {}).value is True


def test_a_chain_of_thousands_of_decisions_needs_no_recursion():
    count = 3_000
    chain = [decision("d0", "1")]
    chain += [decision(f"d{n}", f"d{n - 1} + 1", decisions=[f"d{n - 1}"]) for n in range(1, count)]
    assert compiled(*chain).decision(f"d{count - 1}", {}).value == count


def test_a_decision_of_contexts_passes_its_member_names_on():
    made = compiled(
        decision("Person", context({"full name": '"Ada"', "home-town": '"Ulm"'})),
        decision("D", "Person.full name + Person.home-town", decisions=["Person"]),
    )
    assert made.decision("D", {}).value == "AdaUlm"
