"""When `./dev` installs again."""

import pytest

from devtools import install


@pytest.fixture(autouse=True)
def _stamps(tmp_path, monkeypatch):
    monkeypatch.setattr(install, "STAMPS", tmp_path / "stamps")


def test_a_step_is_current_only_after_it_ran_with_the_same_input(tmp_path):
    lock = tmp_path / "server.txt"
    lock.write_text("one")
    before = install.fingerprint(lock)

    assert not install.stamp_is_current("server", before)
    install.write_stamp("server", before)
    assert install.stamp_is_current("server", before)

    lock.write_text("two")
    assert not install.stamp_is_current("server", install.fingerprint(lock))


def test_one_fingerprint_covers_all_files(tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    first.write_text("a")
    second.write_text("b")

    assert install.fingerprint(first, second) != install.fingerprint(first)
