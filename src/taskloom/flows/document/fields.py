"""The invoice fields we know by name: what EN 16931 calls them and which entity ids mean them.

An entity of a project is one of these when it says so (`field`) or when its id is one of the usual names;
then the embedded e-invoice gives its value and it needs no anchors of its own.
"""

from typing import Final

from msgspec import Struct

from taskloom.flows.document.schema import Entity, EntityType


class KnownField(Struct, frozen=True):
    """A field: its business term, its type, and the ids that stand for it."""

    name: str
    term: str
    type: EntityType
    ids: tuple[str, ...] = ()


_T = EntityType

KNOWN_FIELDS: Final[tuple[KnownField, ...]] = (
    KnownField(
        "invoice_number",
        "BT-1",
        _T.STRING,
        ("invoice_no", "invoice_id", "document_number", "rechnungsnummer"),
    ),
    KnownField(
        "issue_date",
        "BT-2",
        _T.DATE,
        ("invoice_date", "date", "document_date", "rechnungsdatum", "belegdatum"),
    ),
    KnownField("currency", "BT-5", _T.STRING, ("currency_code", "waehrung")),
    KnownField("due_date", "BT-9", _T.DATE, ("payment_due_date", "date_due", "faelligkeit")),
    KnownField(
        "order_number",
        "BT-13",
        _T.STRING,
        ("purchase_order", "po_number", "order_reference", "bestellnummer"),
    ),
    KnownField("seller_name", "BT-27", _T.STRING, ("supplier", "supplier_name", "vendor", "vendor_name")),
    KnownField(
        "seller_vat", "BT-31", _T.VAT, ("supplier_vat", "vendor_vat", "vat_id", "vat_number", "ust_id")
    ),
    KnownField("buyer_name", "BT-44", _T.STRING, ("customer", "customer_name", "recipient")),
    KnownField("customer_number", "BT-46", _T.STRING, ("customer_id", "buyer_id", "kundennummer")),
    KnownField("buyer_vat", "BT-48", _T.VAT, ("customer_vat",)),
    KnownField("delivery_date", "BT-72", _T.DATE, ("service_date", "lieferdatum", "leistungsdatum")),
    KnownField("iban", "BT-84", _T.IBAN, ("bank_account", "account_iban")),
    KnownField("bic", "BT-86", _T.STRING, ("swift",)),
    KnownField("net_amount", "BT-109", _T.AMOUNT, ("subtotal", "net", "net_total", "nettobetrag")),
    KnownField("tax_amount", "BT-110", _T.AMOUNT, ("vat", "tax", "vat_amount", "tax_total", "steuerbetrag")),
    KnownField(
        "total_amount",
        "BT-112",
        _T.AMOUNT,
        ("total", "gross", "gross_amount", "grand_total", "invoice_total", "amount", "gesamtbetrag"),
    ),
    KnownField("due_amount", "BT-115", _T.AMOUNT, ("amount_due", "payable_amount", "zahlbetrag")),
)

_BY_NAME: Final = {field.name: field for field in KNOWN_FIELDS}
_BY_ID: Final = {name: field for field in KNOWN_FIELDS for name in (field.name, *field.ids)}


def is_known_field(name: str) -> bool:
    """Whether an entity may name this as its `field`."""
    return name in _BY_NAME


def known_field(entity: Entity) -> KnownField | None:
    """The invoice field an entity stands for; an id counts only where the types agree.

    An enum or a string may hold any field's text.
    """
    if entity.field is not None:
        return _BY_NAME.get(entity.field)
    field = _BY_ID.get(entity.id.lower())
    if field is None or entity.type in {field.type, EntityType.STRING, EntityType.ENUM}:
        return field
    return None
