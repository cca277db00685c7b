from decimal import Decimal

import pytest

from taskloom.flows.document.amounts import currency_of, decimal_sign_of, parse_amount, parse_number


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1.234,56", "1234.56"),
        ("1,234.56", "1234.56"),
        ("1 234,56", "1234.56"),
        ("1\u202f234,56 €", "1234.56"),
        ("1'234.56 CHF", "1234.56"),
        ("12.345.678,90", "12345678.90"),
        ("€1,234.56", "1234.56"),
        ("EUR 1.234,56", "1234.56"),
        ("$ 99", "99"),
        ("1.234", "1234"),
        ("1,234", "1234"),
        ("0.123", "0.123"),
        ("12.5", "12.5"),
        ("-1.12", "-1.12"),
        ("\u22121,12", "-1.12"),
        ("1,12-", "-1.12"),
        ("(35,13 €)", "-35.13"),
        ("-0,00", "0.00"),
        ("9,9000", "9.9000"),
    ],
)
def test_amounts_as_people_print_them(text, value):
    assert parse_amount(text) == Decimal(value)


@pytest.mark.parametrize(
    "text", ["", "EUR", "1.23.4", "1,234,56", "12,34.56", "1.234,56,7", "abc 5", "5 Stk", "--5-5", "1" * 40]
)
def test_what_is_no_amount_has_no_value(text):
    assert parse_amount(text) is None


def test_a_declared_decimal_sign_decides_what_a_single_sign_means():
    assert parse_amount("1.234", ".") == Decimal("1.234")
    assert parse_amount("1.234", ",") == Decimal(1234)
    assert parse_amount("1.234,5", ".") is None


def test_a_number_takes_its_single_sign_as_decimal_sign():
    assert parse_number("1.234") == Decimal("1.234")
    assert parse_number("2,500") == Decimal("2.500")


def test_currency_by_code_or_sign():
    assert [currency_of(text) for text in ("12 EUR", "£5", "5 usd", "nothing", "")] == [
        "EUR",
        "GBP",
        "USD",
        None,
        None,
    ]


def test_only_a_clear_number_proves_the_decimal_sign():
    assert [decimal_sign_of(text) for text in ("1.234,5", "12.50", "7,25", "1.234", "12")] == [
        ",",
        ".",
        ",",
        None,
        None,
    ]
