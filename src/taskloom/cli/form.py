"""A form of fields and one file, sent piece by piece, so that a large file need not fit in memory."""

import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from taskloom.cli.failure import MISUSED, Failure
from taskloom.cli.output import Progress

_PIECE_BYTES: Final = 256 * 1024


class Form:
    """What is sent, and how long it is."""

    def __init__(self, fields: Mapping[str, str], file: Path) -> None:
        self._file = file
        boundary = f"taskloom-{secrets.token_hex(16)}"
        self.content_type = f"multipart/form-data; boundary={boundary}"
        texts = "".join(
            f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
            for name, value in fields.items()
        )
        shown = "".join(char if char.isprintable() and char not in '"\\' else "_" for char in file.name)
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{shown}"\r\n'
        self._head = f"{texts}{head}Content-Type: application/octet-stream\r\n\r\n".encode()
        self._tail = f"\r\n--{boundary}--\r\n".encode()
        try:
            self._length = file.stat().st_size
        except OSError as error:
            raise Failure(f"{file}: {error.strerror}", MISUSED) from None
        self.size = len(self._head) + self._length + len(self._tail)

    def pieces(self, bar: Progress) -> Iterator[bytes]:
        """The form from its beginning; the bar follows the file."""
        yield self._head
        sent = 0
        with self._file.open("rb") as opened:
            while piece := opened.read(min(_PIECE_BYTES, self._length - sent)):
                yield piece
                sent += len(piece)
                bar.reach(sent, self._length)
        if sent < self._length:
            raise Failure(f"{self._file} became shorter while it was sent")
        yield self._tail
