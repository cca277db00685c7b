"""A batch of embeddings through the official `openai` client, and two tenants beside it that want little.

A real server, two workers with a small model on the CPU; in the middle the server and one worker are killed
and started again. Ends with the table that proves that nothing was lost, doubled or starved; exit status 1
if anything is missing.
"""

import asyncio
import contextlib
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import aiohttp
import proof
import texts
from crew import Crew
from embedding import Array, Encoder
from inbox import Inbox
from openai.types import Batch
from rich.console import Console
from rich.table import Table
from tenant import Tenant

from demo.scene import Server

APPETITES = {"big": 12, "middle": 20, "small": 3}
"""How often each tenant asks in each mode; the batch is the big one's."""
WORKERS = ("ada", "ben")
KILL_AT = 0.4
LOOKED_AT = 20
_CALLBACKS_S = 60
_SAY_EVERY_S = 5.0
_LONGEST_S = 1_800


class Play:
    """One run: the server, its workers, the tenants, and how far the batch is."""

    def __init__(self, count: int, folder: Path, console: Console) -> None:
        self.count = count
        self.console = console
        self.server = Server(folder / "data", "--callbacks-allow", "127.0.0.1")
        self.folder = folder
        self.inbox = Inbox()
        self.tenants: dict[str, Tenant] = {}
        self.begun = time.monotonic()
        self._done = 0
        self._moved = asyncio.Condition()

    async def run(self) -> int:
        """Everything, then the proof; answers the exit status."""
        ready_s = await self.server.start()
        self.say(f"[bold]Taskloom[/] on an empty folder, ready after {ready_s:.2f} s: {self.server.url}")
        try:
            async with self.inbox, aiohttp.ClientSession(self.server.url) as self._session:
                return await self._with_workers()
        finally:
            self.server.stop()

    async def _with_workers(self) -> int:
        order = {"name": "worker", "tenant": "*", "scopes": ["task.work"], "rate": 0}
        key = (await self._admin("POST", "/api/v1/keys", body=order))["secret"]
        self.crew = Crew(self.server.url, key, self.folder / "workers.log")
        try:
            urls = {name: await self._open(name, appetite) for name, appetite in APPETITES.items()}
            await self._listen("big")
            for name in WORKERS:
                self.crew.hire(name)
            batch, *_ = await asyncio.gather(
                self._batch(),
                self._disaster(),
                *[self.tenants[name].ask(self._reached, urls[name]) for name in APPETITES],
            )
            await self._callbacks()
            return self._show(await self._claims(batch))
        finally:
            self.crew.dismiss()
            for tenant in self.tenants.values():
                await tenant.client.close()

    # Setting the stage ---------------------------------------------------------------------------------

    async def _admin(self, method: str, path: str, tenant: str = "", body: Any = None) -> Any:
        headers = {"authorization": f"Bearer {self.server.key}"}
        if tenant:
            headers["taskloom-tenant"] = tenant
        async with self._session.request(method, path, headers=headers, json=body) as answer:
            told = await answer.json()
            if not answer.ok:
                raise RuntimeError(f"{method} {path}: {answer.status} {told}")
            return told

    async def _open(self, name: str, appetite: int) -> str:
        """A tenant with a key; answers where its callbacks go to."""
        order = {"name": "notes", "scopes": ["task.read", "task.write", "task.work"], "rate": 0}
        key = await self._admin("POST", "/api/v1/keys", name, order)
        self.tenants[name] = Tenant(self.server, name, key["secret"], appetite)
        await self.tenants[name].register()
        found = await self._admin("GET", "/api/v1/callbacks/secret", name)
        self.inbox.trust(name, found["secrets"][0])
        return self.inbox.address(name)

    async def _listen(self, name: str) -> None:
        """Hear of the end of the tenant's batches too."""
        order = {"url": self.inbox.address("events"), "events": ["batch.*"]}
        hook = await self._admin("POST", "/api/v1/webhooks", name, order)
        self.inbox.trust("events", hook["secret"])

    # The play ------------------------------------------------------------------------------------------

    async def _batch(self) -> Batch:
        """The big tenant's batch, from file to end."""
        client = self.tenants["big"].client
        file = await client.files.create(file=("notes.jsonl", texts.batch_file(self.count)), purpose="batch")
        batch = await client.batches.create(
            input_file_id=file.id, endpoint="/v1/embeddings", completion_window="24h"
        )
        self.say(f"{self.count} rows in {file.id}, {batch.id}")
        said = self.begun = time.monotonic()
        while batch.status not in {"completed", "failed", "expired", "cancelled"}:
            await asyncio.sleep(0.5)
            batch = await client.batches.retrieve(batch.id)
            counts = batch.request_counts
            await self._move(counts.completed + counts.failed if counts else 0)
            if time.monotonic() - said >= _SAY_EVERY_S:
                said = time.monotonic()
                self.say(f"{self._done:>6} of {self.count} rows, {self._done / self._spent_s:.0f} rows/s")
        await self._move(self.count)
        self.batch_s = self._spent_s
        self.say(f"the batch is {batch.status} after {self.batch_s:.1f} s")
        return batch

    async def _disaster(self) -> None:
        """SIGKILL for the server and a worker, and a new start for both."""
        await self._reached(KILL_AT)
        victim = WORKERS[0]
        self.crew.kill(victim)
        self.server.kill()
        self.say(f"[bold red]SIGKILL[/]: the server and the worker {victim} are gone")
        ready_s = await self.server.start()
        self.crew.hire(victim)
        self.say(f"[bold green]ready again[/] after {ready_s:.2f} s")

    async def _callbacks(self) -> None:
        """Until all of them are there; what is missing after that the proof will tell."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_CALLBACKS_S):
                while not self._all_told():
                    self.inbox.news.clear()
                    await self.inbox.news.wait()

    def _all_told(self) -> bool:
        told = self.inbox.tasks
        return bool(self.inbox.events) and all(one.put <= told[name] for name, one in self.tenants.items())

    async def _move(self, done: int) -> None:
        async with self._moved:
            self._done = max(self._done, done)
            self._moved.notify_all()

    async def _reached(self, share: float) -> None:
        async with self._moved:
            await self._moved.wait_for(lambda: self._done >= share * self.count)

    @property
    def _spent_s(self) -> float:
        return time.monotonic() - self.begun

    def say(self, line: str) -> None:
        """A line of progress, with the time."""
        self.console.print(f"[dim]{self._spent_s:6.1f} s[/] {line}", highlight=False)

    # The proof -----------------------------------------------------------------------------------------

    async def _claims(self, batch: Batch) -> list[proof.Claim]:
        output, errors = [await self._lines(name) for name in (batch.output_file_id, batch.error_file_id)]
        told = {name: proof.waits(await self._tasks(name)) for name in APPETITES}
        self._show_waits(told)
        return [
            proof.rows_are_whole(self.count, output, errors),
            proof.vectors_are_right(output, await asyncio.to_thread(self._known)),
            *[self._answers(tenant) for tenant in self.tenants.values()],
            *[self._calls(tenant) for tenant in self.tenants.values()],
            proof.Claim(
                "the end of the batch was told, signed",
                ", ".join(self.inbox.events) or "nothing",
                self.inbox.events == ["batch.completed"],
            ),
            proof.Claim("no wrong signature", f"{self.inbox.refused} refused", self.inbox.refused == 0),
            proof.nobody_starved(told["small"], self.batch_s),
        ]

    def _answers(self, tenant: Tenant) -> proof.Claim:
        asked = 2 * tenant.appetite
        figures = f"{tenant.right} of {asked} right, {tenant.again} streams asked again"
        return proof.Claim(f"{tenant.name}: answers and streams", figures, tenant.right == asked)

    def _calls(self, tenant: Tenant) -> proof.Claim:
        arrived = self.inbox.tasks[tenant.name]
        figures = f"{len(arrived)} of {len(tenant.put)} verified"
        holds = arrived == tenant.put and len(tenant.put) == tenant.appetite
        return proof.Claim(f"{tenant.name}: callbacks", figures, holds)

    async def _lines(self, file_id: str | None) -> list[Any]:
        if file_id is None:
            return []
        content = await self.tenants["big"].client.files.content(file_id)
        return [json.loads(line) for line in content.text.splitlines()]

    def _known(self) -> dict[str, Array]:
        step = max(1, self.count // LOOKED_AT)
        numbers = [number for number in range(0, self.count, step) if not texts.is_bad(number)]
        vectors = Encoder().encode([texts.text(number) for number in numbers])
        return dict(zip(map(texts.row_id, numbers), vectors, strict=True))

    async def _tasks(self, tenant: str) -> list[Any]:
        """What the tenant has asked for at the level of the batch."""
        found: list[Any] = []
        path = f"/api/v1/tasks?queue={texts.QUEUE}&level=1&limit=1000&tenant={tenant}"
        after = ""
        while True:
            page = await self._admin("GET", path + after)
            found += page["items"]
            if not page.get("next"):
                return found
            after = f"&after={page['next']}"

    def _show_waits(self, told: dict[str, proof.Waits]) -> None:
        table = Table(title="At the level of the batch: from asked to done")
        for name in ("tenant", "tasks", "median", "longest"):
            table.add_column(name, justify="left" if name == "tenant" else "right")
        for name, waits in told.items():
            table.add_row(name, str(waits.tasks), f"{waits.median_s:.1f} s", f"{waits.longest_s:.1f} s")
        self.console.print(table)

    def _show(self, claims: list[proof.Claim]) -> int:
        table = Table(title="Nothing lost, nothing doubled, nobody starved")
        for name in ("promise", "figures", "proof"):
            table.add_column(name)
        for claim in claims:
            table.add_row(
                claim.promise, claim.figures, "[green]holds[/]" if claim.holds else "[red]BROKEN[/]"
            )
        self.console.print(table)
        rate = self.count / self.batch_s
        self.console.print(
            f"{self.count} rows in {self.batch_s:.1f} s, {rate:.0f} rows/s; "
            f"{self.inbox.repeated} calls came more than once, with the same id"
        )
        return 0 if all(claim.holds for claim in claims) else 1


async def _play(count: int) -> int:
    with tempfile.TemporaryDirectory(prefix="taskloom-demo-") as folder:
        async with asyncio.timeout(_LONGEST_S):
            return await Play(count, Path(folder), Console()).run()


def main() -> int:
    """`./dev demo queue [ROWS]`: 2,000 rows unless told otherwise."""
    count = int(next((word for word in sys.argv[1:] if word.isdigit()), 2000))
    return asyncio.run(_play(count))


if __name__ == "__main__":
    sys.exit(main())
