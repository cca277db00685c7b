"""Whether a document may leave its step: what blocks it, and why a person has to look."""

from taskloom.flows.document.check import Code, Issue, Reason, check, reasons_to_review
from taskloom.flows.document.pages import annotations_of
from taskloom.flows.document.schema import Automation, Schema, Severity, StepType
from taskloom.flows.document.state import Document

_CHECKED = frozenset({StepType.EXTRACT, StepType.VALIDATE})
_GOLDEN = 0x9E3779B97F4A7C15
_MASK = (1 << 64) - 1


def blocking_issues(document: Document, schema: Schema, now_ms: int) -> tuple[Issue, ...]:
    """What keeps a person from completing the review of this step: ERROR issues, thresholds never."""
    return tuple(issue for issue in issues_of(document, schema, now_ms) if issue.severity is Severity.ERROR)


def issues_of(document: Document, schema: Schema, now_ms: int) -> tuple[Issue, ...]:
    """Everything that is wrong with the document at its step."""
    kind = document.current.type
    if kind is StepType.CLASSIFY and document.label is None:
        return (Issue("required:label", Code.MISSING, Severity.ERROR, (), (), "the label is missing"),)
    if kind not in _CHECKED:
        return ()
    return check(annotations_of(document.pages), schema, document.label, now_ms)


def review_reasons(document: Document, schema: Schema, now_ms: int) -> tuple[Reason, ...]:
    """Why a person has to look before the document leaves its step; empty when nobody needs to."""
    step = document.current
    reasons: set[Reason] = set()
    if step.automation is not Automation.PROCESS:
        reasons.add(Reason.ALWAYS)
    if step.type is StepType.CLASSIFY:
        needed = schema.threshold if step.threshold is None else step.threshold
        if document.label is None:
            reasons.add(Reason.MISSING)
        elif document.label_confidence < needed:
            reasons.add(Reason.LOW_CONFIDENCE)
    if step.type in _CHECKED:
        issues = issues_of(document, schema, now_ms)
        annotations = annotations_of(document.pages)
        reasons.update(reasons_to_review(annotations, issues, schema, step, document.label))
    if not reasons and step.type is StepType.EXTRACT and is_sampled(document.key, schema.sample_rate):
        reasons.add(Reason.SAMPLED)
    return tuple(sorted(reasons))


def is_sampled(key: int, rate: float) -> bool:
    """Whether a document belongs to the share that is audited; the key alone decides, so a replay agrees."""
    mixed = (key * _GOLDEN) & _MASK
    mixed ^= mixed >> 29
    mixed = (mixed * 0xBF58476D1CE4E5B9) & _MASK
    mixed ^= mixed >> 32
    return mixed < rate * (1 << 64)
