"""What the benchmarks share: a data folder, quiet timing, tables, and the raw fsync line."""

import os
import shutil
import statistics
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from taskloom.cli.disk import sync_latency

PAYLOAD = b'{"document":"' + b"a" * 198 + b'"}'
RESULT = b'{"verdict":"' + b"b" * 71 + b'"}'


@contextmanager
def folder() -> Iterator[Path]:
    """An empty folder on a real disk, gone afterwards."""
    path = Path(tempfile.mkdtemp(prefix="taskloom-bench-", dir=os.environ.get("BENCH_DIR")))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def raw_fsync(path: Path, writes: int = 300) -> str:
    """One line: what the disk does when asked to keep 4 KiB."""
    return f"raw 4 KiB append + fdatasync: {sync_latency(path, writes)}"


def memory_mb(pid: int) -> float:
    """What a process holds now."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def interleaved(rounds: int, subjects: dict[str, Callable[[], float]]) -> dict[str, list[float]]:
    """A B A B …: one figure per subject and round, so that a noisy minute hits all alike."""
    figures: dict[str, list[float]] = {name: [] for name in subjects}
    for _ in range(rounds):
        for name, run in subjects.items():
            figures[name].append(run())
    return figures


def ratio(figures: dict[str, list[float]], over: str, under: str) -> str:
    """The median of the ratios round by round, with their spread."""
    pairs = [a / b for a, b in zip(figures[over], figures[under], strict=True)]
    return f"{statistics.median(pairs):.2f} ({min(pairs):.2f}-{max(pairs):.2f})"


def median(values: Sequence[float]) -> float:
    """The middle one."""
    return statistics.median(values)


def table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table for people."""
    widths = [max(len(row[at]) for row in [head, *rows]) for at in range(len(head))]
    print(f"\n{title}")
    for row in [head, ["-" * width for width in widths], *rows]:
        print("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)))
