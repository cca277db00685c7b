from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samples.invoice import DATE_STYLES
from samples.wording import spell_date
from taskloom.flows.document.dates import DATE_PATTERN, order_of, parse_date


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2024-03-05", "2024-03-05"),
        ("20240305", "2024-03-05"),
        ("05.03.2024", "2024-03-05"),
        ("5.3.24", "2024-03-05"),
        ("05. 03. 2024", "2024-03-05"),
        ("5/3/2024", "2024-03-05"),
        ("11/17/2017", "2017-11-17"),
        ("5. März 2024", "2024-03-05"),
        ("5 March 2024", "2024-03-05"),
        ("March 5, 2024", "2024-03-05"),
        ("March 5th, 2024", "2024-03-05"),
        ("1er février 2024", "2024-02-01"),
        ("24 janvier 2014,", "2014-01-24"),
        ("1.1.70", "1970-01-01"),
    ],
)
def test_dates_as_people_print_them(text, day):
    assert parse_date(text).day.isoformat() == day


@pytest.mark.parametrize(
    "text", ["", "31.02.2024", "2024-13-01", "99/99/2024", "1850-01-01", "5 Mars", "12", "1.2"]
)
def test_what_is_no_day_has_no_value(text):
    assert parse_date(text) is None


def test_slashes_leave_day_and_month_open_and_the_order_decides():
    assert parse_date("05/03/2024").is_ambiguous
    assert parse_date("05/03/2024", "MDY").day == date(2024, 5, 3)
    assert parse_date("05/03/2024", "DMY").day == date(2024, 3, 5)
    assert not parse_date("05/03/2024", "DMY").is_ambiguous


def test_only_a_clear_date_proves_the_order():
    assert [order_of(text) for text in ("17/11/2017", "11/17/2017", "05/03/2024", "05.03.2024")] == [
        "DMY",
        "MDY",
        None,
        "DMY",
    ]


@given(
    days=st.integers(0, 20_000),
    style=st.sampled_from(sorted({s for row in DATE_STYLES.values() for s in row})),
)
def test_every_style_of_the_samples_is_read_back_and_found_in_a_sentence(days, style):
    day = date(1975, 1, 1) + timedelta(days=days)
    order = "MDY" if style == "slash_us" else None
    text = spell_date(day, style)

    assert parse_date(text, order).day == day
    found = DATE_PATTERN.search(f"payable by {text} at the latest")
    assert found is not None
    assert parse_date(found.group(), order).day == day
