"""Ids are a reversible spelling of keys."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taskloom.core.keys import KeyParts, join
from taskloom.dialects.queue.spelling import read, spell

SHAPE = re.compile(r"^TASK-\d+-[0-9]-[BSCP]-\d{12}-\d{4}-\d{6}$")
START = 1_704_067_200
KEYS = st.builds(
    KeyParts,
    second=st.integers(START, START + 99 * 365 * 86_400),
    serial=st.integers(0, 999_999),
    node=st.integers(0, 2047),
).filter(lambda parts: join(parts) > 0)


@settings(deadline=None)
@given(KEYS, st.integers(0, 2**63 - 1), st.integers(0, 9), st.sampled_from("BSCP"))
def test_an_id_spells_its_key_whatever_else_it_says(parts, queue_id, level, mode):
    spelled = spell(join(parts), queue_id, level, mode)

    assert SHAPE.match(spelled)
    assert read(spelled) == join(parts)


def test_the_second_is_utc():
    key = join(KeyParts(1_790_000_000, 42, 1))

    assert spell(key, 7, 1, "C") == "TASK-7-1-C-260921141320-0001-000042"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "TASK-X-X-X-XXXXXXXXXXXX-XXXX-XXXXXX",
        "TASK-7-1-C-260921141320-0001-00004",
        "TASK-7-1-C-260921141320-0001-000042 ",
        "TASK-7-1-C-260921141320-0001-000042\n",
        "TASK-7-1-Q-260921141320-0001-000042",
        "TASK-7-1-C-261321141320-0001-000042",
        "TASK-7-1-C-260229141320-0001-000042",
        "TASK-7-1-C-260921141320-9999-000042",
        "TASK-7-1-C-240101000000-0000-000000",
        "TASK-\u0667-1-C-260921141320-0001-000042",
        "task-7-1-C-260921141320-0001-000042",
        "t-195923516699187201",
    ],
)
def test_what_is_no_id_spells_no_key(text):
    assert read(text) is None
