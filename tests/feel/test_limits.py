"""Every bound holds: too much ends in a syntax error or in a failure, soon and without an exception."""

import pytest

from taskloom.feel import (
    Environment,
    FailureCode,
    FeelSyntaxError,
    Limits,
    UnfitJson,
    compile_expression,
    from_json,
    from_python,
    parse,
    to_json,
)

# What is to end soon would take hours without its bound.
pytestmark = pytest.mark.timeout(30)


@pytest.mark.parametrize(
    "text",
    [
        "(" * 5000 + "1" + ")" * 5000,
        "[" * 5000,
        "-" * 5000 + "1",
        "if " * 5000,
        "1" + "+1" * 5000,
        "a" + ".b" * 5000,
        "x in (" * 2000,
        "not(" * 5000,
        "{a:" * 5000,
        "for x in " * 2000,
        "x" * 70_000,
        " " * 60_000 + "a",
        "a" + " " * 60_000 + ":",
        "f(" + "a " * 30_000,
        "[1.." * 2000,
        "function(a: " + "list<" * 5000,
    ],
)
def test_nested_or_long_texts_are_refused_quickly(text):
    try:
        parse(text)
    except FeelSyntaxError as error:
        assert error.position.line == 1  # noqa: PT017 - some of the texts are expressions


TENFOLD = ", ".join(f"{name}: [{', '.join([before] * 10)}]" for before, name in ("ab", "bc", "cd", "de"))


@pytest.mark.parametrize("mode", ["closure", "generated"])
@pytest.mark.parametrize(
    "text",
    [
        "for x in 1..1000000000 return x",
        "for x in 1..1000, y in 1..1000 return x",
        "some x in 1..90000, y in 1..90000 satisfies x = -1",
        "{f: function(n) f(n + 1), r: f(1)}",
        "{f: function(n) f(n - 1) + f(n - 1), r: f(99)}",
        f"{{a: [1, 1], {TENFOLD}, r: flatten([e, e, e, e, e, e])}}",
        "for x in 1..60000 return (for y in 1..60000 return y)",
        "for x in 1..50000 return partial",
        "distinct values(for x in 1..30000 return {a: x})",
        'for x in 1..20000 return matches("a", string(x) + "(b{1,9}c){1,9}")',
        "string(for x in 1..20000 return 9e6000)",
        'for x in 1..9000 return contains(string join(for y in 1..9000 return "aaaaaaaaaa"), "b")',
    ],
)
def test_expensive_expressions_end_with_a_failure(text, mode):
    result = compile_expression(text, mode=mode).evaluate({})

    assert result.failure is not None
    assert result.failure.code is FailureCode.LIMIT
    assert result.value is None


def test_strings_do_not_grow_without_end():
    double = "{s: " + '"' + "a" * 1000 + '", r: (function(f) f)(for x in 1..20 return s + s)}'
    doubling = "".join(f"s{i + 1}: s{i} + s{i}, " for i in range(25))
    result = compile_expression('{s0: "aaaaaaaaaa", ' + doubling + "r: 1}").evaluate({})

    assert result.failure is not None
    assert compile_expression(double).evaluate({}).failure is None


def test_limits_are_settings():
    limits = Limits(steps=10)

    result = compile_expression("for x in 1..20 return x").evaluate({}, Environment(limits=limits))

    assert result.failure is not None
    with pytest.raises(FeelSyntaxError):
        parse("1 + 1", limits=Limits(source_chars=3))


def test_warnings_are_bounded():
    result = compile_expression("for x in 1..500 return y").evaluate({})

    assert len(result.warnings) == Limits().warnings
    assert result.value == [None] * 500


def test_json_is_bounded_both_ways():
    shared = [1, 2, 3]
    for _ in range(40):
        shared = [shared, shared]

    with pytest.raises(UnfitJson):
        to_json(shared)
    with pytest.raises(UnfitJson):
        from_json("[" * 100_000 + "]" * 100_000)
    with pytest.raises(UnfitJson):
        from_json("{")
    with pytest.raises(UnfitJson):
        to_json("é" * 600_000)
    loop = []
    loop.append(loop)
    with pytest.raises(UnfitJson):
        from_python(loop)


def test_power_of_huge_numbers_is_quick():
    for text in (
        "0.999999999999 ** 1e30",
        "1.0000001 ** 123456789.5",
        "2 ** 20000",
        "9e6000 ** 0.1",
        "exp(14000)",
    ):
        compile_expression(text).evaluate({})
