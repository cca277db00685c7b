"""The views of batches and of files: one row each, as told last."""

from collections.abc import Iterable
from typing import Final

import msgspec

from taskloom.core.events import FlowEvent
from taskloom.core.files import FILE_REMOVED, FileTold
from taskloom.flows.batch_state import BatchTold
from taskloom.views.view import ColumnType, RowChange, View

_I, _T = ColumnType.INTEGER, ColumnType.TEXT

BATCHES = View(
    "batches",
    {
        "status": _T,
        "endpoint": _T,
        "input_blob": _T,
        "created_at": _I,
        "ended_at": _I,
        "total": _I,
        "completed": _I,
        "failed": _I,
    },
    indexes=(("input_blob",), ("status",)),
)
FILES = View(
    "files",
    {
        "purpose": _T,
        "filename": _T,
        "bytes": _I,
        "created_at": _I,
        "expires_at": _I,
        "deleted_at": _I,
        "gone_at": _I,
        "blob": _T,
    },
    indexes=(("purpose",), ("gone_at",)),
)

_batch: Final = msgspec.json.Decoder(BatchTold).decode
_file: Final = msgspec.json.Decoder(FileTold).decode


def project_batch(event: FlowEvent, _at: int) -> Iterable[RowChange]:
    """The row of the batch."""
    values = msgspec.structs.asdict(_batch(event.body))
    yield RowChange(BATCHES.name, event.flow, event.tenant, values)


def project_file(event: FlowEvent, _at: int) -> Iterable[RowChange]:
    """The row of the file; it goes when the file's content is gone."""
    if event.name == FILE_REMOVED:
        yield RowChange(FILES.name, event.flow, event.tenant, None)
        return
    yield RowChange(FILES.name, event.flow, event.tenant, msgspec.structs.asdict(_file(event.body)))
