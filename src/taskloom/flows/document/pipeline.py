"""What may happen to a document, and what follows.

Theory of operation. A document walks the steps that were pinned when it began. A step has an automatic part,
a task some worker finishes, and for some kinds of step a review, a task a person completes. Reading the text
and exporting pass or fail; the kinds a person can judge (`schema.REVIEWABLE`) follow the step's automation:
NONE goes to a person at once, PREDICT runs and goes to a person, PROCESS goes on by itself when the check
finds nothing. VALIDATE has no worker, the check is its work.

Completing a review does not take the next step itself: it leaves the document PROCESSING at the same step
with a continuation, so that the answer to the person shows exactly this and the continuation runs once.
Exporting comes last; when it fails for good the document is COMPLETED all the same, and can be exported anew.

Each piece of open work has a ticket, the version of the document that opened it. A result, failure or
continuation for another ticket is refused as STALE, so what is delivered twice happens once.

Which status each move needs and which it may lead to stands in transitions.py.
"""

from typing import Any

from msgspec import structs

from taskloom.flows.document.check import Reason
from taskloom.flows.document.judgement import blocking_issues, review_reasons
from taskloom.flows.document.pages import StepResult, annotated, fresh_pages, result_fault
from taskloom.flows.document.schema import REVIEWABLE, Automation, Schema, StepType
from taskloom.flows.document.state import (
    Announce,
    Announcement,
    CloseWork,
    Continue,
    Document,
    Effect,
    Failure,
    Moved,
    OpenReview,
    Outcome,
    Refusal,
    Refused,
    RunStep,
    Status,
    Work,
)
from taskloom.flows.document.transitions import checked, move, refuse


def begin(document: Document, schema: Schema, now_ms: int) -> Moved:
    """A new document enters its first step; one that an import filter caught is FILTERED and ends."""
    assert schema.version == document.schema_version
    if document.status is Status.FILTERED:
        return Moved(structs.replace(document, ended_at=now_ms))
    return _enter(document, 0, schema, now_ms)


def finish_step(document: Document, schema: Schema, ticket: int, result: StepResult, now_ms: int) -> Outcome:
    """Take a worker's result and go on: to a person, to the next step, or to the end."""
    refused = refuse(document, "finish_step", Work.STEP, ticket)
    if refused is not None:
        return refused
    fault = result_fault(result, schema, document.pages)
    if fault is not None:
        return _end_step_badly(document, "finish_step", Failure("INVALID_RESULT", fault), now_ms)
    if document.current.type is StepType.EXPORT:
        return _exported(document, now_ms)
    if result.discard is not None:
        changes = {"discard_reason": result.discard, "ended_at": now_ms, "work": Work.NONE, "ticket": 0}
        return move(document, "finish_step", Status.DISCARDED, (Announce(Announcement.DISCARDED),), **changes)
    filled = _with_result(document, result, schema)
    return checked(document, "finish_step", _judge(filled, schema, now_ms))


def fail_step(document: Document, ticket: int, failure: Failure, now_ms: int) -> Outcome:
    """Take note that a step's automatic part has failed for good."""
    refused = refuse(document, "fail_step", Work.STEP, ticket)
    return refused or _end_step_badly(document, "fail_step", failure, now_ms)


def complete_review(document: Document, schema: Schema, by: str, now_ms: int) -> Outcome:
    """A person has looked: check the values, then leave the step, or ask for a second pair of eyes."""
    refused = refuse(document, "complete_review")
    if refused is not None:
        return refused
    if by in document.reviewed_by:
        return Refused(Refusal.SAME_REVIEWER, "The second review must be completed by somebody else.")
    issues = blocking_issues(document, schema, now_ms)
    if issues:
        count = f"{len(issues)} check{'s' if len(issues) > 1 else ''} failed."
        return Refused(Refusal.VALIDATION_FAILED, count, issues)
    seen_by = (*document.reviewed_by, by)
    ticket = document.version + 1
    if len(seen_by) < document.current.reviewers:
        review_round = document.review_round + 1
        effect = OpenReview(ticket, document.current, review_round, document.reasons)
        changes = {"reviewed_by": seen_by, "review_round": review_round, "ticket": ticket}
        return move(document, "complete_review", Status.REVIEWING, (effect,), **changes)
    changes = {"reviewed_by": seen_by, "was_reviewed": True, "work": Work.CONTINUATION, "ticket": ticket}
    return move(document, "complete_review", Status.PROCESSING, (Continue(ticket),), **changes)


def proceed(document: Document, schema: Schema, ticket: int, now_ms: int) -> Outcome:
    """Carry out the continuation that a completed review left."""
    refused = refuse(document, "proceed", Work.CONTINUATION, ticket)
    if refused is not None:
        return refused
    return checked(document, "proceed", _advance(document, schema, now_ms))


def discard(document: Document, reason: str, now_ms: int) -> Outcome:
    """End a document in review without going on."""
    refused = refuse(document, "discard")
    if refused is not None:
        return refused
    effects = (CloseWork(document.ticket), Announce(Announcement.DISCARDED))
    return move(
        document,
        "discard",
        Status.DISCARDED,
        effects,
        discard_reason=reason,
        work=Work.NONE,
        ticket=0,
        ended_at=now_ms,
    )


def report(document: Document) -> Outcome:
    """Note that a person could not process the document; it stays in review."""
    refused = refuse(document, "report")
    if refused is not None:
        return refused
    reasons = tuple(sorted({*document.reasons, Reason.REPORTED}))
    announce = (Announce(Announcement.REPORTED),)
    return move(document, "report", document.status, announce, is_reported=True, reasons=reasons)


