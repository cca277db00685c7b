"""Blobs in a local directory: `<root>/<two digits>/<key>`, written beside their place and moved when whole.

Keys are made here and checked on the way in, so no name given from outside ever touches the disk. What a
crash left half-written lies in `<root>/incoming` and is removed after a day.

Who copies the data folder holds a shared lock on `<root>/held`, and a file is deleted only under an exclusive
one. So every file that a row of the copy refers to is there until it is copied too. What could not be deleted
goes with the next one; if the server ends before, it stays as an orphan.
"""

import contextlib
import fcntl
import hashlib
import os
import re
import secrets
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from taskloom.ports.blobs import Blob, BlobMissing, BlobTooLarge

_KEY: Final = re.compile(r"[0-9a-f]{32}")
_STALE_S: Final = 86_400
_INCOMING: Final = "incoming"
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
        folder = self._root / _INCOMING
        if not folder.is_dir():
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
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
                return
            while self._doomed:
                self._doomed.pop().unlink(missing_ok=True)

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
        """Copy every file into another folder; yields the size of each when it is there."""
        for shelf in sorted(self._root.glob(_SHELF)):
            place = target / shelf.name
            place.mkdir(parents=True, mode=0o700)
            for path in shelf.iterdir():
                yield shutil.copyfile(path, place / path.name).stat().st_size

    def sweep(self) -> int:
        """Remove what was begun a day ago and never committed; answers how many."""
        folder = self._root / _INCOMING
        if not folder.is_dir():
            return 0
        stale_before_s = time.time() - _STALE_S
        removed = 0
        for path in folder.iterdir():
            with contextlib.suppress(FileNotFoundError):  # another server may sweep too
                if path.stat().st_mtime < stale_before_s:
                    path.unlink()
                    removed += 1
        return removed

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
        self._path.rename(folder / self._key)
        sync_folder(folder)
        if is_new:
            sync_folder(self._root)
        return Blob(self._key, self.size, self._digest.hexdigest())

    def discard(self) -> None:
        """Forget it."""
        self._file.close()
        self._path.unlink(missing_ok=True)


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
