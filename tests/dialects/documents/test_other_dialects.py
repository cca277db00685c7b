"""Workers of the other protocols do the steps of documents and complete their reviews, on their own wire."""

import pytest

from samples.invoices import INVOICE_SCHEMA
from taskloom.core.commands import Create
from taskloom.core.task import READY
from tests.dialects.documents.desk import TEAM, accepted, bare
from tests.dialects.documents.test_states import GOOD, READ, with_total

STEPS = [
    {"id": "ocr", "type": "OCR", "external": True},
    {"id": "extract", "type": "EXTRACT", "external": True},
    {"id": "export", "type": "EXPORT"},
]


class QueueWorker:
    """Takes from queues."""

    def __init__(self, client):
        self.client = client

    async def work(self, queue, result):
        """Take a task of the queue and complete it; the status of the completion."""
        taken = await self.client.post("/v1/queue/take", {"queues": [f"{queue}:1"], "wait_seconds": 5})
        assert taken.status == 200, taken.body
        ((task,),) = taken.json().values()
        answer = await self.client.post(
            f"/v1/queue/{task['task_id']}/complete", {"status_code": 200, "body": result}
        )
        return answer.status


class JobWorker:
    """Activates and completes jobs."""

    def __init__(self, client):
        self.client = client

    async def work(self, queue, result):
        wanted = {"type": queue, "maxJobsToActivate": 1, "timeout": 60_000, "requestTimeout": 30_000}
        answer = await self.client.post("/v2/jobs/activation", wanted)
        assert answer.status == 200, answer.body
        (job,) = answer.json()["jobs"]
        done = await self.client.post(f"/v2/jobs/{job['jobKey']}/completion", {"variables": result})
        return done.status


@pytest.mark.parametrize("kind", [QueueWorker, JobWorker])
async def test_a_document_is_done_by_workers_of_another_protocol(desk, kind):
    await desk.declare({**INVOICE_SCHEMA, "steps": STEPS})
    task_id = await desk.one()
    worker = kind(desk.client)

    assert await worker.work("proj_3/ocr", READ) in {200, 204}
    assert await worker.work("proj_3/extract", GOOD) in {200, 204}
    assert (await desk.task(task_id))["status"] == "REVIEWING"
    assert await worker.work("proj_3/review", {}) in {200, 204}

    assert (await desk.until(task_id, "COMPLETED"))["exported_at"] is not None


@pytest.mark.parametrize("kind", [QueueWorker, JobWorker])
async def test_a_worker_of_another_protocol_cannot_pass_the_check(desk, kind):
    await desk.declare({**INVOICE_SCHEMA, "steps": STEPS})
    task_id = await desk.one()
    worker = kind(desk.client)
    await worker.work("proj_3/ocr", READ)
    await worker.work("proj_3/extract", with_total("120,00"))

    assert 400 <= await worker.work("proj_3/review", {}) < 500

    assert (await desk.task(task_id))["status"] == "REVIEWING"


async def test_what_others_put_into_the_queue_of_a_step_is_left_to_others(desk):
    """The server works on documents only, whatever a queue is called."""
    await desk.declare(bare([{"id": "ocr", "type": "OCR"}]))
    foreign = Create(tenant=TEAM, queue="proj_3/ocr", dialect="queue", input=b'{"entities": "none"}')
    key = accepted(await desk.engine.submit(foreign))

    handout = await desk.claim("proj_3/ocr")

    assert (handout.task.key, handout.input) == (key, b'{"entities": "none"}')
    assert (await desk.engine.store.task(key)).state != READY
