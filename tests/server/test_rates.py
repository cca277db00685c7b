"""Rates: per key and operation, told in the standard headers."""

import pytest

from taskloom.dialects.native.problem import problem
from taskloom.dialects.operation import Dialect, Operation, Response
from tests.server.fixtures import serving


async def say(request):
    return Response(body=b'"said"')


def operation(name, **more):
    return Operation(
        name=f"toy.{name}", method="GET", path=f"/{name}", handler=say, scope="", summary="s", **more
    )


TOY = Dialect(
    name="toy",
    operations=[operation("seldom", rate=3), operation("often")],
    render=problem,
    owns=lambda path: False,
)


@pytest.fixture
async def server(tmp_path):
    async with serving(tmp_path, dialects=[TOY], store="memory") as running:
        yield running


async def test_beyond_its_rate_a_call_is_refused_and_told_when_to_come_again(server):
    client = server.client(await server.key())

    answers = [await client.get("/seldom") for _ in range(4)]

    assert [answer.status for answer in answers] == [200, 200, 200, 429]
    assert answers[0].headers["ratelimit-policy"] == '"minute";q=3;w=60'
    assert [answer.headers["ratelimit"] for answer in answers] == [
        '"minute";r=2;t=20',
        '"minute";r=1;t=40',
        '"minute";r=0;t=60',
        '"minute";r=0;t=60',
    ]
    assert answers[3].headers["retry-after"] == "20"
    assert answers[3].json()["code"] == "rate_limited"
    server.clock.advance(seconds=20)
    assert (await client.get("/seldom")).status == 200


async def test_each_key_has_its_own_rate(server):
    greedy, modest = server.client(await server.key("greedy")), server.client(await server.key("modest"))
    for _ in range(4):
        await greedy.get("/seldom")

    assert (await modest.get("/seldom")).status == 200


async def test_keys_of_the_same_name_in_two_tenants_share_nothing(server):
    one, other = [server.client(await server.key("app", tenant)) for tenant in ("a", "b")]
    for _ in range(4):
        await one.get("/seldom")

    assert (await other.get("/seldom")).status == 200


async def test_a_key_may_have_a_rate_of_its_own(server):
    client = server.client(await server.key(rate=1))

    assert [(await client.get("/often")).status for _ in range(2)] == [200, 429]
    assert (await client.get("/seldom")).status == 200


async def test_a_rate_of_zero_has_no_limit_and_no_headers(server):
    client = server.client(await server.key(rate=0))

    answers = [await client.get("/seldom") for _ in range(10)]

    assert {answer.status for answer in answers} == {200}
    assert "ratelimit" not in answers[0].headers


async def test_the_root_key_is_not_limited(server):
    assert {(await server.client().get("/seldom")).status for _ in range(10)} == {200}
