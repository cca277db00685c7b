"""Deployment: new, unchanged and changed files; what is refused, and how it is said."""

import asyncio

import pytest

from samples.processes import ServiceTask, process_xml, row_of_tasks
from tests.dialects.processes.conftest import BOUNDARY, Camunda, form_part, one_task


async def test_the_answer_names_each_process(camunda):
    answer = await camunda.upload(("a.bpmn", row_of_tasks(1, "a")), ("b.bpmn20.xml", row_of_tasks(1, "b")))

    body = answer.json()
    assert (body["tenantId"], body["deploymentKey"].isdigit()) == ("<default>", True)
    processes = [each.pop("processDefinition") for each in body["deployments"]]
    empty = {"decisionDefinition": None, "decisionRequirements": None, "form": None, "resource": None}
    assert body["deployments"] == [empty, empty]
    assert [(each["processDefinitionId"], each["resourceName"]) for each in processes] == [
        ("a", "a.bpmn"),
        ("b", "b.bpmn20.xml"),
    ]
    assert all(each["processDefinitionVersion"] == 1 for each in processes)


async def test_an_unchanged_file_is_the_same_version(camunda):
    first = await camunda.deploy(row_of_tasks(1))

    assert await camunda.deploy(row_of_tasks(1)) == first


async def test_a_changed_file_is_the_next_version_and_the_old_one_still_runs(camunda):
    first = await camunda.deploy(row_of_tasks(1))
    second = await camunda.deploy(row_of_tasks(2))

    assert second["processDefinitionVersion"] == 2
    await camunda.start()
    await camunda.start(processDefinitionVersion=1)
    jobs = await camunda.activate("work_1")
    assert [job["processDefinitionVersion"] for job in jobs] == [2, 1]
    answer = await camunda.post("/process-instances", {"processDefinitionKey": first["processDefinitionKey"]})
    assert answer.json()["processDefinitionVersion"] == 1


async def test_going_back_to_an_old_file_is_a_new_version(camunda):
    for tasks in (1, 2, 1):
        deployed = await camunda.deploy(row_of_tasks(tasks))

    assert deployed["processDefinitionVersion"] == 3


async def test_deployments_at_the_same_time_get_versions_of_their_own(camunda):
    files = [process_xml([ServiceTask(id="t", type=f"w{n}")]) for n in range(4)]

    deployed = await asyncio.gather(*(camunda.deploy(each) for each in files))

    assert sorted(each["processDefinitionVersion"] for each in deployed) == [1, 2, 3, 4]


async def test_definitions_can_be_found_and_their_file_read(camunda):
    await camunda.deploy(row_of_tasks(1))
    document = process_xml([ServiceTask(id="t", type="w")], name="A row", version_tag="v2")
    second = await camunda.deploy(document, "second.bpmn")

    found = await camunda.search("process-definitions", {"filter": {"isLatestVersion": True}})

    assert found == [
        {
            "processDefinitionKey": second["processDefinitionKey"],
            "processDefinitionId": "row",
            "name": "A row",
            "version": 2,
            "versionTag": "v2",
            "resourceName": "second.bpmn",
            "tenantId": "<default>",
            "hasStartForm": False,
            "state": "ACTIVE",
        }
    ]
    key = second["processDefinitionKey"]
    assert (await camunda.get(f"/process-definitions/{key}")).json() == found[0]
    xml = await camunda.get(f"/process-definitions/{key}/xml")
    assert (xml.headers["content-type"], xml.body) == ("text/xml", document)


async def test_an_element_that_cannot_be_run_is_refused_with_line_and_reason(camunda):
    document = process_xml([], extra='<bpmn:userTask id="ask" />')

    answer = await camunda.upload(("order.bpmn", document))

    assert (answer.status, answer.json()["title"]) == (400, "INVALID_ARGUMENT")
    assert answer.json()["detail"] == (
        "Command 'CREATE' rejected with code 'INVALID_ARGUMENT': Expected to deploy new resources, "
        "but encountered the following errors:\n"
        "'order.bpmn': - Element: ask\n"
        "    - ERROR: The element 'userTask' is not supported (line 8)"
    )


