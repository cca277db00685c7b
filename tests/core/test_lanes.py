"""Fair share: lanes take turns by virtual time; urgency, limits and pauses come first."""

from taskloom.core.lanes import TICK, Lane, floor_of, room, share

NOW = 1_000


def lane(name: str, depth: int = 10, **more: int) -> Lane:
    level = more.pop("level", 1)
    return Lane("q", level, "t", name, depth, **more)


def names(picks: list[tuple[str, int, str, str]]) -> list[str]:
    return [pick[3] for pick in picks]


def test_lanes_take_turns():
    assert names(share([lane("a"), lane("b")], 4, NOW)) == ["a", "b", "a", "b"]


def test_a_lane_that_had_less_comes_first_until_it_caught_up():
    ahead, behind = lane("a", virtual_time=5 * TICK), lane("b", virtual_time=2 * TICK)

    assert names(share([ahead, behind], 5, NOW)) == ["b", "b", "b", "a", "b"]


def test_a_thousand_waiting_tasks_do_not_delay_anothers_single_one():
    flood, single = lane("flood", depth=1000), lane("single", depth=1)

    assert "single" in names(share([flood, single], 2, NOW))


def test_the_more_urgent_level_is_emptied_first():
    assert names(share([lane("slow", 5, level=3), lane("fast", 2, level=0)], 4, NOW)) == [
        "fast",
        "fast",
        "slow",
        "slow",
    ]


def test_a_lane_gives_no_more_than_it_has():
    assert names(share([lane("a", 1), lane("b", 2)], 9, NOW)) == ["a", "b", "b"]


def test_limits_and_pauses_close_a_lane():
    assert room(lane("a", limit=3, in_flight=1), NOW) == 2
    assert room(lane("a", limit=3, in_flight=3), NOW) == 0
    assert room(lane("a", paused_until=NOW + 1), NOW) == 0
    assert room(lane("a", paused_until=NOW), NOW) == 10


def test_idleness_earns_no_credit():
    assert floor_of([lane("a", virtual_time=9), lane("b", virtual_time=4), lane("idle", 0)]) == 4
