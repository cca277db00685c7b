"""What views and listeners are told of documents and uploads, as JSON; every event of a document is whole."""

import msgspec
from msgspec import Struct

from taskloom.flows.document import ids
from taskloom.flows.document.commands import ReportedIssue
from taskloom.flows.document.state import Document, Meta
from taskloom.flows.document.uploads import UploadStatus


class DocumentTold(Struct, frozen=True):
    """A document as it stands after the event, without its pages. Instants are Unix ms, 0 means never."""

    task_id: str
    upload_id: str
    project_id: str
    name: str
    status: str
    step: str
    step_type: str
    created_at: int
    label: str
    approved: bool
    reported: bool
    exported_at: int
    export_failed_at: int
    last_opened_at: int
    ended_at: int
    version: int
    failure: str
    meta: tuple[Meta, ...]
    upload: int
    task: int
    blob: str = ""
    """Where the file lies."""
    issues: tuple[ReportedIssue, ...] = ()
    message: str = ""


class UploadTold(Struct, frozen=True):
    """An upload on an edge of its status."""

    upload_id: str
    project_id: str
    name: str
    status: UploadStatus
    meta: tuple[Meta, ...]
    created_at: int


def told(document: Document, issues: tuple[ReportedIssue, ...] = (), message: str = "") -> bytes:
    """The body of an event about a document."""
    row = DocumentTold(
        task_id=ids.spell(ids.TASK, document.key),
        upload_id=ids.spell(ids.UPLOAD, document.upload),
        project_id=document.project,
        name=document.name,
        status=document.status,
        step=document.current.id,
        step_type=document.current.type,
        created_at=document.created_at,
        label=document.label or "",
        approved=document.is_approved,
        reported=document.is_reported,
        exported_at=document.exported_at,
        export_failed_at=document.export_failed_at,
        last_opened_at=document.last_opened_at,
        ended_at=document.ended_at,
        version=document.version,
        failure="" if document.failure is None else document.failure.code,
        meta=document.meta,
        upload=document.upload,
        task=document.task,
        blob="" if document.file is None else document.file.blob,
        issues=issues,
        message=message,
    )
    return msgspec.json.encode(row)
