import msgspec
import pytest

from taskloom.flows.document.check import Code, Reason, check, reasons_to_review
from taskloom.flows.document.pages import Annotation
from taskloom.flows.document.schema import Schema, Severity, Step, StepType
from taskloom.flows.document.validation import parse_schema

NOW_MS = 1_709_640_000_000  # 2024-03-05T12:00:00Z
EXTRACT = Step("extract", StepType.EXTRACT)


def schema_of(entities, rules=(), **members) -> Schema:
    body = {
        "name": "checks",
        "description": "What a document must hold to pass.",
        "steps": [{"id": "extract", "type": "EXTRACT"}],
        "entities": entities,
        "rules": list(rules),
        **members,
    }
    schema = parse_schema(msgspec.json.encode(body))
    assert isinstance(schema, Schema), schema
    return schema


def values(**contents) -> tuple[Annotation, ...]:
    return tuple(
        Annotation(f"ann_{number}", entity_id, 0.95, content)
        for number, (entity_id, content) in enumerate(contents.items(), 1)
    )


def issue_ids(annotations, schema) -> list[str]:
    return [issue.rule_id for issue in check(annotations, schema, None, NOW_MS)]


SUM = {
    "id": "total_sum",
    "severity": "ERROR",
    "entities": ["net", "tax", "total"],
    "expr": "doc.net + doc.tax = doc.total",
    "message": "net + VAT must equal total",
}
AMOUNTS = [{"id": name, "type": "amount"} for name in ("net", "tax", "total")]


def test_a_missing_required_value_is_an_issue_and_an_optional_one_is_not():
    schema = schema_of([{"id": "iban", "type": "iban", "required": True}, {"id": "note", "type": "string"}])

    (issue,) = check((), schema, None, NOW_MS)

    assert (issue.rule_id, issue.code, issue.severity) == ("required:iban", Code.MISSING, Severity.ERROR)
    assert issue.entity_ids == ("iban",)


def test_a_blank_value_counts_as_missing():
    schema = schema_of([{"id": "note", "type": "string", "required": True}])

    assert issue_ids(values(note="  "), schema) == ["required:note"]


@pytest.mark.parametrize(
    ("entity", "content", "rule"),
    [
        ({"type": "amount"}, "a lot", "type:it"),
        ({"type": "string", "regex": r"INV-\d+"}, "INV-7x", "regex:it"),
        ({"type": "amount", "min": 0}, "-0,01", "min:it"),
        ({"type": "amount", "max": 1000.5}, "1.000,51", "max:it"),
        ({"type": "date", "min": "2024-01-01"}, "31.12.2023", "min:it"),
        ({"type": "iban"}, "DE88200800000970375701", "iban:it"),
        ({"type": "vat"}, "DE136695977", "vat:it"),
        ({"type": "enum", "values": ["A", "B"]}, "C", "type:it"),
    ],
)
def test_each_kind_of_field_check_names_itself(entity, content, rule):
    schema = schema_of([{"id": "it", **entity}])

    assert issue_ids(values(it=content), schema) == [rule]


@pytest.mark.parametrize(
    ("entity", "content"),
    [
        ({"type": "string", "regex": r"INV-\d+"}, "INV-7"),
        ({"type": "amount", "min": 0, "max": "1000.50"}, "1.000,50"),
        ({"type": "date", "max": "2024-12-31"}, "31.12.2024"),
        ({"type": "iban"}, "DE88 2008 0000 0970 3757 00"),
    ],
)
def test_values_at_the_edge_pass(entity, content):
    assert issue_ids(values(it=content), schema_of([{"id": "it", **entity}])) == []


def test_more_values_than_allowed_are_an_issue():
    schema = schema_of([{"id": "it", "type": "string", "max_occurrences": 1}])
    twice = (Annotation("a", "it", 1.0, "x"), Annotation("b", "it", 1.0, "y"))

    (issue,) = check(twice, schema, None, NOW_MS)

    assert issue.rule_id == "max_occurrences:it"
    assert issue.annotation_ids == ("a", "b")


