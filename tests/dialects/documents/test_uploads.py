"""Uploads: the form, its limits, what becomes of its files, and the edges of its derived status."""

import asyncio
import hashlib
import json

import pytest

from taskloom.core import limits
from taskloom.core.commands import Fail
from tests.dialects.documents.desk import (
    BASE,
    PDF,
    READ_OUTSIDE,
    REVIEW_AT_ONCE,
    TEAM,
    accepted,
    bare,
    form,
)

READ = {"pages": [{"width": 2480, "height": 3508}, {"width": 2480, "height": 3508}]}
EDGES = ("upload.in_review", "upload.processed")


def stored(folder):
    """The files in the blob store, whole or not; the lock of those who copy it is none."""
    files = (path for path in (folder / "blobs").rglob("*") if path.is_file())
    return [path for path in files if path.name != "held"]


async def test_the_answer_to_an_upload_is_flat(desk):
    await desk.declare(bare(REVIEW_AT_ONCE))

    answer = await desk.send({"a.pdf": PDF, "b.pdf": PDF + b"more"}, name="mail 12")

    body = answer.json()
    assert answer.status == 201
    assert list(body) == [
        "id",
        "name",
        "projectId",
        "status",
        "fileType",
        "fileSize",
        "createdAt",
        "updatedAt",
    ]
    assert (body["name"], body["projectId"]) == ("mail 12", "proj_3")
    assert (body["fileType"], body["fileSize"]) == ("application/pdf", 2 * len(PDF) + 4)


async def test_every_file_becomes_a_task_with_the_meta_of_the_upload(desk):
    await desk.declare(bare(REVIEW_AT_ONCE))
    meta = [{"name": "source", "value": "mail"}, {"name": "source", "value": "twice"}]

    upload_id, tasks = await desk.upload({"a.pdf": PDF, "b.pdf": PDF}, meta=json.dumps(meta))

    shown = [await desk.task(task_id) for task_id in tasks]
    assert [task["name"] for task in shown] == ["a.pdf", "b.pdf"]
    assert all(task["meta"] == meta and task["upload_id"] == upload_id for task in shown)


async def test_an_upload_may_have_a_hundred_files(desk):
    await desk.declare(bare(REVIEW_AT_ONCE))

    _, tasks = await desk.upload({f"{number}.pdf": PDF for number in range(limits.UPLOAD_FILES)})

    assert len(set(tasks)) == limits.UPLOAD_FILES
    listed = await desk.client.get(f"{BASE}/task?limit=200")
    assert [task["id"] for task in listed.json()["payload"]] == tasks


async def test_an_upload_is_shown_with_its_files(desk):
    await desk.declare(bare(READ_OUTSIDE))
    upload_id, _ = await desk.upload({"a.pdf": PDF})
    path = f"{BASE}/upload/{upload_id}"
    before = (await desk.client.get(path)).json()["payload"]

    accepted(await desk.finish(await desk.claim("proj_3/ocr"), READ))

    after = (await desk.client.get(path)).json()["payload"]
    assert list(after) == ["id", "name", "status", "files", "meta", "folder_id", "created_at"]
    file = {
        "name": "a.pdf",
        "size": len(PDF),
        "mime": "application/pdf",
        "sha256": hashlib.sha256(PDF).hexdigest(),
    }
    assert before["files"] == {"file_1": {**file, "pages": None}}
    assert after["files"] == {"file_1": {**file, "pages": 2}}
    assert (after["status"], after["folder_id"]) == ("PROCESSING", "folder_inbox")


async def test_the_older_paths_name_the_project_in_the_form(desk):
    await desk.declare(bare(REVIEW_AT_ONCE))
    body, headers = form({"a.pdf": PDF}, projectId="proj_3")

    answer = await desk.client.post(f"/v2/{TEAM}/upload", body=body, headers=headers)

    assert answer.status == 201
    shown = await desk.client.get(f"/v2/{TEAM}/upload/{answer.json()['id']}")
    assert shown.json()["payload"]["id"] == answer.json()["id"]
    body, headers = form({"a.pdf": PDF}, projectId="unknown")
    assert (await desk.client.post(f"/v2/{TEAM}/upload", body=body, headers=headers)).status == 404
    body, headers = form({"a.pdf": PDF})
    assert (await desk.client.post(f"/v2/{TEAM}/upload", body=body, headers=headers)).status == 400


