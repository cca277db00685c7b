"""Batches from file to files, over HTTP on every store."""

import pytest

from taskloom.core.limits import BATCH_ERRORS
from tests.dialects.queue.desk import STORES
from tests.dialects.queue.files import Batches, jsonl, row

pytestmark = pytest.mark.parametrize("server", STORES, indirect=True)


@pytest.fixture
async def batches(desk):
    await desk.register(models=["m"])
    return Batches(desk)


async def test_every_row_comes_out_in_one_of_the_files(batches):
    batch = await batches.make([row(n) for n in range(7)], metadata={"who": "me"})
    assert (batch["object"], batch["status"]) == ("batch", "validating")

    await batches.until(batch["id"], "in_progress", created=7)
    await batches.work(7, status=lambda task: 200 if task["custom_id"] != "r-3" else 429)
    ended = await batches.until(batch["id"], "completed")

    output, errors = await batches.results(ended)
    assert set(output) == {f"r-{n}" for n in range(7) if n != 3}
    assert set(errors) == {"r-3"}
    assert errors["r-3"]["response"]["status_code"] == 429
    assert output["r-1"]["id"].startswith("batch_req_TASK-")
    assert output["r-1"]["response"]["body"]["object"] == "list"
    assert ended["request_counts"] == {"total": 7, "completed": 6, "failed": 1}
    assert ended["metadata"] == {"who": "me"}
    assert (ended["model"], ended["usage"]["total_tokens"]) == ("m", 14)


async def test_counts_are_exact_while_it_runs(batches):
    batch = await batches.make([row(n) for n in range(5)])
    await batches.until(batch["id"], "in_progress", created=5)

    await batches.work(2)

    assert (await batches.get(batch["id"]))["request_counts"] == {"total": 5, "completed": 2, "failed": 0}


async def test_a_row_is_a_task_that_knows_its_batch(batches):
    batch = await batches.make([row(1)])
    await batches.until(batch["id"], "in_progress", created=1)

    task = await batches.desk.take("embed-a:1")

    assert (task["custom_id"], task["batch_id"], task["trace_id"]) == ("r-1", batch["id"], batch["id"])
    assert task["data"] == row(1)["body"]
    assert task["response_mode"] == "batch"


async def test_without_a_good_row_there_is_no_output_file_and_without_a_bad_one_no_error_file(batches):
    good = await batches.make([row(1)])
    await batches.work(1)
    bad = await batches.make([row(1)])
    await batches.work(1, status=500)

    good = await batches.until(good["id"], "completed")
    bad = await batches.until(bad["id"], "completed")
    assert (good["error_file_id"], bad["output_file_id"]) == (None, None)
    assert None not in (good["output_file_id"], bad["error_file_id"])


@pytest.mark.parametrize(
    ("content", "code", "line"),
    [
        (b"", "empty_file", None),
        (b"\n \n", "empty_file", None),
        (jsonl([row(1)]) + b"{oops\n", "invalid_json_line", 2),
        (jsonl([row(1)]) + b"[1]\n", "invalid_json_line", 2),
        (jsonl([row(1)]) + b"\xff\xfe\n", "invalid_json_line", 2),
        (jsonl([row(1), row(1)]), "duplicate_custom_id", 2),
        (jsonl([row(1, custom_id=None)]), "missing_required_parameter", 1),
        (jsonl([row(1, custom_id=7)]), "invalid_custom_id", 1),
        (jsonl([row(1, method="GET")]), "invalid_method", 1),
        (jsonl([row(1, url="/v1/chat/completions")]), "url_mismatch", 1),
        (jsonl([row(1), row(2, model="n")]), "mismatched_model", 2),
        (jsonl([row(1, body={"input": "x"})]), "missing_required_parameter", 1),
        (jsonl([row(1, body=[])]), "invalid_body", 1),
        (jsonl([row(1, body={"model": "m", "stream": True})]), "invalid_stream", 1),
        (jsonl([row(1, model="unheard-of")]), "model_not_found", 1),
    ],
)
async def test_one_bad_line_fails_the_whole_batch_and_nothing_is_run(batches, content, code, line):
    batch = await batches.make(content)

    failed = await batches.until(batch["id"], "failed")

    error = failed["errors"]["data"][0]
    assert (error["code"], error["line"]) == (code, line)
    assert failed["request_counts"] == {"total": 0, "completed": 0, "failed": 0}
    assert failed["failed_at"] is not None
    assert await batches.waiting() == 0


async def test_no_more_than_a_hundred_errors_are_told(batches):
    batch = await batches.make([row(n, method="PUT") for n in range(BATCH_ERRORS + 50)])

    failed = await batches.until(batch["id"], "failed")

    assert len(failed["errors"]["data"]) == BATCH_ERRORS


async def test_a_mark_of_byte_order_and_the_line_ends_of_windows_do_not_matter(batches):
    content = b"\xef\xbb\xbf" + jsonl([row(1), row(2)]).replace(b"\n", b"\r\n").rstrip()
    batch = await batches.make(content)

    running = await batches.until(batch["id"], "in_progress", created=2)

    assert running["request_counts"]["total"] == 2


