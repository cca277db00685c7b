"""Models: pointed to queues, under another name, and removed."""

import pytest

from tests.dialects.queue.desk import Desk

CHAT = "/v1/chat/completions"
MODEL = "org/model-4.1"
PATH = "/api/v1/models/org%2Fmodel-4.1"


@pytest.fixture
async def desk(server):
    desk = Desk(
        server,
        await server.key("operator", scopes=("task.read", "task.write", "task.work", "task.supervise")),
    )
    await desk.register("small", CHAT, models=[MODEL])
    await desk.register("large", CHAT)
    return desk


async def put(desk, *routes, path=PATH):
    return await desk.client.call("PUT", path, {"routes": list(routes)})


async def taken(desk, queue, **body):
    """What the worker of a queue reads when somebody asks for the model."""
    made = await desk.client.post("/v1/queue/put", {"endpoint": CHAT, "data": {"model": MODEL, **body}})
    assert made.status == 200, made.body
    return (await desk.take(f"{queue}:0"))["data"]


async def test_a_registered_model_is_shown_with_its_queue(desk):
    answer = await desk.client.get(PATH)

    (route,) = answer.json()["routes"]
    assert answer.json()["model"] == MODEL
    assert (route["endpoint"], route["queue"], route["target"]) == (CHAT, "small", "")
    assert (await desk.client.get("/api/v1/models")).json()["items"] == [answer.json()]


async def test_a_model_is_pointed_to_another_queue_under_another_name(desk):
    before = await taken(desk, "small", n=1)

    answer = await put(desk, {"queue": "large", "target": "large-v2"})

    assert answer.status == 200, answer.body
    assert before == {"model": MODEL, "n": 1}
    assert await taken(desk, "large", n=2) == {"model": "large-v2", "n": 2}


async def test_one_queue_serves_a_model_at_several_endpoints(desk):
    routes = [{"queue": "small"}, {"queue": "small", "endpoint": "/v1/responses"}]

    answer = await put(desk, *routes)

    assert [route["endpoint"] for route in answer.json()["routes"]] == [CHAT, "/v1/responses"]
    begun = await desk.client.post("/v1/responses", {"model": MODEL, "input": "x", "background": True})
    assert begun.json()["status"] == "queued"
    assert (await desk.take("small:1"))["endpoint"] == "/v1/responses"


async def test_what_is_not_named_any_longer_serves_no_longer(desk):
    await put(desk, {"queue": "small"}, {"queue": "small", "endpoint": "/v1/responses"})

    await put(desk, {"queue": "large", "endpoint": "/v1/responses"})

    (route,) = (await desk.client.get(PATH)).json()["routes"]
    assert (route["endpoint"], route["queue"]) == ("/v1/responses", "large")


async def test_a_removed_model_is_not_found_and_not_listed(desk):
    assert (await desk.client.call("DELETE", PATH)).status == 204

    assert (await desk.client.call("DELETE", PATH)).status == 404
    assert (await desk.client.get(PATH)).status == 404
    asked = await desk.client.post(CHAT, {"model": MODEL})
    assert (asked.status, asked.json()["error"]["code"]) == (404, "model_not_found")
    listed = (await desk.client.get("/v1/models")).json()["data"]
    assert [model["id"] for model in listed] == ["large", "small"]


async def test_a_new_name_is_an_alias(desk):
    await put(desk, {"queue": "small", "target": MODEL}, path="/api/v1/models/best")

    made = await desk.client.post("/v1/queue/put", {"endpoint": CHAT, "data": {"model": "best"}})

    assert made.status == 200
    assert (await desk.take("small:0"))["data"] == {"model": MODEL}


@pytest.mark.parametrize(
    "routes",
    [
        [],
        [{"queue": "nobody"}],
        [{"queue": "small"}, {"queue": "large"}],
        [{"queue": "small", "endpoint": "a b"}],
        [{"queue": "small", "more": 1}],
        [{"queue": ""}],
    ],
)
async def test_what_cannot_serve_is_refused(desk, routes):
    answer = await put(desk, *routes)

    assert (answer.status, answer.headers["content-type"]) == (400, "application/problem+json")


async def test_a_name_that_is_blank_is_refused(desk):
    assert (await put(desk, {"queue": "small"}, path="/api/v1/models/%20")).status == 400


async def test_models_of_another_tenant_are_not_seen(desk):
    other = await desk.other("foreign", tenant="elsewhere")

    assert (await other.client.get(PATH)).status == 404
    assert (await other.client.get("/api/v1/models")).json() == {"items": []}


@pytest.mark.parametrize("name", ["org/model-4.1", "org%2Fmodel-4.1"])
async def test_a_model_whose_name_has_a_slash_is_found_both_ways(desk, name):
    assert (await desk.client.get(f"/v1/models/{name}")).json()["id"] == MODEL
