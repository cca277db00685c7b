"""Each row of the table of states, over HTTP, with workers of other dialects doing the steps."""

import msgspec
import pytest

from taskloom.core.commands import Cancel, Fail
from taskloom.core.rejections import Kind, Rejection
from tests.dialects.documents.desk import (
    READ_OUTSIDE,
    REVIEW_AT_ONCE,
    TEAM,
    TWO_REVIEWS,
    accepted,
    bare,
    schema,
)

READ = {"pages": [{"width": 2480, "height": 3508}]}
GOOD = {
    **READ,
    "fields": [
        {"entity_id": "invoice_number", "content": "R-1", "confidence": 0.99},
        {"entity_id": "issue_date", "content": "05.03.2024", "confidence": 0.99},
        {"entity_id": "net_amount", "content": "100,00", "confidence": 0.99},
        {"entity_id": "tax_amount", "content": "19,00", "confidence": 0.99},
        {"entity_id": "total_amount", "content": "119,00", "confidence": 0.99},
    ],
}


def with_total(text, confidence=0.99):
    return {
        **GOOD,
        "fields": [
            *GOOD["fields"][:4],
            {"entity_id": "total_amount", "content": text, "confidence": confidence},
        ],
    }


def outside(automation):
    """The pipeline of the samples, its steps done by workers outside."""
    return schema(
        steps=[
            {"id": "ocr", "type": "OCR", "external": True},
            {"id": "extract", "type": "EXTRACT", "automation": automation, "external": True},
            {"id": "export", "type": "EXPORT"},
        ]
    )


async def extracted(desk, automation, result=GOOD):
    """A document whose fields a worker outside has proposed."""
    await desk.declare(outside(automation))
    task_id = await desk.one()
    accepted(await desk.finish(await desk.claim("proj_3/ocr"), READ))
    accepted(await desk.finish(await desk.claim("proj_3/extract"), result))
    return task_id


async def test_an_upload_is_processing(desk):
    await desk.declare(bare(READ_OUTSIDE))

    task = await desk.task(await desk.one())

    assert (task["status"], task["step_type"], task["pages"]) == ("PROCESSING", "OCR", [])


async def test_without_automation_a_person_looks_at_once(desk):
    await desk.declare(bare(REVIEW_AT_ONCE))

    task = await desk.task(await desk.one(), is_extended=True)

    assert (task["status"], task["x"]["review_reasons"]) == ("REVIEWING", ["ALWAYS"])


async def test_a_done_step_leads_to_the_next_one(desk):
    await desk.declare(outside("PROCESS"))
    task_id = await desk.one()

    accepted(await desk.finish(await desk.claim("proj_3/ocr"), READ))

    task = await desk.task(task_id)
    assert (task["status"], task["step_type"], len(task["pages"])) == ("PROCESSING", "EXTRACT", 1)


async def test_predicted_values_always_go_to_a_person(desk):
    task = await desk.task(await extracted(desk, "PREDICT"), is_extended=True)

    assert (task["status"], task["x"]["review_reasons"], task["x"]["issues"]) == ("REVIEWING", ["ALWAYS"], [])
    first = task["pages"][0]["annotations"][1]
    assert (first["content"], first["x"]["normalized"]) == ("05.03.2024", "2024-03-05")


async def test_what_passes_every_check_is_completed_without_a_person(desk):
    task_id = await extracted(desk, "PROCESS")

    task = await desk.until(task_id, "COMPLETED")

    assert task["exported_at"] is not None
    assert await desk.told("document.in_review") == []


@pytest.mark.parametrize(
    ("result", "reasons"),
    [
        (with_total("120,00"), ["RULE_FAILED"]),
        (with_total("119,00", 0.5), ["LOW_CONFIDENCE"]),
        ({**GOOD, "fields": GOOD["fields"][:4]}, ["MISSING", "RULE_ERROR"]),
    ],
)
async def test_what_fails_a_check_goes_to_a_person_with_the_reasons(desk, result, reasons):
    task = await desk.task(await extracted(desk, "PROCESS", result), is_extended=True)

    assert (task["status"], task["x"]["review_reasons"]) == ("REVIEWING", reasons)


async def test_a_step_that_fails_for_good_fails_the_document_until_it_is_retried(desk):
    await desk.declare(outside("PREDICT"))
    task_id = await desk.one()
    handout = await desk.claim("proj_3/ocr")
    failed = Fail(
        key=handout.task.key, tenant=TEAM, code="BLANK", message="empty", final=True, token=handout.task.token
    )
    accepted(await desk.engine.submit(failed))
    task = await desk.task(task_id, is_extended=True)
    assert (task["status"], task["x"]["failure"]) == ("FAILED", {"code": "BLANK", "message": "empty"})

    retried = await desk.act(task_id, "retry")

    assert (retried.status, retried.json()["payload"]["status"]) == (200, "PROCESSING")
    accepted(await desk.finish(await desk.claim("proj_3/ocr"), READ))
    assert (await desk.task(task_id))["step_type"] == "EXTRACT"
    assert (await desk.act(task_id, "retry")).json()["error"]["code"] == "TASK_NOT_FAILED"


