"""The rows of the status table, and what each move asks the engine to do."""

import pytest
from msgspec import structs

from taskloom.flows.document.check import Reason
from taskloom.flows.document.judgement import is_sampled
from taskloom.flows.document.pages import Proposal, StepResult
from taskloom.flows.document.pipeline import (
    approve,
    begin,
    complete_review,
    discard,
    fail_step,
    finish_step,
    note_opened,
    proceed,
    report,
    retry,
    retry_export,
)
from taskloom.flows.document.state import (
    Announce,
    Announcement,
    CloseWork,
    Continue,
    Failure,
    Moved,
    OpenReview,
    Refusal,
    Refused,
    RunStep,
    Status,
    Work,
)

DAMAGED = Failure("UNSUPPORTED_FILE", "The file is damaged.")


def announced(moved: Moved) -> list[Announcement]:
    return [effect.what for effect in moved.effects if isinstance(effect, Announce)]


def test_a_new_document_enters_its_first_step(bench):
    moved = bench.started(bench.schema())

    assert moved.document.status is Status.PROCESSING
    assert moved.effects == (RunStep(moved.document.ticket, moved.document.steps[0]),)


def test_a_filtered_document_ends_at_once(bench):
    schema = bench.schema()

    moved = begin(bench.document(schema, status=Status.FILTERED), schema, bench.now_ms)

    assert (moved.document.status, moved.document.ended_at) == (Status.FILTERED, bench.now_ms)
    assert moved.effects == ()


def test_reading_passes_to_the_next_step_and_leaves_pages(bench):
    schema = bench.schema()
    moved = finish_step(
        bench.started(schema).document, schema, bench.started(schema).document.ticket, bench.read, 0
    )

    assert [page.id for page in moved.document.pages] == ["page_1", "page_2"]
    assert moved.document.current.id == "extract"
    assert moved.effects == (RunStep(moved.document.ticket, schema.steps[1]),)


def test_predict_always_goes_to_a_person_with_its_values(bench):
    document = bench.in_review()

    assert document.reasons == (Reason.ALWAYS,)
    first, second = (page.annotations[0] for page in document.pages)
    assert (first.id, first.content, first.normalized) == ("ann_1", "1.234,56 €", "1234.56")
    assert (first.top, first.left_of_line) == (200.0, 100.0)
    assert first.coordinates == ((100.0, 200.0), (300.0, 200.0), (300.0, 240.0), (100.0, 240.0))
    assert (second.id, second.normalized) == ("ann_2", "2024-03-05")


def test_none_goes_to_a_person_without_any_task(bench):
    schema = bench.schema(automation="NONE")
    start = bench.started(schema).document

    moved = finish_step(start, schema, start.ticket, bench.read, bench.now_ms)

    assert moved.document.status is Status.REVIEWING
    review = OpenReview(moved.document.ticket, schema.steps[1], 1, (Reason.ALWAYS,))
    assert moved.effects == (review, Announce(Announcement.IN_REVIEW))


def test_process_passes_by_itself_when_everything_is_good(bench):
    schema = bench.schema(automation="PROCESS")
    document = bench.at_extract(schema)

    moved = finish_step(document, schema, document.ticket, bench.good, bench.now_ms)

    assert (moved.document.status, moved.document.current.id) == (Status.PROCESSING, "export")
    assert moved.effects == (RunStep(moved.document.ticket, schema.steps[2]),)


@pytest.mark.parametrize(
    ("fields", "reasons"),
    [
        ((), (Reason.MISSING,)),
        ((Proposal("total_amount", "1,00", 0.5),), (Reason.LOW_CONFIDENCE,)),
        ((Proposal("total_amount", "much", 1.0),), (Reason.RULE_FAILED,)),
        (
            (Proposal("total_amount", "much", 0.1), Proposal("issue_date", "never", 1.0)),
            (Reason.LOW_CONFIDENCE, Reason.RULE_FAILED),
        ),
    ],
)
def test_process_goes_to_a_person_with_the_reasons_when_something_is_not(bench, fields, reasons):
    schema = bench.schema(automation="PROCESS")
    document = bench.at_extract(schema)

    moved = finish_step(document, schema, document.ticket, StepResult(fields=fields), bench.now_ms)

    assert moved.document.status is Status.REVIEWING
    assert moved.document.reasons == reasons


def test_the_last_step_completes_the_document_and_notes_the_export(bench):
    schema = bench.schema(automation="PROCESS")
    document = bench.finish(bench.at_extract(schema), schema, bench.good)

    moved = finish_step(document, schema, document.ticket, StepResult(), bench.now_ms)

    assert (moved.document.status, moved.document.exported_at) == (Status.COMPLETED, bench.now_ms)
    assert announced(moved) == [Announcement.COMPLETED, Announcement.EXPORTED]


