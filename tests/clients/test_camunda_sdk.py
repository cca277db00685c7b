"""The official Camunda SDK for Python, unmodified, against a real server process."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

import pytest
from camunda_orchestration_sdk import (
    CamundaAsyncClient,
    CancelProcessInstanceRequest,
    IncidentFilter,
    IncidentSearchQuery,
    JobChangeset,
    JobSearchQuery,
    JobUpdateRequest,
    ProcessCreationById,
    ProcessDefinitionId,
    ProcessInstanceKey,
    ProcessInstanceSearchQuery,
    WorkerConfig,
)
from camunda_orchestration_sdk.errors import BadRequestError, NotFoundError
from camunda_orchestration_sdk.models import JobFilter
from camunda_orchestration_sdk.runtime.job_worker import JobError, JobFailure

from samples.processes import ServiceTask, process_xml, row_of_tasks
from tests.server.fixtures import Process

PATIENCE_S = 30


@pytest.fixture
async def client(process: Process) -> AsyncIterator[CamundaAsyncClient]:
    configuration = {
        "CAMUNDA_REST_ADDRESS": process.url,
        "CAMUNDA_AUTH_STRATEGY": "BASIC",
        "CAMUNDA_BASIC_AUTH_USERNAME": "root",
        "CAMUNDA_BASIC_AUTH_PASSWORD": process.key,
    }
    async with CamundaAsyncClient(configuration=configuration) as client:
        yield client


@pytest.fixture
async def deploy(client, tmp_path):
    async def deploy(document: bytes, name: str = "model.bpmn"):
        (tmp_path / name).write_bytes(document)
        return await client.deploy_resources_from_files([tmp_path / name])

    return deploy


async def start(client: CamundaAsyncClient, **more) -> ProcessInstanceKey:
    data = ProcessCreationById(process_definition_id=ProcessDefinitionId("row"), **more)
    return (await client.create_process_instance(data=data)).process_instance_key


@contextlib.asynccontextmanager
async def working(client: CamundaAsyncClient, handlers: dict[str, Callable], **more):
    """Workers for these job types, as long as the block lasts."""
    for job_type, handler in handlers.items():
        config = WorkerConfig(
            job_type=job_type,
            job_timeout_milliseconds=30_000,
            request_timeout_milliseconds=2_000,
            **more,
        )
        client.create_job_worker(config=config, callback=handler, execution_strategy="async")
    running = asyncio.create_task(client.run_workers())
    try:
        yield
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def until(look: Callable, wanted: Callable[[object], bool]):
    """Look until it is as wanted."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            found = await look()
            if wanted(found):
                return found
            await asyncio.sleep(0.05)


async def state_of(client: CamundaAsyncClient, key: ProcessInstanceKey) -> str:
    return str((await client.get_process_instance(process_instance_key=key)).state.value)


async def ended(client: CamundaAsyncClient, *keys: ProcessInstanceKey) -> None:
    for key in keys:
        await until(lambda key=key: state_of(client, key), lambda state: state == "COMPLETED")


async def test_it_sees_a_cluster_with_a_healthy_leader(client):
    topology = await client.get_topology()

    (broker,) = topology.brokers
    (partition,) = broker.partitions
    assert (partition.role.value, partition.health.value) == ("leader", "healthy")
    assert topology.cluster_size == topology.partitions_count == 1


async def test_workers_work_off_a_process_of_three_tasks(client, deploy):
    deployed = await deploy(row_of_tasks(3))
    seen = []

    async def work(job):
        seen.append((job.type_, job.variables.to_dict()))
        return {job.type_: "done"}

    async with working(client, {f"work_{n}": work for n in (1, 2, 3)}):
        keys = [await start(client) for _ in range(10)]
        await ended(client, *keys)

    assert deployed.processes[0].process_definition_id == "row"
    assert len(seen) == 30
    last = [variables for job_type, variables in seen if job_type == "work_3"]
    assert last == [{"work_1": "done", "work_2": "done"}] * 10


async def test_a_worker_with_leases_is_given_tokens_and_shows_them(client, deploy):
    await deploy(row_of_tasks(1))
    tokens = []

    async def work(job):
        tokens.append(job.job_lease_token)

    async with working(client, {"work_1": work}, with_lease=True):
        await ended(client, await start(client))

    assert len(tokens) == 1
    assert tokens[0].isdigit()


