"""Draws an invoice on A4 pages, in five layouts that put labels and values in different places."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

from fpdf import FPDF

from samples.invoice import CENT, Invoice
from samples.wording import COLUMNS, LABELS, group_iban, spell_amount, spell_date, with_currency

_LEFT = 20
_WIDTH = 170
_ROW = 6


def draw_invoice(invoice: Invoice, attachment: bytes | None) -> bytes:
    """The PDF of the invoice; the same invoice gives the same bytes."""
    sheet = _Sheet(invoice)
    sheet.letterhead()
    _HEADS[invoice.layout](sheet)
    sheet.rows()
    sheet.totals()
    sheet.closing()
    if attachment is not None:
        sheet.pdf.embed_file(
            bytes=attachment,
            basename="factur-x.xml",
            mime_type="text/xml",
            associated_file_relationship="Alternative",
            modification_date=sheet.made_at,
            creation_date=sheet.made_at,
            desc="Factur-X",
            compress=True,
        )
    return bytes(sheet.pdf.output())


class _Page(FPDF):
    """A page with the seller's line on top and the page number below."""

    invoice: Invoice

    def footer(self) -> None:
        words = LABELS[self.invoice.language]
        self.set_y(-15)
        self.set_font("Helvetica", size=8)
        text = words["page"].format(page=self.page_no(), pages="{nb}")
        self.cell(0, 5, text, align="C")


class _Sheet:
    """The pen: knows the invoice, its wording and where the next thing goes."""

    def __init__(self, invoice: Invoice) -> None:
        self.invoice = invoice
        self.words = LABELS[invoice.language]
        self.made_at = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(seconds=invoice.seed % 10_000_000)
        self.pdf = pdf = _Page(format="A4")
        pdf.invoice = invoice
        pdf.core_fonts_encoding = "windows-1252"
        pdf.set_creation_date(self.made_at)
        pdf.set_margins(_LEFT, 18)
        pdf.set_auto_page_break(True, 22)
        pdf.add_page()
        pdf.set_title(f"{self.words['title']} {invoice.number}")

    def day(self, name: str) -> str:
        """One of the invoice's dates in its style."""
        return spell_date(getattr(self.invoice, name), self.invoice.date_style)

    def money(self, amount: Decimal, *, currency: bool = True) -> str:
        """An amount in the invoice's style; the letter layout writes the code before it."""
        invoice = self.invoice
        text = spell_amount(amount, invoice.amount_style)
        if not currency:
            return text
        before = invoice.layout == "letter" or invoice.language == "en"
        return with_currency(text, invoice.currency, code=invoice.seed % 3 > 0, before=before)

    def write(self, text: str, size: int = 10, *, bold: bool = False) -> None:
        """A line of text over the full width."""
        self.pdf.set_font("Helvetica", "B" if bold else "", size)
        self.pdf.multi_cell(_WIDTH, _ROW, text, new_x="LMARGIN", new_y="NEXT")

    def at(
        self, x: float, y: float, text: str, *, size: int = 10, bold: bool = False, align: str = "L"
    ) -> None:
        """A short text whose cell begins at x, y in millimetres."""
        self.pdf.set_font("Helvetica", "B" if bold else "", size)
        self.pdf.set_xy(x, y)
        self.pdf.cell(60, _ROW, text, align=align)

    def facts(self) -> list[tuple[str, str]]:
        """Label and value of what stands in the head."""
        words, invoice = self.words, self.invoice
        return [
            (words["number"], invoice.number),
            (words["issued"], self.day("issued")),
            (words["order_number"], invoice.order_number),
            (words["delivered"], self.day("delivered")),
            (words["due"], self.day("due")),
            (words["customer_number"], invoice.customer_number),
        ]

    def letterhead(self) -> None:
        """Seller on top in small print, the buyer's address below."""
        seller, buyer = self.invoice.seller, self.invoice.buyer
        self.write(seller.name, 16, bold=True)
        self.write(
            f"{seller.street} · {seller.postcode} {seller.city} · +49 40 1234-{self.invoice.seed % 100:02}", 8
        )
        self.pdf.ln(8)
        for text in (buyer.name, buyer.street, f"{buyer.postcode} {buyer.city}"):
            self.write(text)
        self.pdf.ln(6)

    def rows(self) -> None:
        """The table of what was sold; a sum is carried to each new page."""
        pdf, invoice = self.pdf, self.invoice
        widths = (10, 66, 16, 28, 16, 34)
        pdf.set_font("Helvetica", "B", 9)
        for width, text, align in zip(widths, COLUMNS[invoice.language], "LLRRRR", strict=True):
            pdf.cell(width, _ROW, text, border="B", align=align)
        pdf.ln(_ROW)
        pdf.set_font("Helvetica", size=9)
        carried = Decimal(0)
        for index, line in enumerate(invoice.lines, 1):
            if pdf.will_page_break(_ROW):
                self._carry(carried)
            price = self.money(line.price, currency=False)
            texts = (
                str(index),
                line.name,
                str(line.quantity),
                price,
                f"{line.rate} %",
                self.money(line.net, currency=False),
            )
            for width, text, align in zip(widths, texts, "LLRRRR", strict=True):
                pdf.cell(width, _ROW, text, align=align)
            pdf.ln(_ROW)
            carried += line.net
        pdf.ln(4)

    def _carry(self, carried: Decimal) -> None:
        self.pdf.add_page()
        self.pdf.set_font("Helvetica", "I", 9)
        self.pdf.cell(136, _ROW, self.words["carried"])
        self.pdf.cell(34, _ROW, self.money(carried, currency=False), align="R", new_x="LMARGIN", new_y="NEXT")
        self.pdf.set_font("Helvetica", size=9)

    def totals(self) -> None:
        """Net, tax by rate, tax in all, total: right-aligned under the table."""
        pdf, words, invoice = self.pdf, self.words, self.invoice
        parts = [(words["net"], invoice.net)]
        parts += [
            (f"{words['tax']} {tax.rate} % ({self.money(tax.basis, currency=False)})", tax.amount)
            for tax in invoice.taxes
        ]
        parts += [(words["tax_total"], invoice.tax), (words["total"], invoice.total)]
        if pdf.will_page_break(_ROW * (len(parts) + 7)):
            pdf.add_page()
        for label, amount in parts:
            bold = label == words["total"]
            pdf.set_font("Helvetica", "B" if bold else "", 10)
            colon = ":" if invoice.layout in {"label_left", "letter"} else ""
            pdf.set_x(_LEFT + 60)
            pdf.cell(70, _ROW, f"{label}{colon}", border="T" if bold else 0)
            pdf.cell(
                40,
                _ROW,
                self.money(amount),
                border="T" if bold else 0,
                align="R",
                new_x="LMARGIN",
                new_y="NEXT",
            )

    def closing(self) -> None:
        """Terms, thanks and the seller's bank, with dates and amounts that are not the ones asked for."""
        words, invoice = self.words, self.invoice
        discount = spell_date(invoice.issued + timedelta(days=7), invoice.date_style)
        saved = self.money((invoice.total * 2 / 100).quantize(CENT, ROUND_HALF_UP))
        self.pdf.ln(6)
        if invoice.layout == "sentence":
            self.write(words["due_sentence"].format(due=self.day("due")), 9)
        self.write(words["discount"].format(discount=discount, saved=saved), 9)
        self.write(words["thanks"].format(ordered=self.day("ordered")), 9)
        self.pdf.ln(2)
        self.write(f"IBAN: {group_iban(invoice.iban)}   BIC: {invoice.bic}", 9)
        self.write(f"{invoice.seller.name} · {words['vat']}: {invoice.seller.vat}", 9)


