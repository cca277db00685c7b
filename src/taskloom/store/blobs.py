"""Blobs in a local directory: `<root>/<two digits>/<key>`, written beside their place and moved when whole.

Keys are made here and checked on the way in, so no name given from outside ever touches the disk. What a
crash left half-written lies in `<root>/incoming` and is removed after a day. A loose file has an empty
one of its name in `<root>/loose`, made before the file gets its place.

Who copies the data folder holds a shared lock on `<root>/held`, and a file is deleted only under an exclusive
one. So every file that a row of the copy refers to is there until it is copied too. What could not be deleted
goes with the next one, and is loose until then, in case that the server ends before.
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
_INCOMING: Final = "incoming"
_LOOSE: Final = "loose"
_HELD: Final = "held"
_SHELF: Final = "[0-9a-f][0-9a-f]"


class LocalBlobs:
    """The blob port on a directory of this machine."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._doomed: list[Path] = []
        self._deleting = threading.Lock()

    def incoming(self, limit_bytes: int) -> "LocalIncoming":
        """Begin a new file."""
        if not (self._root / _LOOSE).is_dir():
            for name in (_INCOMING, _LOOSE):
                (self._root / name).mkdir(parents=True, exist_ok=True, mode=0o700)
            sync_folder(self._root)
            sync_folder(self._root.parent)
        return LocalIncoming(self._root, secrets.token_hex(16), limit_bytes)

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
        for key in keys:
            self._mark(key).unlink(missing_ok=True)

    def loose(self, after: str, limit: int) -> list[str]:
        """Files that have been loose for a day."""
        names = (path.name for path in _older_than_a_day(self._root / _LOOSE))
        return heapq.nsmallest(limit, (name for name in names if name > after and _KEY.fullmatch(name)))

    def delete(self, key: str) -> None:
        """Forget a file, now or when nobody holds them any more."""
        path = self._path(key)
        with self._deleting:
            self._doomed.append(path)
            self._delete_doomed()

    def _delete_doomed(self) -> None:
        if not self._root.is_dir():
            self._doomed.clear()
            return
        with (self._root / _HELD).open("ab") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                for path in self._doomed:
                    _mark_in(self._root, path.name)
                return
            while self._doomed:
                path = self._doomed.pop()
                path.unlink(missing_ok=True)
                self._mark(path.name).unlink(missing_ok=True)

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Nothing is deleted meanwhile, by this process or another."""
        self._root.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (self._root / _HELD).open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH)
            yield
        with self._deleting:
            self._delete_doomed()

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

    def sweep(self) -> int:
        """Remove what was begun a day ago and never committed; answers how many."""
        removed = 0
        for path in _older_than_a_day(self._root / _INCOMING):
            with contextlib.suppress(FileNotFoundError):  # another server may sweep too
                path.unlink()
                removed += 1
        return removed

    def _mark(self, key: str) -> Path:
        return self._root / _LOOSE / key

    def _path(self, key: str) -> Path:
        if _KEY.fullmatch(key) is None:
            raise BlobMissing(key)
        return self._root / key[:2] / key


class LocalIncoming:
    """A file being written; its digest is made on the way."""

    def __init__(self, root: Path, key: str, limit_bytes: int) -> None:
        self._root = root
        self._key = key
        self._limit_bytes = limit_bytes
        self._path = root / _INCOMING / key
        self._file = self._path.open("xb", buffering=0)
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
        """Make it durable: the bytes, then the name, then the folders that know the name."""
        os.fsync(self._file.fileno())
        self._file.close()
        folder = self._root / self._key[:2]
        is_new = not folder.is_dir()
        folder.mkdir(exist_ok=True, mode=0o700)
        _mark_in(self._root, self._key)
        self._path.rename(folder / self._key)
        sync_folder(folder)
        if is_new:
            sync_folder(self._root)
        fault_point("blob_committed")
        return Blob(self._key, self.size, self._digest.hexdigest())

    def discard(self) -> None:
        """Forget it."""
        self._file.close()
        self._path.unlink(missing_ok=True)


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
