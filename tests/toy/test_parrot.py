"""A dialect nobody planned for works like the four that were."""

import pytest

from taskloom.server.wiring import DIALECTS
from tests.server.fixtures import serving
from tests.toy.parrot import DIALECT as PARROT  # the first of the two lines of wiring


@pytest.fixture
async def server(tmp_path):
    async with serving(tmp_path, dialects=(PARROT, *DIALECTS)) as server:  # and the second
        yield server


async def test_a_task_goes_round(server):
    client = server.client()
    key = (await client.call("POST", "/parrot/say", {"text": "hello"})).body.decode()

    heard = await client.call("POST", "/parrot/hear/polly")
    echoed = await client.call("POST", f"/parrot/echo/{key}", body=b"hello hello")

    assert heard.body.decode() == f"{key} hello"
    assert (echoed.status, echoed.body) == (200, b"squawk")


async def test_its_refusals_have_its_own_shape(server):
    client = server.client()

    assert (await client.call("POST", "/parrot/echo/77", body=b"x")).body == b"AWK not found"
    assert (await client.call("POST", "/parrot/fly")).body.startswith(b"AWK ")


async def test_a_worker_of_another_dialect_finishes_its_task(server):
    client = server.client()
    key = (await client.call("POST", "/parrot/say", {"text": "hello"})).body.decode()

    taken = await client.call("POST", "/v1/queue/take", {"queues": ["perch:1"], "size": 1})
    (task,) = taken.json()["perch:1"]
    done = {"status_code": 200, "lease_id": task["lease_id"], "body": "from the queue"}
    finished = await client.call("POST", f"/v1/queue/{task['task_id']}/complete", done)

    assert finished.status == 200
    assert (await client.call("POST", f"/parrot/echo/{key}", body=b"late")).status == 409


async def test_it_stands_in_the_open_api_document(server):
    document = (await server.client().call("GET", "/openapi.json")).json()

    assert {"/parrot/say", "/parrot/hear/{worker}", "/parrot/echo/{id}"} <= set(document["paths"])
