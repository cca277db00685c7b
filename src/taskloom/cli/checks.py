"""What `taskloom doctor` looks at: each check says what it found, how good that is, and what mends it."""

import http.client
import ipaddress
import json
import os
import resource
import shutil
import socket
import sqlite3
import ssl
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal

from msgspec import Struct

from taskloom.callbacks.address import trusted
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
from taskloom.server.settings import Settings

Verdict = Literal["ok", "warn", "fail"]

_REMOTE: Final = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "lustre", "glusterfs", "fuse.glusterfs"}
    | {"ceph", "fuse.ceph", "fuse.sshfs", "fuse.s3fs", "beegfs", "virtiofs"}
)
_PASSING: Final = frozenset({"tmpfs", "ramfs", "overlay"})
_SQLITE_MIN: Final = (3, 37, 0)
"""STRICT tables."""
_EPOCH_S: Final = 1_704_067_200
_CALL_S: Final = 2
_DISTINCT_MIN: Final = 10
_WIDE: Final = {4: 24, 6: 64}
"""A network of fewer bits lets callbacks go to many machines."""


class Check(Struct, frozen=True):
    """What one look found."""

    name: str
    verdict: Verdict
    found: str
    fix: str = ""


def checks(settings: Settings, *, fast: bool) -> Iterator[Check]:
    """Everything that can be looked at without opening the store."""
    yield data_folder(settings.data)
    if settings.store == "sqlite":
        yield file_system(settings.data)
        yield sqlite_version()
    yield free_space(settings.data)
    if not fast:
        yield sync_speed(settings.data)
    yield clock(settings.data)
    yield open_files()
    yield port(settings)
    yield from exposure(settings)
    yield from root_key(settings.root_key)
    yield from callbacks(settings)


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


def port(settings: Settings) -> Check:
    """Either nobody listens there, or it is a server of ours."""
    place = f"{settings.host}:{settings.port}"
    if settings.port == 0:
        return Check("port", "ok", "any free one")
    try:
        with socket.create_connection((settings.host, settings.port), timeout=_CALL_S):
            pass
    except OSError:
        return _free(settings, place)
    answer = _front_door(settings)
    if answer is None:
        return Check("port", "fail", f"another program listens at {place}", "--port with a free one")
    return Check("port", "ok", f"{answer} answers at {place}")


def _free(settings: Settings, place: str) -> Check:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        return Check("port", "fail", f"{place}: {error.strerror}", "--host and --port of this machine")
    return Check("port", "ok", f"{place} is free")


def _front_door(settings: Settings) -> str | None:
    """The name and version of a server of ours; None for anything else."""
    if settings.tls_cert is not None:  # who it is does not matter here, only what
        context = ssl._create_unverified_context()  # noqa: S323, SLF001
        connection: http.client.HTTPConnection = http.client.HTTPSConnection(
            settings.host, settings.port, timeout=_CALL_S, context=context
        )
    else:
        connection = http.client.HTTPConnection(settings.host, settings.port, timeout=_CALL_S)
    try:
        connection.request("GET", "/")
        body = json.loads(connection.getresponse().read(4_096))
        return f"taskloom {body['version']}" if body["service"] == "taskloom" else None
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError):
        return None
    finally:
        connection.close()


def exposure(settings: Settings) -> Iterator[Check]:
    """Keys must not cross a network in the clear."""
    if settings.tls_cert is not None and settings.tls_key is not None:
        try:
            ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(
                settings.tls_cert, settings.tls_key
            )
        except (OSError, ssl.SSLError) as error:
            yield Check("tls", "fail", f"{error}", "give --tls-cert and --tls-key that belong together")
        else:
            yield Check("tls", "ok", str(settings.tls_cert))
    elif not _is_loopback(settings.host):
        found = f"keys reach {settings.host} in the clear"
        yield Check("tls", "warn", found, "give --tls-cert and --tls-key, or put a proxy with TLS before it")
    if settings.auth == "none":
        yield Check("keys", "warn", "every user of this machine is the administrator", "--auth keys")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def root_key(key: str | None) -> Iterator[Check]:
    """A root key that somebody thought of is one that somebody else can think of."""
    if key is None:
        return
    fix = "TASKLOOM_ROOT_KEY=$(openssl rand -base64 32)"
    words = ("password", "secret", "change", "taskloom", "admin", "12345", "qwerty")
    if len(set(key)) < _DISTINCT_MIN or key.isdigit() or any(word in key.lower() for word in words):
        yield Check("root key", "warn", "the root key can be guessed", fix)
    else:
        yield Check("root key", "ok", f"{len(key)} characters")


def callbacks(settings: Settings) -> Iterator[Check]:
    """What callbacks may reach beyond public addresses."""
    if settings.callbacks_http:
        yield Check(
            "callbacks", "warn", "they may go to http://, where all can be read", "--callbacks-http false"
        )
    for target in settings.callbacks_allow:
        network = trusted(target).network
        if network is not None and network.prefixlen < _WIDE[network.version]:
            found = f"{target} lets callers knock at every machine in it"
            yield Check("callbacks", "warn", found, "--callbacks-allow with the hosts that are meant")
    if not settings.callbacks_http and not settings.callbacks_allow:
        yield Check("callbacks", "ok", "https to public addresses only")
