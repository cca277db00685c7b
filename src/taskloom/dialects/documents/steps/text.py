"""Pages and words out of a PDF's text layer, in pixels at 300 dpi from the top left.

A word ends at a blank, at a gap, at a step back or at another baseline: what the file calls one run of text
may be two columns of a table. Words come in the order they are read: line by line, left to right. Text that
does not stand level on the page as it is shown (a note along the margin) comes last, each word a line.
"""

import ctypes
import math
from collections.abc import Callable, Iterator

import pypdfium2
import pypdfium2.raw as pdfium
from msgspec import Struct

from taskloom.core import limits
from taskloom.dialects.documents.steps.pdf import FileRefused, PageBox, open_pdf, page_box

_GAP = 0.3
"""A gap of this share of the letter's height parts words."""
_BASELINE = 0.3
"""Baselines that differ by less than this share of the height are one line."""
_UNKNOWN = frozenset({0, 0xFFFD, 0xFFFE, 0xFFFF})
_HIGH_SURROGATES = range(0xD800, 0xDC00)
_LOW_SURROGATES = range(0xDC00, 0xE000)
_LEVEL_DEGREES = 10
_HYPHEN = 2
"""What the library gives for a hyphen at the end of a line."""


class Word(Struct, frozen=True, array_like=True):
    """A word, its box, the line it stands in (from 0, per page) and how sure the reader is."""

    text: str
    left: float
    top: float
    right: float
    bottom: float
    line: int
    confidence: float = 1.0

    @property
    def height(self) -> float:
        """From the top of the letters to their bottom."""
        return self.bottom - self.top


class TextPage(Struct, frozen=True):
    """One page: its size, its words, and the share of letters whose meaning the file does not tell."""

    width: int
    height: int
    words: tuple[Word, ...]
    unknown_share: float = 0.0


class TextLayer(Struct, frozen=True):
    """All pages of a document."""

    pages: tuple[TextPage, ...]


Progress = Callable[[int], None]
"""Called with the number of the page about to be read."""


def read_text(data: bytes, progress: Progress) -> TextLayer:
    """The text layer of a PDF; raises FileRefused for a file that is not to be read."""
    with open_pdf(data) as document:
        return read_pages(document, progress)


def read_pages(document: pypdfium2.PdfDocument, progress: Progress) -> TextLayer:
    """The text layer of an opened document."""
    pages = []
    for index in range(len(document)):
        progress(index + 1)
        pages.append(_read_page(document, index))
    return TextLayer(tuple(pages))


def _read_page(document: pypdfium2.PdfDocument, index: int) -> TextPage:
    try:
        page = document[index]
    except pypdfium2.PdfiumError:
        raise FileRefused("UNSUPPORTED_FILE", f"Page {index + 1} is damaged.") from None
    try:
        box = page_box(page, index + 1)
        text = page.get_textpage()
        try:
            letters = list(_letters(text.raw, box))
        finally:
            text.close()
    finally:
        page.close()
    words = _in_lines(_words(letters))
    unknown = sum(letter.is_unknown for letter in letters)
    return TextPage(box.width, box.height, words, round(unknown / len(letters), 3) if letters else 0.0)


class _Letter(Struct):
    sign: str
    left: float
    top: float
    right: float
    bottom: float
    base: float
    is_level: bool = True
    is_unknown: bool = False


def _letters(text: ctypes.c_void_p, box: PageBox) -> Iterator[_Letter]:
    """Every letter with its place; a blank has an empty sign."""
    count = pdfium.FPDFText_CountChars(text)
    if count > limits.PAGE_WORDS * 50:
        raise FileRefused("UNSUPPORTED_FILE", "A page has more letters than anybody can read.")
    rect = pdfium.FS_RECTF()
    x, y = ctypes.c_double(), ctypes.c_double()
    high = 0
    for index in range(count):
        code = pdfium.FPDFText_GetUnicode(text, index)
        if code in _HIGH_SURROGATES:
            high = code
            continue
        if code in _LOW_SURROGATES:
            code = 0x10000 + ((high - 0xD800) << 10) + (code - 0xDC00) if high else 0
        high = 0
        sign = "-" if code == _HYPHEN else chr(code)
        if sign.isspace():
            yield _Letter("", 0, 0, 0, 0, 0)
            continue
        if not pdfium.FPDFText_GetLooseCharBox(text, index, rect):
            continue
        pdfium.FPDFText_GetCharOrigin(text, index, x, y)
        x0, y0 = box.to_pixels(rect.left, rect.top)
        x1, y1 = box.to_pixels(rect.right, rect.bottom)
        _, base = box.to_pixels(x.value, y.value)
        is_unknown = code in _UNKNOWN
        shown = "\ufffd" if is_unknown else sign
        edges = min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)
        angle = math.degrees(pdfium.FPDFText_GetCharAngle(text, index)) + box.rotation
        is_level = (angle + _LEVEL_DEGREES) % 360 <= 2 * _LEVEL_DEGREES
        yield _Letter(shown, *edges, base, is_level, is_unknown)


class _Run(Struct):
    text: str
    left: float
    top: float
    right: float
    bottom: float
    base: float
    is_level: bool


def _words(letters: list[_Letter]) -> list[_Run]:
    words: list[_Run] = []
    current: _Run | None = None
    for letter in letters:
        if not letter.sign:
            current = None
            continue
        if current is None or _parts(current, letter):
            edges = letter.left, letter.top, letter.right, letter.bottom
            current = _Run(letter.sign, *edges, letter.base, letter.is_level)
            words.append(current)
            continue
        current.text += letter.sign
        current.left, current.right = min(current.left, letter.left), max(current.right, letter.right)
        current.top, current.bottom = min(current.top, letter.top), max(current.bottom, letter.bottom)
    if len(words) > limits.PAGE_WORDS:
        raise FileRefused("UNSUPPORTED_FILE", f"A page has more than {limits.PAGE_WORDS} words.")
    return words


def _parts(word: _Run, letter: _Letter) -> bool:
    """Whether a letter begins a new word; for text that is not level only distance counts."""
    if word.is_level != letter.is_level:
        return True
    if not letter.is_level:
        far = _GAP * max(letter.right - letter.left, letter.bottom - letter.top)
        across = max(letter.left - word.right, word.left - letter.right)
        return across > far or max(letter.top - word.bottom, word.top - letter.bottom) > far
    height = max(word.bottom - word.top, 1.0)
    gap = letter.left - word.right
    return gap > _GAP * height or gap < -height or abs(letter.base - word.base) > _BASELINE * height


def _in_lines(words: list[_Run]) -> tuple[Word, ...]:
    """The words in reading order with the number of their line."""
    lines: list[list[_Run]] = []
    level = [word for word in words if word.is_level]
    for word in sorted(level, key=lambda word: (word.base, word.left)):
        last = lines[-1][0] if lines else None
        if last is not None and abs(word.base - last.base) <= _BASELINE * min(
            word.bottom - word.top, last.bottom - last.top
        ):
            lines[-1].append(word)
        else:
            lines.append([word])
    lines += [[word] for word in words if not word.is_level]
    return tuple(
        Word(word.text, *_rounded(word), number)
        for number, line in enumerate(lines)
        for word in sorted(line, key=lambda word: word.left)
    )


def _rounded(word: _Run) -> tuple[float, float, float, float]:
    return round(word.left, 1), round(word.top, 1), round(word.right, 1), round(word.bottom, 1)
