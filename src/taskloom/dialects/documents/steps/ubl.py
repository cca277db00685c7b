"""Reads a UBL 2 invoice or credit note, the other syntax of EN 16931 (XRechnung, Peppol)."""

from taskloom.core.xmltree import Element
from taskloom.dialects.documents.steps.cii import amount_of, day_of

_BUSINESS_TERMS: tuple[tuple[str, str], ...] = (
    ("invoice_number", "ID"),
    ("currency", "DocumentCurrencyCode"),
    ("order_number", "OrderReference/ID"),
    ("iban", "PaymentMeans/PayeeFinancialAccount/ID"),
    ("bic", "PaymentMeans/PayeeFinancialAccount/FinancialInstitutionBranch/ID"),
    ("customer_number", "AccountingCustomerParty/Party/PartyIdentification/ID"),
)
_DAYS = (
    ("issue_date", "IssueDate"),
    ("due_date", "DueDate"),
    ("due_date", "PaymentMeans/PaymentDueDate"),
    ("delivery_date", "Delivery/ActualDeliveryDate"),
)
_AMOUNTS = (
    ("net_amount", "LegalMonetaryTotal/TaxExclusiveAmount"),
    ("total_amount", "LegalMonetaryTotal/TaxInclusiveAmount"),
    ("due_amount", "LegalMonetaryTotal/PayableAmount"),
)


def read_ubl(root: Element) -> dict[str, str]:
    """Field name to value; empty when the root holds no invoice of this kind."""
    if root.child("ID") is None or root.child("LegalMonetaryTotal") is None:
        return {}
    found: dict[str, str | None] = {name: _text(root, path) for name, path in _BUSINESS_TERMS}
    for name, path in _DAYS:
        found[name] = found.get(name) or day_of(_at(root, path))
    found |= {name: amount_of(_text(root, path)) for name, path in _AMOUNTS}
    found["tax_amount"] = _tax_total(root, found["currency"])
    for prefix, role in (("seller", "AccountingSupplierParty"), ("buyer", "AccountingCustomerParty")):
        party = _at(root, f"{role}/Party")
        found[f"{prefix}_name"] = _name(party)
        found[f"{prefix}_vat"] = _vat(party)
    if found["iban"] is not None:
        found["iban"] = "".join(found["iban"].split())
    return {name: value for name, value in found.items() if value}


def _tax_total(root: Element, currency: str | None) -> str | None:
    amounts = [amount for total in root.all("TaxTotal") if (amount := total.child("TaxAmount")) is not None]
    own = [amount for amount in amounts if amount.get("currencyID") == currency] or amounts
    return amount_of(own[0].text) if own else None


def _name(party: Element | None) -> str | None:
    if party is None:
        return None
    return _text(party, "PartyLegalEntity/RegistrationName") or _text(party, "PartyName/Name")


def _vat(party: Element | None) -> str | None:
    for scheme in party.all("PartyTaxScheme") if party is not None else ():
        number = _text(scheme, "CompanyID")
        if number and _text(scheme, "TaxScheme/ID") in {"VAT", None}:
            return "".join(number.split())
    return None


def _at(element: Element, path: str) -> Element | None:
    current: Element | None = element
    for name in path.split("/"):
        current = None if current is None else current.child(name)
    return current


def _text(element: Element, path: str) -> str | None:
    found = _at(element, path)
    return None if found is None else " ".join(found.text.split()) or None
