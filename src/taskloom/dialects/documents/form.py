"""Reads a multipart form as it arrives: files go straight to the blob store, fields stay in memory.

Nothing trusts what the sender declares: parts, their heads, fields and files all have limits, counted while
they are read. `feed` blocks (it writes to disk), so it is called in a thread, a batch of pieces at a time.
"""

import logging
from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from taskloom.core.limits import (
    FILE_NAME_LENGTH,
    MIB,
    UPLOAD_BYTES,
    UPLOAD_FIELD_BYTES,
    UPLOAD_FILES,
    UPLOAD_PART_HEADER_BYTES,
    UPLOAD_PART_HEADERS,
)
from taskloom.dialects.documents.errors import invalid
from taskloom.dialects.documents.filetype import HEAD_BYTES, file_type
from taskloom.dialects.operation import Refusal
from taskloom.ports.blobs import Blobs, BlobTooLarge, IncomingBlob

log = logging.getLogger(__name__)

FILE_FIELD: Final = "file"
FIELDS: Final = frozenset({"name", "meta", "projectId"})
_NO_SPACE: Final = Refusal(503, "overloaded", "Files cannot be stored now.", retry_after_s=10)


class FormRefused(Exception):  # noqa: N818  an expected end, which carries its refusal
    """The form is not one we take."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal


class FormFile(Struct, frozen=True):
    """A file that came in and is durable."""

    name: str
    mime: str
    blob: str
    size: int
    sha256: str


class Form:
    """A form on its way in; after `finish` its files are durable. `drop` forgets all of them."""

    def __init__(self, blobs: Blobs, boundary: bytes) -> None:
        self.fields: dict[str, str] = {}
        self.files: list[FormFile] = []
        self.is_referred_to = False
        """Whether documents may refer to the files, so that they must be kept."""
        self._blobs = blobs
        self._is_whole = False
        self._head: tuple[bytearray, bytearray] = (bytearray(), bytearray())
        self._heads: dict[str, bytes] = {}
        self._field = ""
        self._text = bytearray()
        self._file: IncomingBlob | None = None
        self._file_name = ""
        self._first = bytearray()
        callbacks: Any = {
            "on_part_begin": self._part_begins,
            "on_header_begin": self._header_begins,
            "on_header_field": lambda data, start, end: self._head[0].extend(data[start:end]),
            "on_header_value": lambda data, start, end: self._head[1].extend(data[start:end]),
            "on_header_end": self._header_ends,
            "on_headers_finished": self._body_begins,
            "on_part_data": self._data,
            "on_part_end": self._part_ends,
            "on_end": self._ends,
        }
        self._parser = MultipartParser(
            boundary,
            callbacks,
            max_header_count=UPLOAD_PART_HEADERS,
            max_header_size=UPLOAD_PART_HEADER_BYTES,
        )

    def feed(self, pieces: list[bytes]) -> None:
        """Read on; raises FormRefused."""
        try:
            for piece in pieces:
                self._parser.write(piece)
        except FormParserError as error:
            raise FormRefused(invalid(f"The form cannot be read: {error}")) from None
        except OSError:
            log.exception("an uploaded file cannot be stored")
            raise FormRefused(_NO_SPACE) from None

    def finish(self) -> None:
        """The body has ended; raises FormRefused when the form has not."""
        if not self._is_whole:
            raise FormRefused(invalid("The form breaks off before its end."))

    def drop(self) -> None:
        """Forget every file."""
        if self._file is not None:
            self._file.discard()
            self._file = None
        for file in self.files:
            self._blobs.delete(file.blob)

    def _part_begins(self) -> None:
        if len(self.files) + len(self.fields) >= UPLOAD_FILES + len(FIELDS):
            raise FormRefused(invalid(f"An upload has at most {UPLOAD_FILES} files."))
        self._heads = {}
        self._field, self._text = "", bytearray()

    def _header_begins(self) -> None:
        self._head = (bytearray(), bytearray())

    def _header_ends(self) -> None:
        name, value = self._head
        self._heads[name.decode("latin-1").strip().lower()] = bytes(value)

    def _body_begins(self) -> None:
        kind, parameters = parse_options_header(self._heads.get("content-disposition", b""))
        self._field = parameters.get(b"name", b"").decode("utf-8", "replace")
        if kind != b"form-data" or not self._field:
            raise FormRefused(invalid("A part of the form has no name."))
        if self._field == FILE_FIELD:
            if len(self.files) >= UPLOAD_FILES:
                raise FormRefused(invalid(f"An upload has at most {UPLOAD_FILES} files."))
            self._file_name = _file_name(parameters, len(self.files) + 1)
            self._file = self._blobs.incoming(UPLOAD_BYTES)
            self._first = bytearray()
        elif self._field not in FIELDS:
            raise FormRefused(
                invalid(f"The field {self._field[:100]!r} is not known.", field=self._field[:100])
            )
        elif self._field in self.fields:
            raise FormRefused(invalid(f"The field {self._field!r} is repeated.", field=self._field))

    def _data(self, data: bytes, start: int, end: int) -> None:
        piece = data[start:end]
        if self._file is None:
            self._text += piece
            if len(self._text) > UPLOAD_FIELD_BYTES:
                most = f"The field {self._field!r} is larger than {UPLOAD_FIELD_BYTES} bytes."
                raise FormRefused(invalid(most, field=self._field))
            return
        if len(self._first) < HEAD_BYTES:
            self._first += piece[: HEAD_BYTES - len(self._first)]
        try:
            self._file.write(piece)
        except BlobTooLarge:
            most = f"A file has at most {UPLOAD_BYTES // MIB} MB."
            raise FormRefused(Refusal(413, "too_large", most, {"file": self._file_name})) from None

    def _part_ends(self) -> None:
        if self._file is None:
            try:
                self.fields[self._field] = self._text.decode()
            except UnicodeDecodeError:
                raise FormRefused(invalid(f"The field {self._field!r} is not UTF-8.")) from None
            return
        mime = file_type(bytes(self._first))
        if mime is None:
            message = f"The file {self._file_name!r} is of no type that is read here."
            raise FormRefused(Refusal(400, "UNSUPPORTED_FILE", message, {"file": self._file_name}))
        blob = self._file.commit()
        self._file = None
        self.files.append(FormFile(self._file_name, mime, blob.key, blob.size, blob.sha256))

    def _ends(self) -> None:
        self._is_whole = True


def boundary_of(content_type: str) -> bytes:
    """The boundary a content type declares; raises FormRefused without one."""
    _, parameters = parse_options_header(content_type)
    boundary = parameters.get(b"boundary", b"")
    if not 1 <= len(boundary) <= 70:
        raise FormRefused(invalid("The content type names no boundary."))
    return boundary


def _file_name(parameters: Mapping[bytes, bytes], number: int) -> str:
    """The last part of the name the sender gave, printable and short; it is shown and never a path."""
    given = parameters.get(b"filename", b"").decode("utf-8", "replace").replace("\\", "/")
    name = "".join(sign if sign.isprintable() else "_" for sign in given.rpartition("/")[2]).strip()
    return name[:FILE_NAME_LENGTH] or f"file {number}"
