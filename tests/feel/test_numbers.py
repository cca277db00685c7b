"""Numbers: exact integers and decimals of 34 digits, checked against `decimal`."""

from decimal import ROUND_HALF_EVEN, Context, Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taskloom.feel import compile_expression
from taskloom.feel.decimals import CONTEXT

ORACLE = Context(prec=34, rounding=ROUND_HALF_EVEN, Emin=-6143, Emax=6144, traps=[])
decimals = st.integers(-(10**33), 10**33) | st.decimals(
    min_value=-(10**20), max_value=10**20, allow_nan=False, places=8
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 + 2 * 3 - 4 / 2", 5),
        ("3 ** 4 ** 5", 3486784401),
        ("-3 ** 2", 9),
        ("2 ** -2", Decimal("0.25")),
        ("10 ** 33 + 1", 10**33 + 1),
        ("--10", 10),
        (".5 + 1.50", Decimal("2.0")),
        ("1.23e4", 12300),
        ("1e-3", Decimal("0.001")),
        ("0.1 + 0.2", Decimal("0.3")),
        ("1 / 3", Decimal("0.3333333333333333333333333333333333")),
        ("10 / 4", Decimal("2.5")),
        ("10 / 5", 2),
        ("9999999999999999999999999999999999 + 2", Decimal("1.000000000000000000000000000000000E+34")),
        ("floor(-1.5)", -2),
        ("floor(1.56, 1)", Decimal("1.5")),
        ("ceiling(-0.3)", 0),
        ("round up(-5.5, 0)", -6),
        ("round down(-5.5, 0)", -5),
        ("round half up(-5.5, 0)", -6),
        ("round half down(5.5, 0)", 5),
        ("decimal(2.5, 0)", 2),
        ("decimal(1.115, 2)", Decimal("1.12")),
        ("decimal(125, -1)", 120),
        ("abs(-3)", 3),
        ("abs(-0.1234567890123456789012345678901234)", Decimal("0.1234567890123456789012345678901234")),
        ('abs(@"-PT5H") = @"PT5H"', True),
        ("modulo(-12, 5)", 3),
        ("modulo(12, -5)", -3),
        ("modulo(10.1, 4.5)", Decimal("1.1")),
        ("sqrt(16)", 4),
        ("log(1)", 0),
        ("exp(0)", 1),
        ("odd(-3)", True),
        ("even(2.0)", True),
        ("odd(1.5)", False),
    ],
)
def test_numbers_are_exact(feel, text, expected):
    value = feel(text)

    assert value == expected
    assert type(value) is not float


@pytest.mark.parametrize(
    "text",
    [
        "1 / 0",
        "0.0 / 0",
        "10 ** 7000",
        "sqrt(-1)",
        "log(0)",
        "modulo(1, 0)",
        "exp(100000)",
        '1 + "a"',
        "1 + null",
        "true * 2",
        "decimal(1.5, 6177)",
        "round half up(5.5, -6112)",
        'floor("1")',
        "floor(1, null)",
        "abs()",
    ],
)
def test_what_is_no_finite_number_is_null_with_a_warning(run_text, text):
    result = run_text(text)

    assert result.value is None
    assert len(result.warnings) == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('number("1 000,5", " ", ",")', Decimal("1000.5")),
        ('number("1.000", ".", ",")', 1000),
        ('number("12")', 12),
        ('number("-1.5e3")', -1500),
        ('number("1,000", ",", null)', 1000),
        ('number("1,000", ",", ",")', None),
        ('number("1", ";", ".")', None),
        ('number("x")', None),
        ('number("1.5", null, ",")', None),
        ("number(null)", None),
        ('number(from: "1,5", decimal separator: ",")', Decimal("1.5")),
    ],
)
def test_number_reads_digits_with_separators(feel, text, expected):
    assert feel(text) == expected


@settings(max_examples=200, deadline=None)
@given(decimals, decimals, st.sampled_from("+-*/"))
def test_arithmetic_is_that_of_decimal128(left, right, sign):
    operation = {"+": ORACLE.add, "-": ORACLE.subtract, "*": ORACLE.multiply, "/": ORACLE.divide}[sign]
    expected = operation(Decimal(left), Decimal(right))

    value = compile_expression(f"a {sign} b", mode="generated").evaluate({"a": left, "b": right}).value

    if not expected.is_finite():
        assert value is None
    else:
        assert ORACLE.plus(Decimal(value)) == expected


@settings(max_examples=100, deadline=None)
@given(decimals, st.integers(-5, 10))
def test_rounding_never_moves_a_number_by_more_than_a_unit(number, scale):
    unit = Decimal(1).scaleb(-scale)
    scope = {"n": number, "s": scale}

    for name in ("decimal", "floor", "ceiling", "round up", "round down", "round half up", "round half down"):
        value = compile_expression(f"{name}(n, s)").evaluate(scope).value
        assert abs(CONTEXT.subtract(value, number)) <= unit
