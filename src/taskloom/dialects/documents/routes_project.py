"""Projects: what a pipeline does, in versions. A document keeps the version it began with."""

import asyncio

import msgspec
from msgspec import structs

from taskloom.core.limits import BATCH_RESTARTS, SCHEMA_BYTES
from taskloom.core.payload import strict_error
from taskloom.core.records import PutRecords, RecordChange
from taskloom.core.rejections import Kind, Rejection
from taskloom.dialects.documents import wire
from taskloom.dialects.documents.errors import NO_PROJECT, invalid
from taskloom.dialects.documents.lookup import (
    PROJECT,
    Project,
    ProjectBody,
    is_project_id,
    project_of,
    project_seen,
)
from taskloom.dialects.documents.runner import StepRunner
from taskloom.dialects.documents.translate import refusal_of
from taskloom.dialects.operation import Body, Operation, Refusal, Reply, Request, Response
from taskloom.flows.document.commands import DOCUMENT
from taskloom.flows.document.schema import Schema
from taskloom.flows.document.validation import parse_schema

_PATH = "/v2/{team_id}/project/{project_id}/schema"
_RATE = 600


async def put(request: Request) -> Reply:
    """Store a new version of a project's schema, and make the project if there is none."""
    error = strict_error(request.body)
    if error is not None:
        return invalid(f"The schema is not JSON: {error}")
    schema = await asyncio.to_thread(parse_schema, request.body)
    if not isinstance(schema, Schema):
        faults = [{"path": fault.path, "message": fault.message} for fault in schema]
        count = f"{len(faults)} fault{'s' if len(faults) > 1 else ''} in the schema."
        return invalid(count, faults=faults)
    for _ in range(BATCH_RESTARTS):
        project = await project_of(request)
        if project is not None and schema == structs.replace(project.schema, version=0):
            return _answer(200, project.schema)
        stored = structs.replace(schema, version=1 if project is None else project.version + 1)
        outcome = await request.engine.submit(_change(request, stored, project))
        if isinstance(outcome, Rejection):
            if outcome.kind is Kind.VERSION_CONFLICT:
                continue
            return refusal_of(outcome)
        runner: StepRunner = request.services.resources["documents.runner"]
        runner.learn(request.tenant, request.parameters["project_id"], stored)
        return _answer(201 if project is None else 200, stored)
    return Refusal(503, "overloaded", "The schema is being changed by others.", retry_after_s=1)


def _change(request: Request, schema: Schema, project: Project | None) -> PutRecords:
    """A definition that never changes again, and the project that leads to it."""
    project_id = request.parameters["project_id"]
    key = request.engine.new_key()
    body = msgspec.json.encode(schema)
    leads = msgspec.json.encode(ProjectBody(key))
    return PutRecords(
        (
            RecordChange(DOCUMENT, request.tenant, f"{project_id}:{schema.version}", body, 0, key),
            RecordChange(
                PROJECT, request.tenant, project_id, leads, 0 if project is None else project.version
            ),
        )
    )


async def get(request: Request) -> Reply:
    """Show the newest schema of a project."""
    project = await project_of(request)
    return NO_PROJECT if project is None else _answer(200, project.schema)


def _answer(status: int, schema: Schema) -> Response:
    return Response(status, msgspec.json.encode(wire.SchemaAnswer(msgspec.to_builtins(schema))))


async def _is_name(request: Request) -> Refusal | None:
    """A project that cannot be called so cannot be there."""
    return None if is_project_id(request.parameters["project_id"]) else NO_PROJECT


OPERATIONS = (
    Operation(
        name="documents.put_schema",
        method="PUT",
        path=_PATH,
        handler=put,
        scope="project.edit",
        summary="Store what a project's documents are and go through",
        body=Body.JSON,
        limit_bytes=SCHEMA_BYTES,
        rate=_RATE,
        tenant_parameter="team_id",
        visible=_is_name,
        request=Schema,
        responses={
            200: wire.SchemaAnswer,
            201: wire.SchemaAnswer,
            400: wire.ErrorAnswer,
            404: wire.ErrorAnswer,
        },
    ),
    Operation(
        name="documents.get_schema",
        method="GET",
        path=_PATH,
        handler=get,
        scope="document.read",
        summary="Show what a project's documents are and go through",
        rate=_RATE,
        tenant_parameter="team_id",
        visible=project_seen,
        responses={200: wire.SchemaAnswer, 400: wire.ErrorAnswer, 404: wire.ErrorAnswer},
    ),
)
