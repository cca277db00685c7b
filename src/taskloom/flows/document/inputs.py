"""What a worker is shown of a document: the input of a step's or a review's task.

It says what is to be done and where the file is; a step's worker answers with a `StepResult`. The step that
exports is handed the very record that is to be delivered.
"""

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct

from taskloom.flows.document import ids
from taskloom.flows.document.pages import Page, annotations_of
from taskloom.flows.document.schema import Entity, Label, Schema, Step, StepType
from taskloom.flows.document.state import Document, Meta


class FileShown(Struct, frozen=True):
    """The file to work on; `href` is where it can be fetched with a key that may read the document."""

    name: str
    size: int
    mime: str
    sha256: str
    href: str


class StepShown(Struct, frozen=True):
    """Which step of the pipeline is to be done."""

    id: str
    type: StepType


class WorkShown(Struct, frozen=True, omit_defaults=True):
    """The input of a task."""

    task_id: str
    upload_id: str
    project_id: str
    name: str
    step: StepShown
    file: FileShown | None
    meta: tuple[Meta, ...]
    label: str | None
    pages: tuple[Page, ...] = ()
    entities: tuple[Entity, ...] = ()
    labels: tuple[Label, ...] = ()
    record: Mapping[str, Any] = {}
    review_round: int = 0
    reasons: tuple[str, ...] = ()


class WorkAttributes(Struct, frozen=True):
    """What is kept with the task of a step or a review, to be searched for."""

    project: str
    step: str
    step_type: StepType
    document: str
    upload: str
    round: int = 0


def step_input(document: Document, step: Step, schema: Schema, now_ms: int) -> bytes:
    """What the worker of an automatic step is shown."""
    kind = step.type
    shown = _shown(
        document,
        step,
        entities=schema.entities_of(document.label) if kind is StepType.EXTRACT else (),
        labels=schema.labels if kind is StepType.CLASSIFY else (),
        record=export_record(document, schema, now_ms) if kind is StepType.EXPORT else {},
    )
    return msgspec.json.encode(shown)


def review_input(document: Document) -> bytes:
    """What a person or program that reviews is shown: the document with its values as they stand."""
    shown = _shown(
        document,
        document.current,
        pages=document.pages,
        review_round=document.review_round,
        reasons=tuple(document.reasons),
    )
    return msgspec.json.encode(shown)


def attributes(document: Document, step: Step, review_round: int = 0) -> bytes:
    """What is kept with the task."""
    kept = WorkAttributes(
        document.project,
        step.id,
        step.type,
        ids.spell(ids.TASK, document.key),
        ids.spell(ids.UPLOAD, document.upload),
        review_round,
    )
    return msgspec.json.encode(kept)


def export_record(document: Document, schema: Schema, now_ms: int) -> dict[str, Any]:
    """What is delivered of a document: values in their normal spelling, a list where several may stand."""
    fields: dict[str, Any] = {}
    for annotation in annotations_of(document.pages):
        entity = schema.entity(annotation.entity_id)
        value = annotation.content if annotation.normalized is None else annotation.normalized
        if entity is not None and entity.max_occurrences > 1:
            fields.setdefault(annotation.entity_id, []).append(value)
        else:
            fields.setdefault(annotation.entity_id, value)
    return {
        "upload_id": ids.spell(ids.UPLOAD, document.upload),
        "project_id": document.project,
        "name": document.name,
        "sha256": "" if document.file is None else document.file.sha256,
        "created_at_ms": document.created_at,
        "completed_at_ms": document.ended_at or now_ms,
        "meta": msgspec.to_builtins(document.meta),
        "label": document.label,
        "schema_version": document.schema_version,
        "reviewed": document.was_reviewed,
        "fields": fields,
    }


def _shown(document: Document, step: Step, **more: Any) -> WorkShown:
    task_id = ids.spell(ids.TASK, document.key)
    file = document.file
    href = f"/v2/{document.tenant}/project/{document.project}/task/{task_id}/file"
    return WorkShown(
        task_id=task_id,
        upload_id=ids.spell(ids.UPLOAD, document.upload),
        project_id=document.project,
        name=document.name,
        step=StepShown(step.id, step.type),
        file=None if file is None else FileShown(file.name, file.size, file.mime, file.sha256, href),
        meta=document.meta,
        label=document.label,
        **more,
    )
