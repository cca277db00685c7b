"""Searching: filters, operators, sorts, pages and cursors, and what each refusal says."""

import pytest

from samples.processes import row_of_tasks
from tests.dialects.processes.conftest import STORES, Camunda, one_task
from tests.server.fixtures import InProcess

pytestmark = pytest.mark.parametrize("server", STORES, indirect=True)

FIRST, LATER = "2026-09-21T14:13:20.000Z", "2026-09-21T14:13:30+00:00"


@pytest.fixture
async def several(camunda: Camunda, server: InProcess) -> list[str]:
    """Five instances, ten seconds apart: completed, cancelled, with an incident, and two that are new."""
    await camunda.deploy(one_task())
    keys = []
    for n in range(5):
        keys.append(
            await camunda.start(businessId=f"order-{n}", tags=["even" if n % 2 == 0 else "odd", f"n{n}"])
        )
        server.clock.advance(seconds=10)
    jobs = {job["processInstanceKey"]: job["jobKey"] for job in await camunda.activate("work")}
    await camunda.complete(jobs[keys[0]])
    await camunda.post(f"/process-instances/{keys[1]}/cancellation")
    await camunda.fail(jobs[keys[2]], errorMessage="out of paper")
    return keys


OF_INSTANCES = [
    ({}, [0, 1, 2, 3, 4]),
    ({"state": "COMPLETED"}, [0]),
    ({"state": "active"}, [2, 3, 4]),
    ({"state": {"$neq": "ACTIVE"}}, [0, 1]),
    ({"state": {"$in": ["COMPLETED", "terminated"]}}, [0, 1]),
    ({"state": {"$like": "*ED"}}, [0, 1]),
    ({"hasIncident": True}, [2]),
    ({"hasIncident": False, "state": "ACTIVE"}, [3, 4]),
    ({"processDefinitionId": "row"}, [0, 1, 2, 3, 4]),
    ({"processDefinitionId": {"$like": "r?w"}}, [0, 1, 2, 3, 4]),
    ({"processDefinitionId": {"$neq": "row"}}, []),
    ({"businessId": "order-3"}, [3]),
    ({"businessId": {"$like": "order-*", "$notIn": ["order-1", "order-2"]}}, [0, 3, 4]),
    ({"businessId": {"$like": "order\\*"}}, []),
    ({"processDefinitionVersion": {"$gte": 1, "$lt": 2}}, [0, 1, 2, 3, 4]),
    ({"processDefinitionVersion": 2}, []),
    ({"startDate": FIRST}, [0]),
    ({"startDate": {"$lte": LATER}}, [0, 1]),
    ({"startDate": {"$gt": LATER}}, [2, 3, 4]),
    ({"endDate": {"$exists": False}}, [2, 3, 4]),
    ({"endDate": {"$lt": "2030-01-01T00:00:00Z"}}, [0, 1]),
    ({"tags": ["even"]}, [0, 2, 4]),
    ({"tags": ["even", "n2"]}, [2]),
    ({"tags": ["n"]}, []),
    ({"tenantId": "<default>"}, [0, 1, 2, 3, 4]),
    ({"tenantId": "default"}, [0, 1, 2, 3, 4]),
    ({"tenantId": "other"}, []),
    ({"parentProcessInstanceKey": {"$exists": False}}, [0, 1, 2, 3, 4]),
    ({"suspendedDate": {"$exists": True}}, []),
    ({"batchOperationId": "x"}, []),
    ({"errorMessage": {"$like": "*paper"}}, [2]),
    ({"elementId": "task", "elementInstanceState": "ACTIVE"}, [2, 3, 4]),
    ({"elementId": "end"}, [0]),
    ({"elementId": "row"}, []),
    ({"hasElementInstanceIncident": True}, [2]),
    ({"hasRetriesLeft": True}, []),
    ({"$or": [{"state": "COMPLETED"}, {"businessId": "order-4"}]}, [0, 4]),
    ({"state": "ACTIVE", "$or": [{"tags": ["odd"]}, {"hasIncident": True}]}, [2, 3]),
    ({"$or": []}, [0, 1, 2, 3, 4]),
    ({"state": None, "businessId": {}}, [0, 1, 2, 3, 4]),
]


