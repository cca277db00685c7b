"""What is known of a document: its pages and what stands on them, and what a step hands in.

Coordinates are pixels of the page at 300 dpi, origin top left. Every worker, ours or somebody's model, hands
in the same small shape (`StepResult`); ids, normal spellings and positions are made here, in one place.
"""

import enum

from msgspec import Struct, structs

from taskloom.core.limits import DOCUMENT_ANNOTATIONS, DOCUMENT_PAGES, FIELD_LENGTH
from taskloom.flows.document.schema import Schema
from taskloom.flows.document.values import is_normal, normalize

Point = tuple[float, float]
Polygon = tuple[Point, Point, Point, Point]
"""Four corners, clockwise from top left."""


class Origin(enum.StrEnum):
    """Who gave a value."""

    MODEL = "model"
    MODEL_EDITED = "model_edited"
    HUMAN = "human"


class Annotation(Struct, frozen=True, omit_defaults=True):
    """A value read from the page; `top` and `left_of_line` are the top of its line and its left edge."""

    id: str
    entity_id: str
    confidence: float
    content: str
    top: float = 0.0
    left_of_line: float = 0.0
    normalized: str | None = None
    coordinates: Polygon | None = None
    origin: Origin = Origin.MODEL
    reviewed_by: str = ""


class Checkbox(Struct, frozen=True):
    """A box to tick and whether it is ticked."""

    id: str
    confidence: float
    checked: bool
    coordinates: Polygon


class Region(Struct, frozen=True):
    """A part of the page: a segment or a signature."""

    id: str
    confidence: float
    coordinates: Polygon


class Page(Struct, frozen=True, omit_defaults=True):
    """One page, its size in pixels and what was found on it."""

    id: str
    width: int
    height: int
    annotations: tuple[Annotation, ...] = ()
    checkboxes: tuple[Checkbox, ...] = ()
    segments: tuple[Region, ...] = ()
    signatures: tuple[Region, ...] = ()


class PageSize(Struct, frozen=True):
    """What reading a page tells the pipeline; the words themselves stay with the step's result."""

    width: int
    height: int


class Proposal(Struct, frozen=True, omit_defaults=True):
    """A value proposed for an entity; `page` counts from 1, `box` is left, top, right, bottom."""

    entity_id: str
    content: str
    confidence: float = 1.0
    page: int = 1
    box: tuple[float, float, float, float] | None = None
    normalized: str | None = None


class StepResult(Struct, frozen=True, omit_defaults=True):
    """What any worker may hand in for a step; a step takes from it what is its own."""

    pages: tuple[PageSize, ...] = ()
    fields: tuple[Proposal, ...] = ()
    label: str | None = None
    label_confidence: float = 1.0
    discard: str | None = None
    """A reason to reject the document at once."""


def result_fault(result: StepResult, schema: Schema, pages: tuple[Page, ...]) -> str | None:
    """Why a result cannot be taken; None when it can."""
    count = len(pages) or len(result.pages)
    if len(result.pages) > DOCUMENT_PAGES:
        return f"a document has at most {DOCUMENT_PAGES} pages"
    if len(result.fields) > DOCUMENT_ANNOTATIONS:
        return f"a document has at most {DOCUMENT_ANNOTATIONS} annotations"
    if any(page.width <= 0 or page.height <= 0 for page in result.pages):
        return "a page has a width and a height above zero"
    if result.label is not None and all(label.id != result.label for label in schema.labels):
        return f"the label {result.label[:100]!r} is not declared"
    if not 0 <= result.label_confidence <= 1:
        return "a confidence lies between 0 and 1"
    for field in result.fields:
        if schema.entity(field.entity_id) is None:
            return f"the entity {field.entity_id[:100]!r} is not declared"
        if not 1 <= field.page <= max(count, 1):
            return f"page {field.page} does not exist"
        if not 0 <= field.confidence <= 1:
            return "a confidence lies between 0 and 1"
        if len(field.content) > FIELD_LENGTH:
            return f"a value has at most {FIELD_LENGTH} characters"
    return None


def fresh_pages(sizes: tuple[PageSize, ...]) -> tuple[Page, ...]:
    """Pages of these sizes with nothing on them yet."""
    return tuple(Page(f"page_{number}", size.width, size.height) for number, size in enumerate(sizes, 1))


def annotated(pages: tuple[Page, ...], fields: tuple[Proposal, ...], schema: Schema) -> tuple[Page, ...]:
    """The pages with these proposals as their annotations, numbered through the document."""
    if not pages and fields:
        pages = fresh_pages((PageSize(2480, 3508),))
    found: dict[int, list[Annotation]] = {}
    for number, field in enumerate(fields, 1):
        found.setdefault(field.page - 1, []).append(_annotation(f"ann_{number}", field, schema))
    return tuple(
        structs.replace(page, annotations=tuple(found.get(index, ()))) for index, page in enumerate(pages)
    )


def annotations_of(pages: tuple[Page, ...]) -> tuple[Annotation, ...]:
    """All annotations of a document, in page order."""
    return tuple(annotation for page in pages for annotation in page.annotations)


def _annotation(annotation_id: str, field: Proposal, schema: Schema) -> Annotation:
    entity = schema.entity(field.entity_id)
    normalized = None
    if entity is not None:
        is_given = field.normalized is not None and is_normal(entity, field.normalized)
        normalized = field.normalized if is_given else normalize(entity, field.content)
    left, top, right, bottom = field.box or (0.0, 0.0, 0.0, 0.0)
    return Annotation(
        id=annotation_id,
        entity_id=field.entity_id,
        confidence=field.confidence,
        content=field.content,
        top=top,
        left_of_line=left,
        normalized=normalized,
        coordinates=((left, top), (right, top), (right, bottom), (left, bottom)) if field.box else None,
    )
