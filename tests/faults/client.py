"""A client process of the kill tests: works in all four dialects at once and writes down what it saw.

It treats every break of a connection as "unknown" and goes on; a refusal is a refusal; only a 2xx (a JSON-RPC
result) is ok. Run as a program: it ends when the stop file appears and everything it started is finished, or
when the deadline has passed.
"""

import argparse
import asyncio
import base64
import contextlib
import json
import random
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from tests.faults.history import OK, REFUSED, UNKNOWN, History, Operation

PROCESS_ID = "fault-row"
JOB_TYPES = ("fault-a", "fault-b", "fault-c")
PROJECT = "proj_faults"


class Client:
    """One process's view of the server."""

    def __init__(self, session: aiohttp.ClientSession, options: argparse.Namespace) -> None:
        self.session = session
        self.url = options.url
        self.tenant = options.tenant
        self.name = options.name
        self.stop = Path(options.stop)
        self.deadline = time.monotonic() + options.seconds
        self.callback = options.callback
        self.history = History(Path(options.history) / f"{options.name}.jsonl", options.name, options.tenant)
        self.random = random.Random(options.seed)
        self.serial = 0
        self.headers = {"authorization": f"Bearer {options.key}"}
        self._host, self._port = urlsplit(options.url).hostname, urlsplit(options.url).port
        self._knocking = asyncio.Lock()
        self._is_up = True
        self.pause_s: float = options.pause
        self.lease_s: int = options.lease

    def mark(self) -> str:
        """A text nobody else writes."""
        self.serial += 1
        return f"{self.name}-{self.serial:07}"  # of one width: none is the beginning of another

    @property
    def producing(self) -> bool:
        """Whether more is to be made."""
        return not self.stop.exists() and time.monotonic() < self.deadline

    @property
    def working(self) -> bool:
        return time.monotonic() < self.deadline

    async def call(
        self, operation: Operation, method: str, path: str, body: Any = None, data: Any = None
    ) -> tuple[str, Any]:
        """One request; its outcome goes into the history and comes back with the decoded answer.

        What makes something carries its mark as its idempotency key, so that it may be repeated.
        """
        headers = {**self.headers, **({"idempotency-key": operation.mark} if operation.mark else {})}
        await self._wait_until_up()
        start = time.monotonic()
        answer: Any = None
        try:
            async with self.session.request(
                method, self.url + path, json=body, data=data, headers=headers
            ) as response:
                raw = await response.read()
                operation.status = response.status
                answer = json.loads(raw) if raw else None
                operation.result = self._judge(response.status, answer)
                operation.detail = "" if operation.result == OK else raw[:300].decode("utf-8", "replace")
                if operation.verb == "create" and operation.result == OK:
                    operation.task = operation.task or str(answer.get("processInstanceKey", ""))
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            operation.result = UNKNOWN
            operation.detail = type(error).__name__
            self._is_up = False
        operation.took_ms = (time.monotonic() - start) * 1000
        self.history.write(operation)
        return operation.result, answer

    async def make(self, dialect: str, verb: str, mark: str, path: str, body: Any) -> None:
        """Make something that bears the mark; repeated under the same key while the outcome is unknown.

        Processes know no such key, so there an instance more may be made.
        """
        while self.working:
            operation = Operation("", "", dialect, verb, mark=mark)
            sent = {"data": body()} if callable(body) else {"body": body}
            if (await self.call(operation, "POST", path, **sent))[0] != UNKNOWN:
                return
            await asyncio.sleep(0.05)

    async def _wait_until_up(self) -> None:
        """After a broken call one of us knocks until the server listens again; the others wait for that."""
        async with self._knocking:
            while not self._is_up and self.working:
                try:
                    _, writer = await asyncio.open_connection(self._host, self._port)
                except OSError:
                    await asyncio.sleep(0.05 + self.random.random() * 0.1)
                else:
                    writer.close()
                    self._is_up = True

    @staticmethod
    def _judge(status: int, answer: Any) -> str:
        if status >= 500 or status == 429:
            return UNKNOWN
        error = answer.get("error") if isinstance(answer, dict) and "jsonrpc" in answer else None
        if error and error.get("data", {}).get("code") == "OVERLOADED":
            return UNKNOWN
        if status >= 300 or error:
            return REFUSED
        return OK


