"""`if`, loops, quantifiers, functions, `instance of`, unary tests."""

import pytest

from taskloom.feel import (
    ConstrainedType,
    Environment,
    Function,
    NameTable,
    Run,
    compile_expression,
    compile_unary_tests,
    parse_type,
)
from taskloom.feel.printer import type_text
from taskloom.feel.type_system import NUMBER, STRING


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('if 1 < 2 then "a" else "b"', "a"),
        ('if null then "a" else "b"', "b"),
        ('if "true" then "a" else "b"', "b"),
        ("for x in [1, 2] return x * 2", [2, 4]),
        ("for x in [1, 2], y in [x, 10] return x * y", [1, 10, 4, 20]),
        ("for x in 1..3 return x", [1, 2, 3]),
        ("for x in 3..1 return x", [3, 2, 1]),
        ("for x in [1..4) return x", [1, 2, 3]),
        ("for x in (1..4) return x", [2, 3]),
        ('for x in @"2024-02-28"..@"2024-03-01" return x.day', [28, 29, 1]),
        ("for x in 1..5 return if x < 3 then 1 else partial[-1] + partial[-2]", [1, 1, 2, 3, 5]),
        ("for x in 1..2 return partial", [[], [[]]]),
        ("for x in 5 return x", [5]),
        ("for x in [] return x", []),
        ("for x in null return x", None),
        ('for x in 1.."a" return x', None),
        ("for x in [1], y in null return x", None),
        ("for long name in [1, 2] return long name + 1", [2, 3]),
        ("some x in [1, 2] satisfies x > 1", True),
        ("some x in [] satisfies true", False),
        ("some x in [1, null] satisfies x > 1", None),
        ("some x in [null, 2] satisfies x > 1", True),
        ("every x in [1, 2] satisfies x > 0", True),
        ("every x in [] satisfies false", True),
        ("every x in [1, null] satisfies x > 0", None),
        ("every x in [null, 0] satisfies x > 0", False),
        ("every x in [1, 2], y in [3, 4] satisfies x < y", True),
        ("some x in [1, 2], y in [2, 3] satisfies x = y", True),
        ("some x in null satisfies true", None),
        ("(function(a, b) a - b)(5, 3)", 2),
        ("(function(a, b) a - b)(b: 5, a: 3)", -2),
        ("(function(a, b) a - b)(1)", None),
        ("(function(a, b) a - b)(a: 1, c: 2)", None),
        ("(function(a: number) a)([7])", 7),
        ('(function(a: number) a)("x")', None),
        ("(function(a: list<number>) count(a))(7)", 1),
        ('(function(a: date and time) a)(@"2024-01-01") = @"2024-01-01T00:00:00Z"', True),
        ("{make: function(n) function(x) x + n, add: make(3), r: add(4)}.r", 7),
        ("{f: for n in [1, 2] return function(x) x * n, r: [f[1](10), f[2](10)]}.r", [10, 20]),
        ("{even: function(n) if n = 0 then true else not(even(n - 1)), r: even(7)}.r", False),
        ("{f: count, r: f([1, 2])}.r", 2),
        ("{count: 5, r: count([1, 2])}.r", 2),
        ("1(2)", None),
        ("unknown(2)", None),
        ('function(a) external {java: {class: "java.lang.System", method signature: "exit(int)"}}', None),
    ],
)
def test_forms(feel, text, expected):
    assert feel(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 instance of number", True),
        ('"a" instance of number', False),
        ("null instance of Null", True),
        ("null instance of Any", False),
        ("1 instance of Any", True),
        ("[1, 2] instance of list", True),
        ("[1, 2] instance of list<number>", True),
        ('[1, "a"] instance of list<number>', False),
        ("[[1]] instance of list<list<number>>", True),
        ("{a: 1, b: 2} instance of context<a: number>", True),
        ('{a: "x"} instance of context<a: number>', False),
        ("{} instance of context<a: number>", False),
        ("[1..2] instance of range<number>", True),
        ('["a".."b"] instance of range<number>', False),
        ('@"2024-01-01" instance of date', True),
        ('@"2024-01-01T00:00:00" instance of date and time', True),
        ('@"P1D" instance of days and time duration', True),
        ('@"P1Y" instance of years and months duration', True),
        ('@"P1Y" instance of days and time duration', False),
        ("(function(a: string) a) instance of function<string> -> string", True),
        ("(function(a: string) a) instance of function<string> -> number", False),
        ("(function(a: string) a) instance of function<number> -> string", False),
        ("(function(a, b) a) instance of function<number> -> Any", False),
        ("count instance of function<list> -> number", True),
        ("(function(a: number) -a) instance of function<number> -> number", True),
        ("(function(a: number) if a > 0 then a else 1) instance of function<number> -> string", False),
        ("(function(a: number) a < 1) instance of function<number> -> boolean", True),
        ('(function(a: string) a + "x") instance of function<string> -> number', False),
        ("(function(a: list<Any>) a) instance of function<list<number>> -> Any", True),
        ("(function(a: list<number>) a) instance of function<list<Any>> -> Any", False),
        ("(function(a: range<Any>) a) instance of function<range<number>> -> Any", True),
        ("(function(a: context<b: Any>) 1) instance of function<context<b: number, c: date>> -> Any", True),
        ("(function(a: function<number>->Any) 1) instance of function<function<Any>->number> -> Any", True),
        ("(function(a: function) 1) instance of function<function<Any>->number> -> Any", True),
        ("1 instance of feel.number", True),
        ("1 instance of tUnknown", None),
    ],
)
def test_instance_of(feel, text, expected):
    assert feel(text) is expected


