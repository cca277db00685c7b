"""The published example of completing a task, answered to the letter."""

import re

import msgspec
import pytest

from taskloom.dialects.documents.translate import task_shown
from taskloom.dialects.documents.wire import CompletedAnswer
from taskloom.flows.document import ids
from taskloom.flows.document.pages import Annotation, Checkbox, Page, Region
from taskloom.flows.document.schema import Step, StepType
from taskloom.flows.document.state import Document, Meta
from tests.dialects.documents.desk import REVIEW_AT_ONCE, bare

CREATED_MS = 1_705_314_600_000  # 2024-01-15T10:30:00Z
OPENED_MS = 1_705_320_900_000  # 2024-01-15T12:15:00Z
KEY = 4_500_000_000_000

EXAMPLE = {
    "payload": {
        "id": ids.spell(ids.TASK, KEY),
        "name": "Document Analysis Task",
        "created_at": "2024-01-15T10:30:00Z",
        "meta": [{"name": "category", "value": "invoice"}],
        "status": "PROCESSING",
        "step_type": "EXTRACT",
        "upload_id": ids.spell(ids.UPLOAD, KEY + 1),
        "project_id": "proj_123456",
        "approved": False,
        "exported_at": None,
        "export_failed_at": None,
        "last_opened_at": "2024-01-15T12:15:00Z",
        "pages": [
            {
                "id": "page_1",
                "width": 2480,
                "height": 3508,
                "annotations": [
                    {
                        "id": "ann_1",
                        "entity_id": "total_amount",
                        "confidence": 0.98,
                        "content": "$1,234.56",
                        "top": 120.5,
                        "left_of_line": 340.0,
                    }
                ],
                "checkboxes": [
                    {
                        "id": "cb_1",
                        "confidence": 0.92,
                        "checked": True,
                        "coordinates": [[100, 100], [120, 100], [120, 120], [100, 120]],
                    }
                ],
                "segments": [
                    {
                        "id": "seg_1",
                        "confidence": 0.87,
                        "coordinates": [[50, 50], [400, 50], [400, 200], [50, 200]],
                    }
                ],
                "signatures": [
                    {
                        "id": "sig_1",
                        "confidence": 0.83,
                        "coordinates": [[800, 600], [1100, 600], [1100, 750], [800, 750]],
                    }
                ],
            }
        ],
    },
    "message": "Task processing started",
}


def document() -> Document:
    """The document of the example."""
    page = Page(
        "page_1",
        2480,
        3508,
        annotations=(
            Annotation("ann_1", "total_amount", 0.98, "$1,234.56", 120.5, 340.0, normalized="1234.56"),
        ),
        checkboxes=(Checkbox("cb_1", 0.92, True, ((100, 100), (120, 100), (120, 120), (100, 120))),),
        segments=(Region("seg_1", 0.87, ((50, 50), (400, 50), (400, 200), (50, 200))),),
        signatures=(Region("sig_1", 0.83, ((800, 600), (1100, 600), (1100, 750), (800, 750))),),
    )
    return Document(
        key=KEY,
        tenant="team_123456",
        project="proj_123456",
        upload=KEY + 1,
        name="Document Analysis Task",
        created_at=CREATED_MS,
        schema_version=1,
        steps=(Step("extract", StepType.EXTRACT),),
        pages=(page,),
        meta=(Meta("category", "invoice"),),
        last_opened_at=OPENED_MS,
    )


def ordered(value):
    """A value in which the order of members counts too."""
    if isinstance(value, dict):
        return [(name, ordered(member)) for name, member in value.items()]
    return [ordered(member) for member in value] if isinstance(value, list) else value


def test_the_example_is_shown_with_these_members_in_this_order():
    shown = msgspec.json.encode(CompletedAnswer(task_shown(document()), "Task processing started"))

    assert ordered(msgspec.json.decode(shown)) == ordered(EXAMPLE)


@pytest.mark.shared
def test_the_example_is_that_of_the_public_page(shared_dir):
    (page,) = shared_dir.glob("seeds/002_*.txt")
    text = re.search(
        r'^\{\n"payload".*(?=^Important Notes)', page.read_text(), re.DOTALL | re.MULTILINE
    ).group()

    published = msgspec.json.decode(text)
    published["payload"] |= {name: EXAMPLE["payload"][name] for name in ("id", "upload_id")}
    assert ordered(published) == ordered(EXAMPLE)


async def test_completing_over_http_answers_in_that_shape(desk):
    await desk.declare(bare(REVIEW_AT_ONCE))
    task_id = await desk.one()

    answer = await desk.act(task_id, "complete")

    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    body = answer.json()
    assert list(body) == ["payload", "message"]
    assert list(body["payload"]) == list(EXAMPLE["payload"])
    assert body["message"] == "Task processing started"
    assert (body["payload"]["status"], body["payload"]["step_type"]) == ("PROCESSING", "EXTRACT")
    assert [body["payload"][name] for name in ("exported_at", "export_failed_at", "last_opened_at")] == [
        None
    ] * 3


async def test_a_body_sent_along_is_ignored(desk):
    await desk.declare(bare(REVIEW_AT_ONCE))

    answer = await desk.client.post(
        f"/v2/team_1/project/proj_3/task/{await desk.one()}/complete",
        body=b"no JSON at all",
        headers={"content-type": "text/plain"},
    )

    assert answer.status == 200