async def test_filters_of_process_instances(camunda, several):
    for asked, found in OF_INSTANCES:
        body = {"filter": asked, "sort": [{"field": "startDate"}]}
        items = await camunda.search("process-instances", body)
        assert [several.index(item["processInstanceKey"]) for item in items] == found, asked


async def test_instances_by_key(camunda, several):
    for asked in (several[1], {"$in": [several[1], "5"]}, {"$eq": several[1], "$exists": True}):
        (item,) = await camunda.search("process-instances", {"filter": {"processInstanceKey": asked}})
        assert item["processInstanceKey"] == several[1]


OF_JOBS = [
    ({"state": "CREATED"}, 2),
    ({"state": "COMPLETED"}, 1),
    ({"state": {"$in": ["CANCELED", "FAILED"]}}, 2),
    ({"state": {"$like": "C*"}}, 4),
    ({"state": "MIGRATED"}, 0),
    ({"kind": "BPMN_ELEMENT"}, 5),
    ({"kind": "TASK_LISTENER"}, 0),
    ({"kind": {"$neq": "TASK_LISTENER"}}, 5),
    ({"listenerEventType": "unspecified"}, 5),
    ({"type": "work", "elementId": "task"}, 5),
    ({"type": {"$like": "w*k"}, "processDefinitionId": {"$in": ["row"]}}, 5),
    ({"errorMessage": "out of paper"}, 1),
    ({"retries": {"$lt": 1}}, 0),
    ({"retries": 3}, 4),
    ({"isDenied": False}, 5),
    ({"deniedReason": {"$exists": True}}, 0),
    ({"endTime": {"$exists": True}}, 2),
    ({"deadline": {"$gt": "2000-01-01T00:00:00Z"}}, 4),
    ({"creationTime": {"$lte": LATER}}, 2),
    ({"hasFailedWithRetriesLeft": True}, 0),
    ({"worker": ""}, 5),
]


async def test_filters_of_jobs(camunda, several):
    for asked, count in OF_JOBS:
        assert len(await camunda.search("jobs", {"filter": asked})) == count, asked


async def test_jobs_by_the_keys_they_carry(camunda, several):
    (job,) = await camunda.search("jobs", {"filter": {"processInstanceKey": several[3]}})
    for name in ("jobKey", "elementInstanceKey", "processInstanceKey"):
        assert await camunda.search("jobs", {"filter": {name: job[name]}}) == [job]
        assert await camunda.search("jobs", {"filter": {name: {"$notIn": [job[name]]}}}) != [job]
    by_definition = {"filter": {"processDefinitionKey": job["processDefinitionKey"]}}
    assert len(await camunda.search("jobs", by_definition)) == 5


async def test_the_state_of_a_job_and_the_filter_for_it_say_the_same(camunda, server):
    await camunda.deploy(one_task())
    for _ in range(6):
        await camunda.start()
    jobs = [job["jobKey"] for job in await camunda.activate("work", maxJobsToActivate=4)]
    await camunda.fail(jobs[0], retries=1)
    await camunda.fail(jobs[1], retries=1, retryBackOff=60_000)
    await camunda.throw(jobs[2], errorCode="e")
    server.clock.advance(seconds=61)
    await server.engine._sweeper.sweep()

    everything = await camunda.search("jobs")

    assert sorted(job["state"] for job in everything) == [
        "CREATED",
        "CREATED",
        "ERROR_THROWN",
        "FAILED",
        "FAILED",
        "TIMED_OUT",
    ]
    for state in ("CREATED", "ERROR_THROWN", "FAILED", "TIMED_OUT"):
        found = await camunda.search("jobs", {"filter": {"state": state}})
        assert found == [job for job in everything if job["state"] == state]
    left = await camunda.search("jobs", {"filter": {"hasFailedWithRetriesLeft": True}})
    assert left == [job for job in everything if job["hasFailedWithRetriesLeft"]]
    assert len(left) == 2


