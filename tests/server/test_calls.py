"""One way for every call: route, identity, tenant, scope, body, answer."""

import pytest

from taskloom.dialects.native.problem import problem
from taskloom.dialects.operation import Body, Dialect, Operation, Response
from tests.server.fixtures import serving


async def say(request):
    return Response(body=b'"%s"' % request.tenant.encode())


async def echo(request):
    return Response(body=request.body)


def toy(**more):
    operations = [
        Operation(name="toy.say", method="GET", path="/toy/say", handler=say, scope="task.read", summary="s"),
        Operation(
            name="toy.echo",
            method="POST",
            path="/toy/{name}/echo",
            handler=echo,
            scope="task.write",
            summary="s",
            body=Body.JSON,
            limit_bytes=1000,
        ),
    ]
    return Dialect(
        name="toy", operations=operations, render=problem, owns=lambda path: path.startswith("/toy/")
    )


@pytest.fixture
async def server(tmp_path):
    async with serving(tmp_path, dialects=[toy()]) as running:
        yield running


async def test_the_root_key_opens_and_acts_in_the_default_tenant(server):
    answer = await server.client().get("/toy/say")

    assert (answer.status, answer.body) == (200, b'"default"')


async def test_without_a_key_nothing_opens(server):
    answer = await server.client(None).get("/toy/say")

    assert answer.status == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_a_key_acts_in_its_own_tenant(server):
    key = await server.key(tenant="acme")

    assert (await server.client(key).get("/toy/say")).body == b'"acme"'


async def test_the_body_reaches_the_handler_as_it_was_sent(server):
    answer = await server.client().post("/toy/x/echo", {"a": [1, 2]})

    assert answer.json() == {"a": [1, 2]}


async def test_a_body_beyond_the_limit_is_refused(server):
    answer = await server.client().post("/toy/x/echo", "x" * 2000)

    assert (answer.status, answer.json()["code"]) == (413, "too_large")
