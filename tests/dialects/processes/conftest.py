"""A client of the process wire: each method is one call, named as the operation is."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from samples.processes import ServiceTask, process_xml, row_of_tasks
from taskloom.ports.store import Store
from taskloom.store.memory import MemoryStore
from taskloom.store.postgres.store import PostgresStore
from tests.server.fixtures import Client, InProcess, serving

BOUNDARY = "boundary"


class Camunda:
    """Speaks `/v2` with one key; `sent` shows the raw answer, the other methods what is expected of them."""

    def __init__(self, client: Client) -> None:
        self.client = client

    async def post(self, path: str, body: Any = None, **more: Any):
        return await self.client.post("/v2" + path, body, **more)

    async def get(self, path: str):
        return await self.client.get("/v2" + path)

    async def upload(self, *files: tuple[str, bytes], tenant: str = ""):
        parts = [form_part("resources", content, file_name=name) for name, content in files]
        if tenant:
            parts.append(form_part("tenantId", tenant.encode()))
        body = b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()
        headers = {"content-type": f"multipart/form-data; boundary={BOUNDARY}"}
        return await self.client.post("/v2/deployments", body=body, headers=headers)

    async def deploy(self, document: bytes, name: str = "model.bpmn") -> dict[str, Any]:
        """Deploy one process; what the answer says of it."""
        answer = await self.upload((name, document))
        assert answer.status == 200, answer.body
        return answer.json()["deployments"][0]["processDefinition"]

    async def start(self, process: str = "row", **more: Any) -> str:
        """Start an instance; its key."""
        answer = await self.post("/process-instances", {"processDefinitionId": process, **more})
        assert answer.status == 200, answer.body
        return answer.json()["processInstanceKey"]

    async def activate(self, job_type: str, **more: Any) -> list[dict[str, Any]]:
        """Take jobs, without waiting for any."""
        asked = {"type": job_type, "timeout": 60_000, "maxJobsToActivate": 10, "requestTimeout": -1, **more}
        answer = await self.post("/jobs/activation", asked)
        assert answer.status == 200, answer.body
        return answer.json()["jobs"]

    async def job(self, job_type: str, **more: Any) -> dict[str, Any]:
        """Take the only job of a type as soon as it is free; other duties may hold it for an instant."""
        (job,) = await self.activate(job_type, **{"requestTimeout": 30_000, **more})
        return job

    async def complete(self, key: str, **body: Any):
        return await self.post(f"/jobs/{key}/completion", body)

    async def fail(self, key: str, **body: Any):
        return await self.post(f"/jobs/{key}/failure", body)

    async def throw(self, key: str, **body: Any):
        return await self.post(f"/jobs/{key}/error", body)

    async def update(self, key: str, **body: Any):
        return await self.client.call("PATCH", f"/v2/jobs/{key}", body)

    async def search(self, things: str, body: Any = None) -> list[dict[str, Any]]:
        """The items of a search."""
        answer = await self.post(f"/{things}/search", body)
        assert answer.status == 200, answer.body
        return answer.json()["items"]

    async def instance(self, key: str) -> dict[str, Any]:
        answer = await self.get(f"/process-instances/{key}")
        assert answer.status == 200, answer.body
        return answer.json()


def form_part(name: str, content: bytes, *, file_name: str | None = None) -> bytes:
    """One part of a multipart form, as the clients write it."""
    given = "" if file_name is None else f'; filename="{file_name}"'
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{given}\r\n'
    kind = "" if file_name is None else "Content-Type: application/octet-stream\r\n"
    return f"{head}{kind}\r\n".encode() + content + b"\r\n"


def one_task(**more: Any) -> bytes:
    """A process with a single service task of type `work`."""
    return process_xml([ServiceTask(id="task", type="work", **more)])


STORES = ("memory", "sqlite", "postgres")


@pytest.fixture
async def server(request: pytest.FixtureRequest, tmp_path) -> AsyncIterator[InProcess]:
    """Over SQLite; over each of `STORES` in the modules that ask for it by parametrizing this fixture."""
    store: Store | None = None
    kind = getattr(request, "param", "sqlite")
    if kind == "memory":
        store = MemoryStore()
    elif kind == "postgres":
        store = PostgresStore(request.getfixturevalue("database"))
    async with serving(tmp_path / "data", store=store) as running:
        yield running


@pytest.fixture
async def camunda(server: InProcess) -> Camunda:
    """A client of the tenant `default`."""
    return Camunda(server.client(await server.key()))


@pytest.fixture
async def stranger(server: InProcess) -> Camunda:
    """A client of another tenant."""
    return Camunda(server.client(await server.key("stranger", "elsewhere")))


@pytest.fixture
async def begun(camunda: Camunda) -> Camunda:
    """One instance of a process with one task, and its job not yet taken."""
    await camunda.deploy(one_task())
    await camunda.start()
    return camunda


@pytest.fixture
async def three_tasks(camunda: Camunda) -> Camunda:
    """The process `row` with three tasks is deployed."""
    await camunda.deploy(row_of_tasks(3))
    return camunda
