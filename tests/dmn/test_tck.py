"""The developer half of the DMN compatibility kit, run as `taskloom dmn tck` runs it."""

import time

import pytest

from taskloom.cli.dmn_tck import run_kit
from taskloom.feel import Environment

NOON = Environment.at(1_700_000_000_000)

# level, cases in all, of them with a value: the kit as delivered; every case must pass
LEVELS = [("compliance-level-2", 69, 60), ("compliance-level-3", 2265, 1152)]


@pytest.mark.shared
@pytest.mark.parametrize(("level", "total", "with_value"), LEVELS)
def test_every_case_of_the_kit_passes(level, total, with_value, shared_dir, capsys):
    status = run_kit(shared_dir / "dmn-tck" / level, NOON, time.perf_counter)

    assert capsys.readouterr().out.splitlines() == [
        f"value cases: {with_value} passed, 0 failed",
        f"null cases: {total - with_value} passed, 0 failed",
        f"{total} passed, 0 failed",
    ]
    assert status == 0


@pytest.mark.shared
def test_the_models_beside_the_processes_pass_too(shared_dir, capsys):
    assert run_kit(shared_dir / "bpmn" / "dmn-tck", NOON, time.perf_counter) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "195 passed, 0 failed"


@pytest.mark.shared
def test_all_but_one_of_the_cases_that_contradict_the_standard_pass(shared_dir, capsys):
    """That one hands in texts where its model declares numbers."""
    assert run_kit(shared_dir / "dmn-tck" / "non-compliant", NOON, time.perf_counter) == 1

    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "39 passed, 1 failed"
    assert next(line for line in lines if "FAILED" in line).startswith("FAILED 0019-flight-rebooking/001/")
