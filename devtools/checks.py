"""`./dev check`: everything a reviewer would check by machine, each time all of it."""

import time

from devtools.places import PROGRAMS, PYTHON
from devtools.process import Command, run

CHECKS: dict[str, Command] = {
    "format": [PYTHON, "-m", "ruff", "format", "--check", "."],
    "lint": [PYTHON, "-m", "ruff", "check", "--output-format", "concise", "."],
    "types": [PYTHON, "-m", "mypy"],
    "imports": [PROGRAMS / "lint-imports", "--no-logo"],
}


def run_checks() -> int:
    """Run every check, also after a failure, and end with one line for each."""
    results: list[tuple[str, bool, float]] = []
    for name, command in CHECKS.items():
        print(f"--- {name}", flush=True)
        began = time.monotonic()
        passed = run(command) == 0
        results.append((name, passed, time.monotonic() - began))
    print("---")
    for name, passed, seconds in results:
        print(f"{name:<8} {'ok' if passed else 'FAILED':<7} {seconds:5.1f} s")
    return 0 if all(passed for _, passed, _ in results) else 1