def test_a_pipeline_without_export_completes_after_its_last_review(bench):
    schema = bench.schema(steps=[{"id": "e", "type": "EXTRACT"}])
    start = bench.started(schema).document
    reviewing = bench.finish(start, schema, bench.good)
    done = complete_review(reviewing, schema, "ada", bench.now_ms).document

    moved = proceed(done, schema, done.ticket, bench.now_ms)

    assert moved.document.status is Status.COMPLETED
    assert (moved.document.exported_at, moved.document.ended_at) == (0, bench.now_ms)


def test_completing_stays_at_the_step_and_leaves_one_continuation(bench):
    schema = bench.schema()
    document = bench.in_review(schema)

    moved = complete_review(document, schema, "ada", bench.now_ms)

    after = moved.document
    assert (after.status, after.current.id, after.work) == (
        Status.PROCESSING,
        "extract",
        Work.CONTINUATION,
    )
    assert moved.effects == (Continue(after.ticket),)
    assert after.pages == document.pages


def test_the_continuation_runs_once(bench):
    schema = bench.schema()
    done = complete_review(bench.in_review(schema), schema, "ada", bench.now_ms).document

    first = proceed(done, schema, done.ticket, bench.now_ms)
    again = proceed(first.document, schema, done.ticket, bench.now_ms)

    assert first.document.current.id == "export"
    assert again.code is Refusal.STALE


def test_completing_with_an_error_is_refused_with_every_issue(bench):
    schema = bench.schema()
    document = bench.in_review(schema)
    emptied = structs.replace(
        document, pages=tuple(structs.replace(page, annotations=()) for page in document.pages)
    )

    refused = complete_review(emptied, schema, "ada", bench.now_ms)

    assert refused.code is Refusal.VALIDATION_FAILED
    assert refused.message == "1 check failed."
    assert [issue.rule_id for issue in refused.issues] == ["required:total_amount"]


def test_low_confidence_does_not_keep_a_person_from_completing(bench):
    schema = bench.schema()
    result = StepResult(fields=(Proposal("total_amount", "1,00", 0.1),))
    document = bench.finish(bench.at_extract(schema), schema, result)

    assert isinstance(complete_review(document, schema, "ada", bench.now_ms), Moved)


def test_four_eyes_need_two_different_people(bench):
    steps = [{"id": "e", "type": "EXTRACT", "reviewers": 2}]
    schema = bench.schema(steps=steps)
    document = bench.finish(bench.started(schema).document, schema, bench.good)

    first = complete_review(document, schema, "ada", bench.now_ms)
    same = complete_review(first.document, schema, "ada", bench.now_ms)
    second = complete_review(first.document, schema, "bob", bench.now_ms)

    assert (first.document.status, first.document.review_round) == (Status.REVIEWING, 2)
    assert first.effects == (OpenReview(first.document.ticket, schema.steps[0], 2, document.reasons),)
    assert same.code is Refusal.SAME_REVIEWER
    assert second.document.status is Status.PROCESSING
    assert second.document.reviewed_by == ("ada", "bob")


def test_discarding_ends_the_document_and_withdraws_its_review(bench):
    document = bench.in_review()

    moved = discard(document, "not an invoice", bench.now_ms)

    assert (moved.document.status, moved.document.discard_reason) == (Status.DISCARDED, "not an invoice")
    assert moved.effects == (CloseWork(document.ticket), Announce(Announcement.DISCARDED))


def test_a_worker_may_discard_a_document(bench):
    schema = bench.schema()
    document = bench.at_extract(schema)

    moved = finish_step(document, schema, document.ticket, StepResult(discard="advertisement"), 5)

    assert (moved.document.status, moved.document.work) == (Status.DISCARDED, Work.NONE)
    assert announced(moved) == [Announcement.DISCARDED]


def test_reporting_keeps_the_document_in_review(bench):
    document = bench.in_review()

    moved = report(document)

    assert (moved.document.status, moved.document.ticket) == (Status.REVIEWING, document.ticket)
    assert moved.document.is_reported
    assert moved.document.reasons == (Reason.ALWAYS, Reason.REPORTED)
    assert announced(moved) == [Announcement.REPORTED]


def test_approval_happens_once_and_not_while_processing(bench):
    schema = bench.schema()
    document = bench.in_review(schema)

    approved = approve(document).document

    assert approved.is_approved
    assert approve(approved).code is Refusal.ALREADY_APPROVED
    assert approve(bench.at_extract(schema)).code is Refusal.PROCESSING


def test_a_failed_step_fails_the_document_and_retry_runs_it_again(bench):
    schema = bench.schema()
    document = bench.at_extract(schema)

    failed = fail_step(document, document.ticket, DAMAGED, bench.now_ms)
    again = retry(failed.document)

    assert (failed.document.status, failed.document.failure) == (Status.FAILED, DAMAGED)
    assert failed.document.reasons == (Reason.STEP_FAILED,)
    assert announced(failed) == [Announcement.FAILED]
    assert (again.document.status, again.document.failure) == (Status.PROCESSING, None)
    assert again.effects == (RunStep(again.document.ticket, schema.steps[1]),)


