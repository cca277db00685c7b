"""The OpenAPI document says what the server does."""

import msgspec
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from taskloom.dialects.operation import Refusal
from taskloom.server.openapi import document
from taskloom.server.problem import rendered
from taskloom.server.settings import Settings
from taskloom.server.wiring import build


@pytest.fixture(scope="module")
def app():
    return build(Settings(store="memory"))


@pytest.fixture(scope="module")
def served(app):
    return msgspec.json.decode(msgspec.json.encode(document(app.endpoints, "1")))


def described(served):
    return {one["operationId"]: one for path in served["paths"].values() for one in path.values()}


def test_it_is_valid(served):
    OpenAPIV31SpecValidator(served).validate()


def test_every_operation_is_in_it(app, served):
    assert set(described(served)) == {endpoint.operation.name for endpoint in app.endpoints}


def test_refusals_are_described_in_the_shape_of_the_dialect(app, served):
    for endpoint in app.endpoints:
        if endpoint.operation.scope is None:
            continue
        real = rendered(endpoint.dialect, Refusal(401, "unauthorized", "x"), endpoint.operation.path)
        responses = described(served)[endpoint.operation.name]["responses"]
        assert str(real.status) in responses


def test_who_needs_a_key_is_said(app, served):
    for endpoint in app.endpoints:
        security = described(served)[endpoint.operation.name]["security"]
        assert bool(security) == (endpoint.operation.scope is not None)
