"""Opens a stranger's PDF within limits, or says why not.

The type is judged by content, never by name. Encrypted files are refused whether or not they need a
password: what forbids copying is not ours to copy.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import pypdfium2
import pypdfium2.raw as pdfium
from msgspec import Struct

from taskloom.core import limits

_HEADER_BYTES = 1024
_POINTS_PER_INCH = 72
SCALE = limits.PAGE_DPI / _POINTS_PER_INCH
"""Pixels of our coordinate space per PDF point."""


class FileRefused(Exception):  # noqa: N818  a refusal is an expected end, not an error of the program
    """The file is not one we take; `code` is one of those the dialect publishes."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message


class PageBox(Struct, frozen=True):
    """The visible part of a page in points, its rotation, and its size in pixels."""

    left: float
    bottom: float
    right: float
    top: float
    rotation: int
    width: int
    height: int

    def to_pixels(self, x: float, y: float) -> tuple[float, float]:
        """A point of the page's own space as pixels from the top left of what is shown."""
        if self.rotation == 90:
            return (y - self.bottom) * SCALE, (x - self.left) * SCALE
        if self.rotation == 180:
            return (self.right - x) * SCALE, (y - self.bottom) * SCALE
        if self.rotation == 270:
            return (self.top - y) * SCALE, (self.right - x) * SCALE
        return (x - self.left) * SCALE, (self.top - y) * SCALE


@contextmanager
def open_pdf(data: bytes) -> Iterator[pypdfium2.PdfDocument]:
    """The opened document; raises FileRefused for what is too large, encrypted, or no PDF at all."""
    if len(data) > limits.UPLOAD_BYTES:
        raise FileRefused("PAYLOAD_TOO_LARGE", f"A file has at most {limits.UPLOAD_BYTES // limits.MIB} MB.")
    if b"%PDF-" not in data[:_HEADER_BYTES]:
        raise FileRefused("UNSUPPORTED_FILE", "The file is not a PDF.")
    try:
        document = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        raise _refusal(error) from None
    try:
        _check(document)
        yield document
    finally:
        document.close()


def page_box(page: pypdfium2.PdfPage, number: int) -> PageBox:
    """What of the page is shown; raises FileRefused above the pixel limit."""
    left, bottom, right, top = page.get_bbox()
    wide, high = page.get_size()
    width, height = round(wide * SCALE), round(high * SCALE)
    if width <= 0 or height <= 0 or width * height > limits.PAGE_PIXELS:
        most = limits.PAGE_PIXELS // 1_000_000
        raise FileRefused("UNSUPPORTED_FILE", f"Page {number} has more than {most} megapixels, or none.")
    return PageBox(left, bottom, right, top, page.get_rotation(), width, height)


def _check(document: pypdfium2.PdfDocument) -> None:
    if pdfium.FPDF_GetSecurityHandlerRevision(document.raw) != -1:
        raise FileRefused("ENCRYPTED_FILE", "The file is encrypted.")
    count = len(document)
    if count > limits.DOCUMENT_PAGES:
        raise FileRefused("UNSUPPORTED_FILE", f"A document has at most {limits.DOCUMENT_PAGES} pages.")
    if count == 0:
        raise FileRefused("UNSUPPORTED_FILE", "The document has no pages.")


def _refusal(error: pypdfium2.PdfiumError) -> FileRefused:
    if error.err_code in {pdfium.FPDF_ERR_PASSWORD, pdfium.FPDF_ERR_SECURITY}:
        return FileRefused("ENCRYPTED_FILE", "The file is encrypted.")
    return FileRefused("UNSUPPORTED_FILE", "The file is damaged: no PDF could be read from it.")
