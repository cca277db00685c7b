"""The invoice as Cross Industry Invoice XML, profile EN 16931, the way Factur-X and ZUGFeRD embed it."""

from datetime import date
from xml.sax.saxutils import escape, quoteattr

from samples.invoice import Invoice, Line, Party, Tax

_HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<rsm:CrossIndustryInvoice xmlns:rsm="urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100"'
    ' xmlns:ram="urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:100"'
    ' xmlns:udt="urn:un:unece:uncefact:data:standard:UnqualifiedDataType:100">'
)


def cross_industry_invoice(invoice: Invoice) -> bytes:
    """The XML of the invoice, UTF-8."""
    body = _context() + _document(invoice) + _transaction(invoice)
    return (_HEAD + body + "</rsm:CrossIndustryInvoice>").encode()


def _tag(name: str, content: str, **attributes: str) -> str:
    """An element whose content is already XML."""
    spelled = "".join(f" {key}={quoteattr(value)}" for key, value in attributes.items())
    return f"<{name}{spelled}>{content}</{name}>"


def _text(name: str, value: object, **attributes: str) -> str:
    """An element that holds text."""
    return _tag(name, escape(str(value)), **attributes)


def _day(name: str, day: date) -> str:
    return _tag(name, _text("udt:DateTimeString", f"{day:%Y%m%d}", format="102"))


def _context() -> str:
    guideline = _text("ram:ID", "urn:cen.eu:en16931:2017")
    return _tag(
        "rsm:ExchangedDocumentContext", _tag("ram:GuidelineSpecifiedDocumentContextParameter", guideline)
    )


def _document(invoice: Invoice) -> str:
    number, code = _text("ram:ID", invoice.number), _text("ram:TypeCode", 380)
    return _tag("rsm:ExchangedDocument", number + code + _day("ram:IssueDateTime", invoice.issued))


def _transaction(invoice: Invoice) -> str:
    lines = "".join(_line(index, line) for index, line in enumerate(invoice.lines, 1))
    return _tag(
        "rsm:SupplyChainTradeTransaction",
        lines + _agreement(invoice) + _delivery(invoice) + _settlement(invoice),
    )


def _line(index: int, line: Line) -> str:
    price = _tag("ram:NetPriceProductTradePrice", _text("ram:ChargeAmount", line.price))
    tax = (
        _text("ram:TypeCode", "VAT")
        + _text("ram:CategoryCode", "S")
        + _text("ram:RateApplicablePercent", line.rate)
    )
    net = _tag("ram:SpecifiedTradeSettlementLineMonetarySummation", _text("ram:LineTotalAmount", line.net))
    return _tag(
        "ram:IncludedSupplyChainTradeLineItem",
        _tag("ram:AssociatedDocumentLineDocument", _text("ram:LineID", index))
        + _tag("ram:SpecifiedTradeProduct", _text("ram:Name", line.name))
        + _tag("ram:SpecifiedLineTradeAgreement", price)
        + _tag("ram:SpecifiedLineTradeDelivery", _text("ram:BilledQuantity", line.quantity, unitCode="C62"))
        + _tag("ram:SpecifiedLineTradeSettlement", _tag("ram:ApplicableTradeTax", tax) + net),
    )


def _agreement(invoice: Invoice) -> str:
    order = _tag("ram:BuyerOrderReferencedDocument", _text("ram:IssuerAssignedID", invoice.order_number))
    seller = _tag("ram:SellerTradeParty", _party(invoice.seller))
    buyer = _tag("ram:BuyerTradeParty", _text("ram:ID", invoice.customer_number) + _party(invoice.buyer))
    return _tag("ram:ApplicableHeaderTradeAgreement", seller + buyer + order)


def _party(party: Party) -> str:
    address = (
        _text("ram:PostcodeCode", party.postcode)
        + _text("ram:LineOne", party.street)
        + _text("ram:CityName", party.city)
        + _text("ram:CountryID", party.country)
    )
    registration = _tag("ram:SpecifiedTaxRegistration", _text("ram:ID", party.vat, schemeID="VA"))
    return _text("ram:Name", party.name) + _tag("ram:PostalTradeAddress", address) + registration


def _delivery(invoice: Invoice) -> str:
    day = _day("ram:OccurrenceDateTime", invoice.delivered)
    return _tag("ram:ApplicableHeaderTradeDelivery", _tag("ram:ActualDeliverySupplyChainEvent", day))


def _settlement(invoice: Invoice) -> str:
    account = _tag("ram:PayeePartyCreditorFinancialAccount", _text("ram:IBANID", invoice.iban))
    bank = _tag("ram:PayeeSpecifiedCreditorFinancialInstitution", _text("ram:BICID", invoice.bic))
    means = _text("ram:TypeCode", 58) + account + bank
    return _tag(
        "ram:ApplicableHeaderTradeSettlement",
        _text("ram:InvoiceCurrencyCode", invoice.currency)
        + _tag("ram:SpecifiedTradeSettlementPaymentMeans", means)
        + "".join(_tax(tax) for tax in invoice.taxes)
        + _tag("ram:SpecifiedTradePaymentTerms", _day("ram:DueDateDateTime", invoice.due))
        + _sums(invoice),
    )


def _tax(tax: Tax) -> str:
    return _tag(
        "ram:ApplicableTradeTax",
        _text("ram:CalculatedAmount", tax.amount)
        + _text("ram:TypeCode", "VAT")
        + _text("ram:BasisAmount", tax.basis)
        + _text("ram:CategoryCode", "S")
        + _text("ram:RateApplicablePercent", tax.rate),
    )


def _sums(invoice: Invoice) -> str:
    return _tag(
        "ram:SpecifiedTradeSettlementHeaderMonetarySummation",
        _text("ram:LineTotalAmount", invoice.net)
        + _text("ram:TaxBasisTotalAmount", invoice.net)
        + _text("ram:TaxTotalAmount", invoice.tax, currencyID=invoice.currency)
        + _text("ram:GrandTotalAmount", invoice.total)
        + _text("ram:DuePayableAmount", invoice.total),
    )
