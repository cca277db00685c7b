"""Usage is counted with the completion, in its transaction: a server that dies loses and doubles nothing."""

import asyncio
import http.client
import urllib.error

import pytest

from tests.faults.server import ServerProcess
from tests.faults.stage import request

TOKENS = 42
RESULT = {"status_code": 200, "body": {"model": "m", "usage": {"prompt_tokens": 40, "completion_tokens": 2}}}
GONE = (urllib.error.URLError, http.client.HTTPException, ConnectionError)
TASKS = 40


def work_until_it_dies(server):
    """Put, take and complete one task after another; the ids of those that were put for sure."""
    ids = []
    try:
        for _ in range(TASKS):
            put = {"queue": "counted", "endpoint": "/v1/counted", "level": 1, "data": {}}
            ids.append(request(server, "POST", "/v1/queue/put", put)["data"])
            request(server, "POST", "/v1/queue/take", {"queues": ["counted:1"]})
            request(server, "POST", f"/v1/queue/{ids[-1]}/complete", RESULT)
    except GONE:
        pass
    return ids


def see_to_the_end(server):
    """What was under way is finished, and what was finished is sent once more."""
    while taken := request(server, "POST", "/v1/queue/take", {"queues": ["counted:1"], "size": 100}):
        for task in taken["counted:1"]:
            request(server, "POST", f"/v1/queue/{task['task_id']}/complete", RESULT)


def finished_again(server, ids):
    for task_id in ids:
        if request(server, "GET", f"/v1/queue/{task_id}")["status"] != "waiting":
            request(server, "POST", f"/v1/queue/{task_id}/complete", RESULT)


def run(server, fault):
    server.start()
    request(server, "POST", "/v1/queue/register", {"queue": "counted", "endpoint": "/v1/counted"})
    server.stop()
    server.start(fault=fault)
    ids = work_until_it_dies(server)
    server.wait()
    server.start()
    finished_again(server, ids)
    see_to_the_end(server)
    totals = request(server, "GET", "/v1/queue/counted:1/stats")
    usage = request(server, "GET", "/api/v1/usage")["total"]
    server.stop()
    return len(ids), totals, usage


@pytest.mark.timeout(120)
@pytest.mark.parametrize("point", ["before_commit", "after_commit", "before_answer"])
@pytest.mark.parametrize("number", [20, 21, 22])
async def test_every_completed_task_is_counted_once_whenever_the_server_dies(tmp_path, point, number):
    server = ServerProcess(tmp_path / "data")
    try:
        put, totals, usage = await asyncio.to_thread(run, server, f"{point}:{number}")
    finally:
        server.kill()

    assert totals["total_completed_cnt"] == totals["total_put_cnt"] >= put > 0
    assert (usage["tasks"], usage["total_tokens"]) == (
        totals["total_put_cnt"],
        TOKENS * totals["total_put_cnt"],
    )