@pytest.mark.parametrize("mode", ["closure", "generated"])
def test_types_of_a_model_serve_instance_of_and_parameters(mode):
    adult = ConstrainedType("tAge", NUMBER, lambda age: age >= 18)
    types = {"tAge": adult, "my types.tName": STRING}
    names = NameTable((), types)

    def value(text):
        return compile_expression(text, names, types=types, mode=mode).evaluate({}).value

    assert value("20 instance of tAge") is True
    assert value("17 instance of tAge") is False
    assert value('"x" instance of my types.tName') is True
    assert value("(function(age: tAge) age)(17)") is None
    assert value("(function(age: tAge) age)([20])") == 20


def test_a_type_is_read_with_its_parameters():
    text = "list<context<a: range<date and time>, b c: function<Any, tLoan>->Null>>"

    assert type_text(parse_type(text)) == text


def test_a_host_function_is_called_like_a_literal_one(feel):
    double = Function(("n",), lambda run, n: n * 2, types=(NUMBER,), name="double")

    assert feel("double(4) + double(n: [5])", double=double) == 18
    assert feel('double("x")', double=double) is None
    assert feel("5()", double=double) is None
    assert feel("5(a: 1)", double=double) is None


def test_the_result_of_a_host_function_is_coerced_to_its_declared_type(feel):
    first = Function(("list",), lambda run, items: items, result_type=NUMBER, name="first")

    assert feel("first([7])", first=first) == 7
    assert feel('first(["x"])', first=first) is None


def test_functions_of_the_environment_are_found_after_variables(run_text):
    environment = Environment(functions={"twice": Function(("n",), lambda run, n: n * 2, name="twice")})
    names = NameTable(["twice"])

    assert run_text("[twice(2), sort([1, 2], twice)]", names=names, environment=environment).value == [
        4,
        None,
    ]
    assert run_text("{f: twice, r: f(3)}.r", names=names, environment=environment).value == 6


@pytest.mark.parametrize(
    ("tests", "accepted", "refused"),
    [
        ("-", [1, None, "x"], []),
        ("5", [5], [6, None, "5"]),
        ("< 5, > 10", [4, 11], [5, 10, None]),
        ("[1..5], 7", [1, 5, 7], [6]),
        ("(1..5)", [2], [1, 5]),
        ("not(1, 2)", [3], [1, 2]),
        ('"a", "b"', ["a"], ["c", 1]),
        ("null", [None], [1]),
        ("null, < 5", [None, 1], [6]),
        ("[1, 2, 3]", [2, [1, 2, 3]], [4]),
        ("? > 3 and ? < 6", [4], [3, "a"]),
        ('starts with(?, "A")', ["Ab"], ["b", 1]),
        ("? in [1, 2]", [1], [3]),
        ("limit", [10], [9]),
        ("< limit", [9], [10]),
        ("true", [True], [False]),
        ("limit = 10", [5], []),
        ("!= 3", [4], [3]),
        ("= 3", [3], [4]),
        ("not(> 3)", [3], [4, None]),
        ("[? .. ? + 1]", [1], [None]),
        ("not(? = 1) and ? < 9", [2], [1, 9]),
    ],
)
@pytest.mark.parametrize("mode", ["closure", "generated"])
def test_unary_tests_accept_or_refuse(tests, accepted, refused, mode):
    compiled = compile_unary_tests(tests, ["limit"], mode=mode)
    run = Run()

    assert [compiled.matches(run, {"limit": 10}, value) for value in accepted] == [True] * len(accepted)
    assert [compiled.matches(run, {"limit": 10}, value) for value in refused] == [False] * len(refused)
