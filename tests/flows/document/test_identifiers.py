from taskloom.flows.document.identifiers import has_iban_check, has_vat_check, parse_iban, parse_vat


def test_an_iban_is_compared_without_blanks():
    assert parse_iban("IBAN: DE88 2008 0000 0970 3757 00") == "DE88200800000970375700"


def test_a_wrong_digit_breaks_the_iban_check():
    assert has_iban_check("DE88200800000970375700")
    assert not has_iban_check("DE88200800000970375701")
    assert not has_iban_check("DE8820080000097037570")


def test_vat_numbers_by_country():
    assert parse_vat("DE 136.695.976") == "DE136695976"
    assert parse_vat("FR11999999998") == "FR11999999998"
    assert parse_vat("DE12345") is None
    assert parse_vat("XX123456789") is None


def test_a_wrong_digit_breaks_the_german_vat_check():
    assert has_vat_check("DE136695976")
    assert not has_vat_check("DE136695977")
    assert has_vat_check("FR11999999998")
