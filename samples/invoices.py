"""Makes invoice PDFs with known truth: `make_invoice(seed)` is all that tests, demo and benchmarks need."""

from dataclasses import dataclass
from typing import Any

from samples.facturx import cross_industry_invoice
from samples.invoice import Invoice, random_invoice
from samples.layouts import draw_invoice

# The body of `PUT ~/schema` for a project that reads these invoices.
INVOICE_SCHEMA: dict[str, Any] = {
    "name": "invoices",
    "description": "Incoming supplier invoices, one per file.",
    "steps": [
        {"id": "ocr", "type": "OCR"},
        {"id": "extract", "type": "EXTRACT", "automation": "PREDICT", "threshold": 0.9},
        {"id": "export", "type": "EXPORT"},
    ],
    "entities": [
        {"id": "invoice_number", "type": "string", "required": True},
        {"id": "issue_date", "type": "date", "required": True},
        {"id": "due_date", "type": "date"},
        {"id": "net_amount", "type": "amount", "required": True},
        {"id": "tax_amount", "type": "amount", "required": True},
        {"id": "total_amount", "type": "amount", "required": True},
        {"id": "currency", "type": "enum", "values": ["EUR", "GBP", "USD"]},
        {"id": "iban", "type": "iban"},
        {"id": "seller_vat", "type": "vat"},
        {"id": "order_number", "type": "string"},
    ],
    "labels": [],
    "rules": [
        {
            "id": "total_sum",
            "severity": "ERROR",
            "entities": ["net_amount", "tax_amount", "total_amount"],
            "expr": "doc.net_amount + doc.tax_amount = doc.total_amount",
            "message": "net + VAT must equal total",
        }
    ],
}


@dataclass(frozen=True, slots=True)
class SamplePdf:
    """One invoice as a file, with what is true about it."""

    name: str
    data: bytes
    invoice: Invoice
    truth: dict[str, str]


def make_invoice(seed: int, *, has_xml: bool | None = None) -> SamplePdf:
    """The invoice of that seed as a PDF; with the XML inside for every second seed unless told otherwise."""
    invoice = random_invoice(seed, has_xml=has_xml)
    attachment = cross_industry_invoice(invoice) if invoice.has_xml else None
    return SamplePdf(
        name=f"invoice-{seed:05}.pdf",
        data=draw_invoice(invoice, attachment),
        invoice=invoice,
        truth=invoice.truth(),
    )
