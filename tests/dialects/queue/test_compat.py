"""`compat_queue = "bella"`: late completions as the original answered them."""

import pytest

from tests.dialects.queue.desk import Desk
from tests.server.fixtures import serving

OTHER = {"status_code": 200, "body": {"other": True}}
UNKNOWN = "TASK-1-1-C-260921141320-0001-000042"


@pytest.fixture
async def bella(tmp_path):
    async with serving(tmp_path / "bella", compat_queue="bella") as server:
        desk = Desk(server, await server.key("desk"))
        await desk.register()
        yield desk


async def test_in_the_originals_manner_late_completions_are_answered_and_do_nothing(bella):
    stale, done, cancelled, untaken = tasks = [await bella.put() for _ in range(4)]
    await bella.post_take(size=3)
    await bella.cancel(cancelled)
    await bella.complete(done)
    before = [await bella.get(task_id) for task_id in tasks]

    answers = [
        await bella.complete(stale, lease_id="1"),
        await bella.complete(done, OTHER),
        await bella.complete(cancelled),
        await bella.complete(untaken),
    ]

    assert [(answer.status, answer.json()) for answer in answers] == [(200, task_id) for task_id in tasks]
    assert [await bella.get(task_id) for task_id in tasks] == before


async def test_in_the_originals_manner_an_unknown_task_is_still_not_found(bella):
    assert (await bella.complete(UNKNOWN)).status == 404


@pytest.mark.parametrize("mode", ["blocking", "streaming"])
async def test_in_the_originals_manner_a_late_completion_is_silent_whoever_waited(bella, mode):
    async with bella.streaming(response_mode=mode, endpoint="/v1/embeddings"):
        taken = await bella.taken()
    await bella.told_to_stop(taken["task_id"])

    answer = await bella.complete(taken["task_id"])

    assert (answer.status, answer.json()) == (200, taken["task_id"])
    assert (await bella.get(taken["task_id"]))["status"] == "cancelled"


async def test_what_the_original_does_not_have_refuses_as_ever(bella):
    task_id = await bella.put()

    answers = [await bella.client.post(f"/v1/queue/{task_id}/{call}", {}) for call in ("fail", "release")]

    assert [answer.status for answer in answers] == [409, 409]
