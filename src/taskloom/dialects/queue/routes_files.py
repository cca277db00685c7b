"""Files as `openai` clients bring, list, read and delete them."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final

from taskloom.core import files as core_files
from taskloom.core.limits import FILE_LIFE_S_MAX, FILE_LIFE_S_MIN, FILES_PAGE_MAX, MIB
from taskloom.dialects.multipart import FormRefused
from taskloom.dialects.operation import BodyError, Refusal, Reply, Request, Response, Stream
from taskloom.dialects.queue import errors, files
from taskloom.dialects.queue.errors import NO_CACHE, invalid
from taskloom.dialects.queue.file_form import FileForm
from taskloom.dialects.queue.files import File
from taskloom.dialects.queue.ranges import UnsatisfiableError, span
from taskloom.dialects.queue.wire import encode
from taskloom.dialects.queue.wire_openai import DeletedFile, FileList
from taskloom.ports.blobs import Blobs

_PIECE_BYTES: Final = 1 * MIB
_MS: Final = 1_000
_ORDERS: Final = ("asc", "desc")


async def create(request: Request) -> Reply:
    """Take a file; it is durable when it is answered."""
    try:
        form = FileForm(request.services.resources["blobs"], request.headers.get("content-type", ""))
    except FormRefused as refused:
        return refused.refusal
    kept = False
    try:
        await form.receive(request.chunks)
        file = _file(request, form)
        if isinstance(file, Refusal):
            return file
        kept = True
        rejection = await files.put(request.engine, file)
        if rejection is not None:
            return errors.refused(rejection)
        await asyncio.to_thread(request.services.resources["blobs"].keep, [file.told.blob])
        return _json(files.shown(file))
    except FormRefused as refused:
        return refused.refusal
    except BodyError as broken:
        return broken.refusal
    finally:
        if not kept:
            await asyncio.shield(asyncio.to_thread(form.drop))


def _file(request: Request, form: FileForm) -> File | Refusal:
    """The file that a form describes."""
    purpose = form.fields.get("purpose", "")
    if purpose not in files.PURPOSES:
        return invalid(f"purpose must be one of {', '.join(files.PURPOSES)}", "purpose")
    if form.blob is None:
        return invalid("the form has no file", "file")
    life_s = _life_s(form.fields, purpose)
    if isinstance(life_s, Refusal):
        return life_s
    now = request.engine.clock.now_ms()
    told = core_files.stored(
        purpose=purpose,
        filename=form.file_name,
        size=form.blob.size,
        blob=form.blob.key,
        now=now,
        expires_at=now + life_s * _MS if life_s else 0,
    )
    return File(request.engine.new_key(), request.tenant, told)


def _life_s(fields: dict[str, str], purpose: str) -> int | Refusal:
    """How long the file lives, in seconds; 0 for ever."""
    anchor = fields.get("expires_after[anchor]")
    seconds = fields.get("expires_after[seconds]")
    if anchor is None and seconds is None:
        return FILE_LIFE_S_MAX if purpose == files.BATCH else 0
    if anchor != "created_at":
        return invalid("expires_after.anchor must be created_at", "expires_after")
    if seconds is None or not (seconds.isascii() and seconds.isdigit() and len(seconds) < 10):
        return invalid("expires_after.seconds must be a number", "expires_after")
    if not FILE_LIFE_S_MIN <= int(seconds) <= FILE_LIFE_S_MAX:
        most = f"expires_after.seconds must be from {FILE_LIFE_S_MIN} to {FILE_LIFE_S_MAX}"
        return invalid(most, "expires_after")
    return int(seconds)


async def listing(request: Request) -> Reply:
    """The files of the tenant."""
    limit = _number(request, "limit", FILES_PAGE_MAX)
    if limit is None or not 1 <= limit <= FILES_PAGE_MAX:
        return invalid(f"limit must be from 1 to {FILES_PAGE_MAX}", "limit")
    order = _one(request, "order") or "desc"
    if order not in _ORDERS:
        return invalid("order must be asc or desc", "order")
    after = _one(request, "after")
    after_key = files.key_of(after) if after else 0
    if after_key is None:
        return invalid("after is no id of a file", "after")
    found = await files.listing(
        request.engine,
        request.tenant,
        _one(request, "purpose"),
        after=after_key,
        limit=limit + 1,
        descending=order == "desc",
    )
    shown = [files.shown(file) for file in found[:limit]]
    first, last = (shown[0].id, shown[-1].id) if shown else (None, None)
    return _json(FileList(data=shown, first_id=first, last_id=last, has_more=len(found) > limit))


async def get(request: Request) -> Reply:
    """One file, without its content."""
    file = await _found(request)
    return files.NO_FILE if file is None else _json(files.shown(file))


async def content(request: Request) -> Reply:
    """Its content, or the range of it that is asked for."""
    file = await _found(request)
    if file is None:
        return files.NO_FILE
    size = file.told.bytes
    headers = {**NO_CACHE, "accept-ranges": "bytes"}
    try:
        wanted = span(request.headers.get("range", ""), size)
    except UnsatisfiableError:
        refused = errors.rendered(Refusal(416, "range_not_satisfiable", "the file is not that long"))
        return Response(416, refused.body, headers={**headers, "content-range": f"bytes */{size}"})
    start, end = wanted or (0, size)
    headers["content-length"] = str(end - start)
    if wanted is not None:
        headers["content-range"] = f"bytes {start}-{end - 1}/{size}"
    pieces = _pieces(request.services.resources["blobs"], file.told.blob, start, end)
    status = 200 if wanted is None else 206
    return Stream(pieces, status, content_type="application/octet-stream", headers=headers)


async def _pieces(blobs: Blobs, blob: str, start: int, end: int) -> AsyncIterator[bytes]:
    """The bytes of a blob from `start` to before `end`, read in a thread."""
    left = end - start
    if not left:
        return
    source = await asyncio.to_thread(blobs.pieces, blob, _PIECE_BYTES, start)
    while left > 0:
        piece = await asyncio.to_thread(next, source, b"")
        yield piece[:left]
        left = left - len(piece) if piece else 0


async def delete(request: Request) -> Reply:
    """A file is gone when this is answered; a batch that runs on it goes on."""
    file = await _found(request)
    if file is None:
        return files.NO_FILE
    rejection = await files.delete(request.engine, file)
    if rejection is not None:
        return errors.refused(rejection)
    return _json(DeletedFile(id=file.id))


async def _found(request: Request) -> File | None:
    return await files.find(request.engine, request.wall, request.parameters["file_id"])


def _one(request: Request, name: str) -> str:
    return request.query.get(name, [""])[-1]


def _number(request: Request, name: str, otherwise: int) -> int | None:
    """A number of the query, None for what is none."""
    text = _one(request, name)
    if not text:
        return otherwise
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def _json(value: Any) -> Response:
    return Response(body=encode(value), headers=NO_CACHE)
