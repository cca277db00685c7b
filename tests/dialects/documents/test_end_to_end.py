"""Real files through the real steps: read, proposed, reviewed, exported, the server killed in between."""

import asyncio
import contextlib
import json
import sqlite3
import time
import urllib.request
from contextlib import closing

import pytest
from fpdf import FPDF

from samples.invoices import INVOICE_SCHEMA, make_invoice
from taskloom.core.commands import Fail
from tests.dialects.documents.conftest import ended
from tests.dialects.documents.desk import BASE, PDF, REVIEW_AT_ONCE, TEAM, accepted, bare, form
from tests.server.fixtures import ROOT_KEY

AUTOMATIC = {
    **INVOICE_SCHEMA,
    "steps": [
        {"id": "ocr", "type": "OCR"},
        {"id": "extract", "type": "EXTRACT", "automation": "PROCESS"},
        {"id": "export", "type": "EXPORT"},
    ],
}


def exported(folder):
    """The lines of the project's export, by task."""
    lines = [
        line
        for path in sorted((folder / "export").rglob("*.jsonl"))
        for line in path.read_text().splitlines()
    ]
    records = [json.loads(line) for line in lines]
    assert len({record["id"] for record in records}) == len(records), "a document was exported twice"
    return {record["id"]: record for record in records}


async def test_invoices_come_out_as_they_are(desk, folder):
    await desk.declare(INVOICE_SCHEMA)
    invoices = {f"invoice-{seed}.pdf": make_invoice(seed) for seed in range(40, 46)}
    _, tasks = await desk.upload({name: invoice.data for name, invoice in invoices.items()})

    for task_id in tasks:
        task = await desk.until(task_id, "REVIEWING", "FAILED", step_type="EXTRACT")
        assert task["status"] == "REVIEWING"
        assert (await desk.act(task_id, "complete")).status == 200
    for task_id in tasks:
        assert (await desk.until(task_id, "COMPLETED"))["exported_at"] is not None

    records = exported(folder)
    assert [records[task_id]["fields"] for task_id in tasks] == [one.truth for one in invoices.values()]
    assert all(records[task_id]["reviewed"] for task_id in tasks)


def locked():
    """An encrypted PDF that opens without a password."""
    pdf = FPDF()
    pdf.set_encryption(owner_password="owner")
    pdf.add_page()
    return bytes(pdf.output())


@pytest.mark.parametrize(
    ("data", "code"),
    [(PDF, "UNSUPPORTED_FILE"), (PDF + bytes(1000), "UNSUPPORTED_FILE"), (locked(), "ENCRYPTED_FILE")],
)
async def test_a_hostile_file_fails_with_its_code_and_can_be_looked_at(desk, data, code):
    await desk.declare(INVOICE_SCHEMA)
    task_id = await desk.one(data)

    await desk.until(task_id, "FAILED")

    shown = await desk.task(task_id, is_extended=True)
    assert (shown["step_type"], shown["x"]["failure"]["code"]) == ("OCR", code)
    assert shown["x"]["review_reasons"] == ["STEP_FAILED"]


async def test_an_export_that_fails_leaves_the_document_completed_and_can_be_tried_again(desk, folder):
    steps = [
        {"id": "extract", "type": "EXTRACT", "automation": "NONE"},
        {"id": "deliver", "type": "EXPORT", "external": True},
    ]
    await desk.declare(bare(steps))
    task_id = await desk.one()
    await desk.act(task_id, "complete")
    handout = await desk.claim("proj_3/deliver")
    assert json.loads(handout.input)["record"]["fields"] == {}

    accepted(
        await desk.engine.submit(
            Fail(key=handout.task.key, tenant=TEAM, final=True, token=handout.task.token)
        )
    )

    failed = await desk.until(task_id, "COMPLETED")
    assert (failed["exported_at"], failed["export_failed_at"] is None) == (None, False)
    assert (await desk.act(task_id, "export/retry")).status == 200
    accepted(await desk.finish(await desk.claim("proj_3/deliver")))
    done = await desk.task(task_id)
    assert (done["exported_at"] is None, done["export_failed_at"]) == (False, None)
    assert (await desk.act(task_id, "export/retry")).json()["error"]["code"] == "EXPORT_NOT_FAILED"


