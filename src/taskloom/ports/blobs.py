"""The blob port: files that are too large for a row, under names that nobody outside chose.

All methods block, for they do what disks do: call them in a thread. What is committed is durable. A file is
*loose* from its beginning until somebody says that a row refers to it. So what a server left behind that died
in between can be told from all else without looking at all else: it stays loose.
"""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from msgspec import Struct


class Blob(Struct, frozen=True):
    """A stored file."""

    key: str
    size: int
    sha256: str


class BlobTooLarge(Exception):  # noqa: N818  a limit was met, the store is well
    """The file is larger than it may be; nothing of it was kept."""


class BlobMissing(Exception):  # noqa: N818  as above
    """There is no file of that key."""


class IncomingBlob(Protocol):
    """A file on its way in. Ends with `commit` or `discard`."""

    size: int
    """The bytes written so far."""

    def write(self, piece: bytes) -> None:
        """Add to it; raises BlobTooLarge beyond the limit."""

    def commit(self) -> Blob:
        """Make it durable; only now is its key told."""

    def discard(self) -> None:
        """Forget it."""


class Blobs(Protocol):
    """A store of files."""

    def incoming(self, limit_bytes: int) -> IncomingBlob:
        """Begin a new file."""

    def read(self, key: str) -> bytes:
        """The whole file; raises BlobMissing."""

    def pieces(self, key: str, size: int, start: int = 0) -> Iterator[bytes]:
        """The file from byte `start` on in pieces of at most `size` bytes; raises BlobMissing at once."""

    def keep(self, keys: Sequence[str]) -> None:
        """A row that stands refers to each of these: they are loose no more."""

    def loose(self, after: str, limit: int) -> list[str]:
        """Files that have been loose for a day, by key, those above `after`."""

    def delete(self, key: str) -> None:
        """Forget a file; nothing happens when it is gone."""

    def held(self) -> AbstractContextManager[None]:
        """While held, by whichever process, no name goes away: what is to go waits until it is let go."""
