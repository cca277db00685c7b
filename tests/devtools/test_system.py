"""How missing programs are fetched: a stand-in for apt-get records what it is asked for."""

import os

import pytest

from devtools import system


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A machine with nothing but a shell, and an apt-get that fails until it was asked to update."""
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "sh").symlink_to("/bin/sh")
    asked = tmp_path / "asked"
    asked.touch()
    apt_get = programs / "apt-get"
    apt_get.write_text(
        f'#!/bin/sh\necho "$@" >> {asked}\n'
        f"while read line; do case $line in update*) exit 0;; esac; done < {asked}\nexit 100\n"
    )
    apt_get.chmod(0o755)
    monkeypatch.setenv("PATH", str(programs))
    monkeypatch.setattr("devtools.process.PROGRAMS", programs)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    return asked


INSTALL = "install -y -qq --no-install-recommends curl"


def test_a_missing_program_is_installed_after_an_update_of_the_lists(machine):
    system.install_system_packages()

    assert machine.read_text().splitlines() == [INSTALL, "update -qq", INSTALL]


def test_nothing_is_asked_for_when_all_is_there(machine):
    curl = machine.parent / "bin" / "curl"
    curl.write_text("#!/bin/sh\n")
    curl.chmod(0o755)

    system.install_system_packages()

    assert machine.read_text() == ""


def test_without_the_right_to_install_what_is_missing_is_named(machine, monkeypatch, capsys):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)

    system.install_system_packages()

    assert machine.read_text() == ""
    assert "missing on this machine, some tests will fail: curl" in capsys.readouterr().out
