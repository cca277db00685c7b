"""Jobs that fail, errors that are thrown, incidents and how they are resolved."""

import pytest

from samples.processes import ServiceTask, process_xml
from taskloom.core import commands as c
from tests.dialects.processes.conftest import STORES, one_task

pytestmark = pytest.mark.parametrize("server", STORES, indirect=True)

DONE, CONFLICT, NOT_FOUND = 204, 409, 404


async def incident_of(camunda, **wanted):
    """The only incident, which is as wanted."""
    (incident,) = await camunda.search("incidents", {"filter": {"state": "ACTIVE"}})
    assert {name: incident[name] for name in wanted} == wanted
    return incident


async def test_a_failure_with_retries_left_offers_the_job_again(begun):
    key = (await begun.job("work"))["jobKey"]

    assert (await begun.fail(key, retries=2, errorMessage="later")).status == DONE

    (job,) = await begun.search("jobs")
    assert (job["state"], job["errorMessage"], job["hasFailedWithRetriesLeft"]) == ("FAILED", "later", True)
    assert (await begun.job("work"))["retries"] == 2


async def test_an_empty_failure_means_that_no_retries_are_left(begun):
    key = (await begun.job("work"))["jobKey"]

    assert (await begun.post(f"/jobs/{key}/failure")).status == DONE

    (job,) = await begun.search("jobs")
    await incident_of(
        begun,
        errorType="JOB_NO_RETRIES",
        errorMessage="No more retries left.",
        jobKey=key,
        elementId="task",
        elementInstanceKey=job["elementInstanceKey"],
        processInstanceKey=job["processInstanceKey"],
        rootProcessInstanceKey=job["processInstanceKey"],
        processDefinitionKey=job["processDefinitionKey"],
        processDefinitionId="row",
        state="ACTIVE",
        tenantId="<default>",
        creationTime="2026-09-21T14:13:20.000Z",
    )
    assert (job["state"], job["retries"], job["hasFailedWithRetriesLeft"]) == ("FAILED", 0, False)
    assert await begun.activate("work") == []


@pytest.mark.parametrize("retries", [0, -5])
async def test_no_retries_or_fewer_are_none(begun, retries):
    key = (await begun.job("work"))["jobKey"]

    await begun.fail(key, retries=retries, errorMessage="broken")

    await incident_of(begun, errorMessage="broken")


async def test_a_long_message_is_cut(begun):
    key = (await begun.job("work"))["jobKey"]

    await begun.fail(key, errorMessage="x" * 20_000)

    await incident_of(begun, errorMessage="x" * 10_000)


async def test_variables_of_a_failure_stay_with_the_task(camunda):
    await camunda.deploy(process_xml([ServiceTask(id="a", type="work"), ServiceTask(id="b", type="next")]))
    await camunda.start(variables={"n": 1})
    key = (await camunda.job("work"))["jobKey"]

    await camunda.fail(key, retries=1, variables={"n": 2, "seen": True})

    assert (await camunda.job("work"))["variables"] == {"n": 2, "seen": True}
    await camunda.complete(key)
    assert (await camunda.job("next"))["variables"] == {"n": 1}


async def test_a_failed_job_may_not_be_failed_again(begun):
    key = (await begun.job("work"))["jobKey"]
    await begun.fail(key)

    answer = await begun.fail(key)

    assert answer.status == CONFLICT
    assert answer.json()["detail"].endswith(
        f"Expected to fail job with key '{key}', but it is in state 'FAILED'"
    )


async def test_an_error_without_a_catcher_is_an_incident(begun):
    key = (await begun.job("work"))["jobKey"]

    assert (await begun.throw(key, errorCode="no-stock", errorMessage="sold out")).status == DONE

    incident = await incident_of(
        begun,
        errorType="UNHANDLED_ERROR_EVENT",
        errorMessage=(
            "Expected to throw an error event with the code 'no-stock' with message 'sold out', "
            "but it was not caught. No error events are available in the scope."
        ),
    )
    (job,) = await begun.search("jobs", {"filter": {"state": "ERROR_THROWN"}})
    assert (job["jobKey"], job["errorCode"], job["retries"]) == (key, "no-stock", 3)
    assert (await begun.post(f"/incidents/{incident['incidentKey']}/resolution")).status == DONE
    assert (await begun.job("work"))["jobKey"] == key


