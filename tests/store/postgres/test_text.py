"""Texts with characters PostgreSQL cannot hold: the spelling is reversible and keeps the order."""

from hypothesis import given
from hypothesis import strategies as st

from taskloom.store.postgres.text import all_stored, shown, stored

texts = st.text(st.sampled_from("\0\1\2a\x7f"), max_size=6)


@given(texts)
def test_a_spelling_can_be_read_back_and_holds_no_nul(text):
    assert "\0" not in stored(text)
    assert shown(stored(text)) == text


@given(texts, texts)
def test_spellings_sort_as_their_texts(one, other):
    assert (stored(one) < stored(other)) == (one < other)


@given(st.lists(texts))
def test_many_are_spelled_as_each_alone(many):
    assert all_stored(iter(many)) == [stored(text) for text in many]
