"""Reads a Cross Industry Invoice: UN/CEFACT D16B (Factur-X, ZUGFeRD 2) and its forerunners (ZUGFeRD 1 and 0).

Elements are found by local name: the forerunners differ from today's form in namespaces and in a few names,
which the tables below list beside each other, newest first.
"""

from collections.abc import Iterable
from decimal import Decimal, InvalidOperation

from taskloom.core.xmltree import Element
from taskloom.flows.document.dates import parse_date

_HEADER = ("ExchangedDocument", "HeaderExchangedDocument")
_TRADE = ("SupplyChainTradeTransaction", "SpecifiedSupplyChainTradeTransaction")
_AGREEMENT = ("ApplicableHeaderTradeAgreement", "ApplicableSupplyChainTradeAgreement")
_DELIVERY = ("ApplicableHeaderTradeDelivery", "ApplicableSupplyChainTradeDelivery")
_SETTLEMENT = ("ApplicableHeaderTradeSettlement", "ApplicableSupplyChainTradeSettlement")
_SUMS = ("SpecifiedTradeSettlementHeaderMonetarySummation", "SpecifiedTradeSettlementMonetarySummation")
_ORDER_ID = ("IssuerAssignedID", "ID")

_DAY_FORMATS = {None: 8, "": 8, "102": 8, "203": 8, "204": 8}
"""Code of the date format -> how many digits are the day."""


def read_cii(root: Element) -> dict[str, str]:
    """Field name to value; empty when the root holds no invoice of this kind."""
    header, trade = _first(root, _HEADER), _first(root, _TRADE)
    if header is None or trade is None:
        return {}
    found: dict[str, str | None] = {
        "invoice_number": _text(header, ("ID",)),
        "issue_date": day_of(_first(header, ("IssueDateTime",))),
    }
    agreement, settlement = _first(trade, _AGREEMENT), _first(trade, _SETTLEMENT)
    if agreement is not None:
        found |= _parties(agreement)
    event = _path(trade, _DELIVERY, ("ActualDeliverySupplyChainEvent",), ("OccurrenceDateTime",))
    found["delivery_date"] = day_of(event)
    if settlement is not None:
        found |= _settlement(settlement)
    return {name: value for name, value in found.items() if value}


def day_of(element: Element | None) -> str | None:
    """The ISO day in an element that holds a formatted date or the first date below it."""
    if element is None:
        return None
    for candidate in element.walk():
        text = candidate.text.strip()
        if not text:
            continue
        digits = _DAY_FORMATS.get(candidate.get("format"))
        if digits is None:
            return None
        read = parse_date(text[:10] if "-" in text else text[:digits])
        return None if read is None else read.day.isoformat()
    return None


def amount_of(text: str | None) -> str | None:
    """The amount as a plain decimal, None when it is none."""
    try:
        number = Decimal((text or "").strip())
    except InvalidOperation:
        return None
    return format(number, "f") if number.is_finite() and abs(number.adjusted()) < 30 else None


def _parties(agreement: Element) -> dict[str, str | None]:
    seller, buyer = _first(agreement, ("SellerTradeParty",)), _first(agreement, ("BuyerTradeParty",))
    order = _first(agreement, ("BuyerOrderReferencedDocument",))
    found = {"order_number": _text(order, _ORDER_ID)}
    for prefix, party in (("seller", seller), ("buyer", buyer)):
        found[f"{prefix}_name"] = _text(party, ("Name",))
        found[f"{prefix}_vat"] = _vat(party)
    found["customer_number"] = _text(buyer, ("ID",))
    return found


def _vat(party: Element | None) -> str | None:
    for registration in party.all("SpecifiedTaxRegistration") if party is not None else ():
        number = registration.child("ID")
        if number is not None and number.get("schemeID") == "VA" and number.text.strip():
            return "".join(number.text.split())
    return None


def _settlement(settlement: Element) -> dict[str, str | None]:
    currency = _text(settlement, ("InvoiceCurrencyCode",))
    found: dict[str, str | None] = {"currency": currency, "due_date": None}
    for terms in settlement.all("SpecifiedTradePaymentTerms"):
        found["due_date"] = found["due_date"] or day_of(terms.child("DueDateDateTime"))
    for means in settlement.all("SpecifiedTradeSettlementPaymentMeans"):
        account = _text(_first(means, ("PayeePartyCreditorFinancialAccount",)), ("IBANID",))
        bank = _text(_first(means, ("PayeeSpecifiedCreditorFinancialInstitution",)), ("BICID",))
        if account and "iban" not in found:
            found |= {"iban": "".join(account.split()), "bic": bank}
    sums = _first(settlement, _SUMS)
    if sums is not None:
        found |= {
            "net_amount": amount_of(_text(sums, ("TaxBasisTotalAmount",))),
            "tax_amount": _tax_total(sums, currency),
            "total_amount": amount_of(_text(sums, ("GrandTotalAmount",))),
            "due_amount": amount_of(_text(sums, ("DuePayableAmount",))),
        }
    return found


def _tax_total(sums: Element, currency: str | None) -> str | None:
    """The tax in the invoice's own currency; a second one may be given for the books."""
    totals = list(sums.all("TaxTotalAmount"))
    own = [total for total in totals if total.get("currencyID") == currency] or totals
    return amount_of(own[0].text) if own else None


def _first(parent: Element, names: Iterable[str]) -> Element | None:
    return next((child for name in names if (child := parent.child(name)) is not None), None)


def _path(element: Element, *steps: tuple[str, ...]) -> Element | None:
    current: Element | None = element
    for names in steps:
        if current is None:
            return None
        current = _first(current, names)
    return current


def _text(parent: Element | None, names: Iterable[str]) -> str | None:
    found = None if parent is None else _first(parent, names)
    return None if found is None else " ".join(found.text.split()) or None
