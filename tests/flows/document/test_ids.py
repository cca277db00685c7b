"""Ids of documents and uploads: one spelling per key, sorted as the keys are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskloom.core.keys import EPOCH_S, KeyParts, join
from taskloom.flows.document.ids import TASK, UPLOAD, parse, spell

KEYS = st.builds(
    join,
    st.builds(
        KeyParts,
        st.integers(EPOCH_S + 1, EPOCH_S + (1 << 32) - 1),
        st.integers(0, 999_999),
        st.integers(0, 2047),
    ),
)


@given(KEYS)
def test_an_id_leads_back_to_its_key(key):
    assert parse(TASK, spell(TASK, key)) == key
    assert parse(UPLOAD, spell(TASK, key)) is None


@given(KEYS, KEYS)
def test_ids_sort_as_their_keys(one, other):
    assert (spell(TASK, one) < spell(TASK, other)) == (one < other)


@given(st.text(max_size=20))
def test_any_text_spells_one_key_or_none(text):
    key = parse(TASK, text)

    assert key is None or spell(TASK, key) == text


@pytest.mark.parametrize(
    "digits", ["", "0" * 13, "z" * 13, "0" * 12, "0" * 14, "053WXG0000601", "05i0000000001", "\u0660" * 13]
)
def test_what_is_no_id(digits):
    assert parse(TASK, TASK + digits) is None
