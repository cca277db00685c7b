"""The committed locks: complete, hashed, without addresses, and installable side by side."""

import json
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from devtools.locks import ALONE, INPUTS, faults, pins
from devtools.places import LOCKS, ROOT

HASH = "--hash=sha256:" + 64 * "0"
GOOD = f"# made by ./dev lock\nmsgspec==0.22.0 \\\n    {HASH}\n"


EVERY = {**INPUTS, **ALONE}


def lock_text(name):
    return (LOCKS / f"{name}.txt").read_text()


def pinned(name):
    found = {}
    for pin in pins(lock_text(name)):
        requirement = Requirement(pin)
        versions = found.setdefault(canonicalize_name(requirement.name), set())
        versions.update(part.version for part in requirement.specifier)
    return found


def wanted(name):
    if EVERY[name] == "pyproject.toml":
        project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
        groups = [project["dependencies"], *project["optional-dependencies"].values()]
        lines = [line for group in groups for line in group]
    else:
        lines = (ROOT / EVERY[name]).read_text().splitlines()
    return [Requirement(line) for line in lines if line and not line.startswith("#")]


@pytest.mark.parametrize("name", EVERY)
def test_a_lock_holds_exact_versions_with_hashes_and_nothing_else(name):
    assert pins(lock_text(name))
    assert faults(lock_text(name)) == []


@pytest.mark.parametrize("name", EVERY)
def test_a_lock_satisfies_its_input(name):
    versions = pinned(name)

    unmet = [
        str(requirement)
        for requirement in wanted(name)
        if not all(
            requirement.specifier.contains(version, prereleases=True)
            for version in versions.get(canonicalize_name(requirement.name), {"0"})
        )
        or canonicalize_name(requirement.name) not in versions
    ]

    assert unmet == [], "run ./dev lock"


def test_all_locks_agree_on_every_version():
    versions = {}
    for name in INPUTS:
        for package, found in pinned(name).items():
            versions.setdefault(package, set()).add(frozenset(found))

    assert {package: found for package, found in versions.items() if len(found) > 1} == {}


def test_a_good_lock_has_no_faults():
    assert faults(GOOD) == []


@pytest.mark.parametrize(
    ("lock", "fault"),
    [
        ("--index-url https://index.invalid/simple\n" + GOOD, "an option: --index-url"),
        ("--find-links wheels\n" + GOOD, "an option: --find-links wheels"),
        ("# from https://index.invalid/simple\n" + GOOD, "an address: # from https://"),
        (f"msgspec @ file:///wheels/msgspec.whl \\\n    {HASH}\n", "an address: msgspec @ file"),
        ("msgspec==0.22.0\n", "no hash: msgspec==0.22.0"),
        (f"msgspec>=0.22.0 \\\n    {HASH}\n", "no exact version: msgspec>=0.22.0"),
    ],
)
def test_what_must_not_be_in_a_lock_is_found(lock, fault):
    assert any(found.startswith(fault) for found in faults(lock))


def test_npm_locks_hold_no_addresses():
    committed = [path for path in ROOT.glob("*/**/package-lock.json") if "node_modules" not in path.parts]

    named = [
        (str(path.relative_to(ROOT)), package)
        for path in committed
        for package, entry in json.loads(path.read_text())["packages"].items()
        if "resolved" in entry
    ]

    assert named == []
