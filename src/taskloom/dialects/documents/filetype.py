"""What a file is, by its first bytes. Names and declared types are never asked."""

from typing import Final

HEAD_BYTES: Final = 1024
PDF: Final = "application/pdf"

_SIGNATURES: Final = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
)


def file_type(head: bytes) -> str | None:
    """The media type of a file that begins so; None for what documents are not made of."""
    if b"%PDF-" in head[:HEAD_BYTES]:
        return PDF
    return next((mime for signature, mime in _SIGNATURES if head.startswith(signature)), None)
