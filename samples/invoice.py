"""What an invoice says, apart from how it looks: parties, lines, sums and the truth to compare with.

Everything follows from one seed, so a failing document can be named by its number.
"""

import random
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal

CENT = Decimal("0.01")

LAYOUTS = ("label_left", "label_above", "table", "sentence", "letter")
LANGUAGES = ("de", "en")

# Date patterns by language; `us` and `uk` differ in the order of day and month.
DATE_STYLES = {
    "de": ("dotted", "long_de", "iso"),
    "en": ("long_uk", "long_us", "slash_uk", "slash_us", "iso"),
}
AMOUNT_STYLES = {"de": ("comma", "comma_space"), "en": ("point", "point_plain")}

_COMPANIES = (
    "Nordlicht Papier", "Weber & Söhne", "Albatros Logistik", "Blue Harbour Supplies", "Kastanienhof",
    "Orchard Tools", "Falke Werkstoffe", "Meridian Print", "Grünwald Technik", "Sterling Office",
)  # fmt: skip
_FORMS = {"de": ("GmbH", "AG", "KG", "e.K."), "en": ("Ltd", "PLC", "LLP", "Inc.")}
_STREETS = {
    "de": ("Lindenallee", "Bahnhofstraße", "Mühlweg", "Am Hafen", "Königsplatz"),
    "en": ("Baker Street", "Mill Lane", "Harbour Road", "Station Approach", "King's Walk"),
}
_CITIES = {
    "de": (("20095", "Hamburg"), ("50667", "Köln"), ("80331", "München"), ("04109", "Leipzig")),
    "en": (("D02 X285", "Dublin"), ("T12 AF8P", "Cork"), ("H91 E2R3", "Galway"), ("V94 T9PX", "Limerick")),
}
_PRODUCTS = {
    "de": (
        "Kopierpapier A4, 80 g", "Tischleuchte schwarz", "Schrauben M6 x 40", "Beratung, Stunden",
        "Toner XL 2100", "Ordner breit, blau", "Kabelkanal 2 m", "Wartung Drucker",
    ),
    "en": (
        "Copy paper A4, 80 gsm", "Desk lamp, black", "Bolts M6 x 40", "Consulting, hours",
        "Toner XL 2100", "Lever arch file, blue", "Cable duct 2 m", "Printer service",
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Party:
    """A seller or a buyer."""

    name: str
    street: str
    postcode: str
    city: str
    country: str
    vat: str


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the invoice; `net` is quantity times price, rounded to the cent."""

    name: str
    quantity: int
    price: Decimal
    rate: int

    @property
    def net(self) -> Decimal:
        """The row's sum without tax."""
        return (self.quantity * self.price).quantize(CENT, ROUND_HALF_UP)


@dataclass(frozen=True, slots=True)
class Tax:
    """The tax of all rows with one rate."""

    rate: int
    basis: Decimal
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Invoice:
    """An invoice and the way it is to be drawn; every sum is exact."""

    seed: int
    number: str
    issued: date
    delivered: date
    due: date
    ordered: date
    order_number: str
    customer_number: str
    currency: str
    iban: str
    bic: str
    seller: Party
    buyer: Party
    lines: tuple[Line, ...]
    taxes: tuple[Tax, ...]
    language: str
    layout: str
    date_style: str
    amount_style: str
    has_xml: bool

    @property
    def net(self) -> Decimal:
        """The sum without tax."""
        return sum((line.net for line in self.lines), Decimal(0))

    @property
    def tax(self) -> Decimal:
        """All taxes together."""
        return sum((tax.amount for tax in self.taxes), Decimal(0))

    @property
    def total(self) -> Decimal:
        """What has to be paid."""
        return self.net + self.tax

    def truth(self) -> dict[str, str]:
        """Entity id to normalised value: what any extraction has to find."""
        return {
            "invoice_number": self.number,
            "issue_date": self.issued.isoformat(),
            "due_date": self.due.isoformat(),
            "net_amount": str(self.net),
            "tax_amount": str(self.tax),
            "total_amount": str(self.total),
            "currency": self.currency,
            "iban": self.iban,
            "seller_vat": self.seller.vat,
            "order_number": self.order_number,
        }


def random_invoice(seed: int, *, has_xml: bool | None = None) -> Invoice:
    """The invoice of that seed; the same seed gives the same invoice for ever.

    Without `has_xml` every second seed carries the XML.
    """
    dice = random.Random(seed)
    language = dice.choice(LANGUAGES)
    issued = date(2024, 1, 2) + timedelta(days=dice.randrange(700))
    date_style = dice.choice(DATE_STYLES[language])
    lines = _lines(dice, language)
    return Invoice(
        seed=seed,
        number=_number(dice, issued),
        issued=issued,
        delivered=issued - timedelta(days=dice.randrange(1, 9)),
        due=issued + timedelta(days=dice.choice((10, 14, 30, 45))),
        ordered=issued - timedelta(days=dice.randrange(10, 40)),
        order_number=f"PO-{dice.randrange(10_000, 99_999)}",
        customer_number=f"K{dice.randrange(1_000, 9_999)}",
        currency=_currency(dice, language, date_style),
        iban=_iban(dice, "DE" if language == "de" else "IE"),
        bic="TESTDEFFXXX" if language == "de" else "TESTIE2DXXX",
        seller=_party(dice, language),
        buyer=_party(dice, language),
        lines=lines,
        taxes=_taxes(lines),
        language=language,
        layout=dice.choice(LAYOUTS),
        date_style=date_style,
        amount_style=dice.choice(AMOUNT_STYLES[language]),
        has_xml=seed % 2 == 0 if has_xml is None else has_xml,
    )


def _lines(dice: random.Random, language: str) -> tuple[Line, ...]:
    """Few rows mostly; sometimes enough for a second and a third page."""
    count = dice.choice((1, 2, 3, 4, 5, 6, 8, 34, 62))
    return tuple(
        Line(
            dice.choice(_PRODUCTS[language]),
            dice.randrange(1, 40),
            Decimal(dice.randrange(95, 90_000)) / 100,
            dice.choice((19, 19, 7)),
        )
        for _ in range(count)
    )


def _taxes(lines: tuple[Line, ...]) -> tuple[Tax, ...]:
    taxes = []
    for rate in sorted({line.rate for line in lines}, reverse=True):
        basis = sum((line.net for line in lines if line.rate == rate), Decimal(0))
        taxes.append(Tax(rate, basis, (basis * rate / 100).quantize(CENT, ROUND_HALF_UP)))
    return tuple(taxes)


def _number(dice: random.Random, issued: date) -> str:
    serial = dice.randrange(1, 99_999)
    return dice.choice(
        (f"RE-{issued.year}-{serial:05}", f"{issued:%Y%m}{serial:05}", f"INV/{serial}", f"R{serial:07}")
    )


def _currency(dice: random.Random, language: str, date_style: str) -> str:
    """Slashed dates are American exactly when the money is: nobody could tell them apart otherwise."""
    if date_style == "slash_us":
        return "USD"
    return "EUR" if language == "de" else dice.choice(("EUR", "GBP"))


def _party(dice: random.Random, language: str) -> Party:
    postcode, city = dice.choice(_CITIES[language])
    country = "DE" if language == "de" else "IE"
    digits = str(dice.randrange(10**6, 10**7) if country == "IE" else dice.randrange(10**7, 10**8))
    check = _irish_check_letter(digits) if country == "IE" else str(_german_check_digit(digits))
    return Party(
        name=f"{dice.choice(_COMPANIES)} {dice.choice(_FORMS[language])}",
        street=f"{dice.choice(_STREETS[language])} {dice.randrange(1, 120)}",
        postcode=postcode,
        city=city,
        country=country,
        vat=f"{country}{digits}{check}",
    )


def _german_check_digit(digits: str) -> int:
    """ISO 7064 mod 11,10, as the German VAT number uses it."""
    product = 10
    for digit in digits:
        product = 2 * ((int(digit) + product) % 10 or 10) % 11
    return (11 - product) % 10


def _irish_check_letter(digits: str) -> str:
    """Weighted sum mod 23, as the Irish VAT number uses it."""
    weighted = sum(int(digit) * weight for digit, weight in zip(digits, range(8, 1, -1), strict=True))
    return "WABCDEFGHIJKLMNOPQRSTUV"[weighted % 23]


def _iban(dice: random.Random, country: str) -> str:
    letters = "" if country == "DE" else "TEST"
    account = letters + "".join(str(dice.randrange(10)) for _ in range(18 if country == "DE" else 14))
    numeric = "".join(str(int(sign, 36)) for sign in f"{account}{country}00")
    return f"{country}{98 - int(numeric) % 97:02}{account}"
