"""Act three: PDF invoices are uploaded and read; a person's `complete` moves each on to export."""

import asyncio
import json
from typing import Any

import aiohttp
from scene import Stage, Verdict, insist

from samples.invoices import INVOICE_SCHEMA, SamplePdf, make_invoice

ACT = "documents"
PROJECT = "/v2/default/project/proj_demo"


async def play(stage: Stage, count: int) -> Verdict:
    """Upload `count` generated invoices, review each, compare the export with the truth."""
    verdict = Verdict(ACT, count)
    await insist(lambda: stage.call("PUT", f"{PROJECT}/schema", json=INVOICE_SCHEMA))
    room = asyncio.Semaphore(8)
    truths: dict[str, dict[str, str]] = {}
    completed: set[str] = set()

    async def upload(number: int) -> None:
        async with room:
            sample = await asyncio.to_thread(make_invoice, number)
            truths[sample.name] = sample.truth
            await insist(lambda: _upload(stage, sample))

    reviewer = asyncio.create_task(_review(stage, completed, count))
    await asyncio.gather(*[upload(number) for number in range(count)])
    await reviewer
    names = await _exported(stage, count)
    lines = await asyncio.to_thread(_export_lines, stage)
    verdict.right = sum(_is_true(lines.get(name, []), truths[name]) for name in names)
    twice = sum(len(found) > 1 for found in lines.values())
    verdict.note = f"{sum(map(len, lines.values()))} export lines, {twice} twice"
    return verdict


async def _upload(stage: Stage, sample: SamplePdf) -> None:
    form = aiohttp.FormData()
    form.add_field("name", sample.name)
    form.add_field("file", sample.data, filename=sample.name, content_type="application/pdf")
    headers = {"idempotency-key": sample.name}
    status, body = await stage.call("POST", f"{PROJECT}/upload", data=form, headers=headers)
    if status not in (200, 201):
        raise RuntimeError(f"upload: {status} {body}")


async def _review(stage: Stage, completed: set[str], count: int) -> None:
    while len(completed) < count:
        _, found = await insist(lambda: stage.call("GET", f"{PROJECT}/task?status=REVIEWING&limit=50"))
        for task in found["payload"]:
            path = f"{PROJECT}/task/{task['id']}/complete"
            headers = {"idempotency-key": f"review-{task['id']}"}
            status, body = await insist(lambda path=path, h=headers: stage.call("POST", path, headers=h))  # type: ignore[misc]
            if status == 200 and task["id"] not in completed:
                completed.add(task["id"])
                stage.advance(ACT)
            elif status != 200 and task["id"] not in completed:
                raise RuntimeError(f"complete: {status} {body}")
        if not found["payload"]:
            await asyncio.sleep(0.2)


async def _exported(stage: Stage, count: int) -> list[str]:
    """The names of the documents once all have left the pipeline."""
    while True:
        _, found = await insist(lambda: stage.call("GET", f"{PROJECT}/task?status=COMPLETED&limit=200"))
        ready = [task["name"] for task in found["payload"] if task["exported_at"]]
        if len(ready) >= count:
            return ready
        await asyncio.sleep(0.2)


def _export_lines(stage: Stage) -> dict[str, list[dict[str, Any]]]:
    lines: dict[str, list[dict[str, Any]]] = {}
    for path in stage.server.data.rglob("*.jsonl"):
        for line in path.read_text(encoding="utf-8").splitlines():
            record = json.loads(line)
            lines.setdefault(record["name"], []).append(record)
    return lines


def _is_true(found: list[dict[str, Any]], truth: dict[str, str]) -> bool:
    return len(found) == 1 and all(found[0]["fields"].get(name) == value for name, value in truth.items())
