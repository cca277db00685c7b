"""JSON in and out, warnings, folding, table shapes, the cache."""

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest

from taskloom.feel import (
    Environment,
    ExpressionCache,
    Range,
    UnfitJson,
    WarningCode,
    compile_expression,
    constant_of,
    from_json,
    from_python,
    parse,
    parse_unary_tests,
    shape_of,
    to_json,
)
from taskloom.feel.dialect import Dialect
from taskloom.feel.fold import fold
from taskloom.feel.iso import read_date
from taskloom.feel.nodes import Constant
from taskloom.feel.printer import to_text


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": [1, 1.10, "x", true, null]}', {"a": [1, Decimal("1.1"), "x", True, None]}),
        ("1.0", 1),
        ("1e2", 100),
        ("-0.0", 0),
        ("0.1", Decimal("0.1")),
        ("12345678901234567890123456789012345", Decimal("1.234567890123456789012345678901234E+34")),
        ("1e7000", None),
    ],
)
def test_json_numbers_become_exact(text, value):
    read = from_json(text)

    assert read == value
    assert type(read) is type(value)


def test_floats_of_parsed_json_are_taken_as_written():
    assert from_python({"a": (0.1, 2.0)}) == {"a": [Decimal("0.1"), 2]}
    assert from_python(float("nan")) is None


@pytest.mark.parametrize(
    ("text", "json"),
    [
        ("{a: 1.50, b: [true, null]}", '{"a":1.5,"b":[true,null]}'),
        ("10 ** 34", "1" + "0" * 34),
        ('@"2024-02-29"', '"2024-02-29"'),
        ("[1..2]", '"[1..2]"'),
        ("function(a) a", '"function(a)"'),
        (r'"é\n\""', '"é\\n\\""'),
    ],
)
def test_values_are_written_as_json(feel, text, json):
    assert to_json(feel(text)).decode() == json


@pytest.mark.parametrize(
    ("text", "code", "message", "place"),
    [
        ("1 + x", WarningCode.NO_VARIABLE, "No variable found with name 'x'", "x"),
        ('"foo" + 1', WarningCode.INVALID_TYPE, "Can't add '1' to '\"foo\"'", '"foo" + 1'),
        ('2 < "a"', WarningCode.NOT_COMPARABLE, "Can't compare '2' with '\"a\"'", '2 < "a"'),
        ('1 = "1"', WarningCode.NOT_COMPARABLE, "Can't compare '1' with '\"1\"'", '1 = "1"'),
        ("{a: 1}.b", WarningCode.NO_PROPERTY, "The context has no entry 'b'", "{a: 1}.b"),
        (
            'sum([1, "a"])',
            WarningCode.FUNCTION_FAILED,
            "Failed to invoke function 'sum': expected number but found '\"a\"'",
            'sum([1, "a"])',
        ),
        (
            'date("2024-13-01")',
            WarningCode.FUNCTION_FAILED,
            "Failed to invoke function 'date': Failed to parse date from '2024-13-01'",
            'date("2024-13-01")',
        ),
        ("[1][2]", WarningCode.OUT_OF_RANGE, "The list has 1 items and none at position 2", "[1][2]"),
        ("(1)(2)", WarningCode.NO_FUNCTION, "'1' is no function", "(1)(2)"),
        ('@"x"', WarningCode.INVALID_LITERAL, "'x' is no date, time or duration", '@"x"'),
    ],
)
def test_a_warning_says_what_and_where(run_text, text, code, message, place):
    warning = run_text(text).warnings[0]

    assert (warning.code, warning.message) == (code, message)
    assert text[slice(*warning.span)] == place


def test_a_missing_function_is_named(run_text):
    for text in ("nope(1)", "nope(a: 1)"):
        (warning,) = run_text(text).warnings
        assert (warning.code, warning.message) == (
            WarningCode.NO_FUNCTION,
            "No function found with name 'nope'",
        )


def test_the_clock_is_the_one_of_the_environment(run_text):
    berlin = Environment.at(1_711_846_800_000, zone="Europe/Berlin")

    assert run_text("string(now())", environment=berlin).value == "2024-03-31T03:00:00@Europe/Berlin"
    assert run_text("today()", environment=Environment()).value is None


def test_a_clock_needs_a_time_zone_that_exists():
    with pytest.raises(ValueError, match="Not/AZone"):
        Environment.at(0, zone="Not/AZone")


def test_half_a_surrogate_pair_cannot_be_written():
    with pytest.raises(UnfitJson):
        to_json({"a": "\ud800"})


def test_constant_parts_are_computed_when_compiling():
    folded = fold(parse('a + (2 * 3) + @"P1D".days'), Dialect.DMN)

    assert isinstance(folded.left.right, Constant)
    assert folded.left.right.value == 6
    assert folded.right.value == 1
    assert to_text(folded) == 'a + 2 * 3 + @"P1D".days'


def test_what_warns_or_depends_on_the_clock_is_not_folded():
    for text in ("1 / 0", "now()", "f(1)", "uuid()"):
        assert not isinstance(fold(parse(text), Dialect.CAMUNDA), Constant)


@pytest.mark.parametrize(
    ("tests", "values", "ranges", "negated"),
    [
        ('"a", "b"', ("a", "b"), (), False),
        ("1 + 1, [3, 4]", (2, 3, 4), (), False),
        ("< 5, [7..9)", (), (Range(None, 5, False, False, "<"), Range(7, 9, True, False)), False),
        ('not(date("2024-01-01"))', (read_date("2024-01-01"),), (), True),
    ],
)
def test_the_shape_of_constant_tests_is_known(tests, values, ranges, negated):
    shape = shape_of(parse_unary_tests(tests))

    assert (shape.values, shape.ranges, shape.negated) == (values, ranges, negated)


def test_constants_are_recognised_without_folding():
    assert constant_of(parse_unary_tests("< 5").tests[0]).value == Range(None, 5, False, False, "<")
    assert constant_of(parse_unary_tests("[1..5)").tests[0]).value == Range(1, 5, True, False)
    assert constant_of(parse("x")) is None
    assert shape_of(parse("1")) is None


def test_tests_that_need_evaluation_have_no_shape():
    assert shape_of(parse_unary_tests("-")).is_any
    for tests in ("x", "< x", "? > 1", "{a: 1}", "[[1]]"):
        assert shape_of(parse_unary_tests(tests)) is None


def test_the_cache_compiles_once_and_forgets_the_oldest():
    cache = ExpressionCache(entries=2)

    first = cache.expression("1 + 1")

    assert cache.expression("1 + 1") is first
    cache.expression("2 + 2")
    cache.expression("3 + 3")
    assert cache.expression("1 + 1") is not first


def test_a_hot_expression_is_generated_after_a_while():
    cache = ExpressionCache(hot_after=3)

    codes = [cache.expression("a + 1").code for _ in range(4)]

    assert codes[0] is codes[1]
    assert codes[3].__name__ == "evaluate"
    assert cache.expression("a + 1").evaluate({"a": 1}).value == 2


def test_one_compiled_expression_serves_many_threads():
    compiled = compile_expression("for x in 1..50 return x * n", mode="generated")

    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda n: compiled.evaluate({"n": n}).value[-1], range(200)))

    assert results == [50 * n for n in range(200)]
