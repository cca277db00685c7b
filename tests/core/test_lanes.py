"""Fair share: lanes take turns by virtual time; urgency, limits and pauses come first."""

from hypothesis import given
from hypothesis import strategies as st

from taskloom.core.fairness import share
from taskloom.core.lanes import TICK, Gate, Lane, Offer, Share, floor_of
from taskloom.core.limits import LEVELS
from taskloom.core.terms import is_open, opens_at, room, terms_of

NOW = 1_000


def lane(name: str, depth: int = 10, **more: int) -> Lane:
    level = more.pop("level", 1)
    return Lane("q", level, "t", name, depth, **more)


def offer(lanes, *shares, **gates):
    """Lanes on offer, with shares that know no clock but what is given, and gates of tenants."""
    known = {one.id[:3]: Share(*one.id[:3], depth=one.depth) for one in lanes}
    known.update((one.id, one) for one in shares)
    return Offer(list(lanes), known, {("q", tenant): gate for tenant, gate in gates.items()})


def names(picks: list[tuple[str, int, str, str]]) -> list[str]:
    return [pick[3] for pick in picks]


def test_lanes_take_turns():
    assert names(share(offer([lane("a"), lane("b")]), 4, NOW)) == ["a", "b", "a", "b"]


def test_a_lane_that_had_less_comes_first_until_it_caught_up():
    ahead, behind = lane("a", virtual_time=5 * TICK), lane("b", virtual_time=2 * TICK)

    assert names(share(offer([ahead, behind]), 5, NOW)) == ["b", "b", "b", "a", "b"]


def test_a_thousand_waiting_tasks_do_not_delay_anothers_single_one():
    flood, single = lane("flood", depth=1000), lane("single", depth=1)

    assert "single" in names(share(offer([flood, single]), 2, NOW))


def test_the_more_urgent_level_is_emptied_first():
    assert names(share(offer([lane("slow", 5, level=3), lane("fast", 2, level=0)]), 4, NOW)) == [
        "fast",
        "fast",
        "slow",
        "slow",
    ]


def test_a_lane_gives_no_more_than_it_has():
    assert names(share(offer([lane("a", 1), lane("b", 2)]), 9, NOW)) == ["a", "b", "b"]


def test_limits_and_pauses_close_a_lane():
    assert room(lane("a", limit=3, in_flight=1), NOW) == 2
    assert room(lane("a", limit=3, in_flight=3), NOW) == 0
    assert room(lane("a", paused_until=NOW + 1), NOW) == 0
    assert room(lane("a", paused_until=NOW), NOW) == 10


def test_idleness_earns_no_credit():
    assert floor_of([lane("a", virtual_time=9), lane("b", virtual_time=4), lane("idle", 0)]) == 4


def test_tenants_take_turns_however_many_keys_one_has():
    flood = [Lane("q", 1, "a", f"k{number}", 1) for number in range(50)]
    single = Lane("q", 1, "b", "only", 1)

    picks = share(offer([*flood, single]), 3, NOW)

    assert {pick[2] for pick in picks[:2]} == {"a", "b"}


def test_a_weight_counts_the_turns_of_a_lane():
    picks = names(share(offer([lane("a", weight=3), lane("b")]), 8, NOW))

    assert (picks.count("a"), picks.count("b")) == (6, 2)


def test_a_level_that_waited_long_counts_as_more_urgent():
    slow, fast = lane("slow", level=3), lane("fast", level=1)
    waited = Share("q", 3, "t", depth=10, served_at=NOW - 500)
    served = Share("q", 1, "t", depth=10, served_at=NOW)

    patient = share(offer([slow, fast], waited, served, t=Gate("q", "t", aging_ms=200)), 1, NOW)
    strict = share(offer([slow, fast], waited, served, t=Gate("q", "t", aging_ms=0)), 1, NOW)

    assert (names(patient), names(strict)) == (["fast"], ["fast"])
    longer = Share("q", 3, "t", depth=10, served_at=NOW - 900)
    assert names(share(offer([slow, fast], longer, served, t=Gate("q", "t", aging_ms=200)), 1, NOW)) == [
        "slow"
    ]


