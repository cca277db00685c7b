import copy

import msgspec
import pytest

from samples.invoices import INVOICE_SCHEMA
from taskloom.flows.document.schema import Automation, Schema, StepType
from taskloom.flows.document.validation import parse_schema

SMALLEST = {
    "name": "invoices",
    "description": "Incoming supplier invoices, one per file.",
    "steps": [
        {"id": "ocr", "type": "OCR"},
        {"id": "extract", "type": "EXTRACT", "automation": "PREDICT", "threshold": 0.9},
        {"id": "export", "type": "EXPORT"},
    ],
    "entities": [
        {"id": "total_amount", "type": "amount", "required": True},
        {"id": "issue_date", "type": "date"},
    ],
    "labels": [],
    "rules": [],
}


def faults_of(body) -> dict[str, str]:
    found = parse_schema(msgspec.json.encode(body))
    assert isinstance(found, tuple), found
    return {fault.path: fault.message for fault in found}


def changed(**members):
    return {**copy.deepcopy(SMALLEST), **members}


def test_the_smallest_body_is_a_schema_with_the_documented_defaults():
    schema = parse_schema(msgspec.json.encode(SMALLEST))

    assert isinstance(schema, Schema)
    assert [step.type for step in schema.steps] == [StepType.OCR, StepType.EXTRACT, StepType.EXPORT]
    assert schema.steps[0].automation is Automation.PREDICT
    assert schema.threshold == 0.9


def test_the_schema_of_the_samples_is_valid():
    assert isinstance(parse_schema(msgspec.json.encode(INVOICE_SCHEMA)), Schema)


def test_what_was_stored_can_be_put_again():
    schema = parse_schema(msgspec.json.encode(INVOICE_SCHEMA))

    assert parse_schema(msgspec.json.encode(schema)) == schema


def test_all_shape_faults_are_told_at_once_with_their_paths():
    body = changed(
        steps=[{"id": "a", "type": "NOPE"}, {"type": "OCR"}],
        entities=[{"id": "x", "type": "amount", "requierd": True}],
        threshold="high",
    )

    found = faults_of(body)

    assert set(found) == {"steps[0].type", "steps[1]", "entities[0]", "threshold"}
    assert "requierd" in found["entities[0]"]


def test_all_faults_of_meaning_are_told_at_once_with_their_paths():
    body = changed(
        name="x",
        description="short",
        threshold=1.5,
        steps=[
            {"id": "a", "type": "EXPORT"},
            {"id": "a", "type": "CLASSIFY", "reviewers": 3, "next": "a", "next_by_label": {"z": "a"}},
        ],
        entities=[
            {"id": "2bad", "type": "string"},
            {"id": "kind", "type": "enum"},
            {"id": "when", "type": "date", "format": "sometimes", "min": "2024"},
            {"id": "code", "type": "string", "regex": "(", "max": 5, "field": "nothing"},
        ],
        rules=[{"id": "r", "expr": "1 +", "entities": ["gone"], "labels": ["gone"]}],
    )

    found = faults_of(body)

    assert set(found) == {
        "name",
        "description",
        "threshold",
        "steps[0].id",
        "steps[0].type",
        "steps[1].id",
        "steps[1].type",
        "steps[1].reviewers",
        "steps[1].next",
        "steps[1].next_by_label.z",
        "steps[1].next_by_label",
        "entities[0].id",
        "entities[1].values",
        "entities[2].format",
        "entities[2].min",
        "entities[3].regex",
        "entities[3].max",
        "entities[3].field",
        "rules[0].entities",
        "rules[0].labels",
        "rules[0].expr",
    }


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"null", b'{"name": "\xff"}', b"[" * 100_000])
def test_what_is_no_object_is_told_and_never_raised(body):
    found = parse_schema(body)

    assert isinstance(found, tuple)
    assert found


def test_steps_are_required_and_too_many_are_refused():
    without = {name: value for name, value in SMALLEST.items() if name != "steps"}

    assert faults_of(without) == {"steps": "is required"}
    assert faults_of(changed(steps=[])) == {"steps": "at least one step is needed"}
    many = [{"id": f"s{number}", "type": "VALIDATE"} for number in range(21)]
    assert faults_of(changed(steps=many)) == {"steps": "at most 20 allowed"}


def test_a_body_beyond_the_limit_is_refused_before_it_is_read():
    assert "bytes" in parse_schema(b" " * (1024 * 1024 + 1))[0].message
