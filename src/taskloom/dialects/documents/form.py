"""The form of an upload: its files go straight to the blob store, its fields stay in memory."""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from taskloom.core.limits import MIB, UPLOAD_BYTES, UPLOAD_FIELD_BYTES, UPLOAD_FILES
from taskloom.dialects.documents.errors import invalid
from taskloom.dialects.documents.filetype import HEAD_BYTES, file_type
from taskloom.dialects.multipart import FormRefused, Multipart, file_name
from taskloom.dialects.operation import Refusal
from taskloom.ports.blobs import Blobs, BlobTooLarge, IncomingBlob

FILE_FIELD: Final = "file"
FIELDS: Final = frozenset({"name", "meta", "projectId"})


class FormFile(Struct, frozen=True):
    """A file that came in and is durable."""

    name: str
    mime: str
    blob: str
    size: int
    sha256: str


class Form(Multipart):
    """A form on its way in; once received its files are durable. `drop` forgets all of them."""

    def __init__(self, blobs: Blobs, content_type: str) -> None:
        super().__init__(content_type, invalid)
        self.fields: dict[str, str] = {}
        self.files: list[FormFile] = []
        self.is_referred_to = False
        """Whether documents may refer to the files, so that they must be kept."""
        self._blobs = blobs
        self._field = ""
        self._text = bytearray()
        self._file: IncomingBlob | None = None
        self._file_name = ""
        self._first = bytearray()

    def drop(self) -> None:
        """Forget every file."""
        if self._file is not None:
            self._file.discard()
            self._file = None
        for file in self.files:
            self._blobs.delete(file.blob)

    def begins(self, name: str, parameters: Mapping[bytes, bytes]) -> None:
        """A file or a field that is known, and not too many of them."""
        self._field, self._text = name, bytearray()
        if len(self.files) + len(self.fields) >= UPLOAD_FILES + len(FIELDS):
            raise FormRefused(invalid(f"An upload has at most {UPLOAD_FILES} files."))
        if name == FILE_FIELD:
            if len(self.files) >= UPLOAD_FILES:
                raise FormRefused(invalid(f"An upload has at most {UPLOAD_FILES} files."))
            self._file_name = file_name(parameters, f"file {len(self.files) + 1}")
            self._file = self._blobs.incoming(UPLOAD_BYTES)
            self._first = bytearray()
        elif name not in FIELDS:
            raise FormRefused(invalid(f"The field {name[:100]!r} is not known.", field=name[:100]))
        elif name in self.fields:
            raise FormRefused(invalid(f"The field {name!r} is repeated.", field=name))

    def data(self, piece: bytes) -> None:
        """Written to disk where it is a file."""
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

    def ends(self) -> None:
        """A file is durable from now on; its type is told by how it begins."""
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