async def test_an_export_that_cannot_be_written_is_tried_again(desk, folder):
    (folder / "export").write_text("in the way")
    await desk.declare(bare(REVIEW_AT_ONCE))
    task_id = await desk.one()
    await desk.act(task_id, "complete")
    async with asyncio.timeout(20):
        while (task := await desk.engine.store.task(await desk.open_review(task_id))) is None or (
            task.error_code != "STEP_UNAVAILABLE"
        ):
            seen = desk.engine.sequence
            await desk.engine.events(seen, 200)
    assert (await desk.task(task_id))["status"] == "PROCESSING"

    (folder / "export").unlink()
    desk.server.clock.advance(seconds=60)

    assert (await desk.until(task_id, "COMPLETED"))["exported_at"] is not None
    assert list(exported(folder)) == [task_id]


def call(process, method, path, body=None, content_type="application/json"):
    headers = {"authorization": f"Bearer {ROOT_KEY}", "content-type": content_type}
    request = urllib.request.Request(process.url + path, body, headers, method=method)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.loads(answer.read())


def wait_for(condition, *, seconds=30):
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.02)
    return found


def uploaded(process, schema, seed):
    """The id of the task of a generated invoice, uploaded to a fresh project."""
    call(process, "PUT", f"{BASE}/schema", json.dumps(schema).encode())
    body, headers = form({"inv.pdf": make_invoice(seed).data})
    upload = call(process, "POST", f"{BASE}/upload", body, headers["content-type"])
    (task,) = call(process, "GET", f"{BASE}/task?upload_id={upload['id']}")["payload"]
    return task["id"]


def completed(process, task_id):
    """The task once it is completed."""

    def seen():
        task = call(process, "GET", f"{BASE}/task/{task_id}")["payload"]
        return task if task["status"] == "COMPLETED" else None

    return wait_for(seen)


@pytest.mark.parametrize("fault", ["step_finished:1", "step_finished:3"])
def test_a_server_killed_at_the_end_of_a_step_does_it_again_and_exports_once(process_of, fault):
    """Among them the instant between the line of the export and the completion of its task."""
    doomed = process_of(TASKLOOM_FAULT=fault).start()
    task_id = uploaded(doomed, AUTOMATIC, 7)
    doomed.wait(30)

    again = process_of().start()

    # no wait for the lease of the killed process, which lasts two minutes
    assert completed(again, task_id)["exported_at"] is not None
    assert exported(again.folder / "data")[task_id]["fields"] == make_invoice(7).truth
    assert again.stop() == 0


def continuations(process):
    """How many follow-ups wait in the folder of a server that is not running."""
    with closing(sqlite3.connect(process.folder / "data" / "taskloom.db")) as connection:
        return connection.execute("SELECT count(*) FROM follow_ups").fetchone()[0]


def test_a_server_killed_between_a_completion_and_its_continuation_continues_once(process_of):
    """Killed after the commit of one batch later each time, until it was that of the completion."""
    server = process_of().start()
    task_id = uploaded(server, INVOICE_SCHEMA, 8)
    wait_for(lambda: call(server, "GET", f"{BASE}/task/{task_id}")["payload"]["status"] == "REVIEWING")
    assert server.stop() == 0
    for commits in range(1, 10):
        doomed = process_of(TASKLOOM_FAULT=f"before_answer:{commits}")
        with contextlib.suppress(AssertionError, OSError):
            doomed.start()
            call(doomed, "POST", f"{BASE}/task/{task_id}/complete")
        ended(doomed)
        if continuations(doomed):
            break

    assert continuations(doomed) == 1
    again = process_of().start()
    assert completed(again, task_id)["exported_at"] is not None
    assert list(exported(again.folder / "data")) == [task_id]
    assert again.stop() == 0
    assert continuations(again) == 0
