"""Blobs in a local directory: `<root>/<two digits>/<key>`.

Keys are made here and checked on the way in, so no name from outside ever touches the disk. A file is
written in its place from the beginning; nobody is told its key before it is whole. A loose file has an empty
one of its name in `<root>/loose`, made before the file: so what a crash left half-written is loose too.

Who copies the data folder holds a shared lock on `<root>/held`, and no name goes away but under an exclusive
one. So a copier with any tool finds every name that a folder listed, and every file that a row of the copy
refers to. What could not be removed goes with the next one, and is loose until then, in case that the server
ends before.
"""

import contextlib
import fcntl
import hashlib
import heapq
import os
import re
import secrets
import shutil
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from taskloom.ports.blobs import Blob, BlobMissing, BlobTooLarge
from taskloom.ports.faults import fault_point

_KEY: Final = re.compile(r"[0-9a-f]{32}")
_DAY_S: Final = 86_400
_LOOSE: Final = "loose"
_HELD: Final = "held"
_SHELF: Final = "[0-9a-f][0-9a-f]"


class LocalBlobs:
    """The blob port on a directory of this machine."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._deleted: list[str] = []
        self._kept: list[str] = []
        self._removing = threading.Lock()

    def incoming(self, limit_bytes: int) -> "LocalIncoming":
        """Begin a new file."""
        if not (self._root / _LOOSE).is_dir():
            (self._root / _LOOSE).mkdir(parents=True, exist_ok=True, mode=0o700)
            (self._root / _HELD).touch(mode=0o600)  # later the disk may be full
            sync_folder(self._root)
            sync_folder(self._root.parent)
        return LocalIncoming(self, self._root, secrets.token_hex(16), limit_bytes)

    def read(self, key: str) -> bytes:
        """The whole file."""
        try:
            return self._path(key).read_bytes()
        except FileNotFoundError:
            raise BlobMissing(key) from None

    def pieces(self, key: str, size: int, start: int = 0) -> Iterator[bytes]:
        """The file in pieces."""
        found = _pieces(self._path(key), size, start)
        try:
            next(found)
        except FileNotFoundError:
            raise BlobMissing(key) from None
        return found

    def keep(self, keys: Sequence[str]) -> None:
        """They are loose no more."""
        fault_point("blob_referred")
        with self._removing:
            self._kept += keys
            self._remove()

    def loose(self, after: str, limit: int) -> list[str]:
        """Files that have been loose for a day."""
        names = (path.name for path in _older_than_a_day(self._root / _LOOSE))
        return heapq.nsmallest(limit, (name for name in names if name > after and _KEY.fullmatch(name)))

    def delete(self, key: str) -> None:
        """Forget a file, now or when nobody holds them any more."""
        self._path(key)  # raises for what is no key
        with self._removing:
            self._deleted.append(key)
            if not self._remove():
                _mark_in(self._root, key)

    def _remove(self) -> bool:
        """Remove what is to go, unless somebody holds it; a mark goes after its file."""
        if not self._root.is_dir():
            self._deleted.clear()
            self._kept.clear()
            return True
        with (self._root / _HELD).open("ab") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            for key in self._deleted:
                self._path(key).unlink(missing_ok=True)
            for key in self._deleted + self._kept:
                self._mark(key).unlink(missing_ok=True)
            self._deleted.clear()
            self._kept.clear()
            return True

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """No name goes away meanwhile, by this process or another."""
        self._root.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (self._root / _HELD).open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH)
            yield
        with self._removing:
            self._remove()

    def copy_to(self, target: Path) -> Iterator[int]:
        """Copy every file into another folder; yields the size of each when it is there.

        There the files of the last day are loose: the rows that refer to them may have come too late to be
        in the copy.
        """
        fresh_after_s = time.time() - _DAY_S
        for shelf in sorted(self._root.glob(_SHELF)):
            place = target / shelf.name
            place.mkdir(parents=True, mode=0o700)
            for path in shelf.iterdir():
                if path.stat().st_mtime > fresh_after_s or self._mark(path.name).exists():
                    _mark_in(target, path.name)
                yield shutil.copyfile(path, place / path.name).stat().st_size

    def _mark(self, key: str) -> Path:
        return self._root / _LOOSE / key

    def _path(self, key: str) -> Path:
        if _KEY.fullmatch(key) is None:
            raise BlobMissing(key)
        return self._root / key[:2] / key


class LocalIncoming:
    """A file being written; its digest is made on the way."""

    def __init__(self, blobs: LocalBlobs, root: Path, key: str, limit_bytes: int) -> None:
        self._blobs = blobs
        self._root = root
        self._key = key
        self._limit_bytes = limit_bytes
        self._folder = root / key[:2]
        _mark_in(root, key)
        if not self._folder.is_dir():
            self._folder.mkdir(exist_ok=True, mode=0o700)
            sync_folder(root)  # before the next file finds it there
        self._file = (self._folder / key).open("xb", buffering=0)
        self._digest = hashlib.sha256()
        self.size = 0

    def write(self, piece: bytes) -> None:
        """Add to it; raises BlobTooLarge beyond the limit."""
        self.size += len(piece)
        if self.size > self._limit_bytes:
            raise BlobTooLarge
        self._digest.update(piece)
        left = memoryview(piece)
        while left:
            left = left[self._file.write(left) or 0 :]

    def commit(self) -> Blob:
        """Make it durable: the bytes, then the folder that knows the name. Its day as a loose file begins."""
        os.fsync(self._file.fileno())
        self._file.close()
        sync_folder(self._folder)
        (self._root / _LOOSE / self._key).touch(mode=0o600)
        fault_point("blob_committed")
        return Blob(self._key, self.size, self._digest.hexdigest())

    def discard(self) -> None:
        """Forget it."""
        self._file.close()
        self._blobs.delete(self._key)


def _mark_in(root: Path, key: str) -> None:
    """Make a file loose; one that is loose already has been so for as long as before."""
    folder = root / _LOOSE
    folder.mkdir(exist_ok=True, mode=0o700)
    with contextlib.suppress(FileExistsError):
        (folder / key).touch(mode=0o600, exist_ok=False)


def _older_than_a_day(folder: Path) -> Iterator[Path]:
    """The files of a folder that were not written to for a day."""
    if not folder.is_dir():
        return
    before_s = time.time() - _DAY_S
    for path in folder.iterdir():
        with contextlib.suppress(FileNotFoundError):  # who else is at work may have taken it away
            if path.stat().st_mtime < before_s:
                yield path


def _pieces(path: Path, size: int, start: int) -> Iterator[bytes]:
    """Open the file at the first step, then give the pieces.

    A generator that was begun closes its file also when it is dropped; an open file in hand would not.
    """
    with path.open("rb") as file:
        file.seek(start)
        yield b""
        while piece := file.read(size):
            yield piece


def sync_folder(folder: Path) -> None:
    """Make durable which names the folder knows."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
