"""The two rules about which tests run.

`long`: only with `--long`.
`shared`: only where the data folder TASKLOOM_SHARED is present, by default `../shared` beside the repository.
Where it is absent they fail if CI is set, for there the folder is promised; elsewhere they are left out
and named at the end, so that nobody takes them for passed.
"""

import os
from pathlib import Path

import pytest

VARIABLE = "TASKLOOM_SHARED"
_NOT_RUN = pytest.StashKey[dict[str, list[str]]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="run the full figures of the reliability tests too")


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_NOT_RUN] = {}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    reasons = {}
    if not config.getoption("--long"):
        reasons["long"] = "long, ask for them with --long"
    if not _shared_folder().is_dir() and not _is_ci():
        reasons["shared"] = f"{VARIABLE} is not there: {_shared_folder()}"
    left_out = [(item, reason) for item in items if (reason := _reason(item, reasons))]
    if not left_out:
        return
    for item, reason in left_out:
        config.stash[_NOT_RUN].setdefault(reason, []).append(item.nodeid)
    gone = {item for item, _ in left_out}
    items[:] = [item for item in items if item not in gone]
    config.hook.pytest_deselected(items=[item for item, _ in left_out])


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("shared") and not _shared_folder().is_dir():
        reason = f"{VARIABLE} must name the folder of shared data; there is no {_shared_folder()}"
        pytest.fail(reason, pytrace=False)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Under xdist the workers collect; each tells the controller what it left out."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["not_run"] = session.config.stash[_NOT_RUN]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node) -> None:
    """Every worker collects the same tests, so the list of any of them is the list."""
    node.config.stash[_NOT_RUN].update(getattr(node, "workeroutput", {}).get("not_run", {}))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for reason, names in config.stash[_NOT_RUN].items():
        files = sorted({name.partition("::")[0] for name in names})
        terminalreporter.write_line(f"not run ({len(names)}): {reason}; in {', '.join(files)}")


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """The folder of shared test data; tests that use it carry the marker `shared`."""
    return _shared_folder()


def _reason(item: pytest.Item, reasons: dict[str, str]) -> str | None:
    return next((reason for marker, reason in reasons.items() if item.get_closest_marker(marker)), None)


def _shared_folder() -> Path:
    beside = Path(__file__).resolve().parent.parent.parent / "shared"
    return Path(os.environ.get(VARIABLE) or beside)


def _is_ci() -> bool:
    return os.environ.get("CI", "").lower() in {"true", "1"}