def approve(document: Document) -> Outcome:
    """Mark the document as training data, once."""
    refused = refuse(document, "approve")
    if refused is not None:
        return refused
    if document.is_approved:
        return Refused(Refusal.ALREADY_APPROVED, "The task is approved already.")
    return move(document, "approve", document.status, (Announce(Announcement.APPROVED),), is_approved=True)


def retry(document: Document) -> Outcome:
    """Run the step again that failed."""
    refused = refuse(document, "retry")
    if refused is not None:
        return refused
    ticket = document.version + 1
    effects = (RunStep(ticket, document.current),)
    return move(
        document, "retry", Status.PROCESSING, effects, work=Work.STEP, ticket=ticket, failure=None, ended_at=0
    )


def retry_export(document: Document) -> Outcome:
    """Export again what could not be exported; the document stays COMPLETED."""
    refused = refuse(document, "retry_export")
    if refused is not None:
        return refused
    if not document.export_failed_at:
        return Refused(Refusal.EXPORT_NOT_FAILED, "The export of this task has not failed.")
    ticket = document.version + 1
    effects = (RunStep(ticket, document.current),)
    changes = {"work": Work.STEP, "ticket": ticket, "export_failed_at": 0, "failure": None}
    return move(document, "retry_export", Status.COMPLETED, effects, **changes)


def note_opened(document: Document, now_ms: int) -> Outcome:
    """Note that a reviewer opened the document."""
    return move(document, "note_opened", document.status, (), last_opened_at=now_ms)


def _enter(document: Document, index: int, schema: Schema, now_ms: int) -> Moved:
    """Begin a step: its worker's task, or at once what needs no worker."""
    fresh = structs.replace(
        document,
        step=index,
        status=Status.PROCESSING,
        reasons=(),
        reviewed_by=(),
        review_round=0,
        work=Work.NONE,
        ticket=0,
    )
    step = fresh.current
    if step.type in REVIEWABLE and step.automation is Automation.NONE:
        return _send_to_review(fresh, (Reason.ALWAYS,))
    if step.type is StepType.VALIDATE:
        return _judge(fresh, schema, now_ms)
    ticket = fresh.version + 1
    running = structs.replace(fresh, work=Work.STEP, ticket=ticket, version=ticket)
    return Moved(running, (RunStep(ticket, step),))


def _judge(document: Document, schema: Schema, now_ms: int) -> Moved:
    """The automatic part is done: send the document to a person if one has to look, else on."""
    if document.current.type not in REVIEWABLE:
        return _advance(document, schema, now_ms)
    reasons = review_reasons(document, schema, now_ms)
    return _send_to_review(document, reasons) if reasons else _advance(document, schema, now_ms)


def _send_to_review(document: Document, reasons: tuple[Reason, ...]) -> Moved:
    ticket = document.version + 1
    reviewing = structs.replace(
        document,
        status=Status.REVIEWING,
        reasons=reasons,
        review_round=1,
        reviewed_by=(),
        work=Work.REVIEW,
        ticket=ticket,
        version=ticket,
    )
    review = OpenReview(ticket, document.current, 1, reasons)
    return Moved(reviewing, (review, Announce(Announcement.IN_REVIEW)))


def _advance(document: Document, schema: Schema, now_ms: int) -> Moved:
    """Leave the step; after the last one the document is completed."""
    index = _index_after(document)
    if index is not None:
        return _enter(document, index, schema, now_ms)
    done = structs.replace(
        document,
        status=Status.COMPLETED,
        work=Work.NONE,
        ticket=0,
        ended_at=now_ms,
        version=document.version + 1,
    )
    return Moved(done, (Announce(Announcement.COMPLETED),))


def _index_after(document: Document) -> int | None:
    """The next step: by label, else as declared, else the one that follows; always a later one."""
    step = document.current
    target = step.next_by_label.get(document.label or "", step.next)
    if target is None:
        return document.step + 1 if document.step + 1 < len(document.steps) else None
    places: dict[str, int] = {later.id: index for index, later in enumerate(document.steps)}
    return places[target]


def _with_result(document: Document, result: StepResult, schema: Schema) -> Document:
    """The document with what this kind of step may change."""
    kind = document.current.type
    if kind is StepType.OCR:
        return structs.replace(document, pages=fresh_pages(result.pages))
    if kind is StepType.CLASSIFY:
        return structs.replace(document, label=result.label, label_confidence=result.label_confidence)
    if kind is StepType.EXTRACT:
        pages = document.pages or fresh_pages(result.pages)
        return structs.replace(document, pages=annotated(pages, result.fields, schema))
    return document


def _exported(document: Document, now_ms: int) -> Outcome:
    effects: tuple[Effect, ...] = (Announce(Announcement.EXPORTED),)
    if document.status is Status.PROCESSING:
        effects = (Announce(Announcement.COMPLETED), *effects)
    changes = {"work": Work.NONE, "ticket": 0, "exported_at": now_ms, "ended_at": document.ended_at or now_ms}
    return move(document, "finish_step", Status.COMPLETED, effects, **changes)


def _end_step_badly(document: Document, name: str, failure: Failure, now_ms: int) -> Outcome:
    """A failed export leaves the document completed; any other failure stops it."""
    ended: dict[str, Any] = {"work": Work.NONE, "ticket": 0, "ended_at": document.ended_at or now_ms}
    if document.current.type is not StepType.EXPORT:
        reasons = (Reason.STEP_FAILED,)
        announce = (Announce(Announcement.FAILED),)
        return move(document, name, Status.FAILED, announce, failure=failure, reasons=reasons, **ended)
    effects: tuple[Effect, ...] = (Announce(Announcement.EXPORT_FAILED),)
    if document.status is Status.PROCESSING:
        effects = (Announce(Announcement.COMPLETED), *effects)
    return move(document, name, Status.COMPLETED, effects, failure=failure, export_failed_at=now_ms, **ended)
