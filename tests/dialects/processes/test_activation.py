"""Activating jobs: what is handed out, how long it is waited for, what is refused."""

import asyncio

import pytest

from samples.processes import ServiceTask, process_xml
from tests.dialects.processes.conftest import Camunda, one_task


async def parked(server, job_type: str) -> None:
    """Until somebody waits for jobs of the type: the tickets of a look that found nothing stay in line."""
    while ("queue", job_type, "default") not in server.engine.waiting.topics():  # noqa: ASYNC110  nothing rings
        await asyncio.sleep(0)


async def test_a_job_says_all_that_clients_require(camunda):
    deployed = await camunda.deploy(one_task(headers={"currency": "EUR"}, retries="5"))
    instance = await camunda.start(variables={"amount": 12.5}, tags=["blue"], businessId="b-1")

    job = await camunda.job("work", worker="w1")

    (element,) = await camunda.search("element-instances", {"filter": {"type": "SERVICE_TASK"}})
    assert job == {
        "type": "work",
        "worker": "w1",
        "retries": 5,
        "deadline": 1_790_000_060_000,
        "variables": {"amount": 12.5},
        "customHeaders": {"currency": "EUR"},
        "elementId": "task",
        "processDefinitionId": "row",
        "processDefinitionVersion": 1,
        "tenantId": "<default>",
        "physicalTenantId": "default",
        "jobKey": job["jobKey"],
        "processInstanceKey": instance,
        "rootProcessInstanceKey": instance,
        "processDefinitionKey": deployed["processDefinitionKey"],
        "elementInstanceKey": element["elementInstanceKey"],
        "kind": "BPMN_ELEMENT",
        "listenerEventType": "UNSPECIFIED",
        "userTask": None,
        "tags": ["blue"],
        "businessId": "b-1",
        "priority": 0,
        "leaseToken": None,
        "jobLeaseToken": None,
    }


async def test_only_the_variables_asked_for_are_sent(camunda):
    await camunda.deploy(one_task())
    await camunda.start(variables={"a": 1, "b": 2})

    job = await camunda.job("work", fetchVariable=["b", "c"])

    assert job["variables"] == {"b": 2}


async def test_variables_travel_byte_for_byte(camunda):
    await camunda.deploy(one_task())
    body = (
        b'{"processDefinitionId":"row","variables":{"n":1e999,"i":123456789012345678901234567890,"z":1.50}}'
    )
    await camunda.client.post("/v2/process-instances", body=body)

    asked = {"type": "work", "timeout": 1, "maxJobsToActivate": 1}
    answer = await camunda.post("/jobs/activation", asked)

    assert b'"variables":{"n":1e999,"i":123456789012345678901234567890,"z":1.50}' in answer.body


async def test_a_job_is_handed_out_once(begun):
    assert len(await begun.activate("work")) == 1
    assert await begun.activate("work") == []


async def test_no_more_jobs_than_asked_for_the_oldest_first(camunda):
    await camunda.deploy(one_task())
    started = [await camunda.start() for _ in range(5)]

    jobs = await camunda.activate("work", maxJobsToActivate=3)

    assert [job["processInstanceKey"] for job in jobs] == started[:3]


async def test_a_lease_token_is_given_to_those_who_ask(begun):
    job = await begun.job("work", withLease=True)

    assert job["leaseToken"] == job["jobLeaseToken"]
    assert job["leaseToken"].isdigit()


async def test_it_waits_until_a_job_is_there(camunda):
    await camunda.deploy(one_task())
    waiting = asyncio.create_task(camunda.activate("work", requestTimeout=30_000))
    await asyncio.sleep(0)

    await camunda.start()

    assert len(await asyncio.wait_for(waiting, 30)) == 1


async def test_it_stops_waiting_when_the_time_is_over(camunda):
    assert await camunda.activate("work", requestTimeout=30) == []


async def test_a_caller_that_goes_away_leaves_its_jobs_to_others(camunda, server):
    await camunda.deploy(one_task())
    asked = {"type": "work", "timeout": 60_000, "maxJobsToActivate": 1, "requestTimeout": 60_000}
    async with camunda.client.stream("POST", "/v2/jobs/activation", asked):
        await parked(server, "work")

    await camunda.start()

    assert len(await camunda.activate("work")) == 1


async def test_the_answer_stops_growing_at_four_mebibytes(camunda):
    await camunda.deploy(one_task())
    for _ in range(3):
        await camunda.start(variables={"x": "y" * 1_900_000})

    assert len(await camunda.activate("work")) == 2
    assert len(await camunda.activate("work")) == 1


async def test_a_single_job_is_sent_whatever_its_size(camunda):
    await camunda.deploy(one_task())
    await camunda.start(variables={"x": "y" * 5_000_000})

    job = await camunda.job("work")

    assert len(job["variables"]["x"]) == 5_000_000


async def test_a_job_after_its_back_off_is_handed_out_again(begun, server):
    key = (await begun.job("work"))["jobKey"]
    await begun.fail(key, retries=2, retryBackOff=5_000)

    assert await begun.activate("work") == []
    server.clock.advance(seconds=5)
    await server.engine._sweeper.sweep()
    job = await begun.job("work")
    assert (job["jobKey"], job["retries"]) == (key, 2)


