"""`taskloom dmn tck DIR`: runs every test file below a folder and prints what fails."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from taskloom.dmn import DmnError, compile_model
from taskloom.dmn.model import Definitions
from taskloom.dmn.parse import parse_dmn
from taskloom.dmn.tck.cases import TestFile, parse_test_file
from taskloom.dmn.tck.runner import CaseResult, failed_file, run_file
from taskloom.feel import Environment, describe

_SHOWN_CHARS = 200


def run_kit(folder: Path, environment: Environment, clock_s: Callable[[], float]) -> int:
    """Prints the failing cases, value cases before null cases, then the totals; 0 when none fails."""
    if not folder.is_dir():
        sys.stderr.write(f"taskloom: {folder} is no folder\n")
        return 2
    results = list(_results(folder, environment, clock_s))
    for title, is_value in (("value cases", True), ("null cases", False)):
        group = [(name, result) for name, result in results if result.is_value_case is is_value]
        failed = [(name, result) for name, result in group if not result.passed]
        for name, result in failed:
            sys.stdout.write(_line(name, result))
        sys.stdout.write(f"{title}: {len(group) - len(failed)} passed, {len(failed)} failed\n")
    failures = sum(not result.passed for _, result in results)
    sys.stdout.write(f"{len(results) - failures} passed, {failures} failed\n")
    return 1 if failures or not results else 0


def _results(
    folder: Path, environment: Environment, clock_s: Callable[[], float]
) -> Iterator[tuple[str, CaseResult]]:
    for path in sorted(folder.rglob("*.xml")):
        name = str(path.parent.relative_to(folder)) if path.parent != folder else path.parent.name
        try:
            tests = parse_test_file(path.read_bytes())
        except DmnError as error:
            yield name, CaseResult(path.name, "", False, None, None, (str(error),))
            continue
        for result in () if tests is None else _file_results(path, tests, environment, clock_s):
            yield name, result


def _file_results(
    path: Path, tests: TestFile, environment: Environment, clock_s: Callable[[], float]
) -> Iterator[CaseResult]:
    try:
        main = parse_dmn((path.parent / tests.model_name).read_bytes())
        model = compile_model(main, _library(path.parent, tests.model_name))
    except (DmnError, OSError) as error:
        return failed_file(tests, f"{tests.model_name}: {error}")
    return run_file(tests, model, environment, clock_s)


def _library(folder: Path, main_name: str) -> Iterator[Definitions]:
    """The other models of the folder; one that cannot be read is missed by whoever imports it."""
    for path in sorted(folder.glob("*.dmn")):
        if path.name == main_name:
            continue
        try:
            yield parse_dmn(path.read_bytes())
        except DmnError:
            continue


def _line(name: str, result: CaseResult) -> str:
    place = f"{name}/{result.case}/{result.node}"
    notes = f" ({result.notes[0]})" if result.notes else ""
    expected, actual = describe(result.expected), describe(result.actual)
    return f"FAILED {place}: expected {expected[:_SHOWN_CHARS]}, got {actual[:_SHOWN_CHARS]}{notes}\n"
