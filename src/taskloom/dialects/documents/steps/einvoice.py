"""The invoice data a PDF carries inside itself (Factur-X, ZUGFeRD, XRechnung): exact, so confidence 1.0.

Which attachment it is is decided by its root element, not by its name; names only say where to look first.
"""

from collections.abc import Callable, Mapping

import pypdfium2
from msgspec import Struct

from taskloom.core.xmltree import DEFAULT_LIMITS, Element, XmlError, parse_xml
from taskloom.dialects.documents.steps.cii import read_cii
from taskloom.dialects.documents.steps.ubl import read_ubl

_USUAL_NAMES = ("factur-x.xml", "xrechnung.xml", "zugferd-invoice.xml")
_ATTACHMENTS_MAX = 50

_READERS: Mapping[str, Callable[[Element], dict[str, str]]] = {
    "CrossIndustryInvoice": read_cii,
    "CrossIndustryDocument": read_cii,
    "Invoice": read_cii,
    "CreditNote": read_ubl,
}
_UBL = "urn:oasis:names:specification:ubl:schema:xsd:"


class EInvoice(Struct, frozen=True):
    """What the XML says, by the names of `flows.document.fields`, and the attachment's name."""

    name: str
    fields: dict[str, str]


def read_einvoice(document: pypdfium2.PdfDocument) -> EInvoice | None:
    """The first attachment that is an invoice; None when there is none that can be read."""
    for name, data in _xml_attachments(document):
        fields = invoice_fields(data)
        if fields:
            return EInvoice(name, fields)
    return None


def invoice_fields(data: bytes) -> dict[str, str]:
    """Field name to value of an invoice in CII or UBL; empty for any other or broken XML."""
    try:
        root = parse_xml(data)
    except XmlError:
        return {}
    if root.namespace.startswith(_UBL):
        return read_ubl(root)
    reader = _READERS.get(root.local)
    return reader(root) if reader is not None else {}


def _xml_attachments(document: pypdfium2.PdfDocument) -> list[tuple[str, bytes]]:
    found = []
    for index in range(min(document.count_attachments(), _ATTACHMENTS_MAX)):
        try:
            attachment = document.get_attachment(index)
            name = str(attachment.get_name())
            if not name.lower().endswith(".xml"):
                continue
            data = bytes(attachment.get_data())
        except pypdfium2.PdfiumError:
            continue
        if len(data) <= DEFAULT_LIMITS.document_bytes:
            found.append((name, data))
    return sorted(found, key=lambda pair: (pair[0].lower() not in _USUAL_NAMES, pair[0]))
