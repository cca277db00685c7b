"""The rules of tests/selection.py and tests/workers.py, each shown on a small file in a run of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.workers import MOST, cores

RULES = Path(__file__).with_name("selection.py")
WORKERS = Path(__file__).with_name("workers.py")
SAMPLE = """
import pytest

def test_plain():
    print("said by a test")

@pytest.mark.long
def test_long():
    pass

@pytest.mark.shared
def test_shared(shared_dir):
    assert shared_dir.is_dir()
"""


@pytest.fixture
def run_sample(tmp_path):
    """Run the sample with our rules as its conftest; its environment holds only the given variables."""
    tests = tmp_path / "repository" / "tests"
    tests.mkdir(parents=True)
    (tests / "conftest.py").write_bytes(RULES.read_bytes())
    (tests.parent / "conftest.py").write_bytes(WORKERS.read_bytes())
    (tests / "test_sample.py").write_text(SAMPLE)
    (tests.parent / "pytest.ini").write_text("[pytest]\nmarkers =\n    long: x\n    shared: x\n")

    def run(*arguments, **variables):
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "xdist", "tests", *arguments],
            cwd=tests.parent,
            env={"PATH": os.environ["PATH"], "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", **variables},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return done.returncode, done.stdout

    return run


def test_long_tests_are_left_out_and_named(run_sample, tmp_path):
    status, output = run_sample(TASKLOOM_SHARED=str(tmp_path))

    assert status == 0
    assert "2 passed, 1 deselected" in output
    assert "not run (1): long, ask for them with --long; in tests/test_sample.py" in output


def test_the_option_long_runs_long_tests(run_sample, tmp_path):
    status, output = run_sample("--long", TASKLOOM_SHARED=str(tmp_path))

    assert status == 0
    assert "3 passed" in output
    assert "not run" not in output


def test_without_the_folder_shared_tests_are_left_out_and_named(run_sample, tmp_path):
    status, output = run_sample("--long", TASKLOOM_SHARED=str(tmp_path / "absent"))

    assert status == 0
    assert "2 passed, 1 deselected" in output
    assert f"not run (1): TASKLOOM_SHARED is not there: {tmp_path / 'absent'}" in output


@pytest.mark.parametrize("ci", ["true", "1"])
def test_without_the_folder_shared_tests_fail_in_ci(run_sample, tmp_path, ci):
    status, output = run_sample("--long", TASKLOOM_SHARED=str(tmp_path / "absent"), CI=ci)

    assert status == 1
    assert "2 passed, 1 error" in output
    assert "TASKLOOM_SHARED must name the folder of shared data" in output


def test_what_is_left_out_is_also_named_under_xdist(run_sample, tmp_path):
    _, output = run_sample("-n", "2", TASKLOOM_SHARED=str(tmp_path))

    assert "2 passed" in output
    assert output.count("not run (1): long, ask for them with --long; in tests/test_sample.py") == 1


def test_the_folder_is_looked_for_beside_the_repository(run_sample, tmp_path):
    (tmp_path / "shared").mkdir()

    status, output = run_sample("--long")

    assert status == 0
    assert "3 passed" in output


def test_an_empty_variable_counts_as_unset(run_sample, tmp_path):
    (tmp_path / "shared").mkdir()

    status, _ = run_sample("--long", TASKLOOM_SHARED="")

    assert status == 0


def test_left_open_there_is_a_process_for_each_core(run_sample, tmp_path):
    status, output = run_sample("-n", "auto", TASKLOOM_SHARED=str(tmp_path))

    count = min(cores(), MOST)
    assert status == 0
    assert f"created: {count}/{count} worker" in output


@pytest.mark.parametrize("choice", ["-s", "--long", "--pdb"])
def test_who_watches_or_measures_has_one_process(run_sample, tmp_path, choice):
    status, output = run_sample("-n", "auto", choice, TASKLOOM_SHARED=str(tmp_path))

    assert status == 0
    assert "created:" not in output
    assert ("said by a test" in output) == (choice == "-s")
