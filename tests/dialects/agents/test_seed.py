"""The examples of the page on task.complete, as they stand there."""

import json
from datetime import UTC, datetime

import pytest

KEY = 1234567890
RESULT = {
    "documentsReviewed": 15,
    "issuesFound": 3,
    "timeSpent": "2h 30m",
    "optimizations": [
        "Added index on user_id column",
        "Optimized JOIN query in reports",
        "Reduced connection pool size",
    ],
}
REQUEST = {
    "jsonrpc": "2.0",
    "method": "task.complete",
    "params": {"id": "t-1234567890", "workerId": "worker-001", "result": RESULT},
    "id": "req-004",
}
MINIMAL = {
    "jsonrpc": "2.0",
    "method": "task.complete",
    "params": {"taskId": "t-1234567890"},
    "id": "req-005",
}
DURATION_MS = 8_700_000


def ms(text):
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


async def in_progress(server, end_ms):
    """The task of the page, created so long before the end as its event says, and claimed by its worker."""
    server.clock.now = end_ms - DURATION_MS
    await server.put(KEY)
    await server.worker("worker-001")
    server.clock.now = end_ms
    await server.claims("worker-001")


async def test_the_request_is_answered_as_shown(every):
    await in_progress(every, ms("2025-01-19T12:45:00"))

    answer = await every.post(REQUEST)

    assert answer.json() == {
        "jsonrpc": "2.0",
        "result": {"id": "t-1234567890", "status": "completed", "completedAt": "2025-01-19T12:45:00Z"},
        "id": "req-004",
    }
    assert (await every.ok("task.get", id="t-1234567890"))["result"] == RESULT


async def test_the_simple_completion_completes(every):
    await in_progress(every, ms("2025-01-19T12:45:00"))

    answer = await every.post(MINIMAL)

    assert answer.json() == {
        "jsonrpc": "2.0",
        "result": {"id": "t-1234567890", "status": "completed", "completedAt": "2025-01-19T12:45:00Z"},
        "id": "req-005",
    }
    assert (await every.ok("task.get", id="t-1234567890"))["result"] is None


async def test_an_unknown_task_is_refused_as_shown(every):
    answer = (await every.post(REQUEST)).json()

    assert answer["error"]["data"].pop("code") == "TASK_NOT_FOUND"
    assert answer == {
        "jsonrpc": "2.0",
        "error": {
            "code": -32602,
            "message": "Task not found: t-1234567890",
            "data": {"taskId": "t-1234567890"},
        },
        "id": "req-004",
    }


async def test_the_event_is_told_as_shown(every):
    await in_progress(every, 1_758_280_500_000)
    await every.post(REQUEST)

    async with every.listen(types="task.completed", since=0) as listener:
        seq, kind, envelope = await listener.next()

    assert (envelope.pop("id"), envelope.pop("seq"), kind) == (f"evt-{seq}", seq, "task.completed")
    assert envelope == {
        "type": "task.completed",
        "payload": {"id": "t-1234567890", "status": "completed", "duration": 8_700_000},
        "metadata": {"completedBy": "worker-001"},
        "timestamp": 1_758_280_500_000,
    }


@pytest.mark.shared
def test_the_examples_here_are_those_of_the_page(shared_dir):
    page = next((shared_dir / "seeds").glob("001_*.txt")).read_text()
    examples = [json.loads(part.partition("```")[0]) for part in page.split("```json")[1:]]

    assert examples[:2] == [REQUEST, MINIMAL]
