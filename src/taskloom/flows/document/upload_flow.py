"""An upload as a flow: the root of its documents, so that their ends are told apart one by one.

Its status is derived from how many documents are where; each edge is told once, in the transaction that
moved the document over it.
"""

from typing import Any, Final

import msgspec
from msgspec import Struct, structs

from taskloom.core import commands as c
from taskloom.core.events import AnyTaskEvent
from taskloom.core.rejections import Kind, Rejection
from taskloom.core.task import Task
from taskloom.flows.document import commands as d
from taskloom.flows.document import ids
from taskloom.flows.document.state import File, Meta
from taskloom.flows.document.told import UploadTold
from taskloom.flows.document.uploads import Counts, UploadStatus, counted
from taskloom.flows.flow import Effect, Emit, FlowCommand, FlowContext
from taskloom.flows.flow import Step as FlowStep

_decode: Final = msgspec.msgpack.decode


class Upload(Struct, frozen=True, omit_defaults=True):
    """One act of importing: its files, and the document made of each, in the same order."""

    key: int
    tenant: str
    project: str
    name: str
    created_at: int
    updated_at: int
    meta: tuple[Meta, ...]
    files: tuple[File, ...]
    documents: tuple[int, ...]
    counts: Counts
    pages: tuple[int, ...]
    """Of each file, 0 while nobody has counted them."""
    is_reported: bool = False


class UploadFlow:
    """A flow per upload."""

    kind = d.UPLOAD
    state_type = Upload

    def compile(self, _key: int, body: bytes) -> Any:
        """Uploads have no definitions."""
        return body

    def decide(
        self, state: Upload | None, command: FlowCommand, context: FlowContext
    ) -> FlowStep[Upload] | Rejection:
        """Make an upload with its documents, or note where one of them went."""
        if command.name == d.CREATE and state is None:
            return _create(_decode(command.body, type=d.CreateUpload), context)
        if command.name == d.MOVED and state is not None:
            return _moved(state, _decode(command.body, type=d.DocumentMoved), context)
        return Rejection(Kind.NOT_FOUND, command.flow)

    def admit(
        self, _state: Upload, _task: Task, _command: c.TaskCommand, _context: FlowContext
    ) -> Rejection | None:
        """An upload owns no tasks."""
        return None

    def react(
        self,
        state: Upload,
        _task: Task,
        _event: AnyTaskEvent,
        _payload: bytes | None,
        _context: FlowContext,
    ) -> FlowStep[Upload]:
        """An upload owns no tasks."""
        return FlowStep(state, [])

    def render(self, _state: Upload, _task: Task, body: bytes, _fetch: tuple[str, ...]) -> bytes:
        """An upload owns no tasks."""
        return body


def _create(wanted: d.CreateUpload, context: FlowContext) -> FlowStep[Upload]:
    documents = tuple(context.new_key() for _ in wanted.files)
    upload = Upload(
        key=context.flow,
        tenant=context.tenant,
        project=wanted.project,
        name=wanted.name,
        created_at=context.now,
        updated_at=context.now,
        meta=wanted.meta,
        files=wanted.files,
        documents=documents,
        counts=Counts(processing=len(documents)),
        pages=(0,) * len(documents),
    )
    effects: list[Effect] = []
    for key, file in zip(documents, wanted.files, strict=True):
        name = wanted.name if wanted.name and len(documents) == 1 else file.name
        begin = d.Begin(upload.key, wanted.project, wanted.schema_key, name, wanted.meta, file)
        body = msgspec.msgpack.encode(begin)
        effects.append(FlowCommand(kind=d.DOCUMENT, name=d.BEGIN, tenant=None, flow=key, body=body))
    return FlowStep(upload, effects, upload)


def _moved(upload: Upload, moved: d.DocumentMoved, context: FlowContext) -> FlowStep[Upload]:
    change = counted(upload.counts, moved.before, moved.after)
    place = upload.documents.index(moved.document)
    after = structs.replace(
        upload,
        counts=change.counts,
        pages=(*upload.pages[:place], moved.pages, *upload.pages[place + 1 :]),
        is_reported=upload.is_reported or moved.is_reported,
        updated_at=context.now,
    )
    name = None if change.edge is None else _EDGES.get(change.edge)
    return FlowStep(after, [] if name is None else [Emit(name, _told(after))])


_EDGES: Final = {UploadStatus.IN_REVIEW: "upload.in_review", UploadStatus.COMPLETED: "upload.processed"}


def _told(upload: Upload) -> bytes:
    shown = UploadTold(
        upload_id=ids.spell(ids.UPLOAD, upload.key),
        project_id=upload.project,
        name=upload.name,
        status=upload.counts.status,
        meta=upload.meta,
        created_at=upload.created_at,
    )
    return msgspec.json.encode(shown)
