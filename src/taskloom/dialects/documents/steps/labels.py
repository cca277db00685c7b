"""What invoices print beside their values, in German, English and French.

A label is a row of words; `*rechnung` stands for any word with that end, `...` for up to five words between.
Its weight says how surely the value beside it is the one meant: 1 for words that mean nothing else.
"""

from typing import Final

from msgspec import Struct

from taskloom.flows.document.schema import Direction


class Label(Struct, frozen=True):
    """The words of a label, its weight, and where its value may stand."""

    words: tuple[str, ...]
    weight: float
    direction: Direction = Direction.ANY


def label(text: str, weight: float, direction: Direction = Direction.ANY) -> Label:
    """The label of a printed text."""
    return Label(tuple(text.casefold().split()), weight, direction)


_ANY, _RIGHT = Direction.ANY, Direction.RIGHT


def _row(weight: float, direction: Direction, *texts: str) -> tuple[Label, ...]:
    """Labels of one weight, separated by `|`."""
    return tuple(label(text, weight, direction) for one in texts for text in one.split("|"))


_TABLE: Final[dict[str, tuple[tuple[Label, ...], ...]]] = {
    "invoice_number": (
        _row(
            1.0,
            _ANY,
            "rechnungsnummer|rechnungsnr|rechnungs-nr|rechnung-nr|rechnungs nr",
            "invoice number|invoice no|invoice nr|invoice id|numéro de facture",
            "n° de facture|facture n°",
        ),
        _row(
            0.98, _RIGHT, "rechnung nr|rechnung #|invoice #|invoice num|gutschrift nr|rechnungskorrektur nr"
        ),
        _row(0.94, _ANY, "belegnummer|beleg-nr|belegnr"),
        _row(
            0.95, _RIGHT, "*rechnung nr|*rechnung ... nr|gutschrift ... nr|*korrektur ... nr|invoice ... no"
        ),
        _row(0.85, _RIGHT, "rechnung|invoice|facture|avoir|gutschrift|credit note"),
    ),
    "issue_date": (
        _row(
            1.0,
            _ANY,
            "rechnungsdatum|belegdatum|beleg-datum|invoice date|date of invoice|issue date",
            "date de facture|date d'émission|issued at|issued on|invoice issued",
        ),
        _row(
            0.95,
            _RIGHT,
            "*rechnung ... vom|*rechnung ... von|gutschrift ... vom|*korrektur ... vom",
            "invoice ... dated",
        ),
        _row(0.8, _RIGHT, "*rechnung|invoice ... of"),
        _row(0.75, _ANY, "datum|date|dated"),
    ),
    "due_date": (
        _row(
            1.0,
            _ANY,
            "zahlbar bis|fällig am|fällig bis|fälligkeit|fälligkeitsdatum|fälligkeitstag|due date",
            "payment due|payable by|date d'échéance|échéance|please remit until|zu zahlen bis",
        ),
        _row(
            0.95,
            _RIGHT,
            "netto bis|ohne abzug bis|ohne abzug bis zum|ohne abschlag bis|überweisen sie bis zum",
        ),
        _row(0.9, _RIGHT, "due by|pay by|pay before|due on"),
    ),
    "delivery_date": (
        _row(
            1.0,
            _ANY,
            "lieferdatum|leistungsdatum|leistungs-datum|liefer- und leistungsdatum|delivery date",
            "date of delivery|service date|date de livraison",
        ),
    ),
    "order_number": (
        _row(
            1.0,
            _ANY,
            "bestellnummer|bestell-nr|bestellnr|bestellung nr|order number|order no",
            "purchase order|po number|po no|votre référence|your reference|your order",
            "ihre bestellung",
        ),
        _row(0.9, _RIGHT, "bestellung|order|commande"),
    ),
    "customer_number": (
        _row(
            1.0,
            _ANY,
            "kundennummer|kunden-nr|kundennr|kunden nummer|customer number|customer no",
            "customer id|ihre kundennummer|numéro de client|n° client",
        ),
        _row(0.85, _RIGHT, "customer"),
    ),
    "currency": (_row(1.0, _RIGHT, "währung|rechnungswährung|currency|devise|beträge in|amounts in"),),
    "iban": (_row(1.0, _RIGHT, "iban|iban-nr|iban no"),),
    "bic": (_row(1.0, _RIGHT, "bic|swift|bic/swift|swift/bic|verkäufer-bic"),),
    "seller_vat": (
        _row(
            1.0,
            _ANY,
            "ust-idnr|ust-id-nr|ust.-id.-nr|ust-id|ust.-identnr|ustid|ust.-idnr|vat id|vat-id",
            "vat no|vat number|vat reg no|vat registration number",
            "umsatzsteuer-identifikationsnummer|tva|n° tva",
        ),
    ),
    "buyer_vat": (_row(1.0, _ANY, "customer vat number|n° tva client|ihre ust-idnr|your vat id"),),
    "net_amount": (
        _row(
            1.0,
            _RIGHT,
            "nettobetrag|nettosumme|summe netto|gesamt netto|rechnungssumme netto",
            "rechnungssumme ohne ust|zwischensumme|subtotal|sub total|sub-total|net total",
            "net amount|total before tax|total ht|montant ht|total excl vat|total without vat",
        ),
        _row(0.9, _RIGHT, "netto|net|gesamtbeitrag|nettowert|warenwert"),
        _row(0.7, _ANY, "nettobetrag|nettosumme|netto|net amount|net total"),
    ),
    "tax_amount": (
        _row(
            1.0,
            _RIGHT,
            "steuerbetrag|ust. gesamt|ust gesamt|steuer gesamt|vat total|total vat|tax total",
            "total tax|total taxes|vat amount|montant tva|total tva|mwst gesamt",
            "mehrwertsteuer gesamt",
        ),
        _row(0.9, _RIGHT, "umsatzsteuer|mehrwertsteuer|mwst|ust|vat|tax|tva|versicherungsteuer|zuzügl. ust"),
        _row(0.7, _ANY, "steuerbetrag|vat amount"),
    ),
    "total_amount": (
        _row(
            1.0,
            _RIGHT,
            "gesamtbetrag|bruttobetrag|bruttosumme|rechnungsbetrag|rechnungsendbetrag",
            "rechnungssumme brutto|endbetrag|gesamtsumme|endsumme|grand total|total amount",
            "invoice total|invoice amount|total due|total ttc|montant ttc|total incl vat",
            "rechnungsbeitrag|summe inkl. ust|gesamt brutto",
        ),
        _row(
            0.92,
            _RIGHT,
            "brutto|gross|gross amount|total|gesamt|summe|due payable|amount due",
            "zu zahlender beitrag",
        ),
        _row(0.85, _RIGHT, "zahlbetrag|zu zahlen|balance due|montant"),
        _row(
            0.7, _ANY, "gesamtbetrag|rechnungsbetrag|bruttobetrag|endbetrag|brutto|total amount|grand total"
        ),
    ),
    "due_amount": (
        _row(
            1.0,
            _RIGHT,
            "zahlbetrag|zu zahlen|zu zahlender betrag|zu zahlender beitrag|amount due|balance due",
            "due payable|total due|residual|solde à payer|net à payer|restbetrag",
        ),
        _row(0.8, _RIGHT, "gesamtbetrag|bruttosumme|rechnungsbetrag|grand total|total ttc|total amount"),
    ),
}

