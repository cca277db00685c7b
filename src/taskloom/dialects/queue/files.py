"""Files: content in the blob store, what is known of it as a row of a view.

A file that was deleted or has expired is there no more for callers at that instant. Its content goes later,
when no batch reads it any longer.
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from taskloom.core import files
from taskloom.core.files import FileTold
from taskloom.core.ids import parse, spell
from taskloom.core.records import PutRecords
from taskloom.core.rejections import Rejection
from taskloom.dialects import references
from taskloom.dialects.operation import Refusal, Services
from taskloom.dialects.queue.wire_openai import FileObject
from taskloom.engine.engine import Engine
from taskloom.flows.batch_state import ENDED
from taskloom.ports.blobs import Blobs
from taskloom.views.batches import BATCHES, FILES
from taskloom.views.view import And, Compare, Filter, In, Not, Query, Sort

PREFIX: Final = "file-"
BATCH: Final = "batch"
BATCH_OUTPUT: Final = "batch_output"
PURPOSES: Final = ("assistants", "batch", "fine-tune", "vision", "user_data", "evals")
NO_FILE: Final = Refusal(404, "not_found", "no such file", {"param": "file_id"})

_SWEPT_AT_ONCE: Final = 200


class File(msgspec.Struct, frozen=True):
    """A file that is there."""

    key: int
    tenant: str
    told: FileTold

    @property
    def id(self) -> str:
        """Its id on the wire."""
        return spell(PREFIX, self.key)


def key_of(file_id: str) -> int | None:
    """The key that an id spells."""
    return parse(PREFIX, file_id)


async def find(engine: Engine, wall: str | None, file_id: str) -> File | None:
    """A file by its id, unless it is gone or behind the caller's wall."""
    key = key_of(file_id)
    found = None if key is None else await by_key(engine, key)
    if found is None or wall not in (None, found.tenant) or found.told.gone_at <= engine.clock.now_ms():
        return None
    return found


async def by_key(engine: Engine, key: int) -> File | None:
    """A file by its key, gone or not."""
    query = Query(view=FILES.name, tenants=None, filter=Compare("key", "eq", key), limit=1, total=False)
    page = await engine.store.search(query)
    return _file(page.rows[0]) if page.rows else None


async def listing(
    engine: Engine, tenant: str, purpose: str, *, after: int, limit: int, descending: bool
) -> list[File]:
    """The files of a tenant by the time they were made."""
    parts: list[Filter] = [Compare("gone_at", "gt", engine.clock.now_ms())]
    if purpose:
        parts.append(Compare("purpose", "eq", purpose))
    query = Query(
        view=FILES.name,
        tenants=(tenant,),
        filter=And(tuple(parts)),
        sort=(Sort("key", descending),),
        limit=limit,
        after=(after,) if after else None,
        total=False,
    )
    return [_file(row) for row in (await engine.store.search(query)).rows]


async def put(engine: Engine, file: File) -> Rejection | None:
    """Make a file known whose content is durable."""
    return await _tell(engine, file, files.FILE_STORED, file.told)


async def delete(engine: Engine, file: File) -> Rejection | None:
    """From now on it is gone."""
    now = engine.clock.now_ms()
    gone = msgspec.structs.replace(file.told, deleted_at=now, gone_at=min(now, file.told.gone_at))
    return await _tell(engine, file, files.FILE_DELETED, gone)


async def sweep(engine: Engine, blobs: Blobs, remove: Any) -> int:
    """Remove the content of files that are gone and that no batch reads; answers how many."""
    gone = Compare("gone_at", "lte", engine.clock.now_ms())
    query = Query(view=FILES.name, tenants=None, filter=gone, limit=_SWEPT_AT_ONCE, total=False)
    removed = 0
    for row in (await engine.store.search(query)).rows:
        file = _file(row)
        if await _is_read(engine, file.told.blob):
            continue
        await remove(blobs.delete, file.told.blob)
        await _tell(engine, file, files.FILE_REMOVED, file.told)
        removed += 1
    return removed


async def referred(services: Services, blobs: Sequence[str]) -> set[str]:
    """Those of the blobs that are the content of a file; its row stays while a batch reads it."""
    return await references.referred(services.engine, FILES, "blob", blobs)


async def _is_read(engine: Engine, blob: str) -> bool:
    """Whether a batch that has not ended was made of this content."""
    mine = And((Compare("input_blob", "eq", blob), Not(In("status", tuple(sorted(ENDED))))))
    query = Query(view=BATCHES.name, tenants=None, filter=mine, limit=1, total=False)
    return bool((await engine.store.search(query)).rows)


async def _tell(engine: Engine, file: File, name: str, told: FileTold) -> Rejection | None:
    command = PutRecords((), (files.told(file.key, file.tenant, name, told),))
    outcome = await engine.submit(command)
    return outcome if isinstance(outcome, Rejection) else None


def _file(row: dict[str, Any]) -> File:
    return File(row["key"], row["tenant"], msgspec.convert(row, FileTold))


def shown(file: File) -> FileObject:
    """A file as `openai` clients read it."""
    told = file.told
    return FileObject(
        id=file.id,
        bytes=told.bytes,
        created_at=told.created_at // 1000,
        filename=told.filename,
        purpose=told.purpose,
        expires_at=told.expires_at // 1000 if told.expires_at else None,
    )