@pytest.mark.parametrize(
    ("files", "fields", "code"),
    [
        ({}, {}, "INVALID_PARAMETER"),
        ({"a.pdf": PDF}, {"projectId": "another"}, "INVALID_PARAMETER"),
        ({"a.pdf": PDF}, {"meta": "{"}, "INVALID_PARAMETER"),
        ({"a.pdf": PDF}, {"meta": '[{"name":1,"value":"x"}]'}, "INVALID_PARAMETER"),
        ({"a.pdf": PDF}, {"meta": '[{"name":"a","name":"b","value":"x"}]'}, "INVALID_PARAMETER"),
        ({"a.pdf": PDF}, {"meta": json.dumps([{"name": "n", "value": "v"}] * 101)}, "INVALID_PARAMETER"),
        ({"a.pdf": PDF}, {"meta": "x" * (limits.UPLOAD_FIELD_BYTES + 1)}, "INVALID_PARAMETER"),
        ({"a.pdf": PDF}, {"name": "x" * 256}, "INVALID_PARAMETER"),
        ({"a.pdf": PDF}, {"colour": "red"}, "INVALID_PARAMETER"),
        ({"a.pdf": b"MZ program"}, {}, "UNSUPPORTED_FILE"),
        ({"a.pdf": b""}, {}, "UNSUPPORTED_FILE"),
        ({"a.pdf": PDF, "b.png": b"\x89PNG\r\n\x1a\n"}, {}, None),
        ({f"{n}.pdf": PDF for n in range(101)}, {}, "INVALID_PARAMETER"),
    ],
)
async def test_what_an_upload_may_not_be_and_nothing_is_kept_of_it(desk, folder, files, fields, code):
    """Images are taken where nobody has to read them here."""
    await desk.declare(bare(REVIEW_AT_ONCE if code else READ_OUTSIDE))

    answer = await desk.send(files, **fields)

    if code is None:
        assert answer.status == 201
        return
    assert (answer.status, answer.json()["error"]["code"]) == (400, code)
    assert stored(folder) == []


async def test_a_project_that_reads_here_takes_pdf_only(desk, folder):
    await desk.declare(bare([{"id": "ocr", "type": "OCR"}]))

    answer = await desk.send({"b.pdf": b"\x89PNG\r\n\x1a\n"})

    assert (answer.status, answer.json()["error"]["code"]) == (400, "UNSUPPORTED_FILE")
    assert stored(folder) == []


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"", "multipart/form-data; boundary=edge"),
        (b"--edge\r\n", "multipart/form-data; boundary=edge"),
        (b"nonsense", "multipart/form-data; boundary=edge"),
        (b"--edge\r\n\r\nx\r\n--edge--\r\n", "multipart/form-data; boundary=edge"),
        (form({"a.pdf": PDF})[0][:-8], "multipart/form-data; boundary=edge"),
        (form({"a.pdf": PDF})[0], "multipart/form-data"),
        (form({"a.pdf": PDF})[0], "multipart/form-data; boundary=" + "x" * 71),
        (b"--edge\r\n" + b"x: y\r\n" * 50 + b"\r\n\r\n--edge--\r\n", "multipart/form-data; boundary=edge"),
        (
            b"--edge\r\nx: " + b"y" * 10_000 + b"\r\n\r\n\r\n--edge--\r\n",
            "multipart/form-data; boundary=edge",
        ),
    ],
)
async def test_broken_forms_are_refused_and_leave_nothing(desk, folder, body, content_type):
    await desk.declare(bare(REVIEW_AT_ONCE))

    answer = await desk.client.post(f"{BASE}/upload", body=body, headers={"content-type": content_type})

    assert (answer.status, answer.json()["error"]["code"]) == (400, "INVALID_PARAMETER")
    assert stored(folder) == []


async def test_a_file_that_is_too_large_is_refused_and_leaves_nothing(desk, folder):
    await desk.declare(bare(REVIEW_AT_ONCE))

    answer = await desk.send({"a.pdf": PDF + bytes(limits.UPLOAD_BYTES)})

    assert (answer.status, answer.json()["error"]["code"]) == (413, "PAYLOAD_TOO_LARGE")
    assert stored(folder) == []


async def test_a_file_name_is_shown_and_never_a_path(desk, folder):
    await desk.declare(bare(REVIEW_AT_ONCE))

    _, tasks = await desk.upload(
        {"../../etc/pass\x07wd": PDF, "C:\\x\\y.pdf": PDF, "..": PDF, "z" * 400: PDF}
    )

    names = [(await desk.task(task_id))["name"] for task_id in tasks]
    assert names == ["pass_wd", "y.pdf", "..", "z" * 255]
    assert all(path.parent.parent == folder / "blobs" for path in stored(folder))


# Edges ---------------------------------------------------------------------------------------------------


