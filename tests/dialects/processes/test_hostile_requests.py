"""No request causes a fault: every operation, with keys, bodies and values nobody should send."""

import json
import re

import pytest

from taskloom.dialects.processes.routes import OPERATIONS
from tests.dialects.processes.conftest import Camunda, one_task

PROBLEM = {"type", "title", "status", "detail", "instance"}
KEYS = [
    "1",
    "-1",
    "0",
    "9223372036854775807",
    "9223372036854775808",
    "9" * 25,
    "9" * 30,
    "abc",
    "1.5",
    "%00",
    "%F0%9F%92%A5",
]
BODIES = [
    b"",
    b"null",
    b"[]",
    b'"x"',
    b"{",
    b"\xff",
    b'{"a":1}',
    b"[" * 5_000,
    b'{"variables":' + b"[" * 200 + b"]" * 200 + b"}",
    b'{"variables":{"a":NaN}}',
    b'{"variables":"x"}',
    b'{"variables":{},"variables":{}}',
    b'{"type":"a\\u0000b","timeout":1,"maxJobsToActivate":1,"requestTimeout":-1}',
    b'{"type":"\\ud800","timeout":1,"maxJobsToActivate":1,"requestTimeout":-1}',
    b'{"timeout":99999999999999999999999}',
    b'{"type":"x","timeout":9223372036854775807,"maxJobsToActivate":2147483647,"requestTimeout":-9223372036854775808}',
    b'{"errorCode":"x","leaseToken":"\xf0\x9f\x92\xa5"}',
    b'{"retries":-2147483648,"retryBackOff":9223372036854775807}',
    b'{"retries":5,"retryBackOff":9223372036854775807}',
    b'{"changeset":{"retries":2147483647,"timeout":9223372036854775807,"priority":-2147483648}}',
    b'{"processDefinitionId":"row","requestTimeout":-5,"awaitCompletion":true,"tags":["a,b"]}',
    b'{"processDefinitionId":"row","processDefinitionVersion":-2147483648}',
    b'{"processDefinitionId":"r\xc3\xb6w:1"}',
    b'{"filter":{"$or":[{"$or":[]}]}}',
    b'{"page":{"from":2147483647,"limit":10000}}',
    b'{"page":{"after":"WyIiLCI5OTk5Il0="}}',
    b'{"page":{"after":"WyIiLDk5OTk5OTk5OTk5OTk5OTk5OTk5OV0="}}',
    b'{"sort":[{"field":"state","order":"DESC"},{"field":"state"}]}',
    b'{"filter":{"state":{"$like":"[%_\\\\"},"tenantId":"\'; drop table tasks; --"}}',
    b'{"filter":{"errorMessage":{"$like":"' + b"*a" * 500 + b'"}}}',
    b'{"variables":{"\\ud800":1}}',
    b'{"variables":{"\\u0000":"\\u0000"},"local":true}',
]


def paths(path: str) -> list[str]:
    """The path with each of the keys; itself when it has none."""
    if "{" not in path:
        return [path]
    return [re.sub(r"\{\w+\}", key, path) for key in KEYS]


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
async def test_every_answer_is_a_success_or_a_whole_problem(camunda, server, operation):
    await camunda.deploy(one_task())
    await camunda.start()
    for path in paths(operation.path):
        for body in BODIES:
            kind = operation.media_types[0].replace("form-data", "form-data; boundary=x")
            answer = await camunda.client.call(
                operation.method, path, body=body, headers={"content-type": kind}
            )
            assert answer.status < 500 or answer.status == 504, (path, body, answer.body)
            if answer.status >= 400:
                problem = json.loads(answer.body)
                assert set(problem) == PROBLEM
                assert problem["status"] == answer.status


async def test_what_a_caller_sends_is_echoed_no_further_than_needed(camunda):
    long = "x" * 200_000
    for body in ({"processDefinitionId": "row", "tags": [long]}, {long: 1}, {"processDefinitionKey": long}):
        answer = await camunda.post("/process-instances", body)
        assert answer.status == 400
        assert len(answer.body) < 40_000


async def test_an_instance_with_hostile_variables_runs_to_its_end(camunda):
    await camunda.deploy(one_task())
    body = b'{"processDefinitionId":"row","variables":{"\\u0000":"\\u0000","a":1e400,"a":2}}'
    assert (await camunda.client.post("/v2/process-instances", body=body)).status == 200
    job = await camunda.job("work")
    assert job["variables"] == {"\0": "\0", "a": 2}
    assert (await camunda.complete(job["jobKey"])).status == 204


@pytest.mark.parametrize(
    "path",
    [
        "/v2/nothing",
        "/v2/jobs/1/nothing",
        "/v2",
    ],
)
async def test_a_path_that_nobody_has_is_refused_in_this_shape(camunda, path):
    answer = await camunda.client.get(path)

    assert (answer.status, answer.json()["title"], answer.json()["instance"]) == (404, "NOT_FOUND", path)


async def test_without_a_key_it_is_unauthorized_and_says_how(server):
    nobody = Camunda(server.client(None))

    answer = await nobody.get("/topology")

    assert (answer.status, answer.json()["title"]) == (401, "Unauthorized")
    assert "Basic" in answer.headers["www-authenticate"]
    assert (await nobody.get("/status")).status == 204
    assert (await nobody.get("/license")).status == 200
