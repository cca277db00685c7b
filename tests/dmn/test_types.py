"""Item definitions: components, collections, constraints, references, recursion, and their bounds."""

import pytest

from taskloom.dmn import compile_model
from tests.dmn.modelling import component, decision, input_data, item, model


def accepts(value, *items, type_ref="t"):
    made = compile_model(model(*items, input_data("x", type_ref), decision("D", "x", inputs=["x"])))
    assert not made.errors
    outcome = made.decision("D", {"x": value})
    return not outcome.faults


@pytest.mark.parametrize(
    ("value", "fits"),
    [("a", True), ("b", True), ("c", False), (1, False), (None, True), (["a"], True), ([], False)],
)
def test_allowed_values(value, fits):
    assert accepts(value, item("t", "string", allowed='"a", "b"')) is fits


@pytest.mark.parametrize(("value", "fits"), [(0, True), (255, True), (256, False), ("1", False)])
def test_allowed_values_may_be_a_range(value, fits):
    assert accepts(value, item("t", "number", allowed="[0..255]")) is fits


@pytest.mark.parametrize(("value", "fits"), [("abc", True), ("ab", False)])
def test_allowed_values_may_be_a_condition(value, fits):
    assert accepts(value, item("t", "string", allowed="string length(?) > 2")) is fits


@pytest.mark.parametrize(
    ("value", "fits"),
    [(["a", "b"], True), (["a", "c"], False), ("a", True), ([], True), ([["a"], ["b"]], False)],
)
def test_allowed_values_of_a_collection_concern_each_item(value, fits):
    assert accepts(value, item("t", "string", collection=True, allowed='"a", "b"')) is fits


@pytest.mark.parametrize(("value", "fits"), [([1, 2], True), ([1, 2, 3], False)])
def test_a_type_constraint_concerns_the_whole(value, fits):
    assert accepts(value, item("t", "number", collection=True, constraint="count(?) < 3")) is fits


def test_constraints_of_a_referenced_type_hold_too():
    items = [item("t", "base", allowed="> 5"), item("base", "number", allowed="< 10")]
    assert [value for value in (4, 7, 11) if accepts(value, *items)] == [7]


@pytest.mark.parametrize(
    ("value", "fits"),
    [
        ({"a": 1, "b": "x"}, True),
        ({"a": 1}, True),
        ({"a": 1, "b": None, "c": 2}, True),
        ({"a": "1", "b": "x"}, False),
        ({"a": 11, "b": "x"}, False),
        ("x", False),
    ],
)
def test_components(value, fits):
    assert (
        accepts(value, item("t", None, component("a", "number", allowed="< 10"), component("b", "string")))
        is fits
    )


def test_nested_components_and_collections():
    inner = component("lines", None, component("price", "number"), collection=True)
    kind = item("t", None, component("order", None, inner))
    assert accepts({"order": {"lines": [{"price": 1}, {"price": 2}]}}, kind)
    assert not accepts({"order": {"lines": [{"price": "1"}]}}, kind)


def test_a_type_may_contain_itself():
    tree = item("t", None, component("value", "number"), component("children", "t", collection=True))
    assert accepts({"value": 1, "children": [{"value": 2, "children": []}]}, tree)
    assert not accepts({"value": 1, "children": [{"value": "2", "children": []}]}, tree)


@pytest.mark.parametrize("name", ["number", "feel:number", "integer", "double"])
def test_numbers_have_several_names(name):
    assert accepts(1, type_ref=name)
    assert not accepts("1", type_ref=name)


def test_an_item_without_type_is_anything():
    assert accepts({"a": 1}, item("t"))


def test_types_that_grow_without_bound_are_not_checked_but_noticed():
    doubling = [item("t0", "number")]
    doubling += [
        item(f"t{n}", None, component("a", f"t{n - 1}"), component("b", f"t{n - 1}")) for n in range(1, 60)
    ]
    made = compile_model(model(*doubling, input_data("x", "t59"), decision("D", "x", inputs=["x"])))
    assert any("too large" in problem.message for problem in made.problems)
    assert made.decision("D", {"x": 1}).value == 1


def test_long_chains_of_references_are_noticed():
    chain = [item("t0", "number")] + [item(f"t{n}", f"t{n - 1}") for n in range(1, 2_000)]
    made = compile_model(model(*reversed(chain), input_data("x", "t1999"), decision("D", "x", inputs=["x"])))
    assert any("too deep" in problem.message for problem in made.problems)


def test_texts_of_json_become_temporal_values_where_the_type_says_so():
    made = compile_model(
        model(
            item(
                "t",
                None,
                component("day", "date"),
                component("spans", "days and time duration", collection=True),
            ),
            input_data("x", "t"),
            input_data("at", "date and time"),
            decision("D", "[x.day.year, x.spans[1].hours, at.hour]", inputs=["x", "at"]),
        )
    )
    given = {
        "x": {"day": "2024-02-03", "spans": ["PT5H"]},
        "at": "2024-01-01T07:00:00Z",
        "free": "2024-01-01",
    }
    typed = made.inputs_from_json(given)
    assert typed["free"] == "2024-01-01"
    assert made.decision("D", typed).value == [2024, 5, 7]
    assert made.inputs_from_json({"at": "soon"}) == {"at": "soon"}
