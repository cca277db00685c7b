"""What the server can do of a pipeline by itself: read the text, propose the fields, deliver the record."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct

from taskloom.dialects.documents.steps.export import JsonLinesExport
from taskloom.dialects.documents.steps.jobs import Done, Extract, Failed, ReadText
from taskloom.dialects.documents.steps.pool import StepPool
from taskloom.flows.document import ids
from taskloom.flows.document.schema import Entity, StepType
from taskloom.flows.document.state import Document
from taskloom.ports.blobs import BlobMissing, Blobs

Outcome = Done | Failed

PLACES: Final = {StepType.OCR: 2, StepType.EXTRACT: 2, StepType.EXPORT: 2}
"""The kinds of steps that can be done here, and how many of each at once."""
_POOL_SIZE: Final = 2


class _Shown(Struct, frozen=True):
    """What is needed of a task's input; the file is that of the document itself."""

    entities: tuple[Entity, ...] = ()
    record: Mapping[str, Any] = {}


class StepWork:
    """Does one step of one document. Raises OSError where it may go better later."""

    def __init__(self, blobs: Blobs, data: str) -> None:
        self._blobs = blobs
        self._export = JsonLinesExport(Path(data) / "export")
        self._pool = StepPool(_POOL_SIZE)
        self._kinds: Mapping[StepType, Callable[[Document, _Shown], Awaitable[Outcome]]] = {
            StepType.OCR: self._read_text,
            StepType.EXTRACT: self._extract,
            StepType.EXPORT: self._deliver,
        }

    async def do(self, document: Document, task_input: bytes) -> Outcome:
        """What came of the step the document is at."""
        shown = msgspec.json.decode(task_input, type=_Shown)
        return await self._kinds[document.current.type](document, shown)

    async def close(self) -> None:
        """End the step processes; what is under way raises PoolClosed."""
        await self._pool.close()

    async def _read_text(self, document: Document, _shown: _Shown) -> Outcome:
        data = await self._data(document)
        return data if isinstance(data, Failed) else await self._pool.run(ReadText(data))

    async def _extract(self, document: Document, shown: _Shown) -> Outcome:
        data = await self._data(document)
        return data if isinstance(data, Failed) else await self._pool.run(Extract(data, shown.entities))

    async def _deliver(self, document: Document, shown: _Shown) -> Outcome:
        """One line per document, however often it is tried: the export knows what it has written."""
        await asyncio.to_thread(
            self._export.append,
            document.tenant,
            document.project,
            document.created_at,
            ids.spell(ids.TASK, document.key),
            dict(shown.record),
        )
        return Done(b"null")

    async def _data(self, document: Document) -> bytes | Failed:
        if document.file is None:
            return Failed("FILE_MISSING", "The document has no file.")
        try:
            return await asyncio.to_thread(self._blobs.read, document.file.blob)
        except BlobMissing:
            return Failed("FILE_MISSING", "The file of the document is no longer there.")
