"""The virtual environment: made once, and touched again only when a lock changed.

One environment serves all commands; the locks agree on every version (`./dev lock` sees to it), so what one
command adds never breaks another. Each installed lock leaves a stamp with its hash.
"""

import contextlib
import hashlib
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from devtools.index import uv_variables
from devtools.places import GUARD, LOCKS, PROGRAMS, PYTHON, ROOT, SDK, STAMPS, VENV
from devtools.process import StepError, must_run, output_of, run

try:
    import fcntl
except ImportError:  # Windows: two runs at once are not kept apart there
    fcntl = None  # type: ignore[assignment]


def prepare(*locks: str) -> None:
    """Make the environment hold the named locks and this project, editable."""
    with _one_at_a_time():
        _make_venv()
        _install_lock("build", by_pip=True)
        for lock in locks:
            _install_lock(lock)
        _install_project()


def stamp_is_current(name: str, fingerprint: str) -> bool:
    """Whether the last successful run of this step saw the same input."""
    stamp = STAMPS / name
    return stamp.exists() and stamp.read_text() == fingerprint


def write_stamp(name: str, fingerprint: str) -> None:
    """Remember the input of a step that has succeeded."""
    STAMPS.mkdir(parents=True, exist_ok=True)
    (STAMPS / name).write_text(fingerprint)


def fingerprint(*files: Path) -> str:
    """One hash over the contents of files."""
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()


@contextlib.contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Keep two runs of `./dev` from installing at once."""
    with GUARD.open("w") as guard:
        if fcntl is not None:
            fcntl.flock(guard, fcntl.LOCK_EX)
        yield


def _make_venv() -> None:
    if PYTHON.exists() and output_of([PYTHON, "-c", "import pip; print(1)"]):
        return
    print("making .venv", flush=True)
    try:
        must_run([sys.executable, "-m", "venv", "--clear", VENV])
    except StepError as failure:
        hint = "on Debian and Ubuntu the package python3-venv may be missing"
        raise StepError(f"the virtual environment could not be made ({hint}): {failure}") from failure


def _install_lock(name: str, *, by_pip: bool = False) -> None:
    lock = LOCKS / f"{name}.txt"
    current = fingerprint(lock)
    if stamp_is_current(name, current):
        return
    print(f"installing {lock.relative_to(ROOT)}", flush=True)
    began = time.monotonic()
    # A lock is complete: what a package asks for and does not stand there is not wanted.
    _install(["--require-hashes", "--no-deps", "-r", lock], by_pip=by_pip)
    write_stamp(name, current)
    print(f"installed {lock.relative_to(ROOT)} in {time.monotonic() - began:.1f} s", flush=True)


def _install_project() -> None:
    current = fingerprint(ROOT / "pyproject.toml", SDK / "pyproject.toml")
    if stamp_is_current("project", current):
        return
    # The build back-end stands in locks/build.txt, so nothing is fetched here.
    _install(["--no-deps", "--no-build-isolation", "-e", ROOT, "-e", SDK])
    write_stamp("project", current)


def _install(arguments: list[str | Path], *, by_pip: bool = False) -> None:
    """Install with uv, and with pip where uv is not there yet or fails."""
    uv = PROGRAMS / "uv"
    if not by_pip and uv.exists():
        # as pip does by itself: else each process that may not write compiles what it imports, every time
        quiet: list[str | Path] = [uv, "pip", "install", "--quiet", "--compile-bytecode", "--python", PYTHON]
        if run([*quiet, *arguments], extra_env=uv_variables()) == 0:
            return
        print("uv could not install this; trying pip", flush=True)
    must_run([PYTHON, "-m", "pip", "install", "-qq", *arguments])
