"""Uploads: files come in as a form, are made durable, and become documents in one command."""

import asyncio

import msgspec

from taskloom.core.limits import (
    DOCUMENT_META,
    META_NAME_LENGTH,
    META_VALUE_LENGTH,
    MIB,
    UPLOAD_BYTES,
    UPLOAD_FILES,
)
from taskloom.core.payload import strict_error
from taskloom.core.rejections import Kind, Rejection
from taskloom.dialects.documents import wire
from taskloom.dialects.documents.errors import NO_PROJECT, invalid
from taskloom.dialects.documents.extended import is_extended
from taskloom.dialects.documents.filetype import PDF
from taskloom.dialects.documents.form import Form, FormFile
from taskloom.dialects.documents.idempotency import body_of, once
from taskloom.dialects.documents.lookup import Project, project_of, project_seen, upload_of, upload_seen
from taskloom.dialects.documents.translate import refusal_of, upload_created, upload_shown
from taskloom.dialects.multipart import FormRefused
from taskloom.dialects.operation import Body, BodyError, Operation, Refusal, Reply, Request, Response
from taskloom.engine.outcome import Replay
from taskloom.flows.document.commands import CREATE, UPLOAD, CreateUpload
from taskloom.flows.document.schema import Schema, StepType
from taskloom.flows.document.state import File, Meta
from taskloom.flows.document.upload_flow import Upload
from taskloom.flows.flow import FlowCommand
from taskloom.ports.blobs import Blobs

_LIMIT_BYTES = UPLOAD_FILES * UPLOAD_BYTES + MIB
_READ_HERE = frozenset({StepType.OCR, StepType.EXTRACT})
_UNCERTAIN = frozenset({Kind.OVERLOADED, Kind.FAULT})
_RATE = 600
_NAME_LENGTH = 255


async def create(request: Request) -> Reply:
    """Take the files of a form, one document each."""
    blobs: Blobs = request.services.resources["blobs"]
    try:
        form = Form(blobs, request.headers.get("content-type", ""))
    except FormRefused as refused:
        return refused.refusal
    try:
        await form.receive(request.chunks)
        return await _submit(request, form)
    except FormRefused as refused:
        return refused.refusal
    except BodyError as broken:
        return broken.refusal
    finally:
        if not form.is_referred_to:
            await asyncio.shield(asyncio.to_thread(form.drop))


async def _submit(request: Request, form: Form) -> Reply:
    """Make documents of the files. Where it is not certain that there are none, the files are kept."""
    project = await _project(request, form)
    if isinstance(project, Refusal):
        return project
    meta = _meta(form.fields.get("meta", ""))
    if isinstance(meta, Refusal):
        return meta
    name = form.fields.get("name", "").strip()
    fault = _fault(form.files, name, project.schema)
    if fault is not None:
        return fault
    files = tuple(
        File(f"file_{number}", file.name, file.size, file.mime, file.sha256, file.blob)
        for number, file in enumerate(form.files, 1)
    )
    wanted = CreateUpload(project.id, project.schema_key, name or files[0].name, meta, files)
    said = msgspec.json.encode([project.id, name, meta, [[file.name, file.sha256] for file in files]])
    idempotency = once(request, said, _answer)
    if isinstance(idempotency, Refusal):
        return idempotency
    command = FlowCommand(
        kind=UPLOAD,
        name=CREATE,
        tenant=request.tenant,
        body=msgspec.msgpack.encode(wanted),
        by=request.principal.name,
    )
    form.is_referred_to = True
    outcome = await request.engine.submit(command, idempotency=idempotency)
    if isinstance(outcome, Rejection):
        form.is_referred_to = outcome.kind in _UNCERTAIN
        return refusal_of(outcome)
    if not isinstance(outcome.reply, Replay):
        await asyncio.to_thread(request.services.resources["blobs"].keep, [file.blob for file in files])
    form.is_referred_to = not isinstance(outcome.reply, Replay)
    return Response(201, body_of(outcome.reply, _answer))


