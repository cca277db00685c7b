"""Properties over random trees and random texts."""

from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from taskloom.feel import (
    Dialect,
    Environment,
    FeelSyntaxError,
    Limits,
    NameTable,
    compile_expression,
    compile_unary_tests,
    parse,
    parse_unary_tests,
    to_json,
)
from taskloom.feel import nodes as n
from taskloom.feel.library import built_ins
from taskloom.feel.printer import to_text
from taskloom.feel.type_system import LIST, NUMBER, STRING, ContextType, ListType

NAMES = ("a", "b", "monthly income", "pre-tax", "x+y", "item", "count")
MEMBERS = ("a", "b", "year", "start", "time offset", "monthly income")
TABLE = NameTable((*NAMES, *MEMBERS))
SCOPE = {
    "a": 3,
    "b": [1, 2, {"a": 5, "b": None, "monthly income": 9}],
    "monthly income": Decimal("12.50"),
    "pre-tax": "text",
    "x+y": {"a": 1, "b": [4, 5], "monthly income": 7},
}
CALLED = sorted(name for name in built_ins(Dialect.DMN) if name not in NAMES)
LIMITS = Limits(steps=3_000, list_items=500, string_chars=5_000, call_depth=20)
ENVIRONMENT = Environment.at(1_700_000_000_000, limits=LIMITS)
RELAXED = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))

words = st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=8)
numbers = st.one_of(
    st.integers(0, 20), st.integers(0, 10**36).map(Decimal), st.decimals(0, 1000, allow_nan=False, places=3)
)
temporal = st.sampled_from(
    (
        "2024-02-29",
        "-0044-03-15",
        "2024-02-29T23:59:59.5@Europe/Paris",
        "10:15:00+02:00",
        "P1Y2M",
        "-PT36H",
        "nonsense",
    )
)
literals = st.one_of(
    st.none().map(n.Literal),
    st.booleans().map(n.Literal),
    numbers.map(lambda number: parse(str(number)) if isinstance(number, int) else parse(f"{number:f}")),
    words.map(n.Literal),
    temporal.map(n.AtLiteral),
    st.sampled_from(NAMES).map(lambda name: parse(name, TABLE)),
)


def _composed(inner):
    operators = st.sampled_from(("+", "-", "*", "/", "**", "=", "!=", "<", "<=", ">", ">=", "and", "or"))
    several = st.lists(inner, max_size=3).map(tuple)
    entries = st.lists(
        st.tuples(st.sampled_from(MEMBERS), inner), max_size=3, unique_by=lambda entry: entry[0]
    )
    ranges = st.builds(n.ComparisonRange, st.sampled_from(("<", ">=", "=", "!=")), inner)
    iterators = st.lists(
        st.builds(n.Iterator, st.sampled_from(("a", "p", "q")), inner, st.none() | inner),
        min_size=1,
        max_size=2,
    ).map(tuple)
    types = st.sampled_from((NUMBER, STRING, LIST, ListType(NUMBER), ContextType((("a", NUMBER),))))
    parameters = st.sampled_from(((), (n.Parameter("p"),), (n.Parameter("p"), n.Parameter("q", NUMBER))))
    functions = st.builds(n.FunctionLiteral, parameters, inner)
    built_in_names = st.sampled_from(CALLED).map(lambda name: parse(name, TABLE))
    return st.one_of(
        st.builds(n.Binary, operators, inner, inner),
        st.builds(n.Negation, inner),
        st.builds(n.Between, inner, inner, inner),
        st.builds(n.In, inner, st.lists(inner | ranges, min_size=1, max_size=3).map(tuple)),
        st.builds(n.ListLiteral, several),
        st.builds(n.ContextLiteral, entries.map(tuple)),
        st.builds(n.Interval, inner, inner, st.booleans(), st.booleans()),
        ranges,
        st.builds(n.Path, inner, st.sampled_from(MEMBERS)),
        st.builds(n.Filter, inner, inner),
        st.builds(n.Call, built_in_names | functions, several),
        st.builds(n.NamedCall, built_in_names, entries.filter(bool).map(tuple)),
        st.builds(n.If, inner, inner, inner),
        st.builds(n.For, iterators, inner),
        st.builds(n.Quantified, st.booleans(), iterators, inner),
        st.builds(n.InstanceOf, inner, types),
        functions,
    )