def test_a_failed_export_completes_the_document_and_can_be_repeated(bench):
    schema = bench.schema(automation="PROCESS")
    document = bench.finish(bench.at_extract(schema), schema, bench.good)

    failed = fail_step(document, document.ticket, Failure("DISK_FULL", "No space."), bench.now_ms)
    again = retry_export(failed.document)
    done = finish_step(again.document, schema, again.document.ticket, StepResult(), bench.now_ms + 1)

    assert failed.document.status is Status.COMPLETED
    assert (failed.document.exported_at, failed.document.export_failed_at) == (0, bench.now_ms)
    assert announced(failed) == [Announcement.COMPLETED, Announcement.EXPORT_FAILED]
    assert (again.document.status, again.document.export_failed_at) == (Status.COMPLETED, 0)
    assert (done.document.exported_at, done.document.ended_at) == (bench.now_ms + 1, bench.now_ms)
    assert announced(done) == [Announcement.EXPORTED]
    assert retry_export(done.document).code is Refusal.EXPORT_NOT_FAILED


def test_a_result_for_another_ticket_changes_nothing(bench):
    schema = bench.schema()
    document = bench.at_extract(schema)

    assert finish_step(document, schema, document.ticket - 1, bench.good, 0).code is Refusal.STALE
    assert fail_step(document, document.ticket + 1, DAMAGED, 0).code is Refusal.STALE
    reviewing = bench.in_review(schema)
    assert finish_step(reviewing, schema, reviewing.ticket, bench.good, 0).code is Refusal.STALE


@pytest.mark.parametrize(
    "result",
    [
        StepResult(fields=(Proposal("nothing", "1"),)),
        StepResult(fields=(Proposal("total_amount", "1", 1.5),)),
        StepResult(fields=(Proposal("total_amount", "1", 1.0, 3),)),
        StepResult(fields=(Proposal("total_amount", "1" * 10_001),)),
        StepResult(fields=tuple(Proposal("total_amount", "1") for _ in range(5_001))),
        StepResult(label="gone"),
    ],
)
def test_a_result_that_cannot_be_taken_fails_the_step_with_the_reason(bench, result):
    schema = bench.schema()
    document = bench.at_extract(schema)

    moved = finish_step(document, schema, document.ticket, result, bench.now_ms)

    assert moved.document.status is Status.FAILED
    assert moved.document.failure.code == "INVALID_RESULT"


def test_a_label_routes_to_its_own_step(bench):
    steps = [
        {"id": "sort", "type": "CLASSIFY", "automation": "PROCESS", "next_by_label": {"letter": "export"}},
        {"id": "extract", "type": "EXTRACT"},
        {"id": "export", "type": "EXPORT"},
    ]
    schema = bench.schema(steps=steps, labels=[{"id": "letter"}, {"id": "invoice"}])
    start = bench.started(schema).document

    def step_after(**result):
        return bench.finish(start, schema, StepResult(**result))

    assert step_after(label="letter").current.id == "export"
    assert step_after(label="invoice").current.id == "extract"
    assert step_after(label="letter", label_confidence=0.3).reasons == (Reason.LOW_CONFIDENCE,)
    assert step_after().reasons == (Reason.MISSING,)


def test_an_unlabelled_document_cannot_leave_classification(bench):
    schema = bench.schema(steps=[{"id": "sort", "type": "CLASSIFY"}], labels=[{"id": "letter"}])
    document = bench.finish(bench.started(schema).document, schema, StepResult())

    refused = complete_review(document, schema, "ada", bench.now_ms)

    assert [issue.rule_id for issue in refused.issues] == ["required:label"]


def test_validation_needs_no_worker(bench):
    steps = [
        {"id": "extract", "type": "EXTRACT", "automation": "PROCESS"},
        {"id": "validate", "type": "VALIDATE", "automation": "PROCESS"},
    ]
    schema = bench.schema(steps=steps)

    document = bench.finish(bench.started(schema).document, schema, bench.good)

    assert document.status is Status.COMPLETED


def test_the_audited_share_follows_from_the_key_alone(bench):
    keys = range(1_000_000, 1_010_000)

    assert not any(is_sampled(key, 0.0) for key in keys)
    assert all(is_sampled(key, 1.0) for key in keys)
    assert 900 < sum(is_sampled(key, 0.1) for key in keys) < 1_100
    schema = bench.schema(automation="PROCESS", sample_rate=1.0)
    assert bench.in_review(schema).reasons == (Reason.SAMPLED,)


def test_opening_notes_the_instant_and_nothing_else(bench):
    document = bench.in_review()

    moved = note_opened(document, 99)

    assert moved.document == structs.replace(document, last_opened_at=99, version=document.version + 1)


def test_a_refusal_names_the_status_and_the_rule(bench):
    schema = bench.schema()

    refused = complete_review(bench.at_extract(schema), schema, "ada", bench.now_ms)

    assert refused == Refused(
        Refusal.NOT_REVIEWING, "Task is PROCESSING; only REVIEWING tasks can be completed."
    )
