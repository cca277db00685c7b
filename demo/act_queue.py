"""Act one: the official `openai` client waits in `chat.completions.create` until a worker completes."""

import asyncio
from typing import Any

from openai import AsyncOpenAI
from scene import Stage, Verdict, insist

from taskloom.dialects.queue import spelling

ACT = "queue"
MODEL = "demo-chat"
_TAKE = {
    "queues": [f"{MODEL}:0"],
    "size": 4,
    "process_timeout": 5,
    "process_max_retries": -1,
    "wait_seconds": 2,
}


async def play(stage: Stage, count: int) -> Verdict:
    """Ask `count` questions at once through the client; two workers answer them."""
    verdict = Verdict(ACT, count)
    asked = {"queue": MODEL, "endpoint": "/v1/chat/completions"}
    await insist(lambda: stage.call("POST", "/v1/queue/register", json=asked))
    client = AsyncOpenAI(
        base_url=f"{stage.server.url}/v1", api_key=stage.server.key, max_retries=50, timeout=60
    )
    workers = [asyncio.create_task(_work(stage, verdict)) for _ in range(2)]
    room = asyncio.Semaphore(20)

    async def ask(number: int) -> None:
        async with room:
            completion = await client.chat.completions.create(
                model=MODEL,
                messages=[{"role": "user", "content": f"question {number}"}],
                extra_headers={"Idempotency-Key": f"question-{number}"},
            )
        verdict.right += completion.choices[0].message.content == f"answer to question {number}"
        stage.advance(ACT)

    await asyncio.gather(*[ask(number) for number in range(count)])
    for worker in workers:
        worker.cancel()
    await asyncio.gather(*workers, return_exceptions=True)
    await client.close()
    return verdict


async def _work(stage: Stage, verdict: Verdict) -> None:
    while True:
        _, taken = await insist(lambda: stage.call("POST", "/v1/queue/take", json=_TAKE))
        for task in taken.get(f"{MODEL}:0", []):
            await _answer(stage, verdict, task)


async def _answer(stage: Stage, verdict: Verdict, task: dict[str, Any]) -> None:
    question = task["data"]["messages"][-1]["content"]
    text = f"answer to {question}"
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
    body = {
        "id": f"chatcmpl-{task['task_id']}",
        "object": "chat.completion",
        "created": 1_790_000_000,
        "model": MODEL,
        "choices": [choice],
        "usage": {"prompt_tokens": 2, "completion_tokens": 4, "total_tokens": 6},
    }
    result = {"status_code": 200, "request_id": task["task_id"], "lease_id": task["lease_id"], "body": body}
    path = f"/v1/queue/{task['task_id']}/complete"
    status, _ = await insist(lambda: stage.call("POST", path, json=result))
    key = spelling.read(task["task_id"])
    if status == 200 and key is not None:
        verdict.acknowledged[key] = text