async def test_failures_are_forgiven_as_often_as_the_policy_says(desk):
    await desk.declare(outside("PREDICT"))
    task_id = await desk.one()

    for status in ("PROCESSING", "PROCESSING", "FAILED"):
        handout = await desk.claim("proj_3/ocr")
        accepted(await desk.engine.submit(Fail(key=handout.task.key, tenant=TEAM, token=handout.task.token)))
        assert (await desk.task(task_id))["status"] == status


async def test_out_of_retries_and_thrown_errors_fail_a_document_whatever_the_dialect_calls_it(desk):
    await desk.declare(outside("PREDICT"))
    for more in ({"retries": 0, "suspend": True}, {"thrown": True}):
        task_id = await desk.one()
        handout = await desk.claim("proj_3/ocr")
        failed = Fail(key=handout.task.key, tenant=TEAM, code="E", token=handout.task.token, **more)
        accepted(await desk.engine.submit(failed))

        assert (await desk.task(task_id))["status"] == "FAILED"
        assert (await desk.engine.store.task(handout.task.key)).is_final


async def test_a_step_may_reject_a_document(desk):
    await desk.declare(outside("PREDICT"))
    task_id = await desk.one()
    accepted(await desk.finish(await desk.claim("proj_3/ocr"), READ))

    accepted(await desk.finish(await desk.claim("proj_3/extract"), {"discard": "an advertisement"}))

    assert (await desk.task(task_id))["status"] == "DISCARDED"


async def test_a_result_a_step_cannot_take_is_refused_and_may_be_handed_in_anew(desk):
    await desk.declare(outside("PREDICT"))
    task_id = await desk.one()
    handout = await desk.claim("proj_3/ocr")

    for wrong in (
        {"pages": "two"},
        {"pages": [{"width": -1, "height": 1}]},
        {"label": "unheard of"},
        {"result": READ},
        {},
        None,
        [1],
    ):
        refused = await desk.finish(handout, wrong)
        assert isinstance(refused, Rejection)
        assert (refused.kind, refused.code) == (Kind.INVALID, "INVALID_RESULT")

    accepted(await desk.finish(handout, READ))
    assert (await desk.task(task_id))["step_type"] == "EXTRACT"


async def test_an_invalid_completion_names_the_issues_and_changes_nothing(desk):
    task_id = await extracted(desk, "PREDICT", with_total("120,00"))
    before = await desk.task(task_id)

    answer = await desk.act(task_id, "complete")

    error = answer.json()["error"]
    assert (answer.status, error["code"], error["message"]) == (400, "VALIDATION_FAILED", "1 check failed.")
    (issue,) = error["details"]["issues"]
    assert (issue["rule_id"], issue["severity"]) == ("total_sum", "ERROR")
    assert issue["entity_ids"] == ["net_amount", "tax_amount", "total_amount"]
    assert issue["annotation_ids"] == ["ann_3", "ann_4", "ann_5"]
    assert await desk.task(task_id) == before
    dry = await desk.act(task_id, "validate")
    assert dry.json() == {"payload": {"issues": [issue]}}


async def test_a_worker_of_another_dialect_meets_the_same_check(desk):
    task_id = await extracted(desk, "PREDICT", with_total("120,00"))
    review = await desk.claim("proj_3/review")

    refused = await desk.finish(review)

    assert isinstance(refused, Rejection)
    assert (refused.kind, refused.code) == (Kind.INVALID, "VALIDATION_FAILED")
    assert b"total_sum" in refused.data
    assert (await desk.task(task_id))["status"] == "REVIEWING"
    assert not (await desk.engine.store.task(review.task.key)).is_final


async def test_a_worker_of_another_dialect_completes_a_review(desk):
    task_id = await extracted(desk, "PREDICT")

    accepted(await desk.finish(await desk.claim("proj_3/review")))

    task = await desk.until(task_id, "COMPLETED")
    assert task["exported_at"] is not None


async def test_discarding_ends_the_review_and_withdraws_its_task(desk):
    await desk.declare(bare(REVIEW_AT_ONCE))
    task_id = await desk.one()
    review = await desk.open_review(task_id)

    answer = await desk.act(task_id, "discard", {"reason": "not ours"})

    assert (answer.status, answer.json()["payload"]["status"]) == (200, "DISCARDED")
    assert (await desk.engine.store.task(review)).is_final


