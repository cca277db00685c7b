"""The entry of the command line."""

import json
import subprocess
import sys

import pytest

from taskloom.cli.main import COMMANDS, main


def test_help_names_every_command_and_loads_none():
    script = (
        "import json, sys\n"
        "from taskloom.cli.main import main\n"
        "try:\n    main(['--help'])\n"
        "except SystemExit as end:\n    print(json.dumps([end.code, sorted(sys.modules)]))\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True
    )

    text, _, last_line = done.stdout.rstrip().rpartition("\n")
    status, modules = json.loads(last_line)
    assert status == 0
    assert all(f"    {name} " in text for name in COMMANDS)
    ours = {name for name in modules if name.startswith("taskloom.")}
    assert ours == {"taskloom.cli", "taskloom.cli.failure", "taskloom.cli.main"}
    assert "msgspec" not in modules


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name, capsys):
    with pytest.raises(SystemExit) as end:
        main([name, "--help"])

    assert end.value.code == 0
    assert f"usage: taskloom {name}" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [[], ["sevre"], ["--sevre"]])
def test_a_wrong_call_ends_with_status_2(arguments, capsys):
    with pytest.raises(SystemExit) as end:
        main(arguments)

    assert end.value.code == 2
    assert "usage: taskloom" in capsys.readouterr().err


def test_the_version_is_that_of_the_package(capsys):
    with pytest.raises(SystemExit) as end:
        main(["--version"])

    assert end.value.code == 0
    assert capsys.readouterr().out == "taskloom 0.1.0\n"