# queue ---------------------------------------------------------------------------------------------------


async def queue_producer(client: Client) -> None:
    await until_ok(
        client,
        lambda: client.call(
            Operation("", "", "queue", "register"),
            "POST",
            "/v1/queue/register",
            {"queue": "faults", "endpoint": "/v1/faults"},
        ),
    )
    while client.producing:
        mark = client.mark()
        body = {
            "endpoint": "/v1/faults",
            "queue": "faults",
            "level": 1,
            "data": {"mark": mark},
            "response_mode": "callback",
            "callback_url": f"{client.callback}/{mark}",
        }
        await client.make("queue", "put", mark, "/v1/queue/put", body)
        await asyncio.sleep(client.pause_s)


async def queue_worker(client: Client) -> None:
    while client.working:
        taken, answer = await client.call(
            Operation("", "", "queue", "take"),
            "POST",
            "/v1/queue/take",
            {"queues": ["faults:1"], "size": 5, "process_timeout": client.lease_s, "process_max_retries": -1},
        )
        tasks = answer.get("faults:1", []) if taken == OK else []
        for task in tasks:
            mark = client.mark()
            body = {"status_code": 200, "lease_id": task["lease_id"], "body": {"mark": mark}}
            operation = Operation("", "", "queue", "complete", task["task_id"], mark)
            await client.call(operation, "POST", f"/v1/queue/{task['task_id']}/complete", body)
        if not tasks:
            if not client.producing and await idle(client):
                return
            await asyncio.sleep(0.05)


# agents --------------------------------------------------------------------------------------------------


def rpc(method: str, **params: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}


async def agents_producer(client: Client) -> None:
    while client.producing:
        mark = client.mark()
        body = rpc("task.create", text=mark, priority=50, idempotencyKey=mark)
        await client.make("agents", "create", mark, "/rpc", body)
        await asyncio.sleep(client.pause_s)


async def agents_next(client: Client, worker: str, *, lost: bool) -> tuple[list[Any], bool]:
    """The worker's next tasks; after a lost answer those it may have been handed without knowing."""
    if lost:
        mine = rpc("task.list", status="in_progress", assignedTo=worker)
        result, answer = await client.call(Operation("", "", "agents", "list"), "POST", "/rpc", mine)
        return (answer["result"]["tasks"], False) if result == OK else ([], True)
    claim = rpc("task.claim", workerId=worker, maxTasks=3)
    result, answer = await client.call(Operation("", "", "agents", "claim"), "POST", "/rpc", claim)
    if result != OK or not answer["result"]["claimed"]:
        return [], result == UNKNOWN
    return answer["result"].get("tasks") or [answer["result"]["task"]], False


async def agents_worker(client: Client) -> None:
    worker = f"agent-{client.name}-{client.mark()}"
    registered = 0.0
    lost = False
    while client.working:
        if time.monotonic() - registered > 5:
            done, _ = await client.call(
                Operation("", "", "agents", "register"),
                "POST",
                "/rpc",
                rpc("system.register", id=worker, roles=["worker"]),
            )
            registered = time.monotonic() if done == OK else 0.0
        tasks, lost = await agents_next(client, worker, lost=lost)
        for task in tasks:
            mark = client.mark()
            operation = Operation("", "", "agents", "complete", task["id"], mark)
            body = rpc("task.complete", id=task["id"], workerId=worker, result={"mark": mark})
            done, _ = await client.call(operation, "POST", "/rpc", body)
            lost = lost or done == UNKNOWN
        if not tasks:
            if not client.producing and await idle(client):
                return
            await asyncio.sleep(0.05)


# processes -----------------------------------------------------------------------------------------------


async def processes_producer(client: Client) -> None:
    while client.producing:
        mark = client.mark()
        body = {"processDefinitionId": PROCESS_ID, "variables": {"mark": mark}}
        await client.make("processes", "create", mark, "/v2/process-instances", body)
        await asyncio.sleep(client.pause_s)