async def test_a_cancelled_batch_keeps_what_is_done_and_names_what_is_not(batches):
    batch = await batches.make([row(n) for n in range(6)])
    await batches.until(batch["id"], "in_progress", created=6)
    await batches.work(2)
    held = await batches.desk.take("embed-a:1")

    answer = await batches.cancel(batch["id"])
    assert (answer.status, answer.json()["status"]) == (200, "cancelling")
    ended = await batches.until(batch["id"], "cancelled")

    output, errors = await batches.results(ended)
    assert (len(output), len(errors)) == (2, 4)
    assert {line["error"]["code"] for line in errors.values()} == {"batch_cancelled"}
    assert ended["request_counts"] == {"total": 6, "completed": 2, "failed": 4}
    assert (await batches.desk.heartbeat(held["task_id"])).json() == {"cancelled": True}
    assert (await batches.cancel(batch["id"])).json()["status"] == "cancelled"


async def test_a_batch_that_has_ended_is_not_cancelled(batches):
    batch = await batches.make([row(1)])
    await batches.work(1)
    await batches.until(batch["id"], "completed")

    refused = await batches.cancel(batch["id"])

    assert (refused.status, refused.json()["error"]["code"]) == (400, "batch_not_cancellable")


async def test_what_is_not_done_when_the_window_ends_is_named_as_expired(batches):
    batch = await batches.make([row(n) for n in range(5)], completion_window="2h")
    await batches.until(batch["id"], "in_progress", created=5)
    await batches.work(2)
    await batches.desk.take("embed-a:1", process_timeout=86_400)

    batches.desk.server.clock.advance(seconds=7200)
    await batches.desk.server.engine.sweep()
    ended = await batches.until(batch["id"], "expired")

    output, errors = await batches.results(ended)
    assert (len(output), len(errors)) == (2, 3)
    assert {line["error"]["code"] for line in errors.values()} == {"batch_expired"}
    assert ended["expired_at"] >= ended["expires_at"]


async def test_deleting_the_input_file_does_not_disturb_a_batch(batches):
    file_id = await batches.file([row(1), row(2)])
    batch = (await batches.post(file_id)).json()

    assert (await batches.client.delete(f"/v1/files/{file_id}")).json()["deleted"]
    await batches.until(batch["id"], "in_progress", created=2)
    await batches.work(2)

    assert (await batches.until(batch["id"], "completed"))["request_counts"]["completed"] == 2


async def test_a_queue_may_be_named_instead_of_found_by_the_model(batches):
    file_id = await batches.file([row(1, model="unheard-of")])
    batch = (await batches.post(file_id, headers={"x-bella-queue-name": "embed-a"})).json()

    assert (await batches.until(batch["id"], "in_progress", created=1))["model"] == "unheard-of"
    refused = await batches.post(file_id, headers={"x-bella-queue-name": "no-such"})
    assert (refused.status, refused.json()["error"]["param"]) == (400, "X-BELLA-QUEUE-NAME")


@pytest.mark.parametrize(
    ("fields", "parameter"),
    [
        ({"completion_window": "soon"}, "completion_window"),
        ({"completion_window": "31d"}, "completion_window"),
        ({"input_file_id": "file-nothing"}, "input_file_id"),
        ({"metadata": {str(n): "x" for n in range(17)}}, "metadata"),
        ({"metadata": {"x": "y" * 513}}, "metadata"),
        ({"output_expires_after": {"anchor": "created_at", "seconds": 1}}, "output_expires_after"),
        ({"endpoint": ""}, "endpoint"),
    ],
)
async def test_a_bad_order_is_refused_by_name(batches, fields, parameter):
    answer = await batches.post(await batches.file([row(1)]), **fields)

    assert (answer.status, answer.json()["error"]["param"]) == (400, parameter)


async def test_a_file_of_another_purpose_makes_no_batch(batches):
    other = (await batches.upload(jsonl([row(1)]), purpose="user_data")).json()["id"]

    assert (await batches.post(other)).json()["error"]["param"] == "input_file_id"


async def test_batches_are_listed_newest_first_and_only_ones_own(batches):
    made = [(await batches.make([row(1)]))["id"] for _ in range(3)]
    stranger = Batches(await batches.desk.other("stranger", tenant="elsewhere"))

    first = (await batches.client.get("/v1/batches?limit=2")).json()
    rest = (await batches.client.get(f"/v1/batches?limit=2&after={first['last_id']}")).json()

    assert [one["id"] for one in (*first["data"], *rest["data"])] == made[::-1]
    assert (first["has_more"], rest["has_more"]) == (True, False)
    assert (await stranger.client.get("/v1/batches")).json()["data"] == []
    assert (await stranger.client.get(f"/v1/batches/{made[0]}")).status == 404
    assert (await stranger.cancel(made[0])).status == 404


async def test_an_unknown_batch_is_not_found(batches):
    for missing in ("BATCH-1-1-260921103000-0001-000042", "nonsense", "BATCH--"):
        assert (await batches.client.get(f"/v1/batches/{missing}")).status == 404


async def test_a_row_can_be_cancelled_alone(batches):
    batch = await batches.make([row(1), row(2)])
    await batches.until(batch["id"], "in_progress", created=2)
    task = await batches.desk.take("embed-a:1")

    await batches.desk.cancel(task["task_id"])
    await batches.work(1)
    ended = await batches.until(batch["id"], "completed")

    assert ended["request_counts"] == {"total": 2, "completed": 1, "failed": 1}
