"""The Camunda switch: what differs from the standard, each difference from both sides."""

from decimal import Decimal

import pytest

from taskloom.feel import Dialect, Environment, FailureCode, FeelSyntaxError, parse
from taskloom.feel.iso import read_any


@pytest.mark.parametrize(
    ("text", "standard", "camunda_value"),
    [
        ('@"10:30:00.1" = @"10:30:00.2"', True, False),
        ('@"2024-01-01T10:30:00.1" != @"2024-01-01T10:30:00.2"', False, True),
        ('[1, "a"] = [1, 2]', None, False),
        ('{a: 1} = {a: "1"}', None, False),
        ("sublist([1, 2, 3], 2, 5)", None, [2, 3]),
        ("sublist([1, 2, 3], 5)", None, []),
        ("insert before([1, 2], 4, 3)", None, [1, 2, 3]),
        ("remove([1, 2], 3)", None, [1, 2]),
        ('context put({}, ["a", "b"], 1)', None, {"a": {"b": 1}}),
        ('get value({a: {b: 1}}, ["a", "b"])', None, 1),
        ("(function(a, b) [a, b])(a: 1)", None, [1, None]),
        ('time("10:30")', None, read_any("10:30:00")),
        ('@"10:30"', None, read_any("10:30:00")),
        ('time("10:30:00+02:00[Europe/Berlin]")', None, read_any("10:30:00@Europe/Berlin")),
        (
            'date and time("2024-01-01T10:30:00+01:00[Europe/Berlin]")',
            None,
            read_any("2024-01-01T10:30:00@Europe/Berlin"),
        ),
        ('@"P1D" instance of days and time duration', True, True),
    ],
)
def test_each_difference_from_both_sides(feel, camunda, text, standard, camunda_value):
    assert feel(text) == standard
    assert camunda(text) == camunda_value


def test_a_missing_entry_is_silent_in_get_value_of_camunda_only(run_text):
    text = 'get value({a: 1}, "b")'

    assert run_text(text).warnings
    assert run_text(text, Dialect.CAMUNDA).warnings == ()
    assert run_text(text, Dialect.CAMUNDA).value is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("is defined(1)", True),
        ("is defined(nothing)", False),
        ("is defined(x)", False),
        ("is defined({a: null}.a)", False),
        ('get or else(x, "b")', "b"),
        ('get or else("a", "b")', "a"),
        ("assert(5, 5 > 4)", 5),
        ('from json("{\\"a\\": [1, 1.5]}")', {"a": [1, Decimal("1.5")]}),
        ('from json("{")', None),
        ('to json({a: [1, @"2024-01-01"]})', '{"a":[1,"2024-01-01"]}'),
        (
            'string(date and time(@"2024-07-01T10:00:00Z", "Europe/Berlin"))',
            "2024-07-01T12:00:00@Europe/Berlin",
        ),
        (
            'string(date and time(@"2024-07-01T10:00:00", "Europe/Berlin"))',
            "2024-07-01T10:00:00@Europe/Berlin",
        ),
        ('date and time(@"2024-07-01T10:00:00", "Not/AZone")', None),
        ('extract("a1b22", "[0-9]+")', ["1", "22"]),
        ('trim("  a b ")', "a b"),
        ('is blank(" ")', True),
        ('to base64("FEEL")', "RkVFTA=="),
        ('from base64("RkVFTA==")', "FEEL"),
        ('from base64("?")', None),
        ('string join(["a", "b"], ", ", "[", "]")', "[a, b]"),
        ("duplicate values([1, 2, 1, 3, 2, 1])", [1, 2]),
        ("is empty([])", True),
        ("partition([1, 2, 3, 4, 5], 2)", [[1, 2], [3, 4], [5]]),
        ("partition([1], 0)", None),
        ("and([true, false])", False),
        ("or(true, null)", True),
        ('put({a: 1}, "b", 2)', {"a": 1, "b": 2}),
        ("put all([{a: 1}, {b: 2}])", {"a": 1, "b": 2}),
        ("get entries({a: 1})", [{"key": "a", "value": 1}]),
        ('string(last day of month(@"2024-02-10"))', "2024-02-29"),
        ('fromAi(5, "how many", "number")', 5),
        ('cycle(@"PT1H")', "R/PT1H"),
        ('cycle(5, @"PT1H")', "R5/PT1H"),
        ('cycle(null, @"P1M")', "R/P1M"),
        ('cycle(1e6000, @"P1M")', None),
        ('@"2024-01-01T00:00:00" instance of date time', True),
        ('@"P1D" instance of day-time-duration', True),
        ('@"P1Y" instance of year-month-duration', True),
        ("`order id` + 1", 8),
        ("x = null", True),
        ("x > 1", None),
        ("if x then 1 else 2", 2),
    ],
)
def test_the_functions_and_forms_of_camunda(camunda, text, expected):
    assert camunda(text, **{"order id": 7}) == expected


@pytest.mark.parametrize("text", ["partition([1], 1)", "uuid()", 'trim("a")', "put({}, 1, 2)", "fromAi(1)"])
def test_the_standard_does_not_know_the_functions_of_camunda(feel, text):
    assert feel(text) is None


@pytest.mark.parametrize(
    "text", ["`a b`", "and([true])", "get or else(1, 2)", "is defined(1)", 'to base64("a")']
)
def test_the_standard_reads_neither_back_ticks_nor_names_of_camunda_with_blanks(text):
    with pytest.raises(FeelSyntaxError):
        parse(text)


def test_a_failed_assertion_ends_the_evaluation(run_text):
    result = run_text('1 + assert(x, x != null, "x must be there")', Dialect.CAMUNDA)

    assert result.failure is not None
    assert (result.failure.code, result.failure.message) == (FailureCode.ASSERTION, "x must be there")


def test_random_numbers_and_ids_come_from_the_environment(run_text):
    environment = Environment(random=lambda: Decimal("0.5"), unique_id=lambda: "id-1")

    assert run_text("[random number(), uuid()]", Dialect.CAMUNDA, environment=environment).value == [
        Decimal("0.5"),
        "id-1",
    ]
    assert run_text("random number()", Dialect.CAMUNDA).value is None
