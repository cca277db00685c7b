"""Documents, which this dialect calls tasks: shown, listed, checked, and their files."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final
from urllib.parse import quote

import msgspec

from taskloom.core.limits import MIB
from taskloom.dialects.documents import wire
from taskloom.dialects.documents.errors import NO_FILE
from taskloom.dialects.documents.extended import extended_of, is_extended
from taskloom.dialects.documents.listing import cursor, query_of
from taskloom.dialects.documents.lookup import document_of, project_seen, schema_of, task_seen
from taskloom.dialects.documents.translate import issue_shown, listed, refusal_of, task_shown
from taskloom.dialects.operation import Operation, Refusal, Reply, Request, Response, Stream
from taskloom.flows.document.flow import refusal
from taskloom.flows.document.judgement import issues_of
from taskloom.flows.document.transitions import refuse
from taskloom.ports.blobs import BlobMissing, Blobs

_TASKS: Final = "/v2/{team_id}/project/{project_id}/task"
_TASK: Final = f"{_TASKS}/{{task_id}}"
_RATE: Final = 600
_PIECE_BYTES: Final = 1 * MIB


async def get(request: Request) -> Reply:
    """Show a document."""
    document = await document_of(request)
    extended = await extended_of(request, document) if is_extended(request) else None
    return Response(200, msgspec.json.encode(wire.TaskAnswer(task_shown(document, extended))))


async def list_tasks(request: Request) -> Reply:
    """Show a page of a project's documents."""
    query = query_of(request.tenant, request.parameters["project_id"], request.query)
    if isinstance(query, Refusal):
        return query
    page = await request.engine.store.search(query)
    rows = page.rows[: query.limit - 1]
    following = None
    if len(page.rows) == query.limit:
        last = rows[-1]
        following = cursor(last["created_at"], last["key"], descending=query.sort[0].descending)
    answer = wire.TaskListAnswer(tuple(listed(row) for row in rows), following)
    return Response(200, msgspec.json.encode(answer))


async def validate(request: Request) -> Reply:
    """What `complete` would say of the values, without completing."""
    document = await document_of(request)
    refused = refuse(document, "complete_review")
    if refused is not None:
        return refusal_of(refusal(document, refused))
    schema = await schema_of(request, document.schema_key)
    issues = await asyncio.to_thread(issues_of, document, schema, request.engine.clock.now_ms())
    shown = wire.IssuesShown(tuple(issue_shown(issue) for issue in issues))
    return Response(200, msgspec.json.encode(wire.IssuesAnswer(shown)))


async def file(request: Request) -> Reply:
    """Give out the file as it was uploaded."""
    document = await document_of(request)
    blobs: Blobs = request.services.resources["blobs"]
    if document.file is None:
        return NO_FILE
    try:
        pieces = await asyncio.to_thread(blobs.pieces, document.file.blob, _PIECE_BYTES)
    except BlobMissing:
        return NO_FILE

    async def chunks() -> AsyncIterator[bytes]:
        while piece := await asyncio.to_thread(next, pieces, b""):
            yield piece

    headers = {
        "content-length": str(document.file.size),
        "content-disposition": f"attachment; filename*=UTF-8''{quote(document.file.name, safe='')}",
        "x-content-type-options": "nosniff",
    }
    return Stream(chunks(), content_type=document.file.mime, headers=headers)


OPERATIONS = (
    Operation(
        name="documents.list_tasks",
        method="GET",
        path=_TASKS,
        handler=list_tasks,
        scope="document.read",
        summary="List documents, page by page",
        rate=_RATE,
        tenant_parameter="team_id",
        visible=project_seen,
        query=wire.TasksAsked,
        responses={200: wire.TaskListAnswer, 400: wire.ErrorAnswer, 404: wire.ErrorAnswer},
    ),
    Operation(
        name="documents.get_task",
        method="GET",
        path=_TASK,
        handler=get,
        scope="document.read",
        summary="Show a document",
        rate=_RATE,
        tenant_parameter="team_id",
        visible=task_seen,
        responses={200: wire.TaskAnswer, 400: wire.ErrorAnswer, 404: wire.ErrorAnswer},
    ),
    Operation(
        name="documents.validate_task",
        method="POST",
        path=f"{_TASK}/validate",
        handler=validate,
        scope="document.read",
        summary="Check a document in review without completing it",
        rate=_RATE,
        tenant_parameter="team_id",
        visible=task_seen,
        responses={200: wire.IssuesAnswer, 400: wire.ErrorAnswer, 404: wire.ErrorAnswer},
    ),
    Operation(
        name="documents.get_task_file",
        method="GET",
        path=f"{_TASK}/file",
        handler=file,
        scope="document.read",
        summary="Fetch the file of a document",
        rate=_RATE,
        tenant_parameter="team_id",
        visible=task_seen,
        responses={200: None, 400: wire.ErrorAnswer, 404: wire.ErrorAnswer},
    ),
)