def test_no_level_starves_while_all_others_have_work_all_the_time():
    lanes = [lane(f"l{level}", level=level) for level in range(LEVELS)]
    shares = {one.id[:3]: Share(*one.id[:3], depth=10, served_at=NOW) for one in lanes}
    longest = dict.fromkeys(shares, 0)
    for now in range(NOW, NOW + 300):
        (pick,) = share(Offer(lanes, shares, {("q", "t"): Gate("q", "t", aging_ms=1)}), 1, now)
        served = shares[pick[:3]]
        longest[served.id] = max(longest[served.id], now - served.served_at)
        served.served_at, served.virtual_time = now, served.virtual_time + TICK

    assert all(longest.values())
    assert max(longest.values()) <= 2 * LEVELS


def test_the_gate_of_a_queue_bounds_all_its_lanes_together():
    gate = Gate("q", "t", limit=5, in_flight=2)

    assert len(share(offer([lane("a"), lane("b")], t=gate), 10, NOW)) == 3


def test_a_lane_without_settings_has_those_of_its_gate_and_rows_of_batches_have_their_own():
    gate = Gate("q", "t", key_limit=2, key_rate=60, batch_limit=7)

    assert terms_of(lane("a"), gate).limit == 2
    assert terms_of(lane("a", limit=9), gate).limit == 9
    assert (terms_of(lane("a/batch"), gate).limit, terms_of(lane("a/batch"), gate).rate) == (7, 0)


def test_a_rate_lets_a_burst_go_and_then_one_at_a_time():
    second_us = 1_000_000
    row = lane("a", rate=60, burst=3)

    assert room(row, NOW) == 3
    row.rate_at_us = NOW * 1000 + 2 * second_us
    assert room(row, NOW) == 1
    row.rate_at_us = NOW * 1000 + 3 * second_us
    assert (room(row, NOW), room(row, NOW + 1000)) == (0, 1)
    assert opens_at(terms_of(row, None), row.rate_at_us, 0, NOW) == NOW + 1000


few, rates, around = st.integers(0, 2), st.sampled_from([0, 60, 180]), st.integers(-2_000, 4_000)


@given(
    st.builds(
        lane,
        st.sampled_from(["a", "a/batch"]),
        depth=few,
        in_flight=few,
        limit=few,
        rate=rates,
        burst=st.integers(0, 4),
        paused_until=around.map(lambda ms: NOW + ms),
        rate_at_us=around.map(lambda ms: (NOW + ms) * 1000),
    ),
    st.builds(
        Gate, st.just("q"), st.just("t"), key_limit=few, batch_limit=few, key_rate=rates, batch_rate=rates
    ),
)
def test_a_lane_is_open_when_it_has_room(row, gate):
    assert is_open(row, NOW, gate) == (room(row, NOW, gate) > 0)


@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.sampled_from("xyz"), st.integers(1, 2), st.integers(0, 6)),
        min_size=1,
        max_size=12,
        unique_by=lambda row: row[:3],
    ),
    st.integers(0, 6),
    st.integers(0, 3),
    st.integers(1, 30),
)
def test_no_limit_is_ever_exceeded_and_nothing_is_kept_back_without_one(rows, limit, key_limit, size):
    lanes = [Lane("q", level, tenant, key, depth) for tenant, key, level, depth in rows]
    gates = {tenant: Gate("q", tenant, limit=limit, key_limit=key_limit) for tenant in "abc"}

    picks = share(offer(lanes, **gates), size, NOW)

    for row in lanes:
        assert picks.count(row.id) <= min(row.depth, key_limit or row.depth)
    for tenant in "abc":
        assert sum(pick[2] == tenant for pick in picks) <= (limit or size)
    if not limit and not key_limit:
        assert len(picks) == min(size, sum(row.depth for row in lanes))
