"""How an invoice spells things: labels by language, dates and amounts by style."""

from datetime import date
from decimal import Decimal

_MONTHS = {
    "de": (
        "Januar", "Februar", "März", "April", "Mai", "Juni",
        "Juli", "August", "September", "Oktober", "November", "Dezember",
    ),
    "en": (
        "January", "February", "March", "April", "May", "June",
        "July", "August", "September", "October", "November", "December",
    ),
}  # fmt: skip

COLUMNS = {
    "de": ("Pos", "Beschreibung", "Menge", "Einzelpreis", "USt", "Betrag"),
    "en": ("No", "Description", "Qty", "Unit price", "VAT", "Amount"),
}

LABELS = {
    "de": {
        "title": "Rechnung",
        "number": "Rechnungsnummer",
        "issued": "Rechnungsdatum",
        "delivered": "Lieferdatum",
        "due": "Zahlbar bis",
        "ordered": "Bestelldatum",
        "order_number": "Bestellnummer",
        "customer_number": "Kundennummer",
        "vat": "USt-IdNr.",
        "net": "Nettobetrag",
        "tax": "Umsatzsteuer",
        "tax_total": "Steuerbetrag",
        "total": "Gesamtbetrag",
        "carried": "Übertrag",
        "page": "Seite {page} von {pages}",
        "sentence": "Rechnung Nr. {number} vom {issued}",
        "due_sentence": "Bitte überweisen Sie den Betrag ohne Abzug. Zahlbar bis {due}.",
        "discount": "2 % Skonto bei Zahlung bis {discount}, das sind {saved}.",
        "thanks": "Vielen Dank für Ihren Auftrag vom {ordered}.",
    },
    "en": {
        "title": "Invoice",
        "number": "Invoice number",
        "issued": "Invoice date",
        "delivered": "Delivery date",
        "due": "Due date",
        "ordered": "Order date",
        "order_number": "Order number",
        "customer_number": "Customer number",
        "vat": "VAT ID",
        "net": "Net total",
        "tax": "VAT",
        "tax_total": "VAT total",
        "total": "Grand total",
        "carried": "Carried forward",
        "page": "Page {page} of {pages}",
        "sentence": "Invoice no. {number} dated {issued}",
        "due_sentence": "Please transfer the amount in full. Payable by {due}.",
        "discount": "2 % discount if paid by {discount}, which saves {saved}.",
        "thanks": "Thank you for your order of {ordered}.",
    },
}

_SIGNS = {"EUR": "€", "GBP": "£", "USD": "$"}


def spell_date(day: date, style: str) -> str:
    """The day in one of the styles of `DATE_STYLES`."""
    german, english = _MONTHS["de"][day.month - 1], _MONTHS["en"][day.month - 1]
    return {
        "dotted": f"{day:%d.%m.%Y}",
        "long_de": f"{day.day}. {german} {day.year}",
        "iso": day.isoformat(),
        "long_uk": f"{day.day} {english} {day.year}",
        "long_us": f"{english} {day.day}, {day.year}",
        "slash_uk": f"{day:%d/%m/%Y}",
        "slash_us": f"{day:%m/%d/%Y}",
    }[style]


def spell_amount(amount: Decimal, style: str) -> str:
    """The amount with the thousands and decimal signs of the style."""
    english = f"{amount:,.2f}"
    return {
        "point": english,
        "point_plain": f"{amount:.2f}",
        "comma": english.translate(str.maketrans(",.", ".,")),
        "comma_space": english.translate(str.maketrans(",.", " ,")),
    }[style]


def with_currency(text: str, currency: str, *, code: bool, before: bool) -> str:
    """The amount with its currency: a sign or a code, before or after."""
    mark = currency if code else _SIGNS[currency]
    if before:
        return f"{mark} {text}" if code else f"{mark}{text}"
    return f"{text} {mark}"


def group_iban(iban: str) -> str:
    """The IBAN in groups of four, as people print it."""
    return " ".join(iban[start : start + 4] for start in range(0, len(iban), 4))