async def test_an_upload_tells_of_each_edge_once(desk):
    await desk.declare(bare([*READ_OUTSIDE[:1], {"id": "check", "type": "VALIDATE"}]))
    upload_id, tasks = await desk.upload({"a.pdf": PDF, "b.pdf": PDF, "c.pdf": PDF})
    for _ in tasks:
        assert await desk.told(*EDGES) == []
        accepted(await desk.finish(await desk.claim("proj_3/ocr"), READ))
    assert [name for name, _ in await desk.told(*EDGES)] == ["upload.in_review"]

    for task_id in tasks:
        await desk.act(task_id, "discard")

    told = await desk.told(*EDGES)
    assert [(name, body["status"]) for name, body in told] == [
        ("upload.in_review", "IN_REVIEW"),
        ("upload.processed", "COMPLETED"),
    ]
    upload = (await desk.client.get(f"{BASE}/upload/{upload_id}")).json()["payload"]
    assert (upload["status"], upload["folder_id"]) == ("COMPLETED", "folder_processed")


async def test_the_last_documents_ending_at_once_give_one_edge(desk):
    await desk.declare(bare(REVIEW_AT_ONCE[:1]))
    rounds = 20
    for _ in range(rounds):
        _, tasks = await desk.upload({f"{n}.pdf": PDF for n in range(5)})
        await asyncio.gather(*(desk.act(task_id, "discard") for task_id in tasks))

    told = await desk.told(*EDGES)
    processed = [body["upload_id"] for name, body in told if name == "upload.processed"]
    in_review = [body["upload_id"] for name, body in told if name == "upload.in_review"]
    assert len(processed) == len(set(processed)) == rounds
    assert len(in_review) == len(set(in_review)) == rounds


async def test_a_failed_document_keeps_an_upload_in_review(desk):
    await desk.declare(bare(READ_OUTSIDE[:1]))
    upload_id, _ = await desk.upload({"a.pdf": PDF, "b.pdf": PDF})
    accepted(await desk.finish(await desk.claim("proj_3/ocr"), READ))
    handout = await desk.claim("proj_3/ocr")

    accepted(
        await desk.engine.submit(
            Fail(key=handout.task.key, tenant=TEAM, final=True, token=handout.task.token)
        )
    )

    upload = (await desk.client.get(f"{BASE}/upload/{upload_id}")).json()["payload"]
    assert upload["status"] == "IN_REVIEW"
    assert [name for name, _ in await desk.told(*EDGES)] == ["upload.in_review"]


# Repeats -------------------------------------------------------------------------------------------------


async def test_an_upload_repeated_with_its_key_is_the_first_one(desk, folder):
    await desk.declare(bare(REVIEW_AT_ONCE))
    headers = {"idempotency-key": "once"}

    first = await desk.send({"a.pdf": PDF}, headers=headers)
    again = await desk.send({"a.pdf": PDF}, headers=headers)

    assert (again.status, again.body) == (first.status, first.body)
    assert len(stored(folder)) == 1
    other = await desk.send({"a.pdf": PDF + b"2"}, headers=headers)
    assert (other.status, other.json()["error"]["code"]) == (400, "INVALID_PARAMETER")
    assert len(stored(folder)) == 1


async def test_a_completion_repeated_with_its_key_gets_the_first_answer_whatever_has_happened_since(desk):
    await desk.declare(bare(REVIEW_AT_ONCE))
    task_id = await desk.one()
    first = await desk.act(task_id, "complete", idempotency_key="c-1")
    await desk.until(task_id, "COMPLETED")

    again = await desk.act(task_id, "complete", idempotency_key="c-1")

    assert (again.status, again.body) == (first.status, first.body)
    assert again.json()["payload"]["status"] == "PROCESSING"
    assert (await desk.act(task_id, "complete", idempotency_key="c-2")).status == 400
    assert len(await desk.told("document.completed")) == 1


async def test_64_completions_with_one_key_all_get_the_one_answer(desk):
    await desk.declare(bare(REVIEW_AT_ONCE))
    task_id = await desk.one()

    answers = await asyncio.gather(*(desk.act(task_id, "complete", idempotency_key="k") for _ in range(64)))

    assert {answer.status for answer in answers} == {200}
    assert len({answer.body for answer in answers}) == 1


async def test_a_key_belongs_to_a_path_and_a_body(desk):
    await desk.declare(bare(REVIEW_AT_ONCE))
    one, two = await desk.one(), await desk.one()
    report = {"issues": [{"label": "a", "value": "b"}]}
    await desk.act(one, "report", report, idempotency_key="k")

    assert (await desk.act(two, "report", report, idempotency_key="k")).status == 200
    changed = await desk.act(one, "report", {"issues": [{"label": "a", "value": "c"}]}, idempotency_key="k")
    assert (changed.status, changed.json()["error"]["code"]) == (400, "INVALID_PARAMETER")
    for bad in ("", "x" * 256):
        assert (await desk.act(one, "complete", idempotency_key=bad)).status == 400
