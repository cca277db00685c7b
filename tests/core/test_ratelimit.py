import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskloom.core.ratelimit import MINUTE_MS, RateLimiter


def test_a_minutes_worth_is_allowed_at_once_and_not_one_more():
    limiter = RateLimiter()

    answers = [limiter.take("a", 3, 1000).allowed for _ in range(4)]

    assert answers == [True, True, True, False]


def test_a_refused_caller_learns_when_to_come_back_and_is_then_let_in():
    limiter = RateLimiter()
    for _ in range(7):
        limiter.take("a", 7, 0)

    refused = limiter.take("a", 7, 0)

    assert not refused.allowed
    assert not limiter.take("a", 7, refused.retry_after_ms - 1).allowed
    assert limiter.take("a", 7, refused.retry_after_ms).allowed


def test_the_numbers_of_the_headers():
    limiter = RateLimiter()

    first = limiter.take("a", 60, 0)

    assert (first.limit, first.remaining, first.retry_after_ms, first.full_after_ms) == (60, 59, 0, 1000)


def test_slots_do_not_share_a_bucket():
    limiter = RateLimiter()
    limiter.take("a", 1, 0)

    assert limiter.take("b", 1, 0).allowed
    assert not limiter.take("a", 1, 0).allowed


def test_a_clock_that_steps_back_gives_nothing_and_takes_nothing():
    limiter = RateLimiter()
    limiter.take("a", 1, 50_000)

    assert not limiter.take("a", 1, 0).allowed
    assert not limiter.take("a", 1, 60_000).allowed
    assert limiter.take("a", 1, 50_000 + MINUTE_MS).allowed


def test_a_lower_rate_takes_effect_at_once():
    limiter = RateLimiter()
    limiter.take("a", 1000, 0)

    assert limiter.take("a", 2, 0).remaining == 1


def test_the_number_of_slots_is_bounded_and_the_one_idle_longest_goes():
    limiter = RateLimiter(slots_max=2)
    for slot in ("a", "b", "a", "c"):
        limiter.take(slot, 2, 0)

    assert len(limiter) == 2
    assert not limiter.take("a", 2, 0).allowed
    assert limiter.take("b", 2, 0).remaining == 1


def test_a_rate_below_one_is_a_fault_of_the_caller():
    with pytest.raises(ValueError, match="above 0"):
        RateLimiter().take("a", 0, 0)


@given(
    rate=st.integers(1, 500),
    gaps=st.lists(st.integers(0, 20_000), max_size=200),
)
def test_no_window_lets_more_through_than_a_full_bucket_and_what_flowed_in(rate, gaps):
    limiter = RateLimiter()
    now = 0
    passed = 0
    for gap in gaps:
        now += gap
        passed += limiter.take("a", rate, now).allowed

        assert passed * MINUTE_MS <= rate * MINUTE_MS + rate * now
