"""Searches that make no sense, and what each refusal says."""

import pytest


@pytest.mark.parametrize(
    ("body", "title", "detail"),
    [
        (
            {"page": {"limit": -1}},
            "INVALID_ARGUMENT",
            "The value for page.limit is '-1' but must be a non-negative number.",
        ),
        ({"page": {"limit": 10_001}}, "INVALID_ARGUMENT", None),
        ({"page": {}}, "Bad Request", "At least one of [from, after, before, limit] is required."),
        ({"page": 1}, "Bad Request", "Request property [page] cannot be parsed"),
        (
            {"page": {"after": "a", "before": "b"}},
            "INVALID_ARGUMENT",
            "Only one of [after, before] is allowed.",
        ),
        ({"page": {"after": "nonsense"}}, "INVALID_ARGUMENT", None),
        ({"page": {"after": "WzEsMl0="}}, "INVALID_ARGUMENT", None),
        ({"sort": [{}]}, "INVALID_ARGUMENT", "Sort field must not be null."),
        (
            {"sort": [{"field": "state", "order": "UP"}]},
            "Bad Request",
            "Unexpected value 'UP' for enum field 'order'. Use any of the following values: [ASC, DESC]",
        ),
        (
            {"sort": [{"field": "colour"}]},
            "Bad Request",
            (
                "Unexpected value 'colour' for enum field 'field'. Use any of the following values: "
                "[processInstanceKey, processDefinitionId, processDefinitionName, processDefinitionVersion, "
                "processDefinitionVersionTag, processDefinitionKey, parentProcessInstanceKey, "
                "parentElementInstanceKey, startDate, endDate, suspendedDate, state, hasIncident, tenantId, "
                "businessId]"
            ),
        ),
        ({"filter": {"colour": 1}}, "Bad Request", "Request property [filter.colour] cannot be parsed"),
        ({"filters": {}}, "Bad Request", "Request property [filters] cannot be parsed"),
        (
            {"filter": {"processInstanceKey": {"$like": "1"}}},
            "Bad Request",
            "Request property [filter.processInstanceKey.$like] cannot be parsed",
        ),
        (
            {"filter": {"processInstanceKey": "abc"}},
            "INVALID_ARGUMENT",
            (
                "The provided processInstanceKey 'abc' is not a valid key. Expected a numeric value. "
                "Did you pass an entity id instead of an entity key?."
            ),
        ),
        (
            {"filter": {"processInstanceKey": 1}},
            "Bad Request",
            "Request property [filter.processInstanceKey] cannot be parsed",
        ),
        (
            {"filter": {"state": "DONE"}},
            "Bad Request",
            (
                "Unexpected value 'DONE' for enum field 'state'. "
                "Use any of the following values: [ACTIVE, COMPLETED, SUSPENDED, TERMINATED]"
            ),
        ),
        (
            {"filter": {"startDate": "yesterday"}},
            "INVALID_ARGUMENT",
            (
                "The provided startDate 'yesterday' cannot be parsed as a date according to "
                "RFC 3339, section 5.6."
            ),
        ),
        (
            {"filter": {"hasIncident": "yes"}},
            "Bad Request",
            "Request property [filter.hasIncident] cannot be parsed",
        ),
        (
            {"filter": {"processDefinitionVersion": {"$in": [1, "2"]}}},
            "Bad Request",
            "Request property [filter.processDefinitionVersion.$in[1]] cannot be parsed",
        ),
        ({"filter": {"$or": {}}}, "Bad Request", "Request property [filter.$or] cannot be parsed"),
        (
            {"filter": {"$or": [{"$or": []}]}},
            "Bad Request",
            "Request property [filter.$or[0].$or] cannot be parsed",
        ),
        ({"filter": {"variables": []}}, "INVALID_ARGUMENT", "The filter variables is not supported."),
        ({"filter": {"businessId": {"$in": ["x"] * 1001}}}, "INVALID_ARGUMENT", None),
        ({"filter": {"$or": [{}] * 101}}, "INVALID_ARGUMENT", None),
        ({"filter": {"tags": ["x"] * 101}}, "INVALID_ARGUMENT", None),
    ],
)
async def test_what_cannot_be_searched_is_refused(camunda, body, title, detail):
    answer = await camunda.post("/process-instances/search", body)

    assert (answer.status, answer.json()["title"]) == (400, title)
    assert detail is None or answer.json()["detail"] == detail