trees = st.recursive(literals, _composed, max_leaves=12)


def _parsed(text):
    return parse(text, TABLE)


@RELAXED
@given(trees)
def test_a_tree_printed_and_parsed_again_is_equal(tree):
    first = _parsed(to_text(tree))

    assert _parsed(to_text(first)) == first


@RELAXED
@given(st.lists(trees, max_size=3), st.booleans())
def test_unary_tests_printed_and_parsed_again_are_equal(tests, negated):
    tree = n.UnaryTests(tuple(tests), negated=negated and bool(tests))
    first = parse_unary_tests(to_text(tree), TABLE)

    assert parse_unary_tests(to_text(first), TABLE) == first


def _outcome(compiled):
    result = compiled.evaluate(SCOPE, ENVIRONMENT)
    if result.failure is not None:
        return result.failure.code
    return repr(_shown(result.value)), [(warning.code, warning.message) for warning in result.warnings]


def _shown(value):
    if isinstance(value, list):
        return [_shown(item) for item in value]
    if isinstance(value, dict):
        return {key: _shown(item) for key, item in value.items()}
    return getattr(value, "parameters", value)


@RELAXED
@given(trees)
def test_closures_and_generated_code_agree(tree):
    tree = _parsed(to_text(tree))

    closure = compile_expression(tree, mode="closure")
    generated = compile_expression(tree, mode="generated")

    assert _outcome(closure) == _outcome(generated)


@RELAXED
@given(st.lists(trees, min_size=1, max_size=2), st.sampled_from((None, 1, "text", True, [1], {"a": 1})))
def test_both_back_ends_agree_on_unary_tests(tests, value):
    tree = parse_unary_tests(to_text(n.UnaryTests(tuple(tests))), TABLE)
    scope = {**SCOPE, "?": value}

    results = [
        compile_unary_tests(tree, mode=mode).evaluate(scope, ENVIRONMENT) for mode in ("closure", "generated")
    ]

    assert results[0].failure == results[1].failure
    assert results[0].value is results[1].value


ALPHABET = 'ab1 .,:;()[]{}<>=!+-*/"@?\\\n`~é🐎'
PIECES = st.sampled_from(
    (*ALPHABET, "for ", "in ", "return ", "if ", "then ", "else ", "function(", "..", "some ", "satisfies ", "and ",
     "or ", "not(", "instance of ", "list<", "count(", "@\"P1D\"", "1..3", "item", "null", "true", "external ")
)  # fmt: skip


@RELAXED
@given(st.lists(PIECES, max_size=25).map("".join) | st.text(max_size=60), st.sampled_from(Dialect))
def test_any_text_ends_in_a_value_or_an_error(text, dialect):
    try:
        compiled = compile_expression(text, NAMES, dialect, mode="generated")
    except FeelSyntaxError as error:
        assert 0 <= error.position.offset <= len(text)
        return
    result = compiled.evaluate(SCOPE, ENVIRONMENT)

    assert result.failure is not None or to_json(result.value) is not None


@pytest.mark.parametrize("mode", ["closure", "generated"])
def test_the_random_trees_reach_values_that_are_not_null(mode):
    found = set()

    @settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
    @given(trees)
    def collect(tree):
        found.add(
            type(compile_expression(_parsed(to_text(tree)), mode=mode).evaluate(SCOPE, ENVIRONMENT).value)
        )

    collect()

    assert {int, bool, str, list, dict, type(None)} <= found