@pytest.mark.parametrize("code", [None, "", "  "])
async def test_an_error_needs_a_code(begun, code):
    key = (await begun.job("work"))["jobKey"]

    answer = await begun.throw(key, errorCode=code)

    assert (answer.status, answer.json()["detail"]) == (400, "No errorCode provided.")


async def test_resolving_needs_retries_first_and_then_the_process_goes_on(begun):
    key = (await begun.job("work"))["jobKey"]
    await begun.fail(key)
    incident = await incident_of(begun)
    resolution = f"/incidents/{incident['incidentKey']}/resolution"

    refused = await begun.post(resolution)
    assert refused.status == CONFLICT
    assert refused.json()["detail"] == (
        f"Command 'RESOLVE' rejected with code 'INVALID_STATE': Expected to resolve incident with key "
        f"'{incident['incidentKey']}', but job with key '{key}' has no retries left. "
        "Please update the job retries and retry resolving the incident"
    )
    assert (await begun.update(key, changeset={"retries": 1})).status == DONE
    assert await begun.activate("work") == []
    assert (await begun.post(resolution, {"operationReference": 7})).status == DONE

    assert (await begun.job("work"))["retries"] == 1
    await begun.complete(key)
    (instance,) = await begun.search("process-instances")
    assert (instance["state"], instance["hasIncident"]) == ("COMPLETED", False)
    (resolved,) = await begun.search("incidents")
    assert resolved["state"] == "RESOLVED"
    assert (await begun.post(resolution)).status == NOT_FOUND


async def test_an_incident_shows_on_its_instance_and_its_element(begun):
    key = (await begun.job("work"))["jobKey"]
    await begun.fail(key)
    incident = await incident_of(begun)

    (instance,) = await begun.search("process-instances", {"filter": {"hasIncident": True}})
    (element,) = await begun.search("element-instances", {"filter": {"hasIncident": True}})
    assert instance["processInstanceKey"] == incident["processInstanceKey"]
    assert element["incidentKey"] == incident["incidentKey"]
    answer = await begun.get(f"/incidents/{incident['incidentKey']}")
    assert answer.json() == incident
    path = f"/process-instances/{incident['processInstanceKey']}/incidents/search"
    assert (await begun.post(path)).json()["items"] == [incident]


async def test_a_step_that_could_not_be_made_is_made_again(camunda):
    await camunda.deploy(one_task().replace(b'type="work"', b'type="=kind"'))
    instance = await camunda.start()
    incident = await incident_of(camunda, errorType="EXTRACT_VALUE_ERROR", jobKey=None)

    scope = f"/v2/element-instances/{instance}/variables"
    answer = await camunda.client.put(scope, {"variables": {"kind": "work"}})
    assert answer.status == DONE
    assert (await camunda.post(f"/incidents/{incident['incidentKey']}/resolution")).status == DONE

    assert (await camunda.job("work"))["variables"] == {"kind": "work"}


@pytest.mark.parametrize("key", ["1", "-1", "9223372036854775807"])
async def test_an_unknown_incident_is_not_found(camunda, key):
    answer = await camunda.post(f"/incidents/{key}/resolution")

    assert answer.status == NOT_FOUND
    assert answer.json()["detail"].endswith(
        f"Expected to resolve incident with key '{key}', but no such incident was found"
    )


async def test_another_tenants_incident_is_not_found(begun, stranger):
    await begun.fail((await begun.job("work"))["jobKey"])
    incident = await incident_of(begun)

    assert (await stranger.post(f"/incidents/{incident['incidentKey']}/resolution")).status == NOT_FOUND
    assert (await stranger.get(f"/incidents/{incident['incidentKey']}")).status == NOT_FOUND
    assert await stranger.search("incidents") == []


