"""A team with a project at a running server: uploads, waits for a status, acts as an outside worker."""

import asyncio
from typing import Any

import msgspec

from samples.invoices import INVOICE_SCHEMA, make_invoice
from taskloom.core.commands import Claim, Complete, HolderRule
from taskloom.core.events import Entry, FlowEvent
from taskloom.engine.outcome import Accepted, Handout, Outcome
from taskloom.flows.document import ids
from tests.server.fixtures import Answer, Client, InProcess

TEAM = "team_1"
PROJECT = "proj_3"
BASE = f"/v2/{TEAM}/project/{PROJECT}"
PDF = b"%PDF-1.7\n"
"""Enough to be taken for a PDF at the door; no step can read it."""

REVIEW_AT_ONCE = [
    {"id": "extract", "type": "EXTRACT", "automation": "NONE"},
    {"id": "export", "type": "EXPORT"},
]
TWO_REVIEWS = [
    {"id": "extract", "type": "EXTRACT", "automation": "NONE"},
    {"id": "check", "type": "VALIDATE", "automation": "NONE"},
]
READ_OUTSIDE = [
    {"id": "ocr", "type": "OCR", "external": True},
    {"id": "extract", "type": "EXTRACT", "external": True},
    {"id": "export", "type": "EXPORT"},
]


def schema(**members: Any) -> dict[str, Any]:
    """The schema of the sample invoices with other members."""
    return {**INVOICE_SCHEMA, **members}


def bare(steps: list[dict[str, Any]], **members: Any) -> dict[str, Any]:
    """A schema of these steps that asks nothing of a document."""
    body = {"name": "bare", "description": "Documents that walk the steps of a test.", "steps": steps}
    return {**body, **members}


def form(files: dict[str, bytes], **fields: str) -> tuple[bytes, dict[str, str]]:
    """A multipart body and its headers."""
    lines = [
        f'--edge\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    for name, data in files.items():
        head = f'--edge\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
        lines.append(head.encode() + data + b"\r\n")
    return b"".join(lines) + b"--edge--\r\n", {"content-type": "multipart/form-data; boundary=edge"}


class Desk:
    """The project of a test and a client that may do everything in it."""

    def __init__(self, server: InProcess, client: Client) -> None:
        self.server = server
        self.engine = server.engine
        self.client = client

    async def declare(self, body: dict[str, Any]) -> Answer:
        return await self.client.put(f"{BASE}/schema", body)

    async def send(self, files: dict[str, bytes], *, headers: Any = None, **fields: str) -> Answer:
        body, head = form(files, **fields)
        return await self.client.post(f"{BASE}/upload", body=body, headers={**head, **(headers or {})})

    async def upload(self, files: dict[str, bytes], **fields: str) -> tuple[str, list[str]]:
        """The upload's id and those of its tasks."""
        answer = await self.send(files, **fields)
        assert answer.status == 201, answer.body
        upload_id = answer.json()["id"]
        shown = await self.client.get(f"{BASE}/upload/{upload_id}", headers={"prefer": "extended"})
        return upload_id, shown.json()["payload"]["tasks"]

    async def one(self, data: bytes = PDF) -> str:
        """A document of one file."""
        _, (task_id,) = await self.upload({"inv.pdf": data})
        return task_id

    async def invoice(self, seed: int) -> str:
        return await self.one(make_invoice(seed).data)

    async def task(self, task_id: str, *, is_extended: bool = False) -> dict[str, Any]:
        headers = {"prefer": "extended"} if is_extended else {}
        answer = await self.client.get(f"{BASE}/task/{task_id}", headers=headers)
        assert answer.status == 200, answer.body
        return answer.json()["payload"]

    async def act(self, task_id: str, verb: str, json: Any = None, **headers: str) -> Answer:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.client.post(f"{BASE}/task/{task_id}/{verb}", json, headers=named)

    async def until(self, task_id: str, *statuses: str, step_type: str = "") -> dict[str, Any]:
        """The task once it has one of these statuses (and is at that step)."""
        async with asyncio.timeout(30):
            while True:
                seen = self.engine.sequence
                task = await self.task(task_id)
                if task["status"] in statuses and step_type in {"", task["step_type"]}:
                    return task
                await self.engine.events(seen, 200)
                await asyncio.sleep(0)

    async def claim(self, queue: str, *, lease_ms: int = 60_000, fenced: bool = False) -> Handout:
        """Take a task as a worker of any other dialect would."""
        command = Claim(
            tenant=TEAM,
            queues=((queue, 1),),
            worker="outside",
            holder="outside",
            lease_ms=lease_ms,
            fenced=fenced,
        )
        handouts = await self.engine.claim(command, 30_000)
        assert isinstance(handouts, list)
        (handout,) = handouts
        return handout

    async def finish(self, handout: Handout, result: Any = None, *, by: str = "outside") -> Outcome:
        """Complete a task as its holder."""
        command = Complete(
            key=handout.task.key,
            tenant=TEAM,
            result=msgspec.json.encode(result),
            token=handout.task.token,
            worker=by,
            rule=HolderRule.WORKER,
        )
        return await self.engine.submit(command)

    async def told(self, *names: str) -> list[tuple[str, dict[str, Any]]]:
        """What listeners were told, in order: (name, body)."""
        decoder = msgspec.msgpack.Decoder(list[Entry])
        chunks = await self.engine.store.journal(0, 100_000)
        entries = [entry for chunk in chunks for entry in decoder.decode(chunk.body)]
        events = [event for entry in entries for event in entry.events if isinstance(event, FlowEvent)]
        return [(event.name, msgspec.json.decode(event.body)) for event in events if event.name in names]

    async def open_review(self, task_id: str) -> int:
        """The key of the core task that is open for a document."""
        key = ids.parse(ids.TASK, task_id)
        assert key is not None
        row = await self.engine.store.flow(key)
        assert row is not None
        return msgspec.msgpack.decode(row.state).get("task", 0)


def accepted(outcome: Outcome) -> Any:
    assert isinstance(outcome, Accepted), outcome
    return outcome.reply