def test_a_rule_over_exact_decimals_passes_and_fails():
    schema = schema_of(AMOUNTS, [SUM])

    assert issue_ids(values(net="0,10", tax="0,20", total="0,30"), schema) == []
    (issue,) = check(values(net="0,10", tax="0,20", total="0,31"), schema, None, NOW_MS)
    assert (issue.rule_id, issue.code) == ("total_sum", Code.RULE_FAILED)
    assert issue.entity_ids == ("net", "tax", "total")
    assert issue.annotation_ids == ("ann_1", "ann_2", "ann_3")
    assert issue.message.startswith("net + VAT must equal total")


@pytest.mark.parametrize(
    "expr",
    [
        "doc.net + doc.tax = doc.total",
        "doc.net > doc.total",
        "doc.net",
        '"yes"',
        "doc.nothing = 1",
        "1 / 0 = 1",
    ],
)
def test_a_rule_that_is_not_true_for_want_of_a_value_is_an_error_and_never_passed(expr):
    schema = schema_of(AMOUNTS, [{**SUM, "expr": expr, "entities": []}])

    (issue,) = check(values(net="1,00", tax="1,00"), schema, None, NOW_MS)

    assert issue.code is Code.RULE_ERROR


def test_rules_see_dates_lists_booleans_and_today():
    entities = [
        {"id": "issued", "type": "date"},
        {"id": "line", "type": "amount", "max_occurrences": 9},
        {"id": "total", "type": "amount"},
        {"id": "paid", "type": "checkbox"},
    ]
    expr = "doc.issued <= today() and sum(doc.line) = doc.total and doc.paid"
    schema = schema_of(entities, [{"id": "all", "expr": expr}])
    good = (
        *values(issued="05.03.2024", total="3,00", paid="x"),
        Annotation("l1", "line", 1.0, "1,00"),
        Annotation("l2", "line", 1.0, "2,00"),
    )

    assert issue_ids(good, schema) == []
    assert [issue.rule_id for issue in check(good, schema, None, NOW_MS - 86_400_000)] == ["all"]


def test_rules_share_one_budget_so_that_many_of_them_end():
    slow = "count(for i in 1..9000 return i) = 9000"
    schema = schema_of([], [{"id": f"r{number}", "expr": slow} for number in range(20)])

    issues = check((), schema, None, NOW_MS)

    assert len(issues) >= 18
    assert {issue.code for issue in issues} == {Code.RULE_ERROR}


def test_entities_and_rules_of_another_label_do_not_count():
    entities = [{"id": "iban", "type": "iban", "required": True, "labels": ["invoice"]}]
    rules = [{"id": "never", "expr": "false", "labels": ["invoice"]}]
    schema = schema_of(entities, rules, labels=[{"id": "invoice"}, {"id": "letter"}])

    assert check((), schema, "letter", NOW_MS) == ()
    assert len(check((), schema, "invoice", NOW_MS)) == 2


def test_confidence_is_compared_with_the_nearest_threshold_and_equal_is_enough():
    entities = [{"id": "a", "type": "string", "threshold": 0.5}, {"id": "b", "type": "string"}]
    schema = schema_of(entities, threshold=0.7)

    def reasons(confidence_a, confidence_b, step=EXTRACT):
        found = (Annotation("1", "a", confidence_a, "x"), Annotation("2", "b", confidence_b, "y"))
        return reasons_to_review(found, check(found, schema, None, NOW_MS), schema, step, None)

    low = (Reason.LOW_CONFIDENCE,)
    assert reasons(0.5, 0.7) == ()
    assert reasons(0.49, 0.7) == low
    assert reasons(0.5, 0.69) == low
    assert reasons(0.5, 0.7, Step("s", StepType.EXTRACT, threshold=0.8)) == low
    assert reasons(0.5, 0.6, Step("s", StepType.EXTRACT, threshold=0.6)) == ()


def test_a_warning_is_shown_and_sends_to_review_only_where_the_project_says_so():
    rule = {"id": "soft", "expr": "false", "severity": "WARNING"}
    lenient, strict = schema_of([], [rule]), schema_of([], [rule], warnings_block=True)

    def reasons(schema):
        return reasons_to_review((), check((), schema, None, NOW_MS), schema, EXTRACT, None)

    assert issue_ids((), lenient) == ["soft"]
    assert reasons(lenient) == ()
    assert reasons(strict) == (Reason.RULE_FAILED,)
