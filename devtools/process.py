"""Starting other programs: what they print is shown, how they end is returned."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

from devtools.places import PROGRAMS, PYTHON, ROOT, VENV

Command = Sequence[str | Path]


class StepError(Exception):
    """A program that had to succeed did not; the message says which."""


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Our own variables, with the virtual environment in front of the search path."""
    path = os.pathsep.join([str(PROGRAMS), os.environ.get("PATH", os.defpath)])
    return {**os.environ, "PATH": path, "VIRTUAL_ENV": str(VENV), **(extra or {})}


def run(command: Command, *, cwd: Path = ROOT, extra_env: Mapping[str, str] | None = None) -> int:
    """Run a program to its end without standard input and return its exit status."""
    sys.stdout.flush()
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=environment(extra_env),
        stdin=subprocess.DEVNULL,
        check=False,
    )
    return done.returncode


def must_run(command: Command, *, cwd: Path = ROOT, extra_env: Mapping[str, str] | None = None) -> None:
    """Run a program that has to succeed."""
    status = run(command, cwd=cwd, extra_env=extra_env)
    if status != 0:
        shown = " ".join(str(part) for part in command)
        raise StepError(f"exit status {status} from: {shown}")


def output_of(command: Command) -> str | None:
    """What a program prints on standard output, or None if it cannot be run or fails."""
    try:
        done = subprocess.run(
            [str(part) for part in command],
            env=environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None


def become(command: Command, extra_env: Mapping[str, str] | None = None) -> NoReturn:
    """Turn into another program, so that signals and the exit status are its own."""
    sys.stdout.flush()
    sys.stderr.flush()
    arguments = [str(part) for part in command]
    os.execve(arguments[0], arguments, environment(extra_env))


def become_python(arguments: Command, extra_env: Mapping[str, str] | None = None) -> NoReturn:
    """Turn into the Python of the virtual environment."""
    become([PYTHON, *arguments], extra_env)
