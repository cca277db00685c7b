"""Dates, times, durations: texts, properties, arithmetic; checked against `datetime`."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taskloom.feel import Date, DateTime, civil, compile_expression, iso, string_of
from taskloom.feel.run import Run
from taskloom.feel.values import NANOS_PER_SECOND


@pytest.mark.parametrize(
    "text",
    [
        "2024-02-29",
        "-0044-03-15",
        "999999999-12-31",
        "-999999999-01-01",
        "10:15:00",
        "10:15:00.123456789",
        "10:15:00Z",
        "10:15:00-05:30",
        "11:59:45+02:45:55",
        "10:15:00@Europe/Paris",
        "2024-02-29T23:59:59",
        "12345-02-28T00:00:00.5@Etc/UTC",
        "P1D",
        "-P1DT2H3M4.5S",
        "PT0S",
        "P2Y1M",
        "-P11M",
        "P0M",
    ],
)
def test_a_text_in_normal_form_is_written_as_it_was_read(text):
    value = iso.read_any(text)

    assert value is not None
    assert string_of(Run(), value) == text


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("10:15:00+00:00", "10:15:00Z"),
        ("10:15:00z", "10:15:00Z"),
        ("24:00:00", "00:00:00"),
        ("2021-12-31T24:00:00", "2022-01-01T00:00:00"),
        ("PT1000M", "PT16H40M"),
        ("PT24H", "P1D"),
        ("P1Y27M", "P3Y3M"),
        ("PT0.S", "PT0S"),
        ("-PT0S", "PT0S"),
    ],
)
def test_other_spellings_are_normalised(text, written):
    assert string_of(Run(), iso.read_any(text)) == written


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2023-02-29",
        "2024-13-01",
        "2024-1-1",
        "02024-01-01",
        "+2024-01-01",
        "1000000000-01-01",
        "2024-01-01T",
        "2024-01-01T10:00",
        "24:00:01",
        "23:59:60",
        "7:00:00",
        "10:00:00+19:00",
        "10:00:00+5:00",
        "10:00:00+02:00@Europe/Paris",
        "10:00:00@Not/AZone",
        "P",
        "PT",
        "P1Y2D",
        "P1H",
        "1D",
        "P1.5D",
        "2024-01-01\n",
        "P9999999999999999999D",
    ],
)
def test_texts_out_of_form_or_of_the_calendar_are_refused(text):
    assert iso.read_any(text) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('@"2018-12-10".weekday', 1),
        ('@"2018-12-10T10:30:01.5".second', 1),
        ('@"2018-12-10T10:30:00+05:00".time offset', iso.read_duration("PT5H")),
        ('@"2018-07-10T10:30:00@Europe/Paris".time offset', iso.read_duration("PT2H")),
        ('@"10:30:00@Etc/UTC".timezone', "Etc/UTC"),
        ('@"10:30:00".timezone', None),
        ('@"10:30:00".day', None),
        ('@"P1DT2H".hours', 2),
        ('@"-P1DT2H3M".minutes', -3),
        ('@"P26M".years', 2),
        ('@"-P26M".months', -2),
        ('@"P26M".days', None),
        ('date("2024-02-29") = date(2024, 2, 29)', True),
        ('date(@"2024-02-29T10:00:00")', iso.read_date("2024-02-29")),
        ("date(2024, 2, 30)", None),
        ('time(@"2024-02-29T10:00:00Z")', iso.read_time("10:00:00Z")),
        ('time(@"2024-02-29")', iso.read_time("00:00:00Z")),
        ('time(11, 59, 45.5, @"-PT2H")', iso.read_time("11:59:45.5-02:00")),
        ("time(11, 59, 45, null)", iso.read_time("11:59:45")),
        ("time(24, 0, 0, null)", None),
        ('date and time("2024-02-29")', iso.read_date_time("2024-02-29T00:00:00")),
        ('date and time(@"2024-02-29", @"10:00:00Z")', iso.read_date_time("2024-02-29T10:00:00Z")),
        ('date and time(date: @"2024-02-29", time: @"10:00:00")', iso.read_date_time("2024-02-29T10:00:00")),
        ('duration("P1D") + duration("PT12H")', iso.read_duration("P1DT12H")),
        ('years and months duration(@"2011-12-22", @"2013-08-24")', iso.read_duration("P1Y8M")),
        ('years and months duration(@"2013-08-24", @"2011-12-22")', iso.read_duration("-P1Y8M")),
        ('years and months duration(@"2011-12-25", @"2013-08-24")', iso.read_duration("P1Y7M")),
        ('years and months duration(@"2013-08-24", @"2011-12-25")', iso.read_duration("-P1Y7M")),
        ('abs(@"-P26M")', iso.read_duration("P26M")),
        ('-@"P1Y"', iso.read_duration("-P1Y")),
        ('@"P26M" / @"P13M"', 2),
        ("time(10.5, 0, 0)", None),
        ('time(10, 0, 0, @"PT19H")', None),
        ("time(10, 0, 60)", None),
        ('day of year(@"2020-12-31")', 366),
        ('day of week(@"2024-02-29")', "Thursday"),
        ('month of year(@"2024-02-29")', "February"),
        ('week of year(@"2010-01-01")', 53),
        ("now()", iso.read_date_time("2023-11-14T22:13:20Z")),
        ("today()", iso.read_date("2023-11-14")),
        ('is(@"23:00:50Z", @"23:00:50+00:00")', True),
        ('is(@"23:00:50Z", @"23:00:50")', False),
        ('is(@"23:00:50Z", @"23:00:50@Etc/UTC")', False),
        ("is(1, 1.0)", True),
        ('is(1, "1")', False),
        ("is([1], [1])", True),
    ],
)
def test_constructors_properties_and_functions(feel, text, expected):
    assert feel(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('@"2024-01-31" + @"P1M"', "2024-02-29"),
        ('@"P1M" + @"2024-01-31"', "2024-02-29"),
        ('@"2021-01-01" + @"PT36H"', "2021-01-02"),
        ('@"2021-01-02" - @"PT1H"', "2021-01-01"),
        ('@"2021-01-02" - @"-PT1H"', "2021-01-02"),
        ('@"-2021-01-01T10:10:10+11:00" - @"P1M"', "-2022-12-01T10:10:10+11:00"),
        ('@"2021-01-01T24:00:00" + @"PT1S"', "2021-01-02T00:00:01"),
        ('@"10:15:00@Australia/Melbourne" - @"PT11H"', "23:15:00@Australia/Melbourne"),
        ('@"2021-01-02" - @"2021-01-01"', "P1D"),
        ('@"2021-01-02T00:00:00Z" - @"2021-01-02"', "PT0S"),
        ('@"2021-01-02T10:10:10@Europe/Paris" - @"2021-01-01T10:10:10@Asia/Dhaka"', "P1DT5H"),
        ('@"10:10:10" - @"11:10:10"', "-PT1H"),
        ('@"P1Y" - @"P2M"', "P10M"),
        ('@"P1Y11M" * -2.5', "-P4Y9M"),
        ('1.5 * @"P4DT1H"', "P6DT1H30M"),
        ('@"P10Y11M" / 2.5', "P4Y4M"),
        ('@"P10DT23H" / 2.5', "P4DT9H12M"),
        ('-@"P1D"', "-P1D"),
        ('@"2024-03-31T01:30:00@Europe/Berlin" + @"PT1H"', "2024-03-31T03:30:00@Europe/Berlin"),
        ('@"2024-10-27T02:30:00@Europe/Berlin" + @"PT2H"', "2024-10-27T03:30:00@Europe/Berlin"),
    ],
)
def test_arithmetic_of_points_and_durations(feel, text, expected):
    assert feel(f"string({text})") == expected


@pytest.mark.parametrize(
    "text",
    [
        '@"2021-01-02" + 1',
        '@"2021-01-02" + @"2021-01-02"',
        '@"2021-01-02T10:00:00Z" - @"2021-01-01T10:00:00"',
        '@"2021-01-02" - @"2021-01-01T10:00:00"',
        '@"P1Y" + @"P1D"',
        '@"P1Y" * @"P1Y"',
        '@"P1D" / 0',
        '@"P1D" / @"PT0S"',
        '@"999999999-12-31" + @"P1D"',
        '@"999999999-12-31" + @"P1M"',
        '@"P1D" * 1e40',
        '@"P999999999999999999Y" * 9999999999999999',
        '@"10:00:00@Nowhere/Land"',
        '@"2021-02-30"',
        '-@"2021-01-02"',
    ],
)
def test_what_does_not_go_together_is_null(run_text, text):
    result = run_text(text)

    assert result.value is None
    assert result.warnings


days = st.dates(date(2, 1, 1), date(9998, 12, 31))


@settings(max_examples=200, deadline=None)
@given(days, st.integers(-500_000, 500_000))
def test_days_are_those_of_datetime(day, count):
    value = Date.of(day.year, day.month, day.day)

    assert civil.from_ordinal(value.days) == (day.year, day.month, day.day)
    assert civil.weekday(value.days) == day.isoweekday()
    assert civil.iso_week(value.days) == day.isocalendar().week
    moved = day.toordinal() + count
    if 1 <= moved <= date.max.toordinal():
        year, month, last = civil.from_ordinal(moved)
        assert date(year, month, last).toordinal() == moved


@settings(max_examples=100, deadline=None)
@given(st.integers(-900_000_000, 900_000_000), st.integers(1, 12), st.integers(1, 28))
def test_far_years_keep_the_shape_of_the_calendar(year, month, day):
    ordinal = civil.to_ordinal(year, month, day)

    assert civil.from_ordinal(ordinal) == (year, month, day)
    assert civil.to_ordinal(year + 400, month, day) - ordinal == civil.CYCLE_DAYS


moments = st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1))  # noqa: DTZ001 - local on purpose


@settings(max_examples=200, deadline=None)
@given(moments, st.timedeltas(timedelta(days=-400), timedelta(days=400)))
def test_zoned_arithmetic_follows_the_time_line_as_datetime_does_in_utc(moment, delta):
    delta -= timedelta(microseconds=delta.microseconds)
    zone = ZoneInfo("Europe/Paris")
    begin = moment.replace(microsecond=0, tzinfo=zone)
    expected = (begin.astimezone(ZoneInfo("UTC")) + delta).astimezone(zone)
    scope = {
        "m": DateTime(begin.toordinal(), _second(begin) * NANOS_PER_SECOND, None, "Europe/Paris"),
        "d": iso.DayTimeDuration((delta.days * 86_400 + delta.seconds) * NANOS_PER_SECOND),
    }

    value = compile_expression("m + d", mode="generated").evaluate(scope).value

    assert (value.days, value.nanos // NANOS_PER_SECOND) == (expected.toordinal(), _second(expected))


def _second(moment):
    return moment.hour * 3600 + moment.minute * 60 + moment.second
