"""Creating process instances, waiting for their end, cancelling them, writing their variables."""

import asyncio

import pytest

from samples.processes import ServiceTask, process_xml
from tests.dialects.processes.conftest import Camunda

DONE, NOT_FOUND = 204, 404


async def test_a_new_instance_says_what_it_is(three_tasks):
    answer = await three_tasks.post(
        "/process-instances",
        {
            "processDefinitionId": "row",
            "variables": {"a": 1},
            "tags": ["b", "a", "b"],
            "businessId": "order 7",
            "tenantId": "<default>",
            "operationReference": 5,
        },
    )

    (definition,) = await three_tasks.search("process-definitions")
    (instance,) = await three_tasks.search("process-instances")
    assert answer.json() == {
        "processDefinitionId": "row",
        "processDefinitionVersion": 1,
        "tenantId": "<default>",
        "variables": {},
        "processDefinitionKey": definition["processDefinitionKey"],
        "processInstanceKey": instance["processInstanceKey"],
        "tags": ["b", "a"],
        "businessId": "order 7",
    }
    assert instance["state"] == "ACTIVE"
    assert (instance["tags"], instance["businessId"]) == (["b", "a"], "order 7")


async def test_awaiting_answers_with_the_variables_at_the_end(three_tasks):
    body = {"processDefinitionId": "row", "awaitCompletion": True, "variables": {"a": 1}}
    waiting = asyncio.create_task(three_tasks.post("/process-instances", body))
    for n in (1, 2, 3):
        job = (await three_tasks.activate(f"work_{n}", requestTimeout=30_000))[0]
        await three_tasks.complete(job["jobKey"], variables={f"r{n}": n})

    answer = await asyncio.wait_for(waiting, 30)

    assert answer.status == 200
    assert answer.json()["variables"] == {"a": 1, "r1": 1, "r2": 2, "r3": 3}


async def test_awaiting_can_ask_for_some_variables(camunda):
    await camunda.deploy(process_xml([]))
    body = {
        "processDefinitionId": "row",
        "awaitCompletion": True,
        "variables": {"a": 1, "b": 2},
        "fetchVariables": ["b", "c"],
    }

    assert (await camunda.post("/process-instances", body)).json()["variables"] == {"b": 2}


async def test_awaiting_ends_with_504_and_the_instance_goes_on(three_tasks):
    body = {"processDefinitionId": "row", "awaitCompletion": True, "requestTimeout": 20}

    answer = await three_tasks.post("/process-instances", body)

    assert (answer.status, answer.json()["title"]) == (504, "DEADLINE_EXCEEDED")
    (instance,) = await three_tasks.search("process-instances")
    assert instance["state"] == "ACTIVE"


async def test_a_caller_that_goes_away_is_not_waited_for(three_tasks, server):
    body = {"processDefinitionId": "row", "awaitCompletion": True, "requestTimeout": 600_000}

    async with three_tasks.client.stream("POST", "/v2/process-instances", body):
        async with asyncio.timeout(30):
            while not len(server.engine.waiting):  # noqa: ASYNC110  nothing tells of a new waiter
                await asyncio.sleep(0)

    assert not len(server.engine.waiting)
    (instance,) = await three_tasks.search("process-instances")
    assert instance["state"] == "ACTIVE"


async def test_awaiting_a_cancelled_instance_is_refused(three_tasks):
    body = {"processDefinitionId": "row", "awaitCompletion": True}
    waiting = asyncio.create_task(three_tasks.post("/process-instances", body))
    (job,) = await three_tasks.activate("work_1", requestTimeout=30_000)

    await three_tasks.post(f"/process-instances/{job['processInstanceKey']}/cancellation")

    answer = await asyncio.wait_for(waiting, 30)
    assert (answer.status, answer.json()["title"]) == (409, "INVALID_STATE")


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({}, "At least one of [processDefinitionId, processDefinitionKey] is required."),
        (
            {"processDefinitionId": "a", "processDefinitionKey": "1"},
            "Only one of [processDefinitionId, processDefinitionKey] is allowed.",
        ),
        (
            {"processDefinitionKey": "row"},
            (
                "The provided processDefinitionKey 'row' is not a valid key. Expected a numeric value. "
                "Did you pass an entity id instead of an entity key?."
            ),
        ),
        (
            {"processDefinitionId": "row", "tags": ["1a"]},
            (
                "The provided tag '1a' is not valid. Tags must start with a letter (a-z, A-Z), followed by "
                "alphanumerics, underscores, minuses, colons, or periods. It must not be blank and must be "
                "100 characters or less."
            ),
        ),
        (
            {"processDefinitionId": "row", "operationReference": -1},
            "The value for operationReference is '-1' but must be > 0.",
        ),
        (
            {"processDefinitionId": "row", "startInstructions": [{"elementId": "x"}]},
            "Start instructions are not supported.",
        ),
        (
            {"processDefinitionId": "row", "tenantId": "other"},
            (
                "Expected to handle request Create Process Instance with tenant identifier 'other', "
                "but multi-tenancy is disabled."
            ),
        ),
    ],
)
async def test_what_makes_no_sense_is_refused(three_tasks, body, detail):
    answer = await three_tasks.post("/process-instances", body)

    assert (answer.status, answer.json()["title"]) == (400, "INVALID_ARGUMENT")
    assert answer.json()["detail"] == detail


