"""Exports documents as JSON Lines: one line per document, however often the export is asked for.

A document's file follows from its project and the day it came in, so a repeated call looks where the first
one wrote. A line counts once it is on disk; what a crash left half-written has no newline and is cut off.
Any number of threads and processes may write: the file itself is the lock.
"""

import fcntl
import os
import threading
from collections import OrderedDict
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec

_FILES_KNOWN = 16
_CHUNK_BYTES = 1024 * 1024
_HEAD = b'{"id":"'


class _Known:
    """The ids of a file's lines up to an offset, so that a call reads only what was added since."""

    __slots__ = ("file", "ids", "offset")

    def __init__(self) -> None:
        self.file = (0, 0)
        self.offset = 0
        self.ids: set[bytes] = set()


class JsonLinesExport:
    """Files of exported documents under one folder: `<tenant>/<project>/<day>.jsonl`."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._lock = threading.Lock()
        self._known: OrderedDict[Path, _Known] = OrderedDict()

    def path_of(self, tenant: str, project: str, created_at_ms: int) -> Path:
        """The file a document of that project and instant is written to."""
        day = datetime.fromtimestamp(created_at_ms / 1000, UTC).date().isoformat()
        return self._root / _folder(tenant) / _folder(project) / f"{day}.jsonl"

    def append(
        self, tenant: str, project: str, created_at_ms: int, document_id: str, record: dict[str, Any]
    ) -> bool:
        """Put the document's line on disk unless it is there; true when it was written now."""
        line = msgspec.json.encode({"id": document_id, **record}) + b"\n"
        key = line[len(_HEAD) : line.index(b'"', len(_HEAD))]
        path = self.path_of(tenant, project, created_at_ms)
        with self._lock:
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o640)
            with closing(os.fdopen(descriptor, "rb+", buffering=0)) as file:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                return self._append(path, file.fileno(), key, line)

    def _append(self, path: Path, descriptor: int, key: bytes, line: bytes) -> bool:
        known = self._read_on(path, descriptor)
        if key in known.ids:
            os.fsync(descriptor)
            return False
        is_new = known.offset == 0
        try:
            _write_all(descriptor, line)
            os.fsync(descriptor)
        except OSError:
            os.ftruncate(descriptor, known.offset)
            raise
        if is_new:
            _sync_folders(path.parent, self._root)
        known.offset += len(line)
        known.ids.add(key)
        return True

    def _read_on(self, path: Path, descriptor: int) -> _Known:
        """What the file holds: the known part, plus the lines others added; a torn last line is cut off."""
        known = self._known.setdefault(path, _Known())
        self._known.move_to_end(path)
        if len(self._known) > _FILES_KNOWN:
            self._known.popitem(last=False)
        state = os.fstat(descriptor)
        if known.file != (state.st_dev, state.st_ino) or state.st_size < known.offset:
            known.file, known.offset = (state.st_dev, state.st_ino), 0
            known.ids.clear()
        rest = b""
        place = known.offset
        while chunk := os.pread(descriptor, _CHUNK_BYTES, place):
            place += len(chunk)
            *lines, rest = (rest + chunk).split(b"\n")
            known.ids.update(_id_of(line) for line in lines)
            known.offset += sum(len(line) + 1 for line in lines)
        if rest:
            os.ftruncate(descriptor, known.offset)
        return known


def _id_of(line: bytes) -> bytes:
    return line[len(_HEAD) : line.find(b'"', len(_HEAD))] if line.startswith(_HEAD) else b""


def _write_all(descriptor: int, line: bytes) -> None:
    left = memoryview(line)
    while left:
        left = left[os.write(descriptor, left) :]


def _sync_folders(folder: Path, root: Path) -> None:
    """A new file is durable once every folder above it knows it."""
    for one in (folder, *folder.parents):
        descriptor = os.open(one, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if one == root.parent:
            return


def _folder(name: str) -> str:
    """A name as one folder: nothing in it can lead elsewhere."""
    return quote(name, safe="").replace(".", "%2E") or "%"