async def processes_worker(client: Client) -> None:
    while client.working:
        found = 0
        for job_type in JOB_TYPES:
            activated, answer = await client.call(
                Operation("", "", "processes", "activate"),
                "POST",
                "/v2/jobs/activation",
                {
                    "type": job_type,
                    "worker": client.name,
                    "timeout": client.lease_s * 1000,
                    "maxJobsToActivate": 5,
                    "requestTimeout": -1,
                    "withLease": True,
                },
            )
            jobs = answer["jobs"] if activated == OK else []
            found += len(jobs)
            for job in jobs:
                mark = client.mark()
                operation = Operation("", "", "processes", "complete", job["jobKey"], mark)
                body = {"variables": {f"done_{job_type[-1]}": mark}, "leaseToken": job["leaseToken"]}
                await client.call(operation, "POST", f"/v2/jobs/{job['jobKey']}/completion", body)
        if not found:
            if not client.producing and await idle(client):
                return
            await asyncio.sleep(0.05)


# documents -----------------------------------------------------------------------------------------------


def form_of(mark: str, document: bytes) -> aiohttp.FormData:
    """An upload; a form can be sent only once, so every repeat makes its own."""
    form = aiohttp.FormData()
    form.add_field("name", mark)
    form.add_field("file", document, filename=f"{mark}.pdf", content_type="application/pdf")
    return form


async def documents_producer(client: Client, document: bytes) -> None:
    while client.producing:
        mark = client.mark()
        path = f"/v2/{client.tenant}/project/{PROJECT}/upload"
        await client.make("documents", "upload", mark, path, lambda mark=mark: form_of(mark, document))
        await asyncio.sleep(5 * client.pause_s)


async def documents_worker(client: Client) -> None:
    base = f"/v2/{client.tenant}/project/{PROJECT}/task"
    while client.working:
        listed, answer = await client.call(
            Operation("", "", "documents", "list"), "GET", f"{base}?status=REVIEWING&limit=5"
        )
        tasks = answer["payload"] if listed == OK else []
        for task in tasks:
            operation = Operation("", "", "documents", "complete", task["id"])
            await client.call(operation, "POST", f"{base}/{task['id']}/complete")
        if not tasks:
            if not client.producing and await idle(client):
                return
            await asyncio.sleep(0.2)


# -----------------------------------------------------------------------------------------------------------


async def until_ok(client: Client, attempt: Callable[[], Awaitable[tuple[str, Any]]]) -> None:
    while client.working:
        result, _ = await attempt()
        if result == OK:
            return
        await asyncio.sleep(0.05)


async def idle(client: Client) -> bool:
    """Whether the whole test says that everything has ended: the harness leaves a second file."""
    await asyncio.sleep(0.05)
    return client.stop.with_suffix(".done").exists()


async def main(options: argparse.Namespace) -> None:
    timeout = aiohttp.ClientTimeout(total=20)
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(timeout=timeout, connector=connector) as session:
        client = Client(session, options)
        dialects = options.dialects.split(",")
        jobs: list[Any] = []
        if "queue" in dialects:
            jobs += [queue_producer(client), queue_worker(client), queue_worker(client)]
        if "agents" in dialects:
            jobs += [agents_producer(client), agents_worker(client), agents_worker(client)]
        if "processes" in dialects:
            jobs += [processes_producer(client), processes_worker(client)]
        if "documents" in dialects:
            document = base64.b64decode(Path(options.document).read_text(encoding="ascii"))
            jobs += [documents_producer(client, document), documents_worker(client)]
        await asyncio.gather(*jobs)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    for flag in ("url", "key", "tenant", "name", "history", "stop", "callback", "dialects", "document"):
        parser.add_argument(f"--{flag}", default="")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--lease", type=int, default=3, help="seconds a lease lasts")
    parser.add_argument(
        "--pause", type=float, default=0.1, help="seconds between two things a producer makes"
    )
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main(parser.parse_args()))
