"""The view of documents: one row each, without pages, as it stood after its last event."""

from collections.abc import Iterable

import msgspec

from taskloom.core.events import FlowEvent
from taskloom.flows.document.told import DocumentTold
from taskloom.views.view import ColumnType, RowChange, View

_I, _T, _J = ColumnType.INTEGER, ColumnType.TEXT, ColumnType.JSON

DOCUMENTS = View(
    "documents",
    {
        "project": _T,
        "upload": _I,
        "name": _T,
        "status": _T,
        "step": _T,
        "step_type": _T,
        "label": _T,
        "created_at": _I,
        "ended_at": _I,
        "approved": _I,
        "reported": _I,
        "exported_at": _I,
        "export_failed_at": _I,
        "last_opened_at": _I,
        "failure": _T,
        "task": _I,
        "version": _I,
        "blob": _T,
        "meta": _J,
    },
    indexes=(("project", "created_at"), ("project", "status", "created_at"), ("upload",)),
)

_decode = msgspec.json.Decoder(DocumentTold).decode


def project_document(event: FlowEvent, _at: int) -> Iterable[RowChange]:
    """The row of the document the event is about."""
    told = _decode(event.body)
    yield RowChange(
        DOCUMENTS.name,
        event.flow,
        event.tenant,
        {
            "project": told.project_id,
            "upload": told.upload,
            "name": told.name,
            "status": told.status,
            "step": told.step,
            "step_type": told.step_type,
            "label": told.label,
            "created_at": told.created_at,
            "ended_at": told.ended_at,
            "approved": int(told.approved),
            "reported": int(told.reported),
            "exported_at": told.exported_at,
            "export_failed_at": told.export_failed_at,
            "last_opened_at": told.last_opened_at,
            "failure": told.failure,
            "task": told.task,
            "version": told.version,
            "blob": told.blob,
            "meta": msgspec.json.encode(told.meta),
        },
    )
