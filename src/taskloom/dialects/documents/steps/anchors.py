"""Values beside labels: for every entity the candidates right of and below its labels, best first.

An entity's labels are those the project declares; else those invoices usually print for the field it stands
for; else its name. The confidence of a candidate is the weight of its label, less for a value that stands
below, further away, or could be read two ways. Where two candidates disagree at the same weight, neither is
sure. Nothing here depends on anything but the words, so the same file gives the same values.
"""

from collections import Counter
from collections.abc import Iterator, Sequence

from msgspec import Struct, structs

from taskloom.dialects.documents.steps.candidates import Reading, Styles, readings
from taskloom.dialects.documents.steps.labels import DEFAULT_LABELS, FOREIGN, Label, label
from taskloom.dialects.documents.steps.lines import Line, Token, plain
from taskloom.dialects.documents.steps.matching import Hit, LabelIndex, below, right_of, wrapped_after
from taskloom.flows.document.amounts import FORMATS, currency_of, decimal_sign_of
from taskloom.flows.document.dates import DATE_PATTERN, order_of
from taskloom.flows.document.fields import known_field
from taskloom.flows.document.schema import Direction, Entity, EntityType

_RIGHT, _BELOW, _WRAPPED = 0.97, 0.93, 0.93
_DECLARED_WEIGHT = 1.0
_NAME_WEIGHT = 0.95
_DISAGREEMENT = 0.85
_DISTANCE = 0.02
_ANYWHERE = {EntityType.IBAN: 0.92, EntityType.VAT: 0.75}
"""Types whose form alone tells them, wherever they stand."""
_CANDIDATES_MAX = 200


class Candidate(Struct, frozen=True):
    """A value for an entity: where it stands, what it says and how sure it is."""

    page: int
    place: int
    """The number of its line in the document; only for order."""
    content: str
    value: str
    box: tuple[float, float, float, float]
    confidence: float


class Anchors:
    """The labels of one document, ready to be asked for entities."""

    def __init__(self, lines: Sequence[Line]) -> None:
        self._lines = lines
        self._index = LabelIndex(lines)
        self._styles = _styles_of(lines)
        self.currency = _currency_of(lines)
        """The currency most amounts of the document carry."""

    def candidates(self, entity: Entity) -> list[Candidate]:
        """What may be the entity's value, the surest first; equally sure ones agree or lose confidence."""
        field = known_field(entity)
        name = "" if field is None else field.name
        if name == "currency" and not entity.anchors:
            return self._currencies(entity)
        found: list[Candidate] = []
        for one in labels_of(entity, name):
            for hit in self._index.hits(one):
                if not self._is_foreign(hit, FOREIGN.get(name, frozenset())):
                    found += self._beside(hit, entity)
                if len(found) > _CANDIDATES_MAX:
                    break
        if not found and entity.type in _ANYWHERE and not entity.anchors:
            found = list(self._anywhere(entity))
        prefers_last = entity.type is EntityType.AMOUNT
        found.sort(key=lambda one: (-one.confidence, -one.place if prefers_last else one.place))
        return _settled(found)

    def _beside(self, hit: Hit, entity: Entity) -> Iterator[Candidate]:
        """The best value on each side of a label that its direction allows."""
        styles = _with_format(self._styles, entity)
        if hit.label.direction is not Direction.BELOW:
            tokens = right_of(self._lines, hit)
            chosen = _nearest(list(readings(tokens, entity, styles)), entity)
            if chosen is not None:
                yield self._candidate(chosen, tokens, hit.line, hit.label.weight * _RIGHT)
                return
            tokens = wrapped_after(self._lines, hit)
            chosen = _nearest(list(readings(tokens, entity, styles)), entity)
            if chosen is not None and chosen.first == 0:
                yield self._candidate(chosen, tokens, hit.line + 1, hit.label.weight * _WRAPPED)
                return
        if hit.label.direction is not Direction.RIGHT:
            for cell in below(self._lines, hit):
                chosen = next(iter(readings(cell, entity, styles)), None)
                if chosen is not None and chosen.first == 0:
                    yield self._candidate(chosen, cell, hit.line + 1, hit.label.weight * _BELOW)
                    return

    def _candidate(self, reading: Reading, tokens: Sequence[Token], line: int, weight: float) -> Candidate:
        used = tokens[reading.first : reading.last + 1]
        distance = min(reading.first, 5) * _DISTANCE
        box = (
            min(token.left for token in used),
            min(token.top for token in used),
            max(token.right for token in used),
            max(token.bottom for token in used),
        )
        confidence = round(weight * reading.weight * (1 - distance), 3)
        return Candidate(self._lines[line].page, line, reading.text, reading.value, box, confidence)

    def _is_foreign(self, hit: Hit, foreign: frozenset[str]) -> bool:
        """Whether a word just before or after the label makes it another field's."""
        tokens = self._lines[hit.line].tokens
        end = self._lines[hit.line].cell_end(hit.end - 1)
        near = (*tokens[max(hit.start - 1, 0) : hit.start], *tokens[hit.end : min(hit.end + 1, end)])
        return any(token.plain in foreign for token in near)

    def _anywhere(self, entity: Entity) -> Iterator[Candidate]:
        for number, line in enumerate(self._lines):
            for reading in readings(line.tokens, entity, self._styles):
                flat = structs.replace(reading, weight=1.0)
                found = self._candidate(flat, line.tokens, number, 1.0)
                yield structs.replace(found, confidence=_ANYWHERE[entity.type])

    def _currencies(self, entity: Entity) -> list[Candidate]:
        """The currency the document names beside its label, else the one its amounts carry."""
        for one in DEFAULT_LABELS["currency"]:
            for hit in self._index.hits(one):
                tokens = right_of(self._lines, hit)[:1]
                code = currency_of(tokens[0].text) if tokens else None
                if code is not None and _fits(entity, code):
                    reading = Reading(0, 0, tokens[0].text, code)
                    return [self._candidate(reading, tokens, hit.line, _RIGHT)]
        if self.currency is None or not _fits(entity, self.currency.value):
            return []
        return [self.currency]