def _answer(upload: Upload) -> bytes:
    return msgspec.json.encode(upload_created(upload))


async def _project(request: Request, form: Form) -> Project | Refusal:
    """The project of the path, or of the form where the path has none; both must agree."""
    in_path = request.parameters.get("project_id")
    in_form = form.fields.get("projectId", "").strip()
    if in_path is None and not in_form:
        return invalid("The field 'projectId' is missing.", field="projectId")
    if in_path is not None and in_form and in_form != in_path:
        return invalid("The field 'projectId' names another project than the path.", field="projectId")
    return await project_of(request, in_path or in_form) or NO_PROJECT


def _meta(text: str) -> tuple[Meta, ...] | Refusal:
    """The sender's own pairs, out of the JSON text of the field."""
    if not text.strip():
        return ()
    error = strict_error(text.encode())
    if error is not None:
        return invalid(f"The field 'meta' is not JSON: {error}", field="meta")
    try:
        pairs = msgspec.json.decode(text, type=tuple[Meta, ...])
    except msgspec.ValidationError as fault:
        return invalid(f"The field 'meta' must be a list of names and values: {fault}", field="meta")
    if len(pairs) > DOCUMENT_META:
        return invalid(f"The field 'meta' has more than {DOCUMENT_META} pairs.", field="meta")
    if any(len(pair.name) > META_NAME_LENGTH or len(pair.value) > META_VALUE_LENGTH for pair in pairs):
        most = f"A name has at most {META_NAME_LENGTH} characters, a value {META_VALUE_LENGTH}."
        return invalid(most, field="meta")
    return pairs


def _fault(files: list[FormFile], name: str, schema: Schema) -> Refusal | None:
    if not files:
        return invalid("The form has no file.", field="file")
    if len(name) > _NAME_LENGTH or not name.isprintable():
        return invalid(f"A name has at most {_NAME_LENGTH} printable characters.", field="name")
    if any(step.type in _READ_HERE and not step.external for step in schema.steps):
        other = next((file for file in files if file.mime != PDF), None)
        if other is not None:
            message = f"The steps of this project read PDF; {other.name!r} is {other.mime}."
            return Refusal(400, "UNSUPPORTED_FILE", message, {"file": other.name})
    return None


async def get(request: Request) -> Reply:
    """Show an upload."""
    upload = await upload_of(request)
    shown = upload_shown(upload, is_extended=is_extended(request))
    return Response(200, msgspec.json.encode(wire.UploadAnswer(shown)))


def _create(name: str, path: str) -> Operation:
    return Operation(
        name=name,
        method="POST",
        path=path,
        handler=create,
        scope="upload.create",
        summary="Upload files, one document each",
        body=Body.STREAM,
        limit_bytes=_LIMIT_BYTES,
        rate=_RATE,
        tenant_parameter="team_id",
        visible=project_seen if "{project_id}" in path else None,
        responses={201: wire.UploadCreated, 400: wire.ErrorAnswer, 404: wire.ErrorAnswer},
        media_types=("multipart/form-data",),
    )


def _get(name: str, path: str) -> Operation:
    return Operation(
        name=name,
        method="GET",
        path=path,
        handler=get,
        scope="upload.read",
        summary="Show an upload",
        rate=_RATE,
        tenant_parameter="team_id",
        visible=upload_seen,
        responses={200: wire.UploadAnswer, 400: wire.ErrorAnswer, 404: wire.ErrorAnswer},
    )


OPERATIONS = (
    _create("documents.create_upload", "/v2/{team_id}/project/{project_id}/upload"),
    _create("documents.create_upload_of_team", "/v2/{team_id}/upload"),
    _get("documents.get_upload", "/v2/{team_id}/project/{project_id}/upload/{upload_id}"),
    _get("documents.get_upload_of_team", "/v2/{team_id}/upload/{upload_id}"),
)