async def test_cancelling_the_task_of_a_review_discards_the_document(desk):
    await desk.declare(bare(REVIEW_AT_ONCE))
    task_id = await desk.one()

    cancel = Cancel(key=await desk.open_review(task_id), tenant=TEAM, reason="gone")
    accepted(await desk.engine.submit(cancel))

    assert (await desk.task(task_id))["status"] == "DISCARDED"


async def test_nobody_can_fail_a_review(desk):
    await desk.declare(bare(REVIEW_AT_ONCE))
    task_id = await desk.one()
    review = await desk.claim("proj_3/review")

    failed = Fail(key=review.task.key, tenant=TEAM, final=True, token=review.task.token)
    accepted(await desk.engine.submit(failed))

    assert (await desk.task(task_id))["status"] == "REVIEWING"
    accepted(await desk.finish(await desk.claim("proj_3/review")))
    await desk.until(task_id, "COMPLETED")


async def test_reporting_keeps_the_review_and_moves_the_upload(desk):
    await desk.declare(bare(REVIEW_AT_ONCE))
    upload_id, (task_id,) = await desk.upload({"inv.pdf": b"%PDF-"})

    answer = await desk.act(task_id, "report", {"issues": [{"label": "scan", "value": "unreadable"}]})

    assert (answer.status, answer.json()["payload"]["status"]) == (200, "REVIEWING")
    upload = await desk.client.get(f"/v2/{TEAM}/upload/{upload_id}")
    assert upload.json()["payload"]["folder_id"] == "folder_reported"
    ((_, told),) = await desk.told("document.reported")
    assert told["issues"] == [{"label": "scan", "value": "unreadable"}]
    for wrong in ({"issues": []}, {}, {"issues": [{"label": "scan"}]}, []):
        assert (await desk.act(task_id, "report", wrong)).json()["error"]["code"] == "INVALID_PARAMETER"


async def test_approving_is_possible_once_and_not_while_processing(desk):
    await desk.declare(bare(READ_OUTSIDE))
    processing = await desk.one()
    assert (await desk.act(processing, "approve")).json()["error"]["code"] == "TASK_PROCESSING"
    await desk.declare(bare(REVIEW_AT_ONCE))
    task_id = await desk.one()
    await desk.act(task_id, "discard")

    approved = await desk.act(task_id, "approve")

    assert (approved.status, approved.json()["payload"]["approved"]) == (200, True)
    assert (await desk.act(task_id, "approve")).json()["error"]["code"] == "ALREADY_APPROVED"


async def test_four_eyes_are_those_of_two_people(desk):
    steps = [{**REVIEW_AT_ONCE[0], "reviewers": 2}, REVIEW_AT_ONCE[1]]
    await desk.declare(bare(steps))
    task_id = await desk.one()

    first = await desk.act(task_id, "complete")

    assert (first.status, first.json()["payload"]["status"]) == (200, "REVIEWING")
    assert (await desk.act(task_id, "complete")).json()["error"]["code"] == "SAME_REVIEWER"
    second = desk.server.client(await desk.server.key("second", TEAM))
    answer = await second.post(f"/v2/{TEAM}/project/proj_3/task/{task_id}/complete")
    assert (answer.status, answer.json()["payload"]["status"]) == (200, "PROCESSING")
    await desk.until(task_id, "COMPLETED")


async def test_a_document_keeps_the_steps_it_began_with(desk):
    await desk.declare(bare(TWO_REVIEWS))
    task_id = await desk.one()

    await desk.declare(bare(REVIEW_AT_ONCE))
    await desk.act(task_id, "complete")

    assert (await desk.until(task_id, "REVIEWING", step_type="VALIDATE"))["status"] == "REVIEWING"


async def test_a_worker_is_told_what_is_to_be_done_and_where_the_file_is(desk):
    await desk.declare(outside("PREDICT"))
    task_id = await desk.one(b"%PDF-1.7 the file")
    accepted(await desk.finish(await desk.claim("proj_3/ocr"), READ))

    shown = msgspec.json.decode((await desk.claim("proj_3/extract")).input)

    assert (shown["task_id"], shown["step"]) == (task_id, {"id": "extract", "type": "EXTRACT"})
    assert [entity["id"] for entity in shown["entities"]][:2] == ["invoice_number", "issue_date"]
    fetched = await desk.client.get(shown["file"]["href"])
    assert (fetched.status, fetched.body) == (200, b"%PDF-1.7 the file")
    assert fetched.headers["content-disposition"] == "attachment; filename*=UTF-8''inv.pdf"
    assert fetched.headers["x-content-type-options"] == "nosniff"
