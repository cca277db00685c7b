"""Who may call what (A13): every operation times every kind of caller, made from the operation table."""

import re

import pytest
import pytest_asyncio

from taskloom.core.access import EVERY_TENANT
from taskloom.core.access import SCOPES as ALL_SCOPES
from taskloom.dialects.operation import Body, Refusal
from taskloom.server.problem import rendered
from taskloom.server.settings import Settings
from taskloom.server.wiring import build
from tests.abuse.expectations import SCOPES
from tests.server.fixtures import ROOT_KEY, serving

REFUSED = {"none", "bad", "expired", "revoked"}
IDENTITIES = (*sorted(REFUSED), "wrong scope", "other worker", "other tenant", "admin", "right")
HOME, ELSEWHERE = "home", "elsewhere"


def endpoints():
    return build(Settings(store="memory")).endpoints


ENDPOINTS = endpoints()
CELLS = [(endpoint, identity) for endpoint in ENDPOINTS for identity in IDENTITIES]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def caller(tmp_path_factory):
    """identity, operation -> a client that calls as this identity."""
    async with serving(tmp_path_factory.mktemp("matrix")) as server:
        now = server.clock.now_ms()
        keys = {
            "none": None,
            "bad": "tlk_" + "x" * 43,
            "expired": await server.key("expired", HOME, expires_at=now - 1),
            "revoked": await server.key("revoked", HOME, revoked_at=now - 1),
            "admin": ROOT_KEY,
        }
        everything = tuple(sorted(ALL_SCOPES - {"admin"}))
        keys["other worker"] = await server.key("bound", HOME, scopes=everything, worker="someone-else")
        keys["other tenant"] = await server.key("foreign", ELSEWHERE, scopes=everything)
        for scope in ALL_SCOPES:
            rest = tuple(sorted(ALL_SCOPES - {scope, "admin"} - _implying(scope)))
            keys[f"without {scope}"] = await server.key(f"without-{scope}", HOME, scopes=rest)
            # what is measured is about every tenant, so the right one lives in none
            tenant = EVERY_TENANT if scope == "metrics.read" else HOME
            keys[f"only {scope}"] = await server.key(f"only-{scope}", tenant, scopes=(scope,))

        def client(identity, operation):
            scope = operation.scope or "task.read"
            name = {"wrong scope": f"without {scope}", "right": f"only {scope}"}.get(identity, identity)
            return server.client(keys[name])

        yield client


def _implying(scope):
    """Scopes that bring this one along."""
    return {"document.read": {"document.edit"}, "upload.read": {"upload.edit"}}.get(scope, set())


async def status(client, operation):
    path = operation.path
    if operation.tenant_parameter:
        path = path.replace(f"{{{operation.tenant_parameter}}}", HOME)
    target = re.sub(r"\{[^}]*\}", "1", path)
    body = b"{}" if operation.body is Body.JSON else None
    return await client.status(operation.method, target, body=body, content_type=operation.media_types[0])


def refused(endpoint, status):
    """What the dialect makes of a refusal with this status."""
    codes = {401: "unauthorized", 403: "forbidden", 404: "not_found"}
    return rendered(endpoint.dialect, Refusal(status, codes[status], "x"), endpoint.operation.path).status


def expected(endpoint, identity):
    """(statuses one of which it must be) or None, and statuses it must not be."""
    operation = endpoint.operation
    if operation.scope is None:
        return None
    if identity in REFUSED:
        return {refused(endpoint, 401)}
    foreign = operation.tenant_parameter and identity == "other tenant"
    if foreign:
        return {refused(endpoint, 404)}
    missing = {refused(endpoint, 404)} if operation.visible is not None else set()
    if identity == "wrong scope" and operation.scope:
        return {refused(endpoint, 403)} | missing
    if identity in {"other worker", "other tenant"} and operation.scope == "admin":
        return {refused(endpoint, 403)} | missing
    return None


def test_every_operation_has_an_expectation_and_every_expectation_an_operation():
    assert {endpoint.operation.name: endpoint.operation.scope for endpoint in ENDPOINTS} == SCOPES


def test_the_matrix_is_large_enough():
    assert len(CELLS) >= 300


@pytest.mark.parametrize(
    ("endpoint", "identity"),
    CELLS,
    ids=[f"{endpoint.operation.name}-{identity.replace(' ', '_')}" for endpoint, identity in CELLS],
)
@pytest.mark.asyncio(loop_scope="module")
async def test_may_call(caller, endpoint, identity):
    found = await status(caller(identity, endpoint.operation), endpoint.operation)

    wanted = expected(endpoint, identity)
    if wanted is not None:
        assert found in wanted
    elif identity in {"admin", "right"} or endpoint.operation.scope is None:
        assert found not in {401, 403} or _own_rule(endpoint)
    else:
        assert found != 401
    assert found < 500


def _own_rule(endpoint):
    """OAuth refuses credentials it is given with 401, whoever calls."""
    return endpoint.operation.name == "oauth.token"
