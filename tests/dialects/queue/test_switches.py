"""What is done otherwise for a tenant whose callers come from the original, over HTTP on every store."""

import pytest

from taskloom.server.identity import Tenants
from tests.dialects.queue.desk import STORES
from tests.dialects.queue.files import Batches, jsonl, row

pytestmark = pytest.mark.parametrize("server", STORES, indirect=True)

TIMES = ("created_at", "in_progress_at", "expires_at", "finalizing_at", "completed_at")
MIXED = jsonl([row(0), row(1, method="GET"), row(2)]) + b"not JSON\n\n" + jsonl([row(2), row(5), [6]])
"""Rows 0, 2 and 5 are good; lines 2, 4, 6 and 8 are not, the fifth is empty."""


@pytest.fixture
async def batches(desk):
    await desk.register(models=["m"])
    return Batches(desk)


async def switch(server, **switches):
    await Tenants(server.engine).ensure("default")
    client = server.client(await server.key("boss", scopes=["admin"]))
    answer = await client.call("PATCH", "/api/v1/tenants/default", switches)
    assert answer.status == 200, answer.body
    return answer.json()


async def test_a_bad_line_becomes_a_line_of_the_error_file_and_the_batch_goes_on(server, batches):
    await switch(server, partial_validation=True)

    batch = await batches.make(MIXED)
    running = await batches.until(batch["id"], "in_progress", created=3)
    assert running["request_counts"] == {"total": 7, "completed": 0, "failed": 4}
    await batches.work(3, status=lambda task: 200 if task["custom_id"] != "r-5" else 500)
    ended = await batches.until(batch["id"], "completed")

    assert ended["request_counts"] == {"total": 7, "completed": 2, "failed": 5}
    output = await batches.lines(ended["output_file_id"])
    errors = await batches.lines(ended["error_file_id"])
    assert {line["custom_id"] for line in output} == {"r-0", "r-2"}
    failed = [line["custom_id"] for line in errors if line["response"] is not None]
    bad = {
        line["error"]["line"]: (line["custom_id"], line["error"]["code"])
        for line in errors
        if line["response"] is None
    }
    assert failed == ["r-5"]
    assert bad == {
        2: ("r-1", "invalid_method"),
        4: (None, "invalid_json_line"),
        6: ("r-2", "duplicate_custom_id"),
        8: (None, "invalid_json_line"),
    }


async def test_a_file_of_bad_lines_only_ends_with_an_error_file(server, batches):
    await switch(server, partial_validation=True)

    batch = await batches.make(b"no\nnor this\n")
    ended = await batches.until(batch["id"], "completed")

    assert (ended["output_file_id"], ended["request_counts"]["failed"]) == (None, 2)
    assert len(await batches.lines(ended["error_file_id"])) == 2


async def test_every_line_is_in_a_file_also_when_the_batch_is_cancelled(server, batches):
    await switch(server, partial_validation=True)
    batch = await batches.make(MIXED)
    await batches.until(batch["id"], "in_progress", created=3)
    await batches.work(1)

    await batches.cancel(batch["id"])
    ended = await batches.until(batch["id"], "cancelled")

    assert ended["request_counts"] == {"total": 7, "completed": 1, "failed": 6}
    assert len(await batches.lines(ended["output_file_id"])) == 1
    assert len(await batches.lines(ended["error_file_id"])) == 6


async def test_an_empty_file_fails_all_the_same(server, batches):
    await switch(server, partial_validation=True)

    batch = await batches.make(b"\n\n")

    failed = await batches.until(batch["id"], "failed")
    assert [one["code"] for one in failed["errors"]["data"]] == ["empty_file"]


async def test_more_rows_than_a_batch_has_fail_it_all_the_same(server, batches, monkeypatch):
    monkeypatch.setattr("taskloom.dialects.queue.batch_check.BATCH_ROWS", 2)
    await switch(server, partial_validation=True)

    batch = await batches.make(MIXED)

    failed = await batches.until(batch["id"], "failed")
    assert [one["code"] for one in failed["errors"]["data"]] == ["too_many_tasks"]


async def test_a_batch_made_before_the_switch_keeps_to_what_held_then(server, batches):
    file = await batches.file(MIXED)
    batch = (await batches.post(file)).json()

    await switch(server, partial_validation=True)

    await batches.until(batch["id"], "failed")


async def test_the_times_of_a_batch_are_in_milliseconds_for_those_who_want_them_so(server, batches):
    batch = await batches.make([row(1)])
    await batches.work(1)
    in_seconds = await batches.until(batch["id"], "completed")

    await switch(server, bella_batch_times="ms")

    in_ms = await batches.get(batch["id"])
    (listed,) = (await batches.client.get("/v1/batches")).json()["data"]
    assert [in_ms[name] // 1000 for name in TIMES] == [in_seconds[name] for name in TIMES]
    assert listed == in_ms
    assert in_ms["cancelled_at"] is None
    assert (await switch(server, bella_batch_times="s"))["bella_batch_times"] == "s"
    assert await batches.get(batch["id"]) == in_seconds


async def test_the_switches_of_one_tenant_are_not_those_of_another(server, batches):
    await switch(server, bella_batch_times="ms", partial_validation=True)

    other = Batches(await batches.desk.other("stranger", tenant="elsewhere"))
    await other.desk.register(models=["m"])
    batch = await other.make(MIXED)

    failed = await other.until(batch["id"], "failed")
    assert failed["created_at"] < 1 << 32
