"""The OpenAPI 3.1 document, made from the operation table, so that it says what the server does.

Refusals that stand before a handler are described by rendering them: what the document shows is what a caller
gets, in each dialect's own shape.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from taskloom.core.limits import BODY_BYTES, PATH_SEGMENT_LENGTH
from taskloom.dialects.native.problem import problem
from taskloom.dialects.operation import (
    Body,
    Dialect,
    Operation,
    Refusal,
    Reply,
    Request,
    Response,
)
from taskloom.server.endpoint import Endpoint
from taskloom.server.problem import rendered

_PARAMETER: Final = re.compile(r"\{([^}]*)\}")
_ANYTHING: Final[Mapping[str, Any]] = {}

_BY_QUERY: Final = (Refusal(400, "invalid", "the query string cannot be read"),)
_BY_KEY: Final = (Refusal(401, "unauthorized", "a key is needed: Authorization: Bearer <key>"),)
_BY_SCOPE: Final = (Refusal(403, "forbidden", "the key has not the scope it needs"),)
_BY_BODY: Final = (
    Refusal(413, "too_large", f"the body is larger than {BODY_BYTES} bytes"),
    Refusal(415, "unsupported_media_type", "the body must be of another type"),
)
_BY_PATH: Final = (Refusal(404, "not_found", "there is no such thing"),)
_BY_RATE: Final = (Refusal(429, "rate_limited", "too many calls at once, or a minute", retry_after_s=1),)
_ALWAYS: Final = (
    Refusal(500, "internal", "an unexpected fault"),
    Refusal(503, "overloaded", "the store cannot be reached now", retry_after_s=1),
)


def document(endpoints: Sequence[Endpoint], version: str) -> dict[str, Any]:
    """All operations as one document."""
    schemas, components = _schemas(endpoints)
    queries = {_name(schemas[one.operation.query]) for one in endpoints if one.operation.query is not None}
    paths: dict[str, dict[str, Any]] = {}
    spelled: dict[str, str] = {}
    for one in endpoints:
        # Two operations may name the parameters of one path differently; the first one's names stand.
        path = spelled.setdefault(_PARAMETER.sub("{}", one.operation.path), one.operation.path)
        paths.setdefault(path, {})[one.operation.method.lower()] = _operation(one, path, schemas, components)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Taskloom",
            "version": version,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {
            "schemas": {name: schema for name, schema in components.items() if name not in queries},
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "basic": {"type": "http", "scheme": "basic"},
            },
        },
    }


def dialect(endpoints: Sequence[Endpoint], version: str) -> Dialect:
    """The operation that serves the document; made once, when it is first asked for."""
    made: list[bytes] = []

    async def serve(request: Request) -> Reply:
        del request
        if not made:
            made.append(msgspec.json.encode(document(endpoints, version)))
        return Response(body=made[0])

    operation = Operation(
        name="server.openapi",
        method="GET",
        path="/openapi.json",
        handler=serve,
        scope=None,
        summary="This document",
        responses={200: dict[str, Any]},
    )
    return Dialect(name="openapi", operations=(operation,), render=problem, owns=lambda _: False)


def _schemas(endpoints: Iterable[Endpoint]) -> tuple[dict[Any, Any], dict[str, Any]]:
    types: dict[Any, None] = {}
    for one in endpoints:
        operation = one.operation
        for shape in (operation.request, operation.query, *operation.responses.values()):
            if shape is not None:
                types[shape] = None
    found, components = msgspec.json.schema_components(
        types, schema_hook=_foreign, ref_template="#/components/schemas/{name}"
    )
    return dict(zip(types, _ecma(found), strict=True)), _ecma(components)


def _ecma(schema: Any) -> Any:
    """The same with its patterns as JSON Schema reads them: the end is written `$` there."""
    if isinstance(schema, dict):
        return {
            name: inner.replace(r"\Z", "$") if name == "pattern" and isinstance(inner, str) else _ecma(inner)
            for name, inner in schema.items()
        }
    return [_ecma(inner) for inner in schema] if isinstance(schema, list | tuple) else schema


def _foreign(shape: type) -> dict[str, Any]:
    """The schema of what msgspec does not describe: JSON that is passed on as it came."""
    del shape
    return {}


def _operation(
    one: Endpoint, path: str, schemas: Mapping[Any, Any], components: Mapping[str, Any]
) -> dict[str, Any]:
    operation = one.operation
    described: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "tags": [one.dialect.name],
        "responses": _responses(one, schemas),
    }
    if operation.scope is None:
        described["security"] = []
    else:
        described["security"] = [{"bearer": []}, {"basic": []}]
        if operation.scope:
            described["description"] = f"Needs the scope `{operation.scope}`."
    parameters = [_parameter(name) for name in _PARAMETER.findall(path)]
    if operation.query is not None:
        parameters += _queried(components[_name(schemas[operation.query])])
    if parameters:
        described["parameters"] = parameters
    if operation.body is not Body.NONE:
        schema = _ANYTHING if operation.request is None else schemas[operation.request]
        described["requestBody"] = {
            "content": {kind: {"schema": schema} for kind in operation.media_types},
        }
    return described


def _parameter(name: str) -> dict[str, Any]:
    schema = {"type": "string", "minLength": 1, "maxLength": PATH_SEGMENT_LENGTH}
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _name(reference: Mapping[str, str]) -> str:
    """The name of the component a reference leads to."""
    return reference["$ref"].rpartition("/")[2]


def _queried(schema: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The members of a query string as parameters."""
    required = schema.get("required", ())
    return [
        {"name": name, "in": "query", "required": name in required, "schema": _without_absence(member)}
        for name, member in schema["properties"].items()
    ]


