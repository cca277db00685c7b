"""Act two: JSON-RPC workers claim tasks from the board and complete them."""

import asyncio
from typing import Any

from scene import Stage, Verdict, insist

ACT = "agents"


async def play(stage: Stage, count: int) -> Verdict:
    """Put `count` tasks on the board; three workers finish them."""
    verdict = Verdict(ACT, count)

    async def create(number: int) -> None:
        await _rpc(stage, "task.create", text=f"review change {number}", idempotencyKey=f"review-{number}")

    workers = [asyncio.create_task(_work(stage, verdict, f"demo-agent-{n}", count)) for n in range(3)]
    for start in range(0, count, 20):
        await asyncio.gather(*[create(number) for number in range(start, min(start + 20, count))])
    await asyncio.gather(*workers)
    done = await _rpc(stage, "task.list", status="completed", limit=1000)
    texts = {task["text"]: task["result"] for task in done["tasks"]}
    verdict.right = sum(
        texts.get(f"review change {n}") == {"reviewed": f"review change {n}"} for n in range(count)
    )
    return verdict


async def _rpc(stage: Stage, method: str, **params: Any) -> Any:
    call = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    _, answer = await insist(lambda: stage.call("POST", "/rpc", json=call))
    if "error" in answer:
        raise RuntimeError(f"{method}: {answer['error']}")
    return answer["result"]


async def _work(stage: Stage, verdict: Verdict, worker: str, count: int) -> None:
    while len(verdict.acknowledged) < count:
        await _rpc(stage, "system.register", id=worker, roles=["worker"])
        mine = (await _rpc(stage, "task.list", status="in_progress", assignedTo=worker))["tasks"]
        if not mine:
            claimed = await _rpc(stage, "task.claim", workerId=worker, maxTasks=5, waitMs=1000)
            mine = claimed.get("tasks") or ([claimed["task"]] if claimed["claimed"] else [])
        for task in mine:
            result = {"reviewed": task["text"]}
            await _rpc(stage, "task.complete", id=task["id"], workerId=worker, result=result)
            verdict.acknowledged[int(task["id"].removeprefix("t-"))] = task["text"]
            stage.advance(ACT)
