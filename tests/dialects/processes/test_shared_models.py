"""Models of other makers: those we can run are worked off to their end, all others are refused."""

from pathlib import Path

import pytest

from tests.dialects.processes.conftest import Camunda

RUNS = {
    "jssdk-Client-SkipFirstTask.bpmn",
    "jssdk-Client-Update-Job-Timeout.bpmn",
    "jssdk-MigrateProcess-Version-1.bpmn",
    "jssdk-Worker-Failure-Retries.bpmn",
    "jssdk-hello-world-complete.bpmn",
    "jssdk-job-complete-error-test.bpmn",
    "lint-io-mapping.bpmn",
    "zpt-start-end.bpmn",
}
STEPS_MAX = 20

pytestmark = pytest.mark.shared


async def work_off(camunda: Camunda, instance: str) -> None:
    """Complete whatever job the instance offers, until it offers none."""
    for _ in range(STEPS_MAX):
        asked = {"filter": {"processInstanceKey": instance, "state": "CREATED"}}
        jobs = await camunda.search("jobs", asked)
        if not jobs:
            return
        (job,) = await camunda.activate(jobs[0]["type"])
        assert (await camunda.complete(job["jobKey"], variables={"done": job["elementId"]})).status == 204


@pytest.mark.parametrize("name", sorted(RUNS))
async def test_a_model_that_can_be_deployed_runs_to_its_end(camunda, shared_dir: Path, name):
    document = (shared_dir / "bpmn" / name).read_bytes()
    deployed = await camunda.deploy(document, name)
    instance = await camunda.start(deployed["processDefinitionId"])

    await work_off(camunda, instance)

    assert await camunda.search("incidents") == []
    assert (await camunda.instance(instance))["state"] == "COMPLETED"
    xml = await camunda.get(f"/process-definitions/{deployed['processDefinitionKey']}/xml")
    assert xml.body == document


async def test_every_other_model_is_refused_with_line_and_reason(camunda, shared_dir: Path):
    others = [each for each in sorted((shared_dir / "bpmn").glob("*.bpmn")) if each.name not in RUNS]
    for each in others:
        answer = await camunda.upload((each.name, each.read_bytes()))
        assert answer.status == 400, each.name
        assert "(line " in answer.json()["detail"], each.name
    assert len(others) > 20
