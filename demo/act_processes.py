"""Act four: the official Camunda SDK works off a BPMN process with three service tasks."""

import asyncio
import contextlib
import tempfile
from pathlib import Path
from typing import Any

from camunda_orchestration_sdk import (
    CamundaAsyncClient,
    ProcessCreationById,
    ProcessDefinitionId,
    WorkerConfig,
)
from loguru import logger
from scene import Stage, Verdict, insist

from samples.processes import ServiceTask, process_xml

ACT = "processes"
PROCESS = "demo-order"
JOBS = ("check-stock", "charge-card", "send-parcel")


async def play(stage: Stage, count: int) -> Verdict:
    """Deploy, start `count` instances, let the SDK's workers run them to the end."""
    verdict = Verdict(ACT, count)
    logger.disable("camunda_orchestration_sdk")
    configuration: Any = {
        "CAMUNDA_REST_ADDRESS": stage.server.url,
        "CAMUNDA_AUTH_STRATEGY": "BASIC",
        "CAMUNDA_BASIC_AUTH_USERNAME": "root",
        "CAMUNDA_BASIC_AUTH_PASSWORD": stage.server.key,
        "CAMUNDA_SDK_LOG_LEVEL": "silent",
    }
    async with CamundaAsyncClient(configuration=configuration) as client:
        await _deploy(client)
        over = asyncio.Event()
        working = asyncio.create_task(_work(configuration, over))
        started = await _start(client, count)
        await _finish(stage, started)
        over.set()  # the SDK swallows a cancellation, so the flag says it too
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
    verdict.right = len(started)
    total = await _count(stage, {})
    verdict.note = f"{total - count} more instances, of starts whose answer the kill swallowed"
    return verdict


async def _deploy(client: CamundaAsyncClient) -> None:
    document = process_xml([ServiceTask(id=job, type=job) for job in JOBS], PROCESS)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{PROCESS}.bpmn"
        path.write_bytes(document)
        await client.deploy_resources_from_files([path])


async def _work(configuration: Any, over: asyncio.Event) -> None:
    """The SDK's workers; those a broken connection closed are made anew."""

    async def handle(job: Any) -> dict[str, str]:
        return {job.type_.replace("-", "_"): "done"}

    while not over.is_set():
        with contextlib.suppress(Exception):
            async with CamundaAsyncClient(configuration=configuration) as client:
                for job in JOBS:
                    config = WorkerConfig(
                        job_type=job, job_timeout_milliseconds=5_000, request_timeout_milliseconds=1_000
                    )
                    client.create_job_worker(config=config, callback=handle, execution_strategy="async")
                await client.run_workers()
        await asyncio.sleep(0.2)


async def _start(client: CamundaAsyncClient, count: int) -> list[str]:
    order = ProcessCreationById(process_definition_id=ProcessDefinitionId(PROCESS))

    async def once() -> str:
        try:
            return str((await client.create_process_instance(data=order)).process_instance_key)
        except Exception as error:
            raise ConnectionError(str(error)) from error

    started = []
    for first in range(0, count, 10):
        started += await asyncio.gather(*[insist(once) for _ in range(first, min(first + 10, count))])
    return started


async def _finish(stage: Stage, started: list[str]) -> None:
    known = set(started)
    seen: set[str] = set()
    body = {"filter": {"state": "COMPLETED"}, "page": {"limit": 1000}}
    while len(seen) < len(known):
        _, found = await insist(lambda: stage.call("POST", "/v2/process-instances/search", json=body))
        ended = {item["processInstanceKey"] for item in found["items"]} & known
        for _ in ended - seen:
            stage.advance(ACT)
        seen |= ended
        await asyncio.sleep(0.2)


async def _count(stage: Stage, wanted: dict[str, Any]) -> int:
    body = {"filter": wanted, "page": {"limit": 1}}
    _, found = await insist(lambda: stage.call("POST", "/v2/process-instances/search", json=body))
    return int(found["page"]["totalItems"])