async def test_element_instances_and_alternatives(camunda, several):
    asked = {
        "processInstanceKey": several[0],
        "$or": [{"type": "START_EVENT"}, {"elementId": {"$like": "t*"}}],
    }

    found = await camunda.search("element-instances", {"filter": asked, "sort": [{"field": "elementId"}]})

    assert [item["elementId"] for item in found] == ["start", "task"]
    (one,) = await camunda.search(
        "element-instances", {"filter": {"elementInstanceKey": found[0]["elementInstanceKey"]}}
    )
    assert one == found[0]
    inner = {"filter": {"elementInstanceScopeKey": several[0]}}
    assert len(await camunda.search("element-instances", inner)) == 3


async def test_sorting_by_several_fields(camunda, several):
    sort = [{"field": "state", "order": "DESC"}, {"field": "startDate", "order": "desc"}]

    items = await camunda.search("process-instances", {"sort": sort})

    assert [several.index(item["processInstanceKey"]) for item in items] == [1, 0, 4, 3, 2]


@pytest.mark.parametrize("field", ["elementId", "isDenied", "state", "jobKey", "elementInstanceKey"])
@pytest.mark.parametrize("order", ["ASC", "DESC"])
async def test_cursors_lead_through_all_pages_and_back(camunda, several, field, order):
    sort = [{"field": field, "order": order}]
    everything = await camunda.search("jobs", {"sort": sort})
    pages = []
    page = {"limit": 2}
    while True:
        answer = (await camunda.post("/jobs/search", {"sort": sort, "page": page})).json()
        if not answer["items"]:
            break
        pages.append(answer)
        page = {"limit": 2, "after": answer["page"]["endCursor"]}

    assert [item for each in pages for item in each["items"]] == everything
    assert all(each["page"]["totalItems"] == 5 for each in pages)
    back = {"sort": sort, "page": {"limit": 2, "before": pages[1]["page"]["startCursor"]}}
    assert await camunda.search("jobs", back) == pages[0]["items"]


async def test_pages_by_offset_and_an_empty_page(camunda, several):
    asked = {"sort": [{"field": "startDate"}], "page": {"from": 3, "limit": 10}}
    items = await camunda.search("process-instances", asked)
    assert [several.index(item["processInstanceKey"]) for item in items] == [3, 4]

    empty = (await camunda.post("/process-instances/search", {"page": {"from": 9}})).json()
    assert empty == {
        "items": [],
        "page": {"totalItems": 5, "hasMoreTotalItems": False, "startCursor": None, "endCursor": None},
    }


async def test_a_cursor_belongs_to_its_sort(camunda, several):
    page = (await camunda.post("/jobs/search", {"sort": [{"field": "type"}], "page": {"limit": 1}})).json()
    cursor = page["page"]["endCursor"]

    other = {"sort": [{"field": "worker"}], "page": {"after": cursor}}

    assert (await camunda.post("/jobs/search", other)).status == 400


@pytest.mark.parametrize(
    "things", ["process-instances", "element-instances", "incidents", "jobs", "process-definitions"]
)
async def test_every_search_shows_a_tenant_its_own_only(camunda, stranger, several, server, things):
    await stranger.deploy(row_of_tasks(1, "other"))

    own = await camunda.search(things)
    foreign = await stranger.search(things)
    root = await Camunda(server.client()).search(things)

    assert own
    assert {item["tenantId"] for item in own} == {"<default>"}
    assert {item["tenantId"] for item in foreign} <= {"elsewhere"}
    assert len(root) == len(own) + len(foreign)
    assert (await camunda.post(f"/{things}/search")).status == 200


@pytest.mark.parametrize(
    ("path", "entity"),
    [
        ("process-instances", "Process Instance"),
        ("element-instances", "Element Instance"),
        ("incidents", "Incident"),
        ("process-definitions", "Process Definition"),
    ],
)
async def test_reading_what_is_not_there_is_not_found(camunda, path, entity):
    answer = await camunda.get(f"/{path}/123")

    assert (answer.status, answer.json()["title"]) == (404, "NOT_FOUND")
    assert answer.json()["detail"] == f"{entity} with key '123' not found"


async def test_what_is_found_can_be_read_by_its_key(camunda, several):
    for things, name in (
        ("process-instances", "processInstanceKey"),
        ("element-instances", "elementInstanceKey"),
        ("incidents", "incidentKey"),
        ("process-definitions", "processDefinitionKey"),
    ):
        for item in await camunda.search(things):
            assert (await camunda.get(f"/{things}/{item[name]}")).json() == item