def _without_absence(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The same without the default that only says that nothing was given."""
    return {name: value for name, value in schema.items() if name != "default" or value not in ("", None, [])}


def _responses(one: Endpoint, schemas: Mapping[Any, Any]) -> dict[str, Any]:
    operation = one.operation
    found: dict[str, Any] = {}
    for status, shape in operation.responses.items():
        described: dict[str, Any] = {"description": _title(status)}
        if shape is not None:
            media_type = operation.answer_type if status < 400 else _media_type(one.dialect)
            described["content"] = {media_type: {"schema": schemas[shape]}}
        found[str(status)] = described
    if not any(status.startswith("2") for status in found):
        found["200"] = {"description": "done"}
    error = _error_schema(one, schemas)
    for refusal in _refusals(operation):
        response = rendered(one.dialect, refusal, operation.path)
        described = {"description": refusal.message}
        if response.body:
            content: dict[str, Any] = {"schema": error}
            if response.content_type.partition(";")[0].endswith("json"):
                content["example"] = msgspec.json.decode(response.body)
            described["content"] = {response.content_type: content}
        found.setdefault(str(response.status), described)
    return found


def _refusals(operation: Operation) -> Iterator[Refusal]:
    """What may be answered before the handler is asked."""
    yield from _BY_QUERY
    if operation.scope is not None:
        yield from _BY_KEY
    if operation.scope:
        yield from _BY_SCOPE
    if "{" in operation.path:
        yield from _BY_PATH
    if operation.body is not Body.NONE:
        yield from _BY_BODY
    if operation.rate or operation.scope is not None:
        yield from _BY_RATE
    yield from _ALWAYS


def _error_schema(one: Endpoint, schemas: Mapping[Any, Any]) -> Any:
    """The schema of refusals: the operation's own, or one that its dialect declares anywhere."""
    for operation in (one.operation, *one.dialect.operations):
        for status, shape in operation.responses.items():
            if status >= 400 and shape is not None:
                return schemas[shape]
    return _ANYTHING


def _media_type(dialect: Dialect) -> str:
    return dialect.render(_ALWAYS[0], "/").content_type


def _title(status: int) -> str:
    return "done" if status < 400 else "refused"
