import pytest

from taskloom.flows.document.fields import known_field
from taskloom.flows.document.schema import Entity, EntityType
from taskloom.flows.document.values import is_normal, normalize


@pytest.mark.parametrize(
    ("kind", "shown", "value"),
    [
        ("string", "  two \n words ", "two words"),
        ("amount", "1.234,50 €", "1234.50"),
        ("number", "2,5", "2.5"),
        ("date", "5. März 2024", "2024-03-05"),
        ("iban", "DE88 2008 0000 0970 3757 00", "DE88200800000970375700"),
        ("vat", "DE 136695976", "DE136695976"),
        ("checkbox", "X", "true"),
        ("checkbox", "nein", "false"),
        ("amount", "much", None),
        ("date", "soon", None),
        ("checkbox", "maybe", None),
        ("string", "   ", None),
    ],
)
def test_shown_text_becomes_one_normal_spelling(kind, shown, value):
    assert normalize(Entity("it", EntityType(kind)), shown) == value


def test_an_enum_knows_its_values_without_case_and_a_currency_by_its_sign():
    entity = Entity("currency", EntityType.ENUM, values=("EUR", "USD"))

    assert [normalize(entity, text) for text in ("eur", "€", " USD ", "GBP")] == ["EUR", "EUR", "USD", None]


def test_the_declared_format_decides_an_open_amount_and_date():
    assert normalize(Entity("a", EntityType.AMOUNT, format="1,234.56"), "1.234") == "1.234"
    assert normalize(Entity("d", EntityType.DATE, format="MDY"), "05/03/2024") == "2024-05-03"


@pytest.mark.parametrize(
    ("kind", "value", "normal"),
    [
        ("amount", "1234.567", True),
        ("amount", "123.456", True),
        ("amount", "1,5", False),
        ("amount", "1e5", False),
        ("date", "2024-03-05", True),
        ("date", "05.03.2024", False),
        ("date", "2024-02-31", False),
        ("iban", "DE88200800000970375700", True),
        ("iban", "DE88 2008 0000 0970 3757 00", False),
    ],
)
def test_a_normal_spelling_is_recognised_as_such(kind, value, normal):
    assert is_normal(Entity("it", EntityType(kind)), value) is normal


def test_text_beyond_the_limit_has_no_value():
    assert normalize(Entity("it", EntityType.STRING), "x" * 10_001) is None


def test_an_entity_is_a_known_field_by_declaration_or_by_a_usual_id_of_the_right_type():
    def name(entity):
        field = known_field(entity)
        return None if field is None else field.name

    assert name(Entity("total", EntityType.AMOUNT)) == "total_amount"
    assert name(Entity("total", EntityType.DATE)) is None
    assert name(Entity("what", EntityType.AMOUNT, field="due_amount")) == "due_amount"
    assert name(Entity("what", EntityType.AMOUNT)) is None
