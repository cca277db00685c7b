"""The one check of a document's values: automatic processing asks it, and so does `complete`.

Issues say what is wrong with the values: required, type, form, range, check digits, rules. Confidence is no
issue: a value below its threshold is a *reason for a person to look*, and completing the review is the look.
"""

import enum
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation

from msgspec import Struct

from taskloom.flows.document.identifiers import has_iban_check, has_vat_check
from taskloom.flows.document.pages import Annotation
from taskloom.flows.document.patterns import matches
from taskloom.flows.document.rules import entities_of, feel_value, judge
from taskloom.flows.document.schema import Entity, EntityType, Schema, Severity, Step
from taskloom.flows.document.values import normalize


class Code(enum.StrEnum):
    """The kinds of issue."""

    MISSING = "MISSING"
    INVALID = "INVALID"
    RULE_FAILED = "RULE_FAILED"
    RULE_ERROR = "RULE_ERROR"


class Reason(enum.StrEnum):
    """Why a person has to look at a document."""

    ALWAYS = "ALWAYS"
    LOW_CONFIDENCE = "LOW_CONFIDENCE"
    MISSING = "MISSING"
    RULE_FAILED = "RULE_FAILED"
    RULE_ERROR = "RULE_ERROR"
    NEW_LAYOUT = "NEW_LAYOUT"
    SPLIT_SUGGESTED = "SPLIT_SUGGESTED"
    DUPLICATE = "DUPLICATE"
    SAMPLED = "SAMPLED"
    STEP_FAILED = "STEP_FAILED"
    REPORTED = "REPORTED"


class Issue(Struct, frozen=True):
    """One failed check, with the entities and annotations it is about."""

    rule_id: str
    code: Code
    severity: Severity
    entity_ids: tuple[str, ...]
    annotation_ids: tuple[str, ...]
    message: str


def check(
    annotations: tuple[Annotation, ...], schema: Schema, label: str | None, now_ms: int
) -> tuple[Issue, ...]:
    """Everything that is wrong with these values under the schema, in the order of the schema.

    `now_ms` is what a rule's `today()` and `now()` see.
    """
    found = _by_entity(annotations)
    issues: list[Issue] = []
    for entity in schema.entities_of(label):
        issues += _entity_issues(entity, found.get(entity.id, ()))
    return (*issues, *_rule_issues(found, schema, label, now_ms))


def blocks(issue: Issue, schema: Schema) -> bool:
    """Whether an issue sends a document to review; completing is blocked by ERROR alone."""
    return issue.severity is Severity.ERROR or schema.warnings_block


def reasons_to_review(
    annotations: tuple[Annotation, ...],
    issues: tuple[Issue, ...],
    schema: Schema,
    step: Step,
    label: str | None,
) -> tuple[Reason, ...]:
    """Why a document may not pass this step by itself; empty when it may."""
    reasons = {_REASON_OF[issue.code] for issue in issues if blocks(issue, schema)}
    entities = {entity.id: entity for entity in schema.entities_of(label)}
    for annotation in annotations:
        entity = entities.get(annotation.entity_id)
        if entity is not None and annotation.confidence < threshold(entity, step, schema):
            reasons.add(Reason.LOW_CONFIDENCE)
    return tuple(sorted(reasons))


def threshold(entity: Entity, step: Step, schema: Schema) -> float:
    """The confidence an entity needs: its own, else the step's, else the project's."""
    if entity.threshold is not None:
        return entity.threshold
    return schema.threshold if step.threshold is None else step.threshold


_REASON_OF: Mapping[Code, Reason] = {
    Code.MISSING: Reason.MISSING,
    Code.INVALID: Reason.RULE_FAILED,
    Code.RULE_FAILED: Reason.RULE_FAILED,
    Code.RULE_ERROR: Reason.RULE_ERROR,
}


def _by_entity(annotations: tuple[Annotation, ...]) -> dict[str, tuple[Annotation, ...]]:
    found: dict[str, tuple[Annotation, ...]] = {}
    for annotation in annotations:
        found[annotation.entity_id] = (*found.get(annotation.entity_id, ()), annotation)
    return found


