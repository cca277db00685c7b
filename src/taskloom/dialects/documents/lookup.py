"""What a request names, and whether its caller may see it: what is not theirs is not there.

These run before the scope is checked, so that a key without the scope learns nothing about what exists.
"""

import re
from typing import Final

import msgspec
from msgspec import Struct

from taskloom.core.limits import PROJECT_ID_LENGTH
from taskloom.dialects.documents.errors import NO_PROJECT, NO_TASK, NO_UPLOAD
from taskloom.dialects.operation import Refusal, Request
from taskloom.flows.document import ids
from taskloom.flows.document.commands import DOCUMENT, UPLOAD
from taskloom.flows.document.schema import Schema
from taskloom.flows.document.state import Document
from taskloom.flows.document.upload_flow import Upload

PROJECT: Final = "project"
"""Kind of the records that lead from a project to its newest schema; the body is a `ProjectBody`."""

_PROJECT_ID: Final = re.compile(rf"[A-Za-z0-9][A-Za-z0-9_-]{{0,{PROJECT_ID_LENGTH - 1}}}")


class ProjectBody(Struct, frozen=True):
    """Where the newest schema of a project is: the key of its definition."""

    schema_key: int


class Project(Struct, frozen=True):
    """A project as it stands: its newest schema, the key of it, and the version of the record."""

    id: str
    schema: Schema
    schema_key: int
    version: int


class _Place(Struct, frozen=True):
    """The one member of a stored flow that says in which project it is."""

    project: str


def is_project_id(text: str) -> bool:
    """Whether a project may be called so."""
    return _PROJECT_ID.fullmatch(text) is not None


async def project_of(request: Request, project_id: str | None = None) -> Project | None:
    """The project of that id in the tenant of the request; None when there is none."""
    wanted = request.parameters["project_id"] if project_id is None else project_id
    store = request.engine.store
    record = await store.record(PROJECT, request.tenant, wanted) if is_project_id(wanted) else None
    if record is None:
        return None
    schema_key = msgspec.json.decode(record.body, type=ProjectBody).schema_key
    schema = await schema_of(request, schema_key)
    return Project(wanted, schema, schema_key, record.version)


async def schema_of(request: Request, schema_key: int) -> Schema:
    """The schema a definition holds."""
    record = await request.engine.store.record_by_key(schema_key)
    assert record is not None, "a definition outlives what refers to it"
    return msgspec.json.decode(record.body, type=Schema)


async def project_seen(request: Request) -> Refusal | None:
    """The refusal where there is no such project."""
    project_id = request.parameters["project_id"]
    known = is_project_id(project_id) and await request.engine.store.record(
        PROJECT, request.tenant, project_id
    )
    return None if known else NO_PROJECT


async def task_seen(request: Request) -> Refusal | None:
    """The refusal where there is no such document in this project."""
    found = await _state(request, ids.TASK, "task_id", DOCUMENT)
    return NO_TASK if found is None else None


async def upload_seen(request: Request) -> Refusal | None:
    """The refusal where there is no such upload in this project."""
    found = await _state(request, ids.UPLOAD, "upload_id", UPLOAD)
    return NO_UPLOAD if found is None else None


async def document_of(request: Request) -> Document:
    """The document a request names; `task_seen` has let it pass."""
    state = await _state(request, ids.TASK, "task_id", DOCUMENT)
    assert state is not None, "documents are not forgotten"
    return msgspec.msgpack.decode(state, type=Document)


async def upload_of(request: Request) -> Upload:
    """The upload a request names; `upload_seen` has let it pass."""
    state = await _state(request, ids.UPLOAD, "upload_id", UPLOAD)
    assert state is not None, "uploads are not forgotten"
    return msgspec.msgpack.decode(state, type=Upload)


async def _state(request: Request, prefix: str, parameter: str, kind: str) -> bytes | None:
    """The stored state of what a path names, where it is of that kind, tenant and project."""
    key = ids.parse(prefix, request.parameters[parameter])
    row = None if key is None else await request.engine.store.flow(key)
    if row is None or row.kind != kind or row.tenant != request.tenant:
        return None
    project = request.parameters.get("project_id")
    if project is not None and msgspec.msgpack.decode(row.state, type=_Place).project != project:
        return None
    return row.state