@pytest.mark.parametrize(
    "body",
    [
        {"processDefinitionId": "row", "tags": [f"t{n}" for n in range(11)]},
        {"processDefinitionId": "row", "businessId": "x" * 257},
        {"processDefinitionId": "x" * 257},
        {"processDefinitionId": "row", "variables": 1},
        {"processDefinitionKey": 1},
    ],
)
async def test_values_beyond_their_bounds_are_refused(three_tasks, body):
    assert (await three_tasks.post("/process-instances", body)).status == 400


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"processDefinitionId": "nope"}, "with process ID 'nope'"),
        (
            {"processDefinitionId": "row", "processDefinitionVersion": 7},
            "with process ID 'row' and version '7'",
        ),
        ({"processDefinitionKey": "12"}, "with key '12'"),
    ],
)
async def test_an_unknown_definition_is_not_found(three_tasks, body, words):
    answer = await three_tasks.post("/process-instances", body)

    assert (answer.status, answer.json()["title"]) == (NOT_FOUND, "NOT_FOUND")
    assert answer.json()["detail"] == (
        f"Command 'CREATE' rejected with code 'NOT_FOUND': Expected to find process definition {words}, "
        "but none found"
    )


async def test_cancelling_ends_everything_of_the_instance(three_tasks):
    key = await three_tasks.start()

    answer = await three_tasks.post(f"/process-instances/{key}/cancellation", {"operationReference": 1})

    assert answer.status == DONE
    instance = await three_tasks.instance(key)
    assert (instance["state"], instance["endDate"]) == ("TERMINATED", "2026-09-21T14:13:20.000Z")
    assert [job["state"] for job in await three_tasks.search("jobs")] == ["CANCELED"]
    elements = await three_tasks.search("element-instances")
    assert {each["elementId"]: each["state"] for each in elements} == {
        "row": "TERMINATED",
        "start": "COMPLETED",
        "task_1": "TERMINATED",
    }
    assert await three_tasks.activate("work_1") == []


async def test_cancelling_what_is_not_there_is_not_found(three_tasks, stranger):
    key = await three_tasks.start()
    foreign = await stranger.post(f"/process-instances/{key}/cancellation")
    await three_tasks.post(f"/process-instances/{key}/cancellation")
    again = await three_tasks.post(f"/process-instances/{key}/cancellation")

    for answer in (foreign, again):
        assert answer.status == NOT_FOUND
        assert answer.json()["detail"] == (
            "Command 'CANCEL' rejected with code 'NOT_FOUND': Expected to cancel a process instance with key "
            f"'{key}', but no such process was found"
        )


async def test_a_key_that_is_no_number_is_refused(camunda):
    answer = await camunda.post("/process-instances/abc/cancellation")

    assert (answer.status, answer.json()["title"]) == (400, "Bad Request")
    assert answer.json()["detail"] == "Failed to convert 'processInstanceKey' with value: 'abc'"


async def test_variables_are_written_where_they_are_or_exactly_here(camunda):
    task = ServiceTask(id="t", type="work", inputs=[("=a", "own")])
    await camunda.deploy(process_xml([task]))
    await camunda.start(variables={"a": 1})
    (element,) = await camunda.search("element-instances", {"filter": {"elementId": "t"}})
    path = f"/v2/element-instances/{element['elementInstanceKey']}/variables"

    assert (await camunda.client.put(path, {"variables": {"a": 2, "new": 3, "own": 4}})).status == DONE
    assert (await camunda.client.put(path, {"variables": {"a": 5}, "local": True})).status == DONE

    assert (await camunda.job("work"))["variables"] == {"a": 5, "own": 4, "new": 3}


@pytest.mark.parametrize("body", [{}, {"variables": None}, {"variables": [1]}])
async def test_writing_variables_needs_some(three_tasks, body):
    key = await three_tasks.start()

    assert (await three_tasks.client.put(f"/v2/element-instances/{key}/variables", body)).status == 400


async def test_variables_of_what_is_over_are_not_found(three_tasks):
    key = await three_tasks.start()
    (start,) = await three_tasks.search("element-instances", {"filter": {"elementId": "start"}})
    for scope in (start["elementInstanceKey"], "1"):
        path = f"/v2/element-instances/{scope}/variables"
        answer = await three_tasks.client.put(path, {"variables": {"a": 1}})
        assert answer.status == NOT_FOUND
        assert answer.json()["detail"].endswith(
            f"Expected to update variables for element with key '{scope}', but no such element was found"
        )
    assert (await three_tasks.instance(key))["state"] == "ACTIVE"


async def test_what_costs_many_steps_goes_on_in_further_transactions(camunda):
    slow = [("=count(for i in 1..4000 return i)", name) for name in "abc"]
    tasks = [ServiceTask(id="one", type="one", outputs=slow), ServiceTask(id="two", type="two")]
    await camunda.deploy(process_xml(tasks))
    await camunda.start()

    await camunda.complete((await camunda.job("one"))["jobKey"])

    (job,) = await camunda.activate("two", requestTimeout=30_000)
    assert job["variables"] == {"a": 4000, "b": 4000, "c": 4000}


async def test_an_instance_survives_a_restart(tmp_path):
    from tests.server.fixtures import serving

    async with serving(tmp_path) as server:
        camunda = Camunda(server.client())
        await camunda.deploy(process_xml([ServiceTask(id="a", type="one"), ServiceTask(id="b", type="two")]))
        key = await camunda.start(variables={"x": 1})
        job = await camunda.job("one")
    async with serving(tmp_path) as server:
        camunda = Camunda(server.client())
        assert (await camunda.complete(job["jobKey"], variables={"y": 2})).status == DONE
        job = await camunda.job("two")
        assert job["variables"] == {"x": 1, "y": 2}
        await camunda.complete(job["jobKey"])
        assert (await camunda.instance(key))["state"] == "COMPLETED"
