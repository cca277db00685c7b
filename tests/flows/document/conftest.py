"""What the pipeline's tests start from: a schema of chosen steps, and a document at a chosen place."""

import msgspec
import pytest

from taskloom.flows.document.pages import PageSize, Proposal, StepResult
from taskloom.flows.document.pipeline import begin, finish_step
from taskloom.flows.document.schema import Schema
from taskloom.flows.document.state import Document, Moved, Status
from taskloom.flows.document.validation import parse_schema

NOW_MS = 1_709_640_000_000
KEY = 4_500_000_000_000

READ = StepResult(pages=(PageSize(2480, 3508), PageSize(2480, 3508)))
GOOD = StepResult(
    pages=READ.pages,
    fields=(
        Proposal("total_amount", "1.234,56 €", 0.97, 1, (100.0, 200.0, 300.0, 240.0)),
        Proposal("issue_date", "05.03.2024", 0.95, 2, (10.0, 20.0, 30.0, 24.0)),
    ),
)


class Bench:
    """Makes schemas and drives documents; every move is asserted to have been allowed."""

    now_ms = NOW_MS
    read = READ
    good = GOOD

    def schema(self, *, automation: str = "PREDICT", steps=None, **members) -> Schema:
        default = [
            {"id": "ocr", "type": "OCR"},
            {"id": "extract", "type": "EXTRACT", "automation": automation},
            {"id": "export", "type": "EXPORT"},
        ]
        body = {
            "name": "pipeline",
            "description": "Documents that walk the steps of a test.",
            "steps": steps or default,
            "entities": [
                {"id": "total_amount", "type": "amount", "required": True},
                {"id": "issue_date", "type": "date"},
            ],
            **members,
        }
        schema = parse_schema(msgspec.json.encode(body))
        assert isinstance(schema, Schema), schema
        return msgspec.structs.replace(schema, version=7)

    def document(self, schema: Schema, **members) -> Document:
        fields = {
            "key": KEY,
            "tenant": "team",
            "project": "proj",
            "upload": 1,
            "name": "invoice.pdf",
            "created_at": NOW_MS,
            "schema_version": schema.version,
            "steps": schema.steps,
            **members,
        }
        return Document(**fields)

    def started(self, schema: Schema, **members) -> Moved:
        return begin(self.document(schema, **members), schema, NOW_MS)

    def at_extract(self, schema: Schema, **members) -> Document:
        return self.finish(self.started(schema, **members).document, schema, READ)

    def in_review(self, schema: Schema | None = None, **members) -> Document:
        schema = schema or self.schema()
        document = self.finish(self.at_extract(schema, **members), schema, GOOD)
        assert document.status is Status.REVIEWING
        return document

    def finish(self, document: Document, schema: Schema, result: StepResult) -> Document:
        moved = finish_step(document, schema, document.ticket, result, NOW_MS)
        assert isinstance(moved, Moved), moved
        return moved.document


@pytest.fixture
def bench() -> Bench:
    return Bench()