def _entity_issues(entity: Entity, found: tuple[Annotation, ...]) -> list[Issue]:
    present = [annotation for annotation in found if annotation.content.strip()]
    if not present:
        if not entity.required:
            return []
        return [_issue("required", entity, found, f"{_name(entity)} is missing", Code.MISSING)]
    issues = []
    if len(present) > entity.max_occurrences:
        text = f"{_name(entity)} occurs {len(present)} times; {entity.max_occurrences} allowed"
        issues.append(_issue("max_occurrences", entity, tuple(present), text))
    for annotation in present:
        value = annotation.normalized or normalize(entity, annotation.content)
        if value is None:
            text = f"{_name(entity)}: {annotation.content[:80]!r} is not a valid {entity.type}"
            issues.append(_issue("type", entity, (annotation,), text))
            continue
        for kind, test in _VALUE_CHECKS:
            fault = test(entity, value)
            if fault is not None:
                issues.append(_issue(kind, entity, (annotation,), f"{_name(entity)}: {fault}"))
    return issues


def _rule_issues(
    found: Mapping[str, tuple[Annotation, ...]], schema: Schema, label: str | None, now_ms: int
) -> list[Issue]:
    rules = schema.rules_of(label)
    if not rules:
        return []
    doc = {
        entity.id: feel_value(entity, _values(entity, found.get(entity.id, ()))) for entity in schema.entities
    }
    issues = []
    for verdict in judge(rules, doc, label, now_ms):
        if verdict.passed:
            continue
        rule, about = verdict.rule, entities_of(verdict.rule)
        ids = tuple(annotation.id for name in about for annotation in found.get(name, ()))
        code = Code.RULE_ERROR if verdict.is_error else Code.RULE_FAILED
        message = ": ".join(filter(None, (rule.message or f"{rule.id} does not hold", verdict.detail)))
        issues.append(Issue(rule.id, code, rule.severity, about, ids, message))
    return issues


def _values(entity: Entity, found: tuple[Annotation, ...]) -> list[str]:
    """The valid values of an entity in their normal spelling."""
    values = (annotation.normalized or normalize(entity, annotation.content) for annotation in found)
    return [value for value in values if value is not None]


def _regex(entity: Entity, value: str) -> str | None:
    if entity.regex is None or matches(entity.regex, value):
        return None
    return f"{value[:80]!r} does not match {entity.regex[:200]}"


def _minimum(entity: Entity, value: str) -> str | None:
    if entity.min is None or _order(entity, value, str(entity.min)) >= 0:
        return None
    return f"{value} is below {entity.min}"


def _maximum(entity: Entity, value: str) -> str | None:
    if entity.max is None or _order(entity, value, str(entity.max)) <= 0:
        return None
    return f"{value} is above {entity.max}"


def _iban_digits(entity: Entity, value: str) -> str | None:
    if entity.type is not EntityType.IBAN or has_iban_check(value):
        return None
    return f"the check digits of {value} are wrong"


def _vat_digits(entity: Entity, value: str) -> str | None:
    if entity.type is not EntityType.VAT or has_vat_check(value):
        return None
    return f"the check digit of {value} is wrong"


_VALUE_CHECKS: tuple[tuple[str, Callable[[Entity, str], str | None]], ...] = (
    ("regex", _regex),
    ("min", _minimum),
    ("max", _maximum),
    ("iban", _iban_digits),
    ("vat", _vat_digits),
)


def _order(entity: Entity, value: str, bound: str) -> int:
    """-1, 0 or 1; numbers compare as decimals, dates and texts by their spelling."""
    if entity.type in {EntityType.AMOUNT, EntityType.NUMBER}:
        try:
            left, right = Decimal(value), Decimal(bound)
        except InvalidOperation:
            return 0
        return (left > right) - (left < right)
    return (value > bound) - (value < bound)


def _issue(
    kind: str, entity: Entity, found: tuple[Annotation, ...], message: str, code: Code = Code.INVALID
) -> Issue:
    ids = tuple(annotation.id for annotation in found)
    return Issue(f"{kind}:{entity.id}", code, Severity.ERROR, (entity.id,), ids, message)


def _name(entity: Entity) -> str:
    return entity.name or entity.id
