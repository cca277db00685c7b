import pytest
from fpdf import FPDF

from samples.hostile import HOSTILE_FILES
from samples.invoices import make_invoice
from taskloom.dialects.documents.steps.pdf import FileRefused
from taskloom.dialects.documents.steps.text import TextPage, read_text

QUICK_REFUSALS = [file for file in HOSTILE_FILES if file.name != "bomb.pdf"]


def words_of(data: bytes, page: int = 0) -> TextPage:
    return read_text(data, lambda _number: None).pages[page]


def drawn(rotation: int = 0) -> bytes:
    """A page with the word `corner` at 90, 120 points from the top left of the upright page."""
    pdf = FPDF(unit="pt", format=(600, 800))
    pdf.add_page()
    pdf.set_font("Helvetica", size=20)
    pdf.set_xy(90, 120)
    pdf.cell(text="corner", h=20)
    data = bytes(pdf.output())
    if rotation:
        data = data.replace(b"/Type /Page\n", b"/Type /Page /Rotate %d\n" % rotation)
    return data


def test_an_a4_page_has_the_size_of_its_300_dpi_raster():
    page = words_of(make_invoice(0).data)

    assert (page.width, page.height) == (2480, 3508)


def test_words_have_boxes_in_pixels_from_the_top_left():
    page = words_of(drawn())
    (word,) = page.words

    assert word.text == "corner"
    assert (page.width, page.height) == (2500, 3333)
    assert word.left == pytest.approx((90 + 2.83) * 300 / 72, abs=4)
    assert word.top < (120 + 10) * 300 / 72 < word.bottom


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_boxes_follow_the_rotation_of_the_page(rotation):
    upright = words_of(drawn()).words[0]
    page = words_of(drawn(rotation))
    word = page.words[0]

    if rotation == 180:
        assert (page.width, page.height) == (2500, 3333)
        expected = (2500 - upright.right, 3333.3 - upright.bottom)
    elif rotation == 90:
        assert (page.width, page.height) == (3333, 2500)
        expected = (3333.3 - upright.bottom, upright.left)
    else:
        assert (page.width, page.height) == (3333, 2500)
        expected = (upright.top, 2500 - upright.right)
    assert (word.left, word.top) == pytest.approx(expected, abs=3)


def test_text_along_the_margin_is_whole_words_after_all_level_ones():
    pdf = FPDF(unit="pt", format=(600, 800))
    pdf.add_page()
    pdf.set_font("Helvetica", size=12)
    pdf.text(60, 400, "Invoice total")
    with pdf.rotation(90, 40, 420):
        pdf.text(40, 420, "printed by somebody")

    words = words_of(bytes(pdf.output())).words

    assert [word.text for word in words] == ["Invoice", "total", "printed", "by", "somebody"]
    assert [word.line for word in words] == [0, 0, 1, 2, 3]


def test_words_come_line_by_line_from_left_to_right():
    page = words_of(make_invoice(1).data)
    lines = [word.line for word in page.words]

    assert lines == sorted(lines)
    for line in set(lines):
        lefts = [word.left for word in page.words if word.line == line]
        assert lefts == sorted(lefts)


def test_every_word_lies_on_its_page():
    for seed in range(10):
        for page in read_text(make_invoice(seed).data, lambda _number: None).pages:
            for word in page.words:
                assert 0 <= word.left < word.right <= page.width
                assert 0 <= word.top < word.bottom <= page.height


def test_progress_names_every_page_in_order():
    seen = []
    sample = next(make_invoice(seed) for seed in range(100) if len(make_invoice(seed).invoice.lines) == 62)

    read_text(sample.data, seen.append)

    assert seen == [1, 2, 3]


def test_the_same_file_gives_the_same_words():
    data = make_invoice(3).data

    assert read_text(data, lambda _number: None) == read_text(data, lambda _number: None)


@pytest.mark.parametrize("file", QUICK_REFUSALS, ids=lambda file: file.name)
def test_hostile_files_are_refused_with_their_code(file):
    with pytest.raises(FileRefused) as refused:
        read_text(file.make(), lambda _number: None)

    assert refused.value.code in file.codes


def test_a_file_above_the_limit_is_refused_before_it_is_opened():
    with pytest.raises(FileRefused) as refused:
        read_text(b"%PDF-1.7" + bytes(40 * 1024 * 1024), lambda _number: None)

    assert refused.value.code == "PAYLOAD_TOO_LARGE"


@pytest.mark.shared
def test_every_real_invoice_has_a_readable_text_layer(shared_dir):
    files = sorted((shared_dir / "invoices").glob("*.pdf"))

    assert len(files) == 45
    for file in files:
        layer = read_text(file.read_bytes(), lambda _number: None)
        assert sum(len(page.words) for page in layer.pages) >= 20, file.name
        assert max(page.unknown_share for page in layer.pages) <= 0.05, file.name
