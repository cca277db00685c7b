"""`./dev` as a newcomer meets it: the script itself, run in a process of its own."""

import subprocess
import sys

import pytest

from devtools.commands import COMMANDS
from devtools.places import ROOT


def dev(*arguments):
    return subprocess.run(
        [sys.executable, ROOT / "dev", *arguments], capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize("arguments", [(), ("help",), ("--help",)])
def test_it_lists_every_command(arguments):
    done = dev(*arguments)

    assert done.returncode == 0
    listed = [line.split()[0] for line in done.stdout.splitlines() if line.startswith("  ")]
    assert listed == list(COMMANDS)


def test_an_unknown_command_is_told_with_status_2():
    done = dev("sevre")

    assert done.returncode == 2
    assert "there is no command 'sevre'" in done.stderr


@pytest.mark.parametrize("command", ["demo", "bench"])
def test_a_script_that_is_not_there_is_told_with_those_that_are(command):
    done = dev(command, "no-such-script")

    assert done.returncode == 1
    assert f"there is no {command}/no-such-script.py; there are: " in done.stderr


def test_it_needs_nothing_but_the_standard_library():
    """Python is started without site-packages; each command's modules are imported at the start."""
    bare = [sys.executable, "-I", "-S", ROOT / "dev"]

    done = subprocess.run(bare, capture_output=True, text=True, timeout=60, check=False)

    assert (done.returncode, done.stderr) == (0, "")