def labels_of(entity: Entity, field: str) -> tuple[Label, ...]:
    """The labels whose value the entity is."""
    if entity.anchors:
        return tuple(label(anchor.text, _DECLARED_WEIGHT, anchor.direction) for anchor in entity.anchors)
    if field in DEFAULT_LABELS:
        return DEFAULT_LABELS[field]
    names = {entity.name, entity.id.replace("_", " ")} - {""}
    return tuple(label(name, _NAME_WEIGHT) for name in sorted(names) if plain(name))


def _nearest(found: list[Reading], entity: Entity) -> Reading | None:
    """Of several values in a row: the last amount (a sum stands at the end), of anything else the first."""
    if not found:
        return None
    if entity.type is EntityType.AMOUNT:
        return structs.replace(found[-1], weight=found[-1].weight * (1.0 if len(found) == 1 else 0.98))
    return found[0]


def _settled(found: list[Candidate]) -> list[Candidate]:
    """The candidates with less confidence for the first ones when equally sure ones contradict them."""
    if not found:
        return found
    best = found[0].confidence
    if len({one.value for one in found if one.confidence >= best - 0.001}) == 1:
        return found
    return [
        structs.replace(one, confidence=round(one.confidence * _DISAGREEMENT, 3))
        if one.confidence >= best - 0.001
        else one
        for one in found
    ]


def _with_format(styles: Styles, entity: Entity) -> Styles:
    """The document's habits, overruled by what the project declares."""
    if entity.format is None:
        return styles
    if entity.type is EntityType.DATE:
        return structs.replace(styles, date_order=entity.format)
    return structs.replace(styles, decimal_sign=FORMATS.get(entity.format))


def _styles_of(lines: Sequence[Line]) -> Styles:
    """How the document writes numbers and dates: what the clear ones among them prove."""
    signs: Counter[str] = Counter()
    orders: Counter[str] = Counter()
    for line in lines:
        signs.update(sign for token in line.tokens if (sign := decimal_sign_of(token.text)) is not None)
        text = " ".join(token.text for token in line.tokens)
        orders.update(
            order for match in DATE_PATTERN.finditer(text) if (order := order_of(match.group())) is not None
        )
    order = _most(orders)
    if order is None:
        found = _currency_of(lines)
        order = "MDY" if found is not None and found.value == "USD" else None
    return Styles(_most(signs), order)


def _currency_of(lines: Sequence[Line]) -> Candidate | None:
    """The most frequent currency beside digits, at its first place."""
    counts: Counter[str] = Counter()
    places: dict[str, Candidate] = {}
    for number, line in enumerate(lines):
        if not any(sign.isdigit() for token in line.tokens for sign in token.text):
            continue
        for token in line.tokens:
            code = currency_of(token.text) if len(token.text) <= 16 else None
            if code is not None:
                counts[code] += 1
                box = (token.left, token.top, token.right, token.bottom)
                places.setdefault(code, Candidate(line.page, number, token.text, code, box, _RIGHT))
    code = _most(counts)
    return None if code is None else places[code]


def _most(counts: Counter[str]) -> str | None:
    """The most frequent; of equally frequent ones the first in the alphabet."""
    return min(counts, key=lambda name: (-counts[name], name)) if counts else None


def _fits(entity: Entity, code: str) -> bool:
    return entity.type is not EntityType.ENUM or code in entity.values
