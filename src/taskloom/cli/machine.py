"""What the doctor looks at on the machine: folder, file system, disk, clock, limits, libraries."""

import os
import resource
import shutil
import sqlite3
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Final

from taskloom.cli.check import Check
from taskloom.cli.disk import filesystem_of, nearest, sync_latency
from taskloom.core.limits import (
    DOCTOR_CLOCK_BACK_S,
    DOCTOR_FREE_BYTES,
    DOCTOR_FREE_BYTES_MIN,
    DOCTOR_OPEN_FILES,
    DOCTOR_SYNC_US_MAX,
    DOCTOR_SYNC_US_MIN,
    DOCTOR_SYNCS,
    GIB,
)

_REMOTE: Final = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "lustre", "glusterfs", "fuse.glusterfs"}
    | {"ceph", "fuse.ceph", "fuse.sshfs", "fuse.s3fs", "beegfs", "virtiofs"}
)
_PASSING: Final = frozenset({"tmpfs", "ramfs", "overlay"})
_SQLITE_MIN: Final = (3, 37, 0)
"""STRICT tables."""
_EPOCH_S: Final = 1_704_067_200
_CALL_S: Final = 2


def data_folder(folder: Path) -> Check:
    """Whether the server, run by this user, can keep its files there; and whether others can read them."""
    place = nearest(folder)
    try:
        with tempfile.TemporaryFile(dir=place):
            pass
    except OSError as error:
        fix = f"chown -R $(id -u) {place}"
        return Check("data folder", "fail", f"{place} cannot be written: {error.strerror}", fix)
    if not folder.exists():
        return Check("data folder", "ok", f"{folder} will be made")
    about = folder.stat()
    if about.st_mode & 0o077:
        found = f"other users can look into {folder} (mode {about.st_mode & 0o777:o})"
        return Check("data folder", "warn", found, f"chmod 700 {folder}")
    if about.st_uid != os.geteuid():
        found = f"{folder} belongs to user {about.st_uid}, this is user {os.geteuid()}"
        return Check("data folder", "warn", found, "run taskloom as the user the folder belongs to")
    return Check("data folder", "ok", str(folder))


def file_system(folder: Path) -> Check:
    """SQLite needs locks and shared memory, which network file systems only pretend to have."""
    kind = filesystem_of(nearest(folder))
    if kind in _REMOTE:
        fix = "--data on a local disk, or --store postgresql://…"
        return Check("file system", "fail", f"{kind} is a network file system: SQLite is not safe on it", fix)
    if kind in _PASSING:
        found = f"{kind}: it is gone when the machine or the container is"
        return Check("file system", "warn", found, "--data on a disk or a volume")
    return Check("file system", "ok", kind or "not known on this system")


def free_space(folder: Path) -> Check:
    """Room for the log, for backups and for what comes."""
    usage = shutil.disk_usage(nearest(folder))
    found = f"{usage.free / GIB:.1f} GiB free"
    fix = "make room on the disk of the data folder; writes are refused while it is full"
    if usage.free < DOCTOR_FREE_BYTES_MIN:
        return Check("free space", "fail", found, fix)
    return Check("free space", "ok" if usage.free >= DOCTOR_FREE_BYTES else "warn", found, fix)


def sync_speed(folder: Path) -> Check:
    """Every answer waits for the disk once."""
    try:
        latency = sync_latency(nearest(folder), DOCTOR_SYNCS)
    except OSError as error:
        return Check("disk", "fail", f"nothing can be written: {error.strerror}", "see data folder")
    found = f"4 KiB append + fdatasync: {latency}"
    if latency.p50_us > DOCTOR_SYNC_US_MAX:
        fix = "put the data folder on a disk with a faster flush (an SSD with power-loss protection)"
        return Check("disk", "warn", f"{found}; every command waits for that", fix)
    if latency.p50_us < DOCTOR_SYNC_US_MIN:
        fix = "do not rely on surviving a power cut here"
        return Check("disk", "warn", f"{found}: too fast for a disk, so it does not keep what it says", fix)
    return Check("disk", "ok", found)


def clock(folder: Path) -> Check:
    """Keys hold the second they were made in, leases and timers end at instants."""
    now_s = time.time()
    if now_s < _EPOCH_S:
        return Check("clock", "fail", "it is before 2024", "timedatectl set-ntp true")
    file = folder / "taskloom.db-wal"
    ahead_s = file.stat().st_mtime - now_s if file.exists() else 0
    if ahead_s > DOCTOR_CLOCK_BACK_S:
        found = f"it is {ahead_s:.0f} s behind what was last written"
        return Check("clock", "warn", found, "timedatectl set-ntp true")
    if _is_synchronised() is False:
        return Check("clock", "warn", "it is not kept right", "timedatectl set-ntp true")
    return Check("clock", "ok", time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now_s)))


def _is_synchronised() -> bool | None:
    """Whether something keeps the clock right; None where nobody can say."""
    command = shutil.which("timedatectl")
    if command is None:
        return None
    asked = [command, "show", "--property=NTPSynchronized", "--value"]
    try:
        done = subprocess.run(asked, capture_output=True, text=True, check=False, timeout=_CALL_S)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return None
    return {"yes": True, "no": False}.get(done.stdout.strip())


def open_files() -> Check:
    """An open wait is an open file."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY or hard >= DOCTOR_OPEN_FILES:
        return Check("open files", "ok", "unlimited" if hard == resource.RLIM_INFINITY else str(hard))
    found = f"at most {hard}, and every waiting caller is one"
    return Check("open files", "warn", found, "ulimit -Hn 65536, or LimitNOFILE=65536 for systemd")


def sqlite_version() -> Check:
    """The library Python was built with."""
    found = sqlite3.sqlite_version
    if sqlite3.sqlite_version_info < _SQLITE_MIN:
        wanted = ".".join(map(str, _SQLITE_MIN))
        return Check("sqlite", "fail", f"{found}; {wanted} is needed", "use a Python with a newer SQLite")
    return Check("sqlite", "ok", found)
