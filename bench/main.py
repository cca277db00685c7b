"""All benchmarks in turn: `./dev bench`. `./dev bench NAME` runs one; some take a size or --long."""

import subprocess
import sys
from pathlib import Path

NAMES = (
    "core",
    "wire",
    "polls",
    "abuse",
    "rows",
    "lanes",
    "extraction",
    "callbacks",
    "feel",
    "cli",
    "bus",
    "frames",
    "batch",
    "queue",
)

if __name__ == "__main__":
    here = Path(__file__).resolve().parent
    bad = []
    for name in NAMES:
        print(f"\n==== {name} ====", flush=True)
        script = here / f"{name}.py"
        words = [
            sys.executable,
            str(script if script.exists() else here / name / "__main__.py"),
            *sys.argv[1:],
        ]
        if subprocess.run(words, check=False).returncode:
            bad.append(name)
    sys.exit(f"failed: {', '.join(bad)}" if bad else 0)
