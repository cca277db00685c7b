"""The commands of `./dev`, one function each."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

from devtools.checks import run_checks
from devtools.install import prepare
from devtools.locks import make_locks
from devtools.node import build_console, install_test_clients
from devtools.places import PROGRAMS, PYTHON, ROOT, SDK
from devtools.process import StepError, become, become_python, must_run
from devtools.system import install_system_packages


def main(arguments: list[str]) -> int:
    """Run one command and return the exit status: 0 done, 1 failed, 2 called wrongly."""
    name, *rest = arguments or ["help"]
    if name in {"help", "-h", "--help"}:
        print(usage())
        return 0
    if name not in COMMANDS:
        print(f"./dev: there is no command {name!r}\n\n{usage()}", file=sys.stderr)
        return 2
    try:
        return COMMANDS[name](rest)
    except StepError as failure:
        print(f"./dev {name}: {failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def usage() -> str:
    """One line per command: the first sentence of its function."""
    lines = [f"  {name:<6} {function.__doc__}" for name, function in COMMANDS.items()]
    return "usage: ./dev COMMAND [ARGS]\n\n" + "\n".join(lines)


def serve(arguments: list[str]) -> int:
    """Start a server: data in ./taskloom-data, port 8080, unless ARGS say otherwise."""
    prepare("server")
    build_console()
    become([PROGRAMS / "taskloom", "serve", "--data", "./taskloom-data", "--port", "8080", *arguments])


def test(arguments: list[str]) -> int:
    """Run the tests on all cores; ARGS go to pytest; --long runs the full reliability figures too."""
    prepare("server", "tests")
    install_system_packages()
    variables = install_test_clients()
    shared = os.environ.get("TASKLOOM_SHARED") or str(ROOT.parent / "shared")
    os.chdir(ROOT)
    become_python(
        ["-m", "pytest", *_SIDE_BY_SIDE, *arguments],
        {**variables, "TASKLOOM_SHARED": shared, "PYTHONDONTWRITEBYTECODE": _WRITE_BYTECODE},
    )


def check(_arguments: list[str]) -> int:
    """Check format, lint rules, types and import directions."""
    prepare("server", "tests")
    return run_checks()


def demo(arguments: list[str]) -> int:
    """Run demo/NAME, by default demo/main.py."""
    script, rest = _script("demo", arguments)
    prepare("server", "demo", *_DEMO_LOCKS.get(script.stem, ()))
    become_python([script, *rest], _IMPORTS_FROM_ROOT)


def bench(arguments: list[str]) -> int:
    """Run bench/NAME.py, by default bench/main.py."""
    script, rest = _script("bench", arguments)
    prepare("server", "tests", *_BENCH_LOCKS.get(script.stem, ()))
    become_python([script, *rest], _IMPORTS_FROM_ROOT)


def run_cli(arguments: list[str]) -> int:
    """Run our own command line: ./dev run feel eval '1 + 1'."""
    prepare("server")
    become([PROGRAMS / "taskloom", *arguments])


def build(_arguments: list[str]) -> int:
    """Build the wheel and the source archive into dist/."""
    prepare()
    build_console()
    dist = ROOT / "dist"
    dist.mkdir(exist_ok=True)
    for source in (ROOT, SDK):
        for hook in ("build_sdist", "build_wheel"):
            script = f"import uv_build; print('dist/' + uv_build.{hook}({str(dist)!r}))"
            must_run([PYTHON, "-c", script], cwd=source)
    return 0


def lock(arguments: list[str]) -> int:
    """Make the locks anew from locks/*.in and pyproject.toml; ARGS go to uv: --upgrade."""
    make_locks(arguments)
    return 0


COMMANDS: dict[str, Callable[[list[str]], int]] = {
    "serve": serve,
    "test": test,
    "check": check,
    "demo": demo,
    "bench": bench,
    "run": run_cli,
    "build": build,
    "lock": lock,
}

_SIDE_BY_SIDE = ("-n", "auto", "--dist", "worksteal")
"""How many `auto` means is decided in tests/workers.py; `-n` among ARGS comes later and wins."""

_WRITE_BYTECODE = ""
"""Tests start hundreds of servers, which need not compile themselves every time."""

_DEMO_LOCKS = {"queue": ("minilm",)}
"""What some demos need beside what all do."""

_BENCH_LOCKS = {"main": ("peers",), "queue": ("peers",)}
"""What some benchmarks need beside what tests do."""

# so that scripts find `samples`, which tests, demo and benchmarks share
_IMPORTS_FROM_ROOT = {"PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))}


def _script(folder: str, arguments: list[str]) -> tuple[Path, list[str]]:
    """The script an optional first argument names, and what is left for it."""
    named = arguments[:1] if arguments and arguments[0][:1].isalpha() else []  # not -x, 100, ./there
    name = named[0] if named else "main"
    script = ROOT / folder / f"{name}.py"
    if (ROOT / folder / name / "__main__.py").is_file():
        script = ROOT / folder / name
    elif not script.is_file():
        there = sorted(path.stem for path in (ROOT / folder).glob("*.py") if not path.stem.startswith("_"))
        there += sorted(path.parent.name for path in (ROOT / folder).glob("*/__main__.py"))
        raise StepError(f"there is no {folder}/{name}.py; there are: {', '.join(there) or 'none yet'}")
    return script, arguments[len(named) :]
