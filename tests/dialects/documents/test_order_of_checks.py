"""Who may do what, and which refusal comes first: 401, 404, 403, 400 for the state, 400 for the values."""

import pytest

from tests.dialects.documents.desk import (
    BASE,
    PROJECT,
    READ_OUTSIDE,
    REVIEW_AT_ONCE,
    TEAM,
    bare,
    form,
    schema,
)

OPERATIONS = [
    ("GET", "/schema"),
    ("POST", "/upload"),
    ("GET", "/upload/{upload}"),
    ("GET", "/task"),
    ("GET", "/task/{task}"),
    ("GET", "/task/{task}/file"),
    ("POST", "/task/{task}/validate"),
    ("POST", "/task/{task}/complete"),
    ("POST", "/task/{task}/discard"),
    ("POST", "/task/{task}/report"),
    ("POST", "/task/{task}/approve"),
    ("POST", "/task/{task}/retry"),
    ("POST", "/task/{task}/export/retry"),
]


def code(answer):
    error = answer.json()["error"]
    assert set(error) == {"code", "message", "details", "request_id"}
    assert error["request_id"] == f"req_{answer.headers['x-request-id']}"
    return answer.status, error["code"]


async def prepared(desk):
    await desk.declare(bare(REVIEW_AT_ONCE))
    upload, (task,) = await desk.upload({"a.pdf": b"%PDF-"})
    return {"upload": upload, "task": task}


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
async def test_without_a_key_nothing_is_told_apart(desk, method, path):
    names = await prepared(desk)

    for one in (names, {"upload": "upl_x", "task": "task_x"}):
        for headers in ({}, {"authorization": "Bearer nonsense"}):
            answer = await desk.server.client(None).call(method, BASE + path.format(**one), headers=headers)
            assert code(answer) == (401, "UNAUTHORIZED")


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
async def test_what_is_not_visible_is_not_found_even_without_the_scope(desk, method, path):
    names = await prepared(desk)
    powerless = desk.server.client(await desk.server.key("powerless", TEAM, scopes=("process.read",)))
    stranger = desk.server.client(await desk.server.key("stranger", "team_2"))

    for client, base in (
        (stranger, BASE),
        (stranger, f"/v2/team_2/project/{PROJECT}"),
        (powerless, f"/v2/{TEAM}/project/other"),
        (powerless, f"/v2/{TEAM}/project/..%2Fproj_3"),
    ):
        assert code(await client.call(method, base + path.format(**names))) == (404, "NOT_FOUND")


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
async def test_what_is_visible_needs_the_scope(desk, method, path):
    names = await prepared(desk)
    powerless = desk.server.client(await desk.server.key("powerless", TEAM, scopes=("process.read",)))

    assert code(await powerless.call(method, BASE + path.format(**names))) == (403, "FORBIDDEN")


@pytest.mark.parametrize(
    "task_id",
    ["task_", "task_x", "task_" + "z" * 13, "task_" + "0" * 13, "upl_053wxg0000601", "%00", "x" * 300],
)
async def test_strange_ids_are_not_found(desk, task_id):
    await prepared(desk)

    assert (await desk.client.get(f"{BASE}/task/{task_id}")).status == 404


async def test_an_id_of_another_kind_is_not_found(desk):
    names = await prepared(desk)

    digits = names["upload"].removeprefix("upl_")
    assert (await desk.client.get(f"{BASE}/task/task_{digits}")).status == 404


@pytest.mark.parametrize("scope", ["task.edit", "tasks.edit"])
async def test_both_spellings_of_the_scope_to_edit(desk, scope):
    names = await prepared(desk)
    client = desk.server.client(await desk.server.key("editor", TEAM, scopes=(scope,)))

    assert (await client.get(f"{BASE}/task/{names['task']}")).status == 200  # edit implies read
    assert (await client.post(f"{BASE}/task/{names['task']}/complete")).status == 200


@pytest.mark.parametrize("scope", ["task.read", "tasks.view"])
async def test_both_spellings_of_the_scope_to_read(desk, scope):
    names = await prepared(desk)
    client = desk.server.client(await desk.server.key("reader", TEAM, scopes=(scope,)))

    assert (await client.get(f"{BASE}/task/{names['task']}")).status == 200
    assert code(await client.post(f"{BASE}/task/{names['task']}/complete")) == (403, "FORBIDDEN")


@pytest.mark.parametrize("scope", ["upload.create", "uploads.create"])
async def test_both_spellings_of_the_scope_to_upload(desk, scope):
    await prepared(desk)
    client = desk.server.client(await desk.server.key("sender", TEAM, scopes=(scope,)))

    body, headers = form({"a.pdf": b"%PDF-"})
    assert (await client.post(f"{BASE}/upload", body=body, headers=headers)).status == 201


async def test_the_state_is_checked_before_the_values(desk):
    await desk.declare(schema(steps=READ_OUTSIDE))
    task_id = await desk.one()

    assert code(await desk.act(task_id, "complete")) == (400, "TASK_NOT_REVIEWING")

    await desk.declare(schema(steps=REVIEW_AT_ONCE))
    assert code(await desk.act(await desk.one(), "complete")) == (400, "VALIDATION_FAILED")


async def test_the_administrator_acts_in_every_team(desk):
    names = await prepared(desk)
    root = desk.server.client()

    assert (await root.post(f"{BASE}/task/{names['task']}/complete")).status == 200


async def test_unknown_paths_and_methods_are_refused_in_this_dialects_shape(desk):
    assert code(await desk.client.get(f"{BASE}/nothing")) == (404, "NOT_FOUND")
    assert code(await desk.client.delete(f"{BASE}/task")) == (405, "METHOD_NOT_ALLOWED")
