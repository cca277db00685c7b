"""What lies under a folder: which kind of file system, and how long it takes to keep something for good."""

import os
import time
from pathlib import Path
from typing import Final

from msgspec import Struct

_BLOCK: Final = b"x" * 4_096
_MOUNTS: Final = Path("/proc/self/mounts")


class Latency(Struct, frozen=True):
    """How long something takes, in microseconds."""

    p50_us: float
    p99_us: float

    def __str__(self) -> str:
        return f"p50 {self.p50_us:.0f} µs, p99 {self.p99_us:.0f} µs"


def sync_latency(folder: Path, writes: int) -> Latency:
    """How long an append of 4 KiB with fdatasync takes, in a file that is gone afterwards."""
    path = folder / f".latency-{os.getpid()}"
    times = []
    try:
        with path.open("xb", buffering=0) as file:
            for _ in range(writes):
                begun = time.perf_counter()
                file.write(_BLOCK)
                os.fdatasync(file.fileno())
                times.append((time.perf_counter() - begun) * 1e6)
    finally:
        path.unlink(missing_ok=True)
    return latency_of(times)


def latency_of(times_us: list[float]) -> Latency:
    """The middle one and the one in a hundred."""
    ordered = sorted(times_us)
    return Latency(ordered[len(ordered) // 2], ordered[len(ordered) * 99 // 100])


def filesystem_of(path: Path) -> str:
    """The kind of file system a path lies on, such as ext4 or nfs4; "" where the system does not say."""
    try:
        lines = _MOUNTS.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    place = str(path.resolve())
    best, kind = "", ""
    for line in lines:
        _, mount, name, *_ = line.split(" ")
        mount = mount.replace("\\040", " ")
        is_above = mount in ("/", place) or place.startswith(f"{mount}/")
        if is_above and len(mount) >= len(best):  # of two mounts at one place the later one counts
            best, kind = mount, name
    return kind


def nearest(path: Path) -> Path:
    """The path itself, or the nearest folder above it that is there."""
    path = path.absolute()
    while not path.exists():
        path = path.parent
    return path
