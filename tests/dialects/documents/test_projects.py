"""Projects and their schemas, and lists of documents."""

import asyncio

import pytest

from samples.invoices import INVOICE_SCHEMA
from tests.dialects.documents.desk import BASE, PDF, READ_OUTSIDE, REVIEW_AT_ONCE, TEAM, bare

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


async def test_a_project_is_made_changed_and_shown(desk):
    made = await desk.declare(SMALLEST)
    same = await desk.declare(SMALLEST)
    changed = await desk.declare(INVOICE_SCHEMA)

    assert [answer.status for answer in (made, same, changed)] == [201, 200, 200]
    assert [answer.json()["payload"]["version"] for answer in (made, same, changed)] == [1, 1, 2]
    shown = await desk.client.get(f"{BASE}/schema")
    assert shown.json() == changed.json()
    assert shown.json()["payload"]["steps"][1]["automation"] == "PREDICT"


async def test_projects_are_made_once_whoever_comes_first(desk):
    answers = await asyncio.gather(*(desk.declare({**SMALLEST, "name": f"name {n}"}) for n in range(8)))

    assert max(answer.status for answer in answers if answer.status < 500) == 201
    assert [answer.status for answer in answers].count(201) == 1
    versions = [answer.json()["payload"]["version"] for answer in answers if answer.status < 300]
    assert sorted(versions) == list(range(1, len(versions) + 1))


@pytest.mark.parametrize(
    ("body", "path"),
    [
        (b"", None),
        (b"{", None),
        (b"[]", ""),
        (b'{"name":"a","name":"b"}', None),
        (b"[" * 100_000, None),
        (b'{"name":"x"}', "steps"),
    ],
)
async def test_a_wrong_schema_is_refused_with_the_place_of_every_fault(desk, body, path):
    answer = await desk.client.put(f"{BASE}/schema", body=body)

    error = answer.json()["error"]
    assert (answer.status, error["code"]) == (400, "INVALID_PARAMETER")
    if path is not None:
        assert path in [fault["path"] for fault in error["details"]["faults"]]
    assert (await desk.client.get(f"{BASE}/schema")).status == 404


@pytest.mark.parametrize("project", ["-x", "a b", "a%2Fb", "x" * 65, "%E2%80%8B", "a.b"])
async def test_strange_names_of_projects_are_not_found(desk, project):
    assert (await desk.client.put(f"/v2/{TEAM}/project/{project}/schema", SMALLEST)).status == 404


async def listed(desk, query=""):
    answer = await desk.client.get(f"{BASE}/task{query}")
    assert answer.status == 200, answer.body
    return answer.json()


async def test_a_list_leads_through_all_pages_in_order(desk):
    await desk.declare(bare(REVIEW_AT_ONCE))
    _, first = await desk.upload({f"{n}.pdf": PDF for n in range(5)})
    desk.server.clock.advance(seconds=1)
    _, second = await desk.upload({f"{n}.pdf": PDF for n in range(2)})

    for sort, wanted in (("created_at", [*first, *second]), ("-created_at", [*second[::-1], *first[::-1]])):
        seen, cursor = [], ""
        while cursor is not None:
            page = await listed(desk, f"?limit=3&sort={sort}{cursor and f'&cursor={cursor}'}")
            assert len(page["payload"]) <= 3
            seen += [task["id"] for task in page["payload"]]
            cursor = page["next_cursor"]
        assert seen == wanted
    assert "pages" not in (await listed(desk))["payload"][0]


async def test_a_list_is_narrowed_by_status_step_upload_and_name(desk):
    await desk.declare(bare(READ_OUTSIDE))
    upload_id, (processing,) = await desk.upload({"100%_a*b.pdf": PDF})
    await desk.declare(bare(REVIEW_AT_ONCE))
    done, reviewing = await desk.one(), await desk.one()
    await desk.act(done, "discard")

    async def ids(query):
        return [task["id"] for task in (await listed(desk, query))["payload"]]

    assert await ids("?status=REVIEWING") == [reviewing]
    assert await ids("?status=REVIEWING,PROCESSING") == [processing, reviewing]
    assert await ids("?status=REVIEWING&status=DISCARDED") == [done, reviewing]
    assert await ids("?step_type=OCR") == [processing]
    assert await ids(f"?upload_id={upload_id}") == [processing]
    assert await ids("?q=%25_a*b") == [processing]
    assert await ids("?q=b*a") == []


@pytest.mark.parametrize(
    "query",
    [
        "status=open",
        "status=",
        "step_type=READ",
        "upload_id=task_1",
        "limit=0",
        "limit=201",
        "limit=1e3",
        "limit=",
        "limit=1&limit=2",
        "sort=name",
        "cursor=",
        "cursor=!!!!",
        "cursor=AAAA",
        "cursor=k8PAwA",
        "colour=red",
        "q=",
    ],
)
async def test_wrong_parameters_are_refused_by_name(desk, query):
    await desk.declare(bare(REVIEW_AT_ONCE))

    answer = await desk.client.get(f"{BASE}/task?{query}")

    error = answer.json()["error"]
    assert (answer.status, error["code"]) == (400, "INVALID_PARAMETER")
    assert error["details"] == {"parameter": query.partition("=")[0]}
