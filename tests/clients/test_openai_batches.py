"""Files and batches through the official `openai` client, unmodified, against a real server."""

import json
import time
import urllib.request

import openai
import pytest

from tests.server.fixtures import Process
from tests.server.test_callbacks import Receiver

QUEUE = "embed"


@pytest.fixture
def client(process):
    with openai.OpenAI(base_url=f"{process.url}/v1", api_key=process.key, timeout=30) as client:
        registration = {"queue": QUEUE, "endpoint": "/v1/embeddings", "models": ["m"]}
        assert client.post("/queue/register", cast_to=object, body=registration) == QUEUE
        yield client


def rows(count):
    return b"\n".join(
        json.dumps(
            {
                "custom_id": f"r-{n}",
                "method": "POST",
                "url": "/v1/embeddings",
                "body": {"model": "m", "input": f"text {n}"},
            }
        ).encode()
        for n in range(count)
    )


def work(client, count):
    """Take so many rows and answer them; the last one with an error."""
    for done in range(count):
        taken = client.post(
            "/queue/take", cast_to=object, body={"queues": [f"{QUEUE}:1"], "wait_seconds": 20}
        )
        task = taken[f"{QUEUE}:1"][0]
        vector = {"object": "embedding", "index": 0, "embedding": [0.5, done]}
        body = {"object": "list", "model": "m", "data": [vector]}
        status = 200 if done < count - 1 else 422
        envelope = {"status_code": status, "lease_id": task["lease_id"], "body": body}
        client.post(f"/queue/{task['task_id']}/complete", cast_to=object, body=envelope)


def ended(client, batch):
    deadline = time.monotonic() + 30
    while (found := client.batches.retrieve(batch.id)).status not in ("completed", "failed", "cancelled"):
        assert time.monotonic() < deadline, found
        time.sleep(0.02)
    return found


def test_a_batch_from_file_to_files(client):
    file = client.files.create(file=("rows.jsonl", rows(4)), purpose="batch")
    batch = client.batches.create(
        input_file_id=file.id, endpoint="/v1/embeddings", completion_window="24h", metadata={"run": "1"}
    )
    assert batch.status == "validating"

    work(client, 4)
    done = ended(client, batch)

    assert (done.request_counts.total, done.request_counts.completed, done.request_counts.failed) == (4, 3, 1)
    assert (done.metadata, done.model) == ({"run": "1"}, "m")
    output = [json.loads(line) for line in client.files.content(done.output_file_id).text.splitlines()]
    errors = [json.loads(line) for line in client.files.content(done.error_file_id).iter_lines()]
    assert {line["custom_id"] for line in (*output, *errors)} == {"r-0", "r-1", "r-2", "r-3"}
    assert errors[0]["response"]["status_code"] == 422
    assert [one.id for one in client.batches.list(limit=1)] == [batch.id]


def test_files_are_created_retrieved_listed_read_and_deleted(client):
    made = [
        client.files.create(
            file=(f"{n}.txt", f"number {n}".encode()),
            purpose="user_data",
            expires_after={"anchor": "created_at", "seconds": 7200},
        )
        for n in range(3)
    ]

    first = client.files.retrieve(made[0].id)
    listed = list(client.files.list(purpose="user_data", limit=2, order="asc"))
    with client.files.with_streaming_response.content(made[1].id) as content:
        read = content.read()
    gone = client.files.delete(made[2].id)

    assert (first.filename, first.bytes, first.status) == ("0.txt", 8, "processed")
    assert first.expires_at - first.created_at == 7200
    assert [file.id for file in listed] == [file.id for file in made]
    assert read == b"number 1"
    assert gone.deleted
    with pytest.raises(openai.NotFoundError):
        client.files.retrieve(made[2].id)
    assert client.files.wait_for_processing(made[0].id).status == "processed"


def test_a_batch_with_a_bad_line_fails_and_says_which(client):
    file = client.files.create(file=("rows.jsonl", rows(2) + b"\n{}"), purpose="batch")

    failed = ended(
        client,
        client.batches.create(input_file_id=file.id, endpoint="/v1/embeddings", completion_window="24h"),
    )

    assert failed.status == "failed"
    assert (failed.errors.data[0].code, failed.errors.data[0].line) == ("missing_required_parameter", 3)


def test_a_batch_is_cancelled(client):
    file = client.files.create(file=("rows.jsonl", rows(3)), purpose="batch")
    batch = client.batches.create(input_file_id=file.id, endpoint="/v1/embeddings", completion_window="24h")

    stopped = client.batches.cancel(batch.id)

    assert stopped.status in ("cancelling", "cancelled")
    done = ended(client, batch)
    assert done.status == "cancelled"
    assert done.output_file_id is None
    with pytest.raises(openai.NotFoundError):
        client.batches.retrieve("BATCH-1-1-260921103000-0001-000042")
    with pytest.raises(openai.BadRequestError):
        client.batches.create(input_file_id="file-x", endpoint="/v1/embeddings", completion_window="24h")


@pytest.fixture
def receiver():
    made = Receiver(200)
    yield made
    made.close()


@pytest.fixture
def trusting(tmp_path):
    process = Process(tmp_path, "--callbacks-allow", "127.0.0.1").start()
    yield process
    process.kill()


def test_the_end_of_a_batch_is_told_by_a_webhook_that_the_client_unwraps(trusting, receiver):
    order = json.dumps({"url": receiver.url, "events": ["batch.*"]}).encode()
    headers = {"authorization": f"Bearer {trusting.key}", "content-type": "application/json"}
    call = urllib.request.Request(f"{trusting.url}/api/v1/webhooks", order, headers)
    with urllib.request.urlopen(call, timeout=30) as answer:
        secret = json.loads(answer.read())["secret"]
    with openai.OpenAI(
        base_url=f"{trusting.url}/v1", api_key=trusting.key, webhook_secret=secret, timeout=30
    ) as client:
        client.post("/queue/register", cast_to=object, body={"queue": QUEUE, "endpoint": "/v1/embeddings"})
        file = client.files.create(file=("rows.jsonl", b"no json"), purpose="batch")
        batch = client.batches.create(
            input_file_id=file.id, endpoint="/v1/embeddings", completion_window="24h"
        )

        sent, body = receiver.next()
        event = client.webhooks.unwrap(body, sent)

        assert (event.type, event.data.id) == ("batch.failed", batch.id)
        with pytest.raises(openai.InvalidWebhookSignatureError):
            client.webhooks.unwrap(body.replace(b"failed", b"passed"), sent)
