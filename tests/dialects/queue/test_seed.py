"""The example of the published page: request and answer exactly as shown."""

import json
import re

import pytest

from taskloom.dialects.queue.spelling import read

SHOWN = "TASK-X-X-X-XXXXXXXXXXXX-XXXX-XXXXXX"
SEED = "seeds/000_b45ed2f56fa8b653.txt"


def example(shared_dir, task_id):
    """Path, headers and body of the page's request, with a real id; `//` comments are documentation."""
    page = (shared_dir / SEED).read_text()
    path = re.search(r"\$\{Host\}(\S+)\"", page).group(1).replace(SHOWN, task_id)
    headers = dict(re.findall(r'-H "([^:]+): ([^$"]+)"', page))
    body = re.search(r"-d '(.*?)'", page, re.DOTALL).group(1).replace(SHOWN, task_id)
    answer = re.search(r'\*\*Response\*\*\s+```bash\s+(".*?")', page).group(1).replace(SHOWN, task_id)
    return path, headers, re.sub(r"^\s*//.*\n", "", body, flags=re.MULTILINE), answer


@pytest.mark.shared
async def test_the_example_request_gets_the_example_answer(desk, shared_dir):
    task_id = await desk.put()
    await desk.take()
    path, headers, body, shown = example(shared_dir, task_id)

    answer = await desk.client.call("POST", path, body=body.encode(), headers=headers)

    assert (answer.status, answer.body.decode()) == (200, shown)
    assert answer.headers["content-type"] == "application/json"
    assert (await desk.get(task_id))["result"] == json.loads(body)


@pytest.mark.shared
async def test_the_result_is_kept_byte_for_byte(desk, shared_dir):
    task_id = await desk.put()
    await desk.take()
    path, headers, body, _ = example(shared_dir, task_id)

    await desk.client.call("POST", path, body=body.encode(), headers=headers)

    task = await desk.server.engine.store.task(read(task_id))
    assert (await desk.server.engine.store.payloads([task.result_key]))[task.result_key] == body.encode()


@pytest.mark.shared
async def test_the_placeholder_itself_is_no_task(desk, shared_dir):
    path, headers, body, _ = example(shared_dir, SHOWN)

    answer = await desk.client.call("POST", path, body=body.encode(), headers=headers)

    assert answer.status == 404


async def test_a_body_that_is_only_data_is_the_envelope_itself(desk):
    task_id = await desk.put()
    await desk.take()
    envelope = {"status_code": 200, "request_id": task_id, "body": {"a": 1}}

    answer = await desk.client.post(f"/v1/queue/{task_id}/complete", {"data": envelope})

    assert (answer.status, answer.json()) == (200, task_id)
    assert (await desk.get(task_id))["result"] == envelope