async def test_a_lost_lease_costs_no_retries(begun, server):
    for _ in range(6):
        job = await begun.job("work")
        assert job["retries"] == 3
        server.clock.advance(seconds=61)
        await server.engine._sweeper.sweep()


async def test_the_default_tenant_may_be_named_and_means_the_callers_own(begun, stranger):
    await stranger.deploy(one_task())
    await stranger.start()

    (own,) = await begun.activate("work", tenantIds=["<default>"])
    (foreign,) = await stranger.activate("work", tenantIds=["<default>"])

    assert (own["tenantId"], foreign["tenantId"]) == ("<default>", "elsewhere")


async def test_the_administrator_takes_from_several_tenants(begun, stranger, server):
    await stranger.deploy(one_task())
    await stranger.start()
    root = Camunda(server.client())

    jobs = await root.activate("work", tenantIds=["<default>", "elsewhere"])

    assert [job["tenantId"] for job in jobs] == ["<default>", "elsewhere"]


@pytest.mark.parametrize(
    ("change", "detail"),
    [
        ({"type": None}, "No type provided."),
        ({"type": "  "}, "No type provided."),
        ({"type": None, "timeout": None}, "No type provided. No timeout provided."),
        ({"timeout": 0}, "The value for timeout is '0' but must be greater than 0."),
        ({"maxJobsToActivate": -1}, "The value for maxJobsToActivate is '-1' but must be greater than 0."),
        (
            {"tenantIds": ["other"]},
            (
                "Expected to handle request Activate Jobs with tenant identifiers [other], "
                "but multi-tenancy is disabled."
            ),
        ),
        (
            {"tenantIds": ["a b"]},
            (
                "Expected to handle request Activate Jobs with tenant identifiers [a b], "
                "but tenant identifier contains illegal characters."
            ),
        ),
        (
            {"tenantIds": ["x" * 32]},
            (
                f"Expected to handle request Activate Jobs with tenant identifiers [{'x' * 32}], "
                "but tenant identifier is longer than 31 characters."
            ),
        ),
    ],
)
async def test_bad_values_are_refused(camunda, change, detail):
    asked = {"type": "work", "timeout": 1, "maxJobsToActivate": 1, **change}

    answer = await camunda.post("/jobs/activation", asked)

    assert (answer.status, answer.json()["title"]) == (400, "INVALID_ARGUMENT")
    assert answer.json()["detail"] == detail


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b"", "Required request body is missing"),
        (b"{", "The request body cannot be parsed as JSON: Input data was truncated"),
        (b"[]", "The request body must be a JSON object"),
        (b'{"type":1}', "Request property [type] cannot be parsed"),
        (b'{"timeout":1.5}', "Request property [timeout] cannot be parsed"),
        (b'{"timeout":9223372036854775807}', None),
        (b'{"maxJobsToActivate":2147483648}', "Request property [maxJobsToActivate] cannot be parsed"),
        (b'{"fetchVariable":["a",1]}', "Request property [fetchVariable[1]] cannot be parsed"),
        (b'{"typ":"a"}', "Request property [typ] cannot be parsed"),
        (
            b'{"type":"a","timeout":1,"maxJobsToActivate":1,"tenantFilter":"ALL"}',
            (
                "Unexpected value 'ALL' for enum field 'tenantFilter'. "
                "Use any of the following values: [PROVIDED, ASSIGNED]"
            ),
        ),
    ],
)
async def test_bodies_that_do_not_fit_are_refused_with_the_property(camunda, body, detail):
    answer = await camunda.client.post("/v2/jobs/activation", body=body)

    assert answer.status == 400
    assert answer.json()["title"] == ("Bad Request" if detail else "INVALID_ARGUMENT")
    assert detail is None or answer.json()["detail"] == detail


async def test_a_task_of_another_dialect_is_handed_out_as_well(camunda, server):
    from taskloom.core.commands import Create

    outcome = await server.engine.submit(
        Create(tenant="default", queue="foreign", dialect="queue", input=b'{"prompt":"hello"}')
    )

    job = await camunda.job("foreign")

    assert job["jobKey"] == str(outcome.reply)
    assert job["variables"] == {"prompt": "hello"}
    assert (await camunda.complete(job["jobKey"], variables={"text": "hi"})).status == 204


async def test_a_key_that_is_bound_to_a_worker_acts_as_no_other(begun, server):
    bound = Camunda(server.client(await server.key("bound", worker="w1")))

    asked = {"type": "work", "timeout": 1, "maxJobsToActivate": 1, "worker": "w2"}
    refused = await bound.post("/jobs/activation", asked)

    assert (refused.status, refused.json()["title"]) == (403, "FORBIDDEN")
    assert (await bound.job("work"))["worker"] == "w1"


async def test_input_mappings_make_what_the_worker_sees(camunda):
    task = ServiceTask(id="task", type="work", inputs=[("=order", "item")], outputs=[("=found", "stock")])
    await camunda.deploy(process_xml([task]))
    await camunda.start(variables={"order": {"id": 7}}, awaitCompletion=False)

    job = await camunda.job("work")

    assert job["variables"] == {"order": {"id": 7}, "item": {"id": 7}}