DEFAULT_LABELS: Final[dict[str, tuple[Label, ...]]] = {
    field: tuple(one for row in rows for one in row) for field, rows in _TABLE.items()
}
"""Field of `flows.document.fields` -> its labels, the surest first."""

STOPPERS: Final = frozenset(
    {
        "bestellung",
        "bestellnummer",
        "order",
        "lieferung",
        "lieferschein",
        "auftrag",
        "angebot",
        "commande",
        "kunde",
    }
)
"""Words that must not stand inside the `...` of a label: what follows them is about something else."""

FOREIGN: Final[dict[str, frozenset[str]]] = {
    "seller_vat": frozenset({"customer", "client", "kunde", "kunden", "ihre", "your", "käufer", "buyer"}),
    "total_amount": frozenset(
        {"net", "netto", "ohne", "vat", "tax", "taxes", "ust", "ht", "before", "der", "positionssumme"}
    ),
    "net_amount": frozenset({"vat", "tax"}),
    "iban": frozenset({"käufer-iban"}),
    "issue_date": frozenset({"delivery", "order", "due", "payment", "bestell", "lieferschein", "d'échéance"}),
    "tax_amount": frozenset(
        {"net", "excl", "without", "before", "ohne", "inkl", "incl", "id", "reg", "number", "no"}
    ),
}
"""Words just before or after a label that make it another field's."""
