from decimal import Decimal

import pytest

from samples.facturx import cross_industry_invoice
from samples.invoice import random_invoice
from samples.invoices import make_invoice
from taskloom.dialects.documents.steps.einvoice import invoice_fields, read_einvoice
from taskloom.dialects.documents.steps.pdf import open_pdf

UBL = b"""<?xml version="1.0" encoding="UTF-8"?>
<Invoice xmlns="urn:oasis:names:specification:ubl:schema:xsd:Invoice-2"
 xmlns:cac="urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2"
 xmlns:cbc="urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2">
 <cbc:ID>U-1</cbc:ID><cbc:IssueDate>2024-03-05</cbc:IssueDate>
 <cbc:DocumentCurrencyCode>EUR</cbc:DocumentCurrencyCode>
 <cac:OrderReference><cbc:ID>PO-9</cbc:ID></cac:OrderReference>
 <cac:AccountingSupplierParty><cac:Party>
  <cac:PartyTaxScheme><cbc:CompanyID>22/815/0815/4</cbc:CompanyID>
   <cac:TaxScheme><cbc:ID>FC</cbc:ID></cac:TaxScheme></cac:PartyTaxScheme>
  <cac:PartyTaxScheme><cbc:CompanyID>DE136695976</cbc:CompanyID>
   <cac:TaxScheme><cbc:ID>VAT</cbc:ID></cac:TaxScheme></cac:PartyTaxScheme>
  <cac:PartyLegalEntity><cbc:RegistrationName>Seller Ltd</cbc:RegistrationName></cac:PartyLegalEntity>
 </cac:Party></cac:AccountingSupplierParty>
 <cac:AccountingCustomerParty><cac:Party>
  <cac:PartyName><cbc:Name>Buyer</cbc:Name></cac:PartyName>
 </cac:Party></cac:AccountingCustomerParty>
 <cac:PaymentMeans><cbc:PaymentDueDate>2024-04-04</cbc:PaymentDueDate>
  <cac:PayeeFinancialAccount><cbc:ID>DE88 2008 0000 0970 3757 00</cbc:ID></cac:PayeeFinancialAccount>
 </cac:PaymentMeans>
 <cac:TaxTotal><cbc:TaxAmount currencyID="GBP">9.99</cbc:TaxAmount></cac:TaxTotal>
 <cac:TaxTotal><cbc:TaxAmount currencyID="EUR">19.00</cbc:TaxAmount></cac:TaxTotal>
 <cac:LegalMonetaryTotal><cbc:TaxExclusiveAmount currencyID="EUR">100.00</cbc:TaxExclusiveAmount>
  <cbc:TaxInclusiveAmount currencyID="EUR">119.00</cbc:TaxInclusiveAmount>
  <cbc:PayableAmount currencyID="EUR">119.00</cbc:PayableAmount></cac:LegalMonetaryTotal>
</Invoice>"""


def fields_of(data: bytes) -> dict[str, str]:
    with open_pdf(data) as document:
        found = read_einvoice(document)
    return {} if found is None else found.fields


def test_the_embedded_invoice_says_exactly_what_was_put_in():
    for seed in range(0, 60, 2):
        sample = make_invoice(seed)

        assert sample.truth.items() <= fields_of(sample.data).items(), seed


def test_a_pdf_without_attachment_has_no_einvoice():
    assert fields_of(make_invoice(1).data) == {}


def test_ubl_is_read_by_the_same_names():
    assert invoice_fields(UBL) == {
        "invoice_number": "U-1",
        "issue_date": "2024-03-05",
        "currency": "EUR",
        "order_number": "PO-9",
        "seller_vat": "DE136695976",
        "seller_name": "Seller Ltd",
        "buyer_name": "Buyer",
        "due_date": "2024-04-04",
        "iban": "DE88200800000970375700",
        "tax_amount": "19.00",
        "net_amount": "100.00",
        "total_amount": "119.00",
        "due_amount": "119.00",
    }


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"not xml",
        b"<CrossIndustryInvoice/>",
        b"<Invoice/>",
        b"<other><ID>1</ID></other>",
        b'<!DOCTYPE x [<!ENTITY a "b">]><Invoice><ID>&a;</ID></Invoice>',
        UBL[: len(UBL) // 2],
        b"<a>" * 300,
    ],
)
def test_what_is_no_invoice_gives_no_fields_and_no_exception(data):
    assert invoice_fields(data) == {}


def test_amounts_and_dates_that_are_none_are_left_out():
    broken = cross_industry_invoice(random_invoice(4)).decode()
    broken = broken.replace("<ram:GrandTotalAmount>", "<ram:GrandTotalAmount>about ")
    broken = broken.replace('format="102"', 'format="610"')

    fields = invoice_fields(broken.encode())

    assert {"total_amount", "issue_date", "due_date", "delivery_date"}.isdisjoint(fields)
    assert fields["invoice_number"] == random_invoice(4).number


@pytest.mark.shared
def test_every_real_invoice_with_xml_is_read_and_adds_up(shared_dir):
    """One file of the corpus (29) carries no XML; three are corpus cases whose XML contradicts itself."""
    without, contradictory = [], []
    for file in sorted((shared_dir / "invoices").glob("*.pdf")):
        fields = fields_of(file.read_bytes())
        if not fields:
            without.append(file.name[:2])
            continue
        assert fields["invoice_number"], file.name
        assert "total_amount" in fields, file.name
        net, tax, total = (fields.get(name) for name in ("net_amount", "tax_amount", "total_amount"))
        if net is None or tax is None or Decimal(net) + Decimal(tax) != Decimal(total):
            contradictory.append(file.name[:2])

    assert without == ["29"]
    assert contradictory == ["26"]