def _head_label_left(sheet: _Sheet) -> None:
    """Label and value in one line with a colon."""
    sheet.write(sheet.words["title"], 14, bold=True)
    for label, value in sheet.facts():
        sheet.write(f"{label}: {value}")
    sheet.pdf.ln(4)


def _head_label_above(sheet: _Sheet) -> None:
    """Boxes side by side, the label above its value."""
    sheet.write(sheet.words["title"], 14, bold=True)
    facts, top = sheet.facts(), sheet.pdf.get_y() + 2
    for index, (label, value) in enumerate(facts):
        x, y = _LEFT + 57 * (index % 3), top + 16 * (index // 3)
        sheet.at(x, y, label, size=8)
        sheet.at(x, y + 5, value, bold=True)
    sheet.pdf.set_xy(_LEFT, top + 36)


def _head_table(sheet: _Sheet) -> None:
    """Two columns on the right half of the page: label to the left, value flush right."""
    top = sheet.pdf.get_y() - 24
    for index, (label, value) in enumerate(sheet.facts()):
        sheet.at(105, top + index * _ROW, label, size=9)
        sheet.at(130, top + index * _ROW, value, size=9, align="R")
    sheet.pdf.set_xy(_LEFT, top + 7 * _ROW)
    sheet.write(sheet.words["title"], 14, bold=True)


def _head_sentence(sheet: _Sheet) -> None:
    """Number and date in the heading; the due date comes in the closing sentence."""
    words = sheet.words
    text = words["sentence"].format(number=sheet.invoice.number, issued=sheet.day("issued"))
    sheet.write(text, 13, bold=True)
    order = f"{words['order_number']}: {sheet.invoice.order_number}"
    sheet.write(f"{order}   {words['delivered']}: {sheet.day('delivered')}", 9)
    sheet.pdf.ln(4)


def _head_letter(sheet: _Sheet) -> None:
    """Values in a column of their own, some way right of labels that end with a colon."""
    sheet.write(sheet.words["title"].upper(), 14, bold=True)
    top = sheet.pdf.get_y() + 1
    for index, (label, value) in enumerate(sheet.facts()):
        sheet.at(_LEFT, top + index * _ROW, f"{label}:")
        sheet.at(_LEFT + 50, top + index * _ROW, value)
    sheet.pdf.set_xy(_LEFT, top + 7 * _ROW)


_HEADS: dict[str, Callable[[_Sheet], None]] = {
    "label_left": _head_label_left,
    "label_above": _head_label_above,
    "table": _head_table,
    "sentence": _head_sentence,
    "letter": _head_letter,
}
