"""Reads a multipart form as it arrives; what becomes of its parts is for the subclass to say.

Nothing trusts what the sender declares: parts and their heads have limits, counted while they are read.
`feed` may block (a file is written to disk), so it is called in a thread, a batch of pieces at a time.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, Final

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from taskloom.core.limits import FILE_NAME_LENGTH, MIB, UPLOAD_PART_HEADER_BYTES, UPLOAD_PART_HEADERS
from taskloom.dialects.operation import Refusal

log = logging.getLogger(__name__)

_PIECES_BYTES: Final = 1 * MIB
_BOUNDARY_LENGTH: Final = 70
_NO_SPACE: Final = Refusal(503, "overloaded", "Files cannot be stored now.", retry_after_s=10)


class FormRefused(Exception):  # noqa: N818  an expected end, which carries its refusal
    """The form is not one we take."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal


class Multipart:
    """A form on its way in; `begins`, `data` and `ends` are called for each part.

    `refuse` makes a refusal of a sentence, in the words of the dialect.
    """

    def __init__(self, content_type: str, refuse: Callable[[str], Refusal]) -> None:
        self._refuse = refuse
        self._is_whole = False
        self._head: tuple[bytearray, bytearray] = (bytearray(), bytearray())
        self._heads: dict[str, bytes] = {}
        callbacks: Any = {
            "on_part_begin": self._part_begins,
            "on_header_begin": self._header_begins,
            "on_header_field": lambda data, start, end: self._head[0].extend(data[start:end]),
            "on_header_value": lambda data, start, end: self._head[1].extend(data[start:end]),
            "on_header_end": self._header_ends,
            "on_headers_finished": self._body_begins,
            "on_part_data": lambda data, start, end: self.data(data[start:end]),
            "on_part_end": self.ends,
            "on_end": self._ends,
        }
        self._parser = MultipartParser(
            self._boundary(content_type),
            callbacks,
            max_header_count=UPLOAD_PART_HEADERS,
            max_header_size=UPLOAD_PART_HEADER_BYTES,
        )

    def begins(self, name: str, parameters: Mapping[bytes, bytes]) -> None:
        """A part of this name begins; raises FormRefused."""
        raise NotImplementedError

    def data(self, piece: bytes) -> None:
        """More of it; raises FormRefused."""
        raise NotImplementedError

    def ends(self) -> None:
        """It is complete; raises FormRefused."""
        raise NotImplementedError

    async def receive(self, chunks: AsyncIterator[bytes]) -> None:
        """Read the whole form, the work on it in a thread, so that the loop is free meanwhile."""
        pieces: list[bytes] = []
        size = 0
        async for chunk in chunks:
            pieces.append(chunk)
            size += len(chunk)
            if size >= _PIECES_BYTES:
                await asyncio.to_thread(self.feed, pieces)
                pieces, size = [], 0
        await asyncio.to_thread(self.feed, pieces)
        if not self._is_whole:
            raise FormRefused(self._refuse("The form breaks off before its end."))

    def feed(self, pieces: list[bytes]) -> None:
        """Read on; raises FormRefused."""
        try:
            for piece in pieces:
                self._parser.write(piece)
        except FormParserError as error:
            raise FormRefused(self._refuse(f"The form cannot be read: {error}")) from None
        except OSError:
            log.exception("an uploaded file cannot be stored")
            raise FormRefused(_NO_SPACE) from None

    def _boundary(self, content_type: str) -> bytes:
        _, parameters = parse_options_header(content_type)
        boundary = parameters.get(b"boundary", b"")
        if not 1 <= len(boundary) <= _BOUNDARY_LENGTH:
            raise FormRefused(self._refuse("The content type names no boundary."))
        return boundary

    def _part_begins(self) -> None:
        self._heads = {}

    def _header_begins(self) -> None:
        self._head = (bytearray(), bytearray())

    def _header_ends(self) -> None:
        name, value = self._head
        self._heads[name.decode("latin-1").strip().lower()] = bytes(value)

    def _body_begins(self) -> None:
        kind, parameters = parse_options_header(self._heads.get("content-disposition", b""))
        name = parameters.get(b"name", b"").decode("utf-8", "replace")
        if kind != b"form-data" or not name:
            raise FormRefused(self._refuse("A part of the form has no name."))
        self.begins(name, parameters)

    def _ends(self) -> None:
        self._is_whole = True


def file_name(parameters: Mapping[bytes, bytes], otherwise: str) -> str:
    """The last part of the name the sender gave, printable and short; it is shown and never a path."""
    given = parameters.get(b"filename", b"").decode("utf-8", "replace").replace("\\", "/")
    name = "".join(sign if sign.isprintable() else "_" for sign in given.rpartition("/")[2]).strip()
    return name[:FILE_NAME_LENGTH] or otherwise
