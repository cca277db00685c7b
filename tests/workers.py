"""How many processes share the tests when `./dev test` leaves it open: one for each core, four at most.

Tests run in one process, one after another, where somebody watches what they print (`-s`), and with `--long`,
where the guards against hanging are meant for a test that has the machine to itself.
"""

import os

import pytest

MOST = 4


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    if config.getoption("capture") == "no" or config.getoption("--long"):
        return 0
    return min(cores(), MOST)


def cores() -> int:
    """The cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
