"""Properties over random trees and random texts."""

from decimal import Decimal

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from taskloom.feel import (
    Date,
    Dialect,
    Environment,
    FeelSyntaxError,
    Limits,
    NameTable,
    Range,
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
    entry = st.tuples(st.sampled_from(MEMBERS), inner)
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
        st.builds(n.ContextLiteral, st.lists(entry, max_size=3).map(tuple)),
        st.builds(n.Interval, inner, inner, st.booleans(), st.booleans()),
        ranges,
        st.builds(n.Path, inner, st.sampled_from(MEMBERS)),
        st.builds(n.Filter, inner, inner),
        st.builds(n.Call, built_in_names | functions, several),
        st.builds(n.NamedCall, built_in_names, st.lists(entry, min_size=1, max_size=2).map(tuple)),
        st.builds(n.If, inner, inner, inner),
        st.builds(n.For, iterators, inner),
        st.builds(n.Quantified, st.booleans(), iterators, inner),
        st.builds(n.InstanceOf, inner, types),
        functions,
    )


_TREES = st.recursive(literals, _composed, max_leaves=12)


@st.composite
def expressions(draw):
    """The strategy under a short name, for hypothesis prints strategies whole."""
    return draw(_TREES)


trees = expressions()


TYPED = {
    "number": (
        "a", "2", "0.5", "-7", "b[1]", "count({list})", "sum({list})", "{number} + {number}",
        "{number} - {number}", "{number} * {number}", "{number} / {number}", "modulo({number}, 3)",
        "if {boolean} then {number} else {number}", "string length({string})", "{date}.day", "{list}[1]",
        "{context}.k", "(function(p) p + {number})({number})", "decimal({number}, 1)",
        "max({number}, {number})", "monthly income",
    ),
    "boolean": (
        "true", "false", "{number} < {number}", "{number} >= {number}", "{number} = {number}",
        "{string} = {string}", "{boolean} and {boolean}", "{boolean} or {boolean}", "not({boolean})",
        "{number} between {number} and {number}", "{number} in ({number}, < {number}, [1..{number}])",
        "some p in {list} satisfies p > {number}", "every p in {list}, q in {list} satisfies p <= q",
        "contains({string}, {string})", "{date} < {date}", "{list} = {list}", "{number} instance of number",
        "{number} in [1, 2, 3]", '{string} in ("x", "abc")', "{context}.k = null",
    ),
    "string": (
        "pre-tax", '"abc"', '"x"', "upper case({string})", "{string} + {string}", "string({number})",
        "substring({string}, 1)", 'string join([{string}, {string}], "-")', "string({date})",
    ),
    "list": (
        "[1, 2, 3]", "[{number}, {number}]", "{list}[item > {number}]",
        "for p in {list} return p * {number}", "for p in 1..3, q in {list} return p + q",
        "for p in {list} return count(partial)", "b[a > 2].a", "sort({list}, function(p, q) p > q)",
        "concatenate({list}, {list})", "distinct values({list})", "{list}[{number}]",
        "append({list}, {number})", "[]", "for p in {number}..4 return p", "reverse({list})",
        "[{context}, {context}].k", "[{context}, {context}][k > {number}].k",
    ),
    "date": (
        '@"2024-02-29"', 'date("2023-12-31")', '{date} + @"P1M"', '{date} - duration("P3D")',
        "date(2024, 1, modulo({number}, 28) + 1)",
    ),
    "context": (
        "{{k: {number}}}", "{{k: {number}, j: k + 1}}", "x+y", 'context put({context}, "k", {number})',
        "{{f: function(p) if p < 1 then 0 else p + f(p - 1), k: f(3)}}",
    ),
}  # fmt: skip


@st.composite
def sensible_texts(draw, kind=None, depth=4):
    """Texts whose operands fit together, so that most of them have a value."""
    templates = TYPED[kind or draw(st.sampled_from(sorted(TYPED)))]
    plain = tuple(template for template in templates if "{" not in template.replace("{{", ""))
    template = draw(st.sampled_from(templates if depth else plain or templates[:1]))
    for part in TYPED:
        while f"{{{part}}}" in template:
            inner = draw(sensible_texts(part, depth - 1 if depth else 0))
            template = template.replace(f"{{{part}}}", f"({inner.replace('{', '<<').replace('}', '>>')})", 1)
    return template.replace("{{", "{").replace("}}", "}").replace("<<", "{").replace(">>", "}")


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
    if isinstance(value, Range):
        return [_shown(value.start), _shown(value.end), value.form, value.start_included, value.end_included]
    return getattr(value, "parameters", value)


@RELAXED
@given(trees)
def test_closures_and_generated_code_agree(tree):
    tree = _parsed(to_text(tree))

    closure = compile_expression(tree, mode="closure")
    generated = compile_expression(tree, mode="generated")

    assert _outcome(closure) == _outcome(generated)


@RELAXED
@given(sensible_texts())
def test_closures_and_generated_code_agree_on_sensible_expressions(text):
    outcomes = [_outcome(compile_expression(text, TABLE, mode=mode)) for mode in ("closure", "generated")]

    assert outcomes[0] == outcomes[1]


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
WORDS = (
    "for |in |return |if |then |else |function(|..|some |satisfies |and |or |not(|instance of |list<|count(|"
    '@"P1D"|1..3|item|null|true|external '
)
PIECES = st.sampled_from((*ALPHABET, *WORDS.split("|")))


@RELAXED
@given(st.lists(PIECES, max_size=25).map("".join) | st.text(max_size=60), st.sampled_from(Dialect))
def test_any_text_ends_in_a_value_or_an_error(text, dialect):
    try:
        compiled = compile_expression(text, NAMES, dialect, mode="generated")
    except FeelSyntaxError as error:
        offset = error.position.offset
    else:
        offset = 0
        result = compiled.evaluate(SCOPE, ENVIRONMENT)
        assert result.failure is not None or to_json(result.value) is not None

    assert 0 <= offset <= len(text)


def test_most_sensible_texts_have_a_value():
    found = []

    @settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
    @given(sensible_texts())
    def collect(text):
        found.append(type(compile_expression(text, TABLE).evaluate(SCOPE, ENVIRONMENT).value))

    collect()

    assert {int, bool, str, list, dict, Date} <= set(found)
    assert found.count(type(None)) < len(found) / 2
