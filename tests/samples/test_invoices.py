"""The sample generator: what it says is true must be true, and the same for ever."""

from decimal import Decimal

import pypdfium2

from samples.hostile import HOSTILE_FILES
from samples.invoice import LANGUAGES, LAYOUTS
from samples.invoices import make_invoice
from taskloom.flows.document.identifiers import has_iban_check, has_vat_check, parse_vat

SEEDS = range(120)


def test_same_seed_gives_the_same_bytes():
    assert [make_invoice(seed).data for seed in range(6)] == [make_invoice(seed).data for seed in range(6)]


def test_different_seeds_give_different_invoices():
    assert len({make_invoice(seed).data for seed in range(30)}) == 30


def test_net_and_tax_add_up_to_the_total():
    for seed in SEEDS:
        truth = make_invoice(seed).truth
        net, tax, total = (Decimal(truth[name]) for name in ("net_amount", "tax_amount", "total_amount"))

        assert net + tax == total, seed


def test_identifiers_carry_right_check_digits():
    for seed in SEEDS:
        truth = make_invoice(seed).truth

        assert has_iban_check(truth["iban"]), seed
        assert parse_vat(truth["seller_vat"]) == truth["seller_vat"], seed
        assert has_vat_check(truth["seller_vat"]), seed


def test_samples_cover_every_layout_language_and_page_count():
    samples = [make_invoice(seed) for seed in SEEDS]

    assert {sample.invoice.layout for sample in samples} == set(LAYOUTS)
    assert {sample.invoice.language for sample in samples} == set(LANGUAGES)
    assert {len(pypdfium2.PdfDocument(sample.data)) for sample in samples} == {1, 2, 3}


def test_every_second_invoice_carries_its_xml_unless_told_otherwise():
    def attachments(data: bytes) -> int:
        return pypdfium2.PdfDocument(data).count_attachments()

    assert [attachments(make_invoice(seed).data) for seed in range(4)] == [1, 0, 1, 0]
    assert attachments(make_invoice(1, has_xml=True).data) == 1
    assert attachments(make_invoice(2, has_xml=False).data) == 0


def test_hostile_files_are_small_to_keep_and_named_once():
    names = [file.name for file in HOSTILE_FILES]

    assert len(set(names)) == len(names)
    assert all(len(file.make()) < 1_000_000 for file in HOSTILE_FILES)
