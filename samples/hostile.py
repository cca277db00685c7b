"""Files that a stranger may upload to hurt the server, each with the answer it deserves."""

import zlib
from collections.abc import Callable
from dataclasses import dataclass

from fpdf import FPDF
from fpdf.enums import EncryptionMethod

from samples.invoices import make_invoice

_MEBIBYTE = 1024 * 1024
_FONT = b"<< /Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >>"


@dataclass(frozen=True, slots=True)
class HostileFile:
    """A file by name, how to make it, and the refusal codes that are right for it."""

    name: str
    make: Callable[[], bytes]
    codes: frozenset[str]


def encrypted_pdf() -> bytes:
    """A PDF that needs a password to be opened."""
    return _one_page(lambda pdf: pdf.set_encryption("owner", "user", EncryptionMethod.AES_128))


def locked_pdf() -> bytes:
    """A PDF that anybody can open but that is encrypted and forbids copying."""
    return _one_page(lambda pdf: pdf.set_encryption("owner", permissions=0))


def truncated_pdf() -> bytes:
    """The first third of a good invoice: no page tree, no cross-reference."""
    data = make_invoice(1).data
    return data[: len(data) // 3]


def text_bomb_pdf(shown_bytes: int = 300 * _MEBIBYTE) -> bytes:
    """A page of a few kilobytes whose content inflates, twice compressed, to hundreds of megabytes."""
    block = b"BT /F1 9 Tf 20 700 Td (" + b"A" * 200 + b") Tj ET\n"
    packer = zlib.compressobj(9)
    packed = b"".join(packer.compress(block * 4096) for _ in range(shown_bytes // (len(block) * 4096)))
    stream = zlib.compress(packed + packer.flush(), 9)
    return _assemble(
        [
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources %b >>" % _FONT,
            b"<< /Filter [/FlateDecode /FlateDecode] /Length %d >>\nstream\n%b\nendstream"
            % (len(stream), stream),
        ]
    )


def pages_pdf(pages: int = 501) -> bytes:
    """That many pages with hardly anything on them."""
    pdf = FPDF()
    pdf.set_font("Helvetica", size=10)
    for page in range(pages):
        pdf.add_page()
        pdf.cell(0, 10, f"{page + 1}")
    return bytes(pdf.output())


def poster_pdf() -> bytes:
    """One page of five by five metres, far beyond 100 megapixels at 300 dpi."""
    return _one_page(lambda _pdf: None, size_mm=(5000, 5000))


def cyclic_pdf() -> bytes:
    """A page tree that is its own child."""
    return _assemble(
        [b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [2 0 R] /Count 1 /Parent 2 0 R >>"]
    )


def not_a_pdf() -> bytes:
    """A program with the name of a PDF."""
    return b"MZ\x90\x00" + bytes(4096)


def _one_page(prepare: Callable[[FPDF], None], size_mm: tuple[float, float] | None = None) -> bytes:
    pdf = FPDF(format=size_mm or "A4")
    prepare(pdf)
    pdf.add_page()
    pdf.set_font("Helvetica", size=10)
    pdf.cell(0, 10, "Invoice number: 4711")
    return bytes(pdf.output())


def _assemble(objects: list[bytes]) -> bytes:
    """A PDF of these objects, numbered from 1, with a proper cross-reference table."""
    out, offsets = bytearray(b"%PDF-1.7\n"), []
    for number, content in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%b\nendobj\n" % (number, content)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    out += b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start)
    return bytes(out)


_UNSUPPORTED = frozenset({"UNSUPPORTED_FILE"})
_KILLED = frozenset({"STEP_CRASHED", "STEP_OUT_OF_MEMORY", "STEP_TIMEOUT"})

HOSTILE_FILES = (
    HostileFile("encrypted.pdf", encrypted_pdf, frozenset({"ENCRYPTED_FILE"})),
    HostileFile("locked.pdf", locked_pdf, frozenset({"ENCRYPTED_FILE"})),
    HostileFile("truncated.pdf", truncated_pdf, _UNSUPPORTED),
    HostileFile("bomb.pdf", text_bomb_pdf, _KILLED),
    HostileFile("501-pages.pdf", pages_pdf, _UNSUPPORTED),
    HostileFile("poster.pdf", poster_pdf, _UNSUPPORTED),
    HostileFile("cyclic.pdf", cyclic_pdf, _UNSUPPORTED),
    HostileFile("program.pdf", not_a_pdf, _UNSUPPORTED),
    HostileFile("empty.pdf", bytes, _UNSUPPORTED),
)
