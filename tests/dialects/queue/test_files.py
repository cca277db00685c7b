"""Files as they are brought, listed, read in ranges, deleted, and as they expire."""

import pytest

from taskloom.core.limits import FILE_LIFE_S_MAX
from tests.dialects.queue.desk import STORES
from tests.dialects.queue.files import Batches, form

pytestmark = pytest.mark.parametrize("server", STORES, indirect=True)
CONTENT = b"0123456789"


@pytest.fixture
async def batches(desk):
    return Batches(desk)


async def test_a_file_is_what_was_brought(batches):
    answer = await batches.upload(CONTENT, name="ten.txt", purpose="user_data")
    file = answer.json()

    assert file == {
        "id": file["id"],
        "object": "file",
        "bytes": 10,
        "created_at": file["created_at"],
        "filename": "ten.txt",
        "purpose": "user_data",
        "status": "processed",
        "status_details": None,
        "expires_at": None,
    }
    assert file["id"].startswith("file-")
    assert (await batches.client.get(f"/v1/files/{file['id']}")).json() == file
    path = f"/v1/files/{file['id']}/content"
    read = await batches.client.get(path, headers={"accept": "application/binary"})
    assert (read.status, read.body, read.headers["content-length"]) == (200, CONTENT, "10")


async def test_the_input_of_a_batch_lives_for_thirty_days_unless_said_otherwise(batches):
    plain = (await batches.upload(CONTENT)).json()
    short = (
        await batches.upload(
            CONTENT, **{"expires_after[anchor]": "created_at", "expires_after[seconds]": "3600"}
        )
    ).json()

    assert plain["expires_at"] - plain["created_at"] == FILE_LIFE_S_MAX
    assert short["expires_at"] - short["created_at"] == 3600


async def test_an_expired_file_is_gone_to_the_second_and_its_content_with_the_next_sweep(batches):
    fields = {"expires_after[anchor]": "created_at", "expires_after[seconds]": "3600"}
    file = (await batches.upload(CONTENT, **fields)).json()
    server = batches.desk.server

    server.clock.advance(seconds=3599)
    assert (await batches.client.get(f"/v1/files/{file['id']}")).status == 200
    server.clock.advance(seconds=1)

    assert (await batches.client.get(f"/v1/files/{file['id']}")).status == 404
    assert (await batches.client.get("/v1/files")).json()["data"] == []
    assert await swept(server) == 1
    assert await swept(server) == 0


async def swept(server):
    """How many files the duty removes now."""
    import asyncio

    from taskloom.dialects.queue import files

    return await files.sweep(server.engine, server.app.services.resources["blobs"], asyncio.to_thread)


@pytest.mark.parametrize(
    ("asked", "status", "body", "told"),
    [
        ("bytes=0-3", 206, b"0123", "bytes 0-3/10"),
        ("bytes=4-", 206, b"456789", "bytes 4-9/10"),
        ("bytes=-2", 206, b"89", "bytes 8-9/10"),
        ("bytes=2-99", 206, b"23456789", "bytes 2-9/10"),
        ("bytes=10-", 416, None, "bytes */10"),
        ("bytes=-0", 416, None, "bytes */10"),
        ("bytes=5-2", 200, CONTENT, None),
        ("bytes=0-1,4-5", 200, CONTENT, None),
        ("lines=1-2", 200, CONTENT, None),
        ("bytes=-", 200, CONTENT, None),
        ("bytes=" + "9" * 40 + "-", 200, CONTENT, None),
    ],
)
async def test_a_range_is_served_and_what_is_none_is_answered_whole(batches, asked, status, body, told):
    file = (await batches.upload(CONTENT)).json()

    answer = await batches.client.get(f"/v1/files/{file['id']}/content", headers={"range": asked})

    assert (answer.status, answer.headers.get("content-range")) == (status, told)
    assert body is None or answer.body == body


async def test_an_empty_file_is_a_file(batches):
    file = (await batches.upload(b"")).json()

    assert (await batches.client.get(f"/v1/files/{file['id']}/content")).body == b""


async def test_a_deleted_file_is_gone_at_once(batches):
    file = (await batches.upload(CONTENT)).json()

    deleted = await batches.client.call(
        "DELETE", f"/v1/files/{file['id']}", headers={"content-type": "application/json"}
    )

    assert deleted.json() == {"id": file["id"], "object": "file", "deleted": True}
    assert (await batches.client.get(f"/v1/files/{file['id']}/content")).status == 404
    assert (await batches.client.delete(f"/v1/files/{file['id']}")).status == 404
    assert await swept(batches.desk.server) == 1


async def test_files_are_listed_page_by_page_in_both_orders(batches):
    made = [(await batches.upload(CONTENT, name=f"{n}")).json()["id"] for n in range(4)]
    await batches.upload(CONTENT, purpose="evals")

    first = (await batches.client.get("/v1/files?purpose=batch&limit=3")).json()
    rest = (await batches.client.get(f"/v1/files?purpose=batch&limit=3&after={first['last_id']}")).json()
    ascending = (await batches.client.get("/v1/files?order=asc&purpose=batch")).json()

    assert [one["id"] for one in (*first["data"], *rest["data"])] == made[::-1]
    assert (first["has_more"], rest["has_more"]) == (True, False)
    assert [one["id"] for one in ascending["data"]] == made


async def test_a_file_of_another_tenant_is_not_there(batches):
    file = (await batches.upload(CONTENT)).json()
    stranger = Batches(await batches.desk.other("stranger", tenant="elsewhere"))

    for path in ("", "/content"):
        assert (await stranger.client.get(f"/v1/files/{file['id']}{path}")).status == 404
    assert (await stranger.client.delete(f"/v1/files/{file['id']}")).status == 404
    assert (await stranger.client.get("/v1/files")).json()["data"] == []
    assert (await stranger.post(file["id"])).status == 400


@pytest.mark.parametrize(
    ("fields", "parameter"),
    [
        ({"purpose": None}, "purpose"),
        ({"purpose": "fun"}, "purpose"),
        ({"expires_after[anchor]": "now", "expires_after[seconds]": "3600"}, "expires_after"),
        ({"expires_after[anchor]": "created_at"}, "expires_after"),
        ({"expires_after[anchor]": "created_at", "expires_after[seconds]": "10"}, "expires_after"),
    ],
)
async def test_a_form_that_does_not_fit_is_refused_and_nothing_is_kept(batches, fields, parameter):
    answer = await batches.upload(CONTENT, **fields)

    assert (answer.status, answer.json()["error"]["param"]) == (400, parameter)
    assert (await batches.client.get("/v1/files")).json()["data"] == []


async def test_a_form_without_a_file_or_that_breaks_off_is_refused(batches):
    headers = {"content-type": "multipart/form-data; boundary=----batch-test"}
    whole = form(CONTENT)

    for body in (b"", whole[:-20], whole.replace(b'name="file"', b'name="fill"'), b"nonsense"):
        answer = await batches.client.post("/v1/files", body=body, headers=headers)
        assert answer.status == 400, body
