"""The form of a file upload: fields first, then the file, which goes straight to the blob store."""

from collections.abc import Mapping
from typing import Final

from taskloom.core.limits import FILE_BYTES, FILE_FIELD_BYTES, MIB
from taskloom.dialects.multipart import FormRefused, Multipart, file_name
from taskloom.dialects.operation import Refusal
from taskloom.dialects.queue.errors import invalid
from taskloom.ports.blobs import Blob, Blobs, BlobTooLarge, IncomingBlob

FILE_FIELD: Final = "file"
FIELDS: Final = frozenset({"purpose", "expires_after[anchor]", "expires_after[seconds]"})


class FileForm(Multipart):
    """One file and what is said of it. `drop` forgets what came in."""

    def __init__(self, blobs: Blobs, content_type: str) -> None:
        super().__init__(content_type, invalid)
        self.fields: dict[str, str] = {}
        self.file_name = ""
        self.blob: Blob | None = None
        self._blobs = blobs
        self._file: IncomingBlob | None = None
        self._field = ""
        self._text = bytearray()

    def drop(self) -> None:
        """Nothing of it is kept."""
        if self._file is not None:
            self._file.discard()
            self._file = None
        if self.blob is not None:
            self._blobs.delete(self.blob.key)

    def begins(self, name: str, parameters: Mapping[bytes, bytes]) -> None:
        """The file, or a field; fields that are not known are passed over."""
        self._field, self._text = name, bytearray()
        if name != FILE_FIELD:
            if name in self.fields:
                raise FormRefused(invalid(f"the field {name[:64]} is repeated", name[:64]))
            return
        if self.blob is not None:
            raise FormRefused(invalid("one file at a time", FILE_FIELD))
        self.file_name = file_name(parameters, "file")
        self._file = self._blobs.incoming(FILE_BYTES)

    def data(self, piece: bytes) -> None:
        """Written to disk where it is the file."""
        if self._file is None:
            self._text += piece
            if len(self._text) > FILE_FIELD_BYTES:
                raise FormRefused(invalid(f"the field {self._field[:64]} is too large", self._field[:64]))
            return
        try:
            self._file.write(piece)
        except BlobTooLarge:
            most = f"a file has at most {FILE_BYTES // MIB} MB"
            raise FormRefused(Refusal(413, "file_too_large", most, {"param": FILE_FIELD})) from None

    def ends(self) -> None:
        """The file is durable from now on."""
        if self._file is not None:
            self.blob, self._file = self._file.commit(), None
        elif self._field in FIELDS:
            self.fields[self._field] = self._text.decode("utf-8", "replace")
