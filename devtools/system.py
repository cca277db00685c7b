"""Programs of the operating system that tests call."""

import os
import shutil

from devtools.process import run

# program -> Debian package that brings it
PROGRAMS_OF_TESTS = {
    "curl": "curl",
}


def install_system_packages() -> None:
    """Install what is missing when we may; else name it, and the tests that need it will fail."""
    missing = [program for program in PROGRAMS_OF_TESTS if not shutil.which(program)]
    if not missing:
        return
    if not shutil.which("apt-get") or os.geteuid() != 0:
        print("missing on this machine, some tests will fail: " + ", ".join(missing), flush=True)
        return
    packages = sorted({PROGRAMS_OF_TESTS[program] for program in missing})
    print("installing " + ", ".join(packages), flush=True)
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages]
    if run(install, extra_env=quiet) != 0:
        run(["apt-get", "update", "-qq"], extra_env=quiet)
        run(install, extra_env=quiet)