async def test_an_exception_in_the_handler_costs_retries_and_then_raises_an_incident(client, deploy):
    await deploy(process_xml([ServiceTask(id="task", type="work", retries="2")]))

    async def work(job):
        raise JobFailure("no luck", retries=job.retries - 1)

    async with working(client, {"work": work}):
        key = await start(client)
        query = IncidentSearchQuery(filter_=IncidentFilter(process_instance_key=key))
        found = await until(
            lambda: client.search_incidents(data=query), lambda found: found.page.total_items == 1
        )

    (incident,) = found.items
    assert incident.error_type.value == "JOB_NO_RETRIES"
    assert incident.error_message == "no luck"
    assert (await client.get_process_instance(process_instance_key=key)).has_incident


async def test_an_incident_is_resolved_after_new_retries_and_the_process_goes_on(client, deploy):
    await deploy(process_xml([ServiceTask(id="task", type="work", retries="1")]))
    broken = True

    async def work(job):
        if broken:
            raise JobFailure("no luck", retries=0)

    async with working(client, {"work": work}):
        key = await start(client)
        query = IncidentSearchQuery(filter_=IncidentFilter(process_instance_key=key))
        found = await until(
            lambda: client.search_incidents(data=query), lambda found: found.page.total_items == 1
        )
        (incident,) = found.items
        broken = False
        changeset = JobUpdateRequest(changeset=JobChangeset(retries=1))
        await client.update_job(job_key=incident.job_key, data=changeset)
        await client.resolve_incident(incident_key=incident.incident_key)
        await ended(client, key)

    found = await client.search_incidents(data=query)
    assert [each.state.value for each in found.items] == ["RESOLVED"]


async def test_an_error_that_nothing_catches_is_an_incident(client, deploy):
    await deploy(row_of_tasks(1))

    async def work(job):
        raise JobError("no-stock", "sold out")

    async with working(client, {"work_1": work}):
        key = await start(client)
        query = IncidentSearchQuery(filter_=IncidentFilter(process_instance_key=key))
        found = await until(
            lambda: client.search_incidents(data=query), lambda found: found.page.total_items == 1
        )

    assert found.items[0].error_type.value == "UNHANDLED_ERROR_EVENT"
    assert "'no-stock' with message 'sold out'" in found.items[0].error_message


async def test_jobs_can_be_followed_by_searching(client, deploy):
    await deploy(row_of_tasks(1))
    key = await start(client)
    query = JobSearchQuery(filter_=JobFilter(process_instance_key=key))

    async def work(job):
        return {}

    before = await client.search_jobs(data=query)
    async with working(client, {"work_1": work}):
        after = await until(
            lambda: client.search_jobs(data=query),
            lambda found: found.items[0].state.value == "COMPLETED",
        )

    assert [job.state.value for job in before.items] == ["CREATED"]
    assert after.items[0].end_time is not None


async def test_awaiting_the_end_brings_the_variables(client, deploy):
    await deploy(row_of_tasks(2))

    async def work(job):
        return {job.type_: 1}

    async with working(client, {"work_1": work, "work_2": work}):
        data = ProcessCreationById(
            process_definition_id=ProcessDefinitionId("row"),
            await_completion=True,
            fetch_variables=["work_2"],
            request_timeout=PATIENCE_S * 1000,
        )
        created = await client.create_process_instance(data=data)

    assert created.variables.to_dict() == {"work_2": 1}


async def test_searches_read_every_page(client, deploy):
    await deploy(row_of_tasks(1))
    keys = {str(await start(client)) for _ in range(5)}
    found: list[str] = []
    page: dict[str, object] = {"limit": 2}

    while True:
        answer = await client.search_process_instances(
            data=ProcessInstanceSearchQuery.from_dict({"page": page})
        )
        found += [str(item.process_instance_key) for item in answer.items]
        if not answer.items:
            break
        page = {"limit": 2, "after": answer.page.end_cursor}

    assert answer.page.total_items == 5
    assert len(found) == 5
    assert set(found) == keys


async def test_refusals_arrive_as_the_errors_of_the_client(client, deploy):
    with pytest.raises(BadRequestError, match=r"not supported"):
        await deploy(process_xml([]).replace(b"startEvent", b"userTask"))
    nobody = ProcessInstanceKey("123")
    with pytest.raises(NotFoundError, match="no such process was found"):
        await client.cancel_process_instance(
            process_instance_key=nobody, data=CancelProcessInstanceRequest(operation_reference=1)
        )
