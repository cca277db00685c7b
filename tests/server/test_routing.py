"""From a path to an operation, and to the dialect that refuses what leads nowhere."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskloom.core.limits import PATH_SEGMENT_LENGTH
from taskloom.dialects.native.problem import problem
from taskloom.dialects.operation import Dialect, Operation, Refusal
from taskloom.server.endpoint import endpoint
from taskloom.server.routing import AmbiguousRouteError, Router, named
from taskloom.server.wiring import DIALECTS


async def handler(request):
    raise AssertionError


def router(*routes):
    operations = [
        Operation(
            name=route, method=route.split()[0], path=route.split()[1], handler=handler, scope="", summary=""
        )
        for route in routes
    ]
    dialect = Dialect(name="toy", operations=operations, render=problem, owns=lambda _: False)
    return Router([endpoint(operation, dialect, lambda *_: None) for operation in operations])


def found(router, method, path, raw=None):
    """The route's name and parameters, None when there is none."""
    methods, values = router.find(path, (raw or path).encode())
    if methods is None or method not in methods:
        return None
    one = methods[method]
    return one.operation.name, named(one.names, values)


ROUTES = router("GET /a", "POST /a/{x}/done", "GET /a/{x}", "GET /a/take", "DELETE /a/{y}", "GET /{t}/p/{x}")


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/a", ("GET /a", {})),
        ("GET", "/a/1", ("GET /a/{x}", {"x": "1"})),
        ("DELETE", "/a/1", ("DELETE /a/{y}", {"y": "1"})),
        ("POST", "/a/1/done", ("POST /a/{x}/done", {"x": "1"})),
        ("GET", "/a/take", ("GET /a/take", {})),
        ("POST", "/a/take/done", None),
        ("GET", "/b/p/1", ("GET /{t}/p/{x}", {"t": "b", "x": "1"})),
        ("GET", "/a/p/1", None),
        ("GET", "/a/", None),
        ("GET", "//a", None),
        ("GET", "/a//done", None),
        ("POST", "/a", None),
        ("GET", "", None),
        ("GET", "/", None),
        ("GET", "/a/..", None),
        ("GET", "/a/" + "x" * PATH_SEGMENT_LENGTH, ("GET /a/{x}", {"x": "x" * PATH_SEGMENT_LENGTH})),
        ("GET", "/a/" + "x" * (PATH_SEGMENT_LENGTH + 1), None),
        ("GET", "/x" * 1000, None),
    ],
)
def test_find(method, path, expected):
    assert found(ROUTES, method, path) == expected


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        ("/a/x%2Fy", "x/y"),
        ("/a/%C3%A9", "é"),
        ("/a/a%20b", "a b"),
        ("/a/%61", "a"),
        ("/a/x%2Fy?z=%2F", "x/y"),
    ],
)
def test_an_encoded_separator_separates_nothing(raw, value):
    assert found(ROUTES, "GET", "ignored", raw) == ("GET /a/{x}", {"x": value})


@pytest.mark.parametrize("raw", ["/a/%FF", "/a/%00", "/a/%0A", "/a/%2E%2E", "/a/%ED%A0%80", "/a/%7F"])
def test_what_cannot_be_an_identifier_leads_nowhere(raw):
    assert found(ROUTES, "GET", "ignored", raw) is None


def test_two_operations_for_one_call_are_refused_at_the_start():
    with pytest.raises(AmbiguousRouteError):
        router("GET /a/{x}", "GET /a/{y}")


@given(st.text(max_size=40), st.binary(max_size=40))
def test_no_path_is_a_fault(path, raw):
    ROUTES.find(path, raw)
    ROUTES.owner(path)


def members(dialect, path):
    """What a refusal of the dialect consists of."""
    return frozenset(json.loads(dialect.render(Refusal(404, "not_found", "x"), path).body))


@pytest.mark.parametrize(
    ("path", "owner"),
    [
        ("/v2/unknown", "processes"),
        ("/v2/jobs/project/x", "processes"),
        ("/v2/jobs/upload", "processes"),
        ("/v2/acme/nothing", "processes"),
        ("/v2/acme/project/p/nothing", "documents"),
        ("/v2/acme/upload/u/nothing", "documents"),
        ("/v1/queue/a/b/c", "queue"),
        ("/v1/moderations", "queue"),
        ("/task/nothing/x", "agents"),
        ("/events/x", "agents"),
        ("/api/v1/nothing", "native"),
        ("/nothing", "native"),
    ],
)
async def test_who_refuses_a_path_that_leads_nowhere(server, path, owner):
    answer = await server.client().get(path)
    shapes = {members(dialect, path): dialect.name for dialect in DIALECTS}

    assert shapes[frozenset(answer.json())] == owner