async def test_all_files_are_deployed_or_none(camunda):
    broken = process_xml([], extra='<bpmn:userTask id="ask" />', process_id="other")

    answer = await camunda.upload(("good.bpmn", row_of_tasks(1)), ("bad.bpmn", broken))

    assert answer.status == 400
    assert await camunda.search("process-definitions") == []
    refused = await camunda.post("/process-instances", {"processDefinitionId": "row"})
    assert refused.status == 404


async def test_the_same_process_in_two_files_is_refused(camunda):
    answer = await camunda.upload(("p2.bpmn", row_of_tasks(1)), ("p3.bpmn", row_of_tasks(2)))

    assert answer.json()["detail"].endswith("\nDuplicated process id in resources 'p2.bpmn' and 'p3.bpmn'")


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.bpmn", b"", "Not readable as XML"),
        ("a.bpmn", b"\x00\xff", "Not readable as XML"),
        ("a.dmn", b"<definitions/>", "only BPMN files"),
        ("a.form", b"{}", "only BPMN files"),
        ("a.bpmn", b'<!DOCTYPE x [<!ENTITY a "b">]><x/>', "Not readable as XML"),
    ],
)
async def test_what_is_no_process_is_refused(camunda, name, content, reason):
    answer = await camunda.upload((name, content))

    assert (answer.status, answer.json()["title"]) == (400, "INVALID_ARGUMENT")
    assert reason in answer.json()["detail"]


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        ("multipart/form-data; boundary=boundary", b"", 400),
        ("multipart/form-data; boundary=boundary", b"--boundary--\r\n", 400),
        ("multipart/form-data", b"--boundary--\r\n", 400),
        ("multipart/form-data; boundary=boundary", b"nonsense", 400),
        (
            "multipart/form-data; boundary=boundary",
            form_part("resources", b"x", file_name="a.bpmn")[:-9],
            400,
        ),
        (
            "multipart/form-data; boundary=boundary",
            form_part("resources", b"x") + b"--boundary--\r\n",
            400,
        ),
        (
            "multipart/form-data; boundary=boundary",
            form_part("other", b"x", file_name="a") * 101 + b"--boundary--\r\n",
            400,
        ),
        ("application/json", b"{}", 415),
    ],
)
async def test_a_form_that_is_none_is_refused(camunda, kind, body, status):
    answer = await camunda.client.post("/v2/deployments", body=body, headers={"content-type": kind})

    assert answer.status == status
    assert set(answer.json()) == {"type", "title", "status", "detail", "instance"}


async def test_a_tenant_deploys_for_itself(camunda, stranger, server):
    await camunda.deploy(one_task())
    own = await stranger.upload(("a.bpmn", one_task()), tenant="elsewhere")
    foreign = await stranger.upload(("a.bpmn", one_task()), tenant="default")
    root = Camunda(server.client())
    chosen = await root.upload(("a.bpmn", row_of_tasks(2)), tenant="elsewhere")

    assert own.json()["tenantId"] == "elsewhere"
    assert foreign.status == 400
    assert "multi-tenancy is disabled" in foreign.json()["detail"]
    assert chosen.json()["deployments"][0]["processDefinition"]["processDefinitionVersion"] == 2
    assert len(await stranger.search("process-definitions")) == 2


async def test_another_tenants_definition_is_not_there(camunda, stranger):
    key = (await camunda.deploy(one_task()))["processDefinitionKey"]

    by_key = await stranger.post("/process-instances", {"processDefinitionKey": key})
    by_id = await stranger.post("/process-instances", {"processDefinitionId": "row"})

    assert (by_key.status, by_id.status) == (404, 404)
    assert (await stranger.get(f"/process-definitions/{key}/xml")).status == 404


def test_the_boundary_of_these_tests_is_in_no_sample():
    assert BOUNDARY.encode() not in row_of_tasks(3)
