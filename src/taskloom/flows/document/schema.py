"""What a project declares: the steps of its pipeline, the entities to find, labels and rules.

A schema is a value with a version. A document keeps the version it began with, so that a later edit of the
project never changes what happens to a document under way. `validation.parse_schema` is the only way in.
"""

import enum

from msgspec import Struct

THRESHOLD_DEFAULT = 0.9


class StepType(enum.StrEnum):
    """What a step does to a document."""

    OCR = "OCR"
    SPLIT = "SPLIT"
    CLASSIFY = "CLASSIFY"
    SEGMENT = "SEGMENT"
    EXTRACT = "EXTRACT"
    VALIDATE = "VALIDATE"
    EXPORT = "EXPORT"


REVIEWABLE = frozenset(
    {StepType.SPLIT, StepType.CLASSIFY, StepType.SEGMENT, StepType.EXTRACT, StepType.VALIDATE}
)
"""Steps a person can look at; reading the text and exporting pass or fail without anybody."""


class Automation(enum.StrEnum):
    """How far a step goes without a person."""

    NONE = "NONE"
    PREDICT = "PREDICT"
    PROCESS = "PROCESS"


class EntityType(enum.StrEnum):
    """What kind of value an entity has."""

    STRING = "string"
    NUMBER = "number"
    AMOUNT = "amount"
    DATE = "date"
    IBAN = "iban"
    VAT = "vat"
    ENUM = "enum"
    CHECKBOX = "checkbox"


class Severity(enum.StrEnum):
    """Whether a failed check blocks."""

    ERROR = "ERROR"
    WARNING = "WARNING"


class Direction(enum.StrEnum):
    """Where the value stands, seen from its label."""

    RIGHT = "right"
    BELOW = "below"
    ANY = "any"


class Step(Struct, frozen=True, forbid_unknown_fields=True):
    """One station of the pipeline.

    After it comes `next_by_label[label]`, else `next`, else the step that follows in the list.
    """

    id: str
    type: StepType
    automation: Automation = Automation.PREDICT
    threshold: float | None = None
    next: str | None = None
    next_by_label: dict[str, str] = {}
    reviewers: int = 1
    """How many different people must complete the review."""
    external: bool = False
    """Only workers outside do its automatic part; else the server does what it can by itself."""


class Anchor(Struct, frozen=True, forbid_unknown_fields=True):
    """A label printed on the page, and where its value stands."""

    text: str
    direction: Direction = Direction.ANY


class Entity(Struct, frozen=True, forbid_unknown_fields=True):
    """A value to find; `labels` restricts it to documents of those labels."""

    id: str
    type: EntityType
    name: str = ""
    required: bool = False
    threshold: float | None = None
    regex: str | None = None
    min: int | float | str | None = None
    max: int | float | str | None = None
    format: str | None = None
    """Decides what a text cannot: `DMY`, `MDY`, `YMD` for dates, `1.234,56` or `1,234.56` for numbers."""
    values: tuple[str, ...] = ()
    max_occurrences: int = 1
    anchors: tuple[Anchor, ...] = ()
    field: str | None = None
    """The known invoice field it is, when the id does not say so."""
    labels: tuple[str, ...] = ()


class Label(Struct, frozen=True, forbid_unknown_fields=True):
    """A kind of document."""

    id: str
    name: str = ""


class Rule(Struct, frozen=True, forbid_unknown_fields=True):
    """A FEEL expression over `doc` that must be true."""

    id: str
    expr: str
    severity: Severity = Severity.ERROR
    entities: tuple[str, ...] = ()
    message: str = ""
    labels: tuple[str, ...] = ()


class Schema(Struct, frozen=True, forbid_unknown_fields=True):
    """All that a project declares, in one version."""

    name: str
    description: str
    steps: tuple[Step, ...]
    entities: tuple[Entity, ...] = ()
    labels: tuple[Label, ...] = ()
    rules: tuple[Rule, ...] = ()
    threshold: float = THRESHOLD_DEFAULT
    sample_rate: float = 0.0
    """The share of documents that a person looks at although they passed."""
    warnings_block: bool = False
    """Whether a WARNING sends a document to review like an ERROR."""
    version: int = 0

    def entities_of(self, label: str | None) -> tuple[Entity, ...]:
        """The entities that count for a document of that label."""
        return tuple(entity for entity in self.entities if not entity.labels or label in entity.labels)

    def rules_of(self, label: str | None) -> tuple[Rule, ...]:
        """The rules that count for a document of that label."""
        return tuple(rule for rule in self.rules if not rule.labels or label in rule.labels)

    def entity(self, entity_id: str) -> Entity | None:
        """The entity of that id."""
        return next((entity for entity in self.entities if entity.id == entity_id), None)
