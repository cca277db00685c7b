"""`./dev lock`: make the locks anew from their inputs.

A lock holds versions and hashes, no address. All locks are resolved together first and then each one within
that result, so that they can be installed side by side in one environment.
"""

import re
from pathlib import Path

from devtools.install import prepare
from devtools.places import LOCKS, PROGRAMS, VENV
from devtools.process import StepError, must_run

# lock -> its input below the root; pyproject.toml is taken with all extras
INPUTS = {
    "build": "locks/build.in",
    "server": "pyproject.toml",
    "tests": "locks/tests.in",
    "demo": "locks/demo.in",
    "node": "locks/node.in",
    "peers": "locks/peers.in",
}
# lock -> its input; what its packages ask for is left out
ALONE = {"minilm": "locks/minilm.in"}
_COMPILE = (
    *("pip", "compile", "--quiet", "--universal", "--python-version", "3.11"),
    *("--no-emit-index-url", "--no-annotate", "--custom-compile-command", "./dev lock"),
)
_PIN = re.compile(r"^[A-Za-z0-9._-]+(?:\[[^\]]*\])?==\S+.*?(?= \\$|$)", re.MULTILINE)


def make_locks(arguments: list[str]) -> None:
    """Resolve again; versions stay where they still fit, unless `--upgrade` is among the arguments."""
    prepare()
    union = VENV / "union.txt"
    # uv prefers the versions it finds in its output file.
    union.write_text("\n".join(sorted({pin for name in INPUTS for pin in pins(_read(name))})) + "\n")
    compiler: list[str | Path] = [PROGRAMS / "uv", *_COMPILE, *arguments]
    must_run([*compiler, "--all-extras", "-o", union, *INPUTS.values()])
    for name, source in {**INPUTS, **ALONE}.items():
        extras = ["--all-extras"] if source == "pyproject.toml" else []
        extras += ["--no-deps"] if name in ALONE else []
        lock = LOCKS / f"{name}.txt"
        must_run([*compiler, "--generate-hashes", *extras, "-c", union, "-o", lock, source])
        if found := faults(lock.read_text()):
            raise StepError(f"locks/{name}.txt: " + "; ".join(found))
        print(f"locks/{name}.txt: {len(pins(lock.read_text()))} packages")


def pins(lock: str) -> list[str]:
    """The requirements of a lock, each `name==version` with its marker."""
    return _PIN.findall(lock)


def faults(lock: str) -> list[str]:
    """What must not be in a lock: addresses, options, files of this machine, a requirement without a hash."""
    found = [f"an address: {line.strip()}" for line in lock.splitlines() if "://" in line or " @ " in line]
    found += [f"an option: {line}" for line in lock.splitlines() if line.startswith("-")]
    for requirement in re.split(r"^(?=[A-Za-z0-9])", lock, flags=re.MULTILINE)[1:]:
        name = requirement.split()[0]
        if "==" not in name:
            found.append(f"no exact version: {name}")
        if "--hash=sha256:" not in requirement:
            found.append(f"no hash: {name}")
    return found


def _read(name: str) -> str:
    lock = Path(LOCKS / f"{name}.txt")
    return lock.read_text() if lock.exists() else ""
