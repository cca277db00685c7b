"""From documents and uploads to the wire, and from rejections to refusals. Pure."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from msgspec import UNSET, Struct

from taskloom.core.rejections import Kind, Rejection
from taskloom.core.task import LEASED, Task
from taskloom.dialects.documents import wire
from taskloom.dialects.operation import Refusal
from taskloom.flows.document import ids
from taskloom.flows.document.check import Issue
from taskloom.flows.document.pages import Annotation, Checkbox, Page, Region
from taskloom.flows.document.schema import Schema
from taskloom.flows.document.state import Document, Meta
from taskloom.flows.document.upload_flow import Upload
from taskloom.flows.document.uploads import UploadStatus


class Extended(Struct, frozen=True):
    """What the extended form of a document needs beside it."""

    schema: Schema
    issues: tuple[Issue, ...] = ()
    task: Task | None = None
    """The open review, to say who holds it."""


def instant(at_ms: int) -> str:
    """An instant as RFC 3339 in UTC, to the second."""
    return datetime.fromtimestamp(at_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def instant_or_null(at_ms: int) -> str | None:
    """An instant, or null for never."""
    return instant(at_ms) if at_ms else None


def task_shown(document: Document, extended: Extended | None = None) -> wire.TaskShown:
    """A document as the wire shows it."""
    return wire.TaskShown(
        id=ids.spell(ids.TASK, document.key),
        name=document.name,
        created_at=instant(document.created_at),
        meta=_pairs(document.meta),
        status=document.status,
        step_type=document.current.type,
        upload_id=ids.spell(ids.UPLOAD, document.upload),
        project_id=document.project,
        approved=document.is_approved,
        exported_at=instant_or_null(document.exported_at),
        export_failed_at=instant_or_null(document.export_failed_at),
        last_opened_at=instant_or_null(document.last_opened_at),
        pages=tuple(_page(page, extended) for page in document.pages),
        x=UNSET if extended is None else _extra(document, extended),
    )


def listed(row: Mapping[str, Any]) -> wire.TaskShown:
    """A row of the view of documents as a list shows it."""
    return wire.TaskShown(
        id=ids.spell(ids.TASK, row["key"]),
        name=row["name"],
        created_at=instant(row["created_at"]),
        meta=msgspec.json.decode(row["meta"], type=tuple[wire.Pair, ...]),
        status=row["status"],
        step_type=row["step_type"],
        upload_id=ids.spell(ids.UPLOAD, row["upload"]),
        project_id=row["project"],
        approved=bool(row["approved"]),
        exported_at=instant_or_null(row["exported_at"]),
        export_failed_at=instant_or_null(row["export_failed_at"]),
        last_opened_at=instant_or_null(row["last_opened_at"]),
    )


def upload_shown(upload: Upload, *, is_extended: bool) -> wire.UploadShown:
    """An upload as the wire shows it."""
    files = {
        file.id: wire.FileShown(file.name, file.size, file.mime, file.sha256, pages or None)
        for file, pages in zip(upload.files, upload.pages, strict=True)
    }
    return wire.UploadShown(
        id=ids.spell(ids.UPLOAD, upload.key),
        name=upload.name,
        status=upload.counts.status,
        files=files,
        meta=_pairs(upload.meta),
        folder_id=_folder(upload),
        created_at=instant(upload.created_at),
        tasks=tuple(ids.spell(ids.TASK, key) for key in upload.documents) if is_extended else UNSET,
    )


def upload_created(upload: Upload) -> wire.UploadCreated:
    """An upload as its creation is answered."""
    return wire.UploadCreated(
        id=ids.spell(ids.UPLOAD, upload.key),
        name=upload.name,
        project_id=upload.project,
        status=upload.counts.status,
        file_type=upload.files[0].mime,
        file_size=sum(file.size for file in upload.files),
        created_at=instant(upload.created_at),
        updated_at=instant(upload.updated_at),
    )


def issue_shown(issue: Issue) -> wire.IssueShown:
    """A failed check."""
    return wire.IssueShown(
        issue.rule_id, issue.code, issue.severity, issue.entity_ids, issue.annotation_ids, issue.message
    )


def refusal_of(rejection: Rejection) -> Refusal:
    """A rejection as the dialect refuses: a refused move is a bad request, what is unseen is not found."""
    if rejection.code:
        data = msgspec.json.decode(rejection.data) if rejection.data else {}
        details = {name: value for name, value in data.items() if name != "issues" or value}
        return Refusal(400, rejection.code, rejection.detail, details)
    status, code, message = _REJECTIONS.get(rejection.kind, _FAULT)
    return Refusal(status, code, message, retry_after_s=1 if status == 503 else 0)


_FAULT: Final = (500, "internal", "An unexpected fault; the server's log says more.")
_REJECTIONS: Final[Mapping[Kind, tuple[int, str, str]]] = {
    Kind.NOT_FOUND: (404, "not_found", "There is no such task."),
    Kind.KEY_REUSED: (400, "invalid", "The idempotency key was used with another request."),
    Kind.OVERLOADED: (503, "overloaded", "The server cannot take this now."),
}


def _folder(upload: Upload) -> str:
    """Inbox while something is to be done, then Processed; Reported once a person could not go on."""
    if upload.is_reported:
        return "folder_reported"
    return "folder_processed" if upload.counts.status is UploadStatus.COMPLETED else "folder_inbox"


def _pairs(meta: tuple[Meta, ...]) -> tuple[wire.Pair, ...]:
    return tuple(wire.Pair(pair.name, pair.value) for pair in meta)


def _page(page: Page, extended: Extended | None) -> wire.PageShown:
    return wire.PageShown(
        id=page.id,
        width=page.width,
        height=page.height,
        annotations=tuple(_annotation(annotation, extended) for annotation in page.annotations),
        checkboxes=tuple(_checkbox(box) for box in page.checkboxes),
        segments=tuple(_region(region) for region in page.segments),
        signatures=tuple(_region(region) for region in page.signatures),
    )


def _annotation(annotation: Annotation, extended: Extended | None) -> wire.AnnotationShown:
    extra: Any = UNSET
    if extended is not None:
        entity = extended.schema.entity(annotation.entity_id)
        extra = wire.AnnotationExtra(
            normalized=annotation.normalized,
            type=None if entity is None else entity.type,
            coordinates=annotation.coordinates,
            origin=annotation.origin,
            page_words=(),
            reviewed_by=annotation.reviewed_by or None,
        )
    return wire.AnnotationShown(
        annotation.id,
        annotation.entity_id,
        annotation.confidence,
        annotation.content,
        annotation.top,
        annotation.left_of_line,
        extra,
    )


def _checkbox(box: Checkbox) -> wire.CheckboxShown:
    return wire.CheckboxShown(box.id, box.confidence, box.checked, box.coordinates)


def _region(region: Region) -> wire.RegionShown:
    return wire.RegionShown(region.id, region.confidence, region.coordinates)


def _extra(document: Document, extended: Extended) -> wire.TaskExtra:
    task = extended.task
    is_held = task is not None and task.state == LEASED
    failure = document.failure
    return wire.TaskExtra(
        version=document.version,
        label=document.label,
        locked_by=(task.worker or task.holder) if task is not None and is_held else None,
        locked_until=instant(task.lease_until) if task is not None and is_held else None,
        assignee=task.assignee or None if task is not None else None,
        issues=tuple(issue_shown(issue) for issue in extended.issues),
        review_reasons=tuple(document.reasons),
        review_round=document.review_round,
        parent_task_id=None,
        pipeline_version=document.schema_version,
        failure=None if failure is None else wire.FailureShown(failure.code, failure.message),
    )
