"""Keys rise strictly, never repeat, and come apart again."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskloom.core.keys import EPOCH_S, SERIAL_LIMIT, KeyMaker, KeyParts, is_key, join, split

NOW_MS = 1_790_000_000_000
parts = st.builds(
    KeyParts,
    st.integers(EPOCH_S, EPOCH_S + (1 << 32) - 1),
    st.integers(0, SERIAL_LIMIT - 1),
    st.integers(0, 2047),
)


@given(parts)
def test_a_key_is_its_parts_and_nothing_else(made):
    assert split(join(made)) == made


@given(st.lists(st.integers(-5_000, 5_000), min_size=2, max_size=200))
def test_keys_rise_whatever_the_clock_does(jumps):
    maker = KeyMaker(5)
    keys = [maker.make(NOW_MS + jump) for jump in jumps]

    assert all(a < b for a, b in pairwise(keys))
    assert {split(key).node for key in keys} == {5}


def test_a_second_that_is_used_up_borrows_from_the_next():
    maker = KeyMaker(1)
    keys = [maker.make(NOW_MS) for _ in range(SERIAL_LIMIT + 2)]

    assert split(keys[SERIAL_LIMIT - 1]).serial == SERIAL_LIMIT - 1
    assert split(keys[SERIAL_LIMIT]) == KeyParts(NOW_MS // 1000 + 1, 0, 1)


def test_after_a_restart_with_the_clock_set_back_no_key_comes_again():
    before = KeyMaker(1)
    used = {before.make(NOW_MS) for _ in range(1000)}
    after = KeyMaker(1, floor=max(used))

    assert after.make(NOW_MS - 3_600_000) > max(used)


def test_a_number_that_no_six_digits_can_spell_is_no_key():
    assert is_key(join(KeyParts(NOW_MS // 1000, SERIAL_LIMIT - 1, 0)))
    assert not is_key(join(KeyParts(NOW_MS // 1000, SERIAL_LIMIT, 0)))
    assert not is_key(0)
    assert not is_key(1 << 63)


def test_a_node_outside_eleven_bits_is_refused():
    with pytest.raises(ValueError, match="node must be"):
        KeyMaker(2048)
