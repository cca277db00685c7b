"""Scopes: what a key is given, under whichever of the public spellings."""

import pytest

from taskloom.core.access import SCOPES, Principal, scopes


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("task.edit", {"document.edit", "document.read"}),
        ("tasks.edit", {"document.edit", "document.read"}),
        ("tasks.view", {"document.read"}),
        ("task.read", {"task.read", "document.read"}),
        ("upload.edit", {"upload.edit", "upload.read"}),
        ("uploads.edit", {"upload.edit", "upload.read"}),
        ("uploads.view", {"upload.read"}),
        ("uploads.create", {"upload.create"}),
        ("task.write", {"task.write"}),
    ],
)
def test_a_spelling_means_a_scope_and_what_it_implies(given, meant):
    assert scopes([given]) == meant
    assert meant <= SCOPES


def test_an_unknown_scope_is_an_error_that_names_it():
    with pytest.raises(ValueError, match=r"tasks\.read"):
        scopes(["task.read", "tasks.read"])


def test_the_administrator_may_everything():
    assert all(Principal("root", "*", frozenset({"admin"})).may(scope) for scope in SCOPES)
