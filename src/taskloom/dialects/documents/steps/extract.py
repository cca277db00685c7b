"""The EXTRACT step: what the e-invoice inside says, and for the rest what stands beside the labels.

A value of the e-invoice is exact; the page is only asked where it is shown, so that a person can see it.
"""

from collections.abc import Sequence

from taskloom.dialects.documents.steps.anchors import Anchors, Candidate
from taskloom.dialects.documents.steps.candidates import Styles, readings
from taskloom.dialects.documents.steps.einvoice import EInvoice, read_einvoice
from taskloom.dialects.documents.steps.lines import Line, lines_of
from taskloom.dialects.documents.steps.pdf import open_pdf
from taskloom.dialects.documents.steps.sums import TRIO, add_up
from taskloom.dialects.documents.steps.text import Progress, TextLayer, read_pages
from taskloom.flows.document.fields import known_field
from taskloom.flows.document.pages import PageSize, Proposal, StepResult
from taskloom.flows.document.schema import Entity, EntityType
from taskloom.flows.document.values import is_normal, normalize

_EXACT = 1.0


def extract(data: bytes, entities: Sequence[Entity], progress: Progress) -> StepResult:
    """Proposals for the entities of a PDF; raises FileRefused for a file that is not to be read."""
    with open_pdf(data) as document:
        einvoice = read_einvoice(document)
        layer = read_pages(document, progress)
    return propose(layer, einvoice, entities)


def propose(layer: TextLayer, einvoice: EInvoice | None, entities: Sequence[Entity]) -> StepResult:
    """Proposals out of a text layer, wherever it came from, and the e-invoice if there is one."""
    lines = lines_of(layer.pages)
    proposals = _from_einvoice(einvoice, entities, lines)
    rest = [entity for entity in entities if entity.id not in proposals]
    proposals |= _from_labels(rest, lines)
    ordered = (proposals[entity.id] for entity in entities if entity.id in proposals)
    return StepResult(
        pages=tuple(PageSize(page.width, page.height) for page in layer.pages), fields=tuple(ordered)
    )


def _from_einvoice(
    einvoice: EInvoice | None, entities: Sequence[Entity], lines: Sequence[Line]
) -> dict[str, Proposal]:
    if einvoice is None:
        return {}
    found = {}
    for entity in entities:
        field = known_field(entity)
        given = None if field is None else einvoice.fields.get(field.name)
        value = None if given is None else _in_type(entity, given)
        if given is not None and value is not None:
            found[entity.id] = _shown(entity, given, value, lines)
    return found


def _in_type(entity: Entity, given: str) -> str | None:
    """The value as the entity's type spells it."""
    return given if is_normal(entity, given) else normalize(entity, given)


def _shown(entity: Entity, given: str, value: str, lines: Sequence[Line]) -> Proposal:
    """The value with the text and the place of its first occurrence on a page."""
    for line in lines:
        tokens = line.tokens
        if entity.type is EntityType.STRING:
            match = next((token for token in tokens if token.text.strip(",;:()") == value), None)
            if match is not None:
                box = (match.left, match.top, match.right, match.bottom)
                return Proposal(entity.id, value, _EXACT, line.page + 1, box, value)
            continue
        for reading in readings(tokens, entity, Styles()):
            if reading.value == value:
                used = tokens[reading.first : reading.last + 1]
                box = (
                    used[0].left,
                    min(token.top for token in used),
                    used[-1].right,
                    max(token.bottom for token in used),
                )
                return Proposal(entity.id, reading.text, _EXACT, line.page + 1, box, value)
    return Proposal(entity.id, given, _EXACT, normalized=value)


def _from_labels(entities: Sequence[Entity], lines: Sequence[Line]) -> dict[str, Proposal]:
    anchors = Anchors(lines)
    found: dict[str, list[Candidate]] = {entity.id: anchors.candidates(entity) for entity in entities}
    chosen = {entity_id: candidates[0] for entity_id, candidates in found.items() if candidates}
    chosen |= _sums(entities, anchors)
    return {entity_id: _proposal(entity_id, candidate) for entity_id, candidate in chosen.items()}


def _sums(entities: Sequence[Entity], anchors: Anchors) -> dict[str, Candidate]:
    """Net, tax and total chosen together, for those of them that the project asks for."""
    wanted: dict[str, str] = {}
    found: dict[str, list[Candidate]] = {}
    for name in TRIO:
        found[name] = anchors.candidates(Entity(name, EntityType.AMOUNT))
    for entity in entities:
        field = known_field(entity)
        if field is not None and field.name in TRIO and entity.type is EntityType.AMOUNT:
            wanted[field.name] = entity.id
            found[field.name] = anchors.candidates(entity)
    together = add_up(found)
    return {entity_id: together[name] for name, entity_id in wanted.items() if name in together}


def _proposal(entity_id: str, candidate: Candidate) -> Proposal:
    return Proposal(
        entity_id,
        candidate.content,
        candidate.confidence,
        candidate.page + 1,
        candidate.box,
        candidate.value,
    )
