"""How long the command line takes to answer, beside a bare Python; `taskloom --help` shall take < 0.3 s."""

import subprocess
import sys
import time

from bench.measure import interleaved, median, table

ROUNDS = 10
_MAIN = "import sys; from taskloom.cli.main import main; sys.exit(main(sys.argv[1:]))"
CALLS = {
    "python -c pass": ["-c", "pass"],
    "taskloom --help": ["-c", _MAIN, "--help"],
    "taskloom task list --help": ["-c", _MAIN, "task", "list", "--help"],
    "taskloom config show": ["-c", _MAIN, "config", "show"],
    "taskloom feel 1+1": ["-c", _MAIN, "feel", "1+1"],
}


def start_s(arguments: list[str]) -> float:
    begun = time.perf_counter()
    subprocess.run([sys.executable, *arguments], stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - begun


if __name__ == "__main__":
    subjects = {name: lambda words=words: start_s(words) for name, words in CALLS.items()}
    figures = interleaved(ROUNDS, subjects)
    rows = [
        [name, f"{1000 * median(times):.0f}", f"{1000 * max(times):.0f}"] for name, times in figures.items()
    ]
    table("the command line, from start to end", ("call", "ms, median", "ms, worst"), rows)