async def test_an_update_changes_retries_timeout_and_priority(begun, server):
    key = (await begun.job("work"))["jobKey"]

    changeset = {"retries": 9, "timeout": 5_000, "priority": 4}
    assert (await begun.update(key, changeset=changeset)).status == DONE

    (job,) = await begun.search("jobs")
    assert (job["retries"], job["priority"]) == (9, 4)
    assert job["deadline"] == "2026-09-21T14:13:25.000Z"


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({}, "No changeset provided."),
        ({"changeset": {}}, "At least one of [retries, timeout, priority] is required."),
        ({"changeset": {"retries": None}}, "At least one of [retries, timeout, priority] is required."),
        ({"changeset": {"timeout": 0}}, "The value for timeout is '0' but must be greater than 0."),
        (
            {"changeset": {"retries": 1}, "operationReference": 0},
            "The value for operationReference is '0' but must be > 0.",
        ),
    ],
)
async def test_an_update_without_sense_is_refused(begun, body, detail):
    key = (await begun.job("work"))["jobKey"]

    answer = await begun.update(key, **body)

    assert (answer.status, answer.json()["title"], answer.json()["detail"]) == (
        400,
        "INVALID_ARGUMENT",
        detail,
    )


async def test_retries_below_one_are_refused(begun):
    key = (await begun.job("work"))["jobKey"]

    answer = await begun.update(key, changeset={"retries": 0})

    assert answer.status == 400
    assert answer.json()["detail"] == (
        "Command 'UPDATE' rejected with code 'INVALID_ARGUMENT': Expected to update retries for job with "
        f"key '{key}' with a positive amount of retries, but the amount given was '0'"
    )


async def test_the_timeout_of_a_job_that_nobody_has_cannot_change(begun):
    (job,) = await begun.search("jobs")

    answer = await begun.update(job["jobKey"], changeset={"timeout": 1})

    assert answer.status == CONFLICT
    assert answer.json()["detail"].endswith("but it is not active")


async def test_an_unknown_job_is_not_found_before_its_values_are_looked_at(camunda):
    answer = await camunda.update("1", changeset={"retries": 0})

    assert answer.status == NOT_FOUND


async def fate(server, key: str, command) -> None:
    """What another dialect does with a job."""
    outcome = await server.engine.submit(command(key=int(key), tenant="default"))
    assert not hasattr(outcome, "kind"), outcome


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (lambda **at: c.Cancel(reason="not wanted", **at), "not wanted"),
        (lambda **at: c.Fail(message="cannot be done", final=True, supervisor=True, **at), "cannot be done"),
    ],
    ids=["cancelled", "failed for good"],
)
async def test_a_job_that_ends_elsewhere_without_a_result_is_replaced(begun, server, command, message):
    job = await begun.job("work")

    await fate(server, job["jobKey"], command)

    incident = await incident_of(begun, errorType="JOB_NO_RETRIES", errorMessage=message)
    assert incident["jobKey"] != job["jobKey"]
    assert await begun.activate("work") == []
    assert (await begun.update(incident["jobKey"], changeset={"retries": 1})).status == DONE
    assert (await begun.post(f"/incidents/{incident['incidentKey']}/resolution")).status == DONE
    again = await begun.job("work")
    assert again["elementInstanceKey"] == job["elementInstanceKey"]
    assert (await begun.complete(again["jobKey"])).status == DONE
    (instance,) = await begun.search("process-instances")
    assert instance["state"] == "COMPLETED"


async def test_a_job_that_is_resumed_elsewhere_closes_its_incident(begun, server):
    job = await begun.job("work")
    await begun.fail(job["jobKey"])

    await fate(server, job["jobKey"], lambda **at: c.Resume(retries=2, **at))

    (incident,) = await begun.search("incidents")
    assert incident["state"] == "RESOLVED"
    assert (await begun.job("work"))["retries"] == 2


async def test_a_job_that_is_paused_elsewhere_is_no_incident(begun, server):
    (job,) = await begun.search("jobs")

    await fate(server, job["jobKey"], c.Suspend)

    assert await begun.search("incidents") == []
    assert await begun.activate("work") == []
    await fate(server, job["jobKey"], c.Resume)
    assert len(await begun.activate("work")) == 1


async def test_a_worker_of_another_dialect_may_finish_a_job(begun, server):
    job = await begun.job("work")

    await fate(
        server, job["jobKey"], lambda **at: c.Complete(result=b'"a text"', by="app", supervisor=True, **at)
    )

    (instance,) = await begun.search("process-instances")
    assert instance["state"] == "COMPLETED"
