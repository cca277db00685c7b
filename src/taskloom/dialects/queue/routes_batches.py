"""Batches as `openai` clients make, list, look at and cancel them."""

import asyncio
import re
from typing import Final

import msgspec

from taskloom.core.limits import (
    BATCH_METADATA,
    BATCH_METADATA_NAME_LENGTH,
    BATCH_METADATA_VALUE_LENGTH,
    BATCH_WINDOW_S_MAX,
    BATCH_WINDOW_S_MIN,
    BATCHES_PAGE_MAX,
)
from taskloom.core.payload import strict_error
from taskloom.core.rejections import Rejection
from taskloom.core.tenants import Switches
from taskloom.dialects.operation import Refusal, Reply, Request, Response
from taskloom.dialects.queue import batch_ids, batch_input, errors, files, registry
from taskloom.dialects.queue.batches import Shown, shown
from taskloom.dialects.queue.errors import NO_CACHE, decoded, invalid
from taskloom.dialects.queue.files import File
from taskloom.dialects.queue.wire import encode
from taskloom.dialects.queue.wire_openai import BatchList, NewBatch
from taskloom.engine.tenants import switches
from taskloom.flows import batch_state as b
from taskloom.flows.batch_state import Batch, CreateBatch
from taskloom.flows.flow import FlowCommand
from taskloom.ports.blobs import BlobMissing
from taskloom.ports.store import FlowRow
from taskloom.views.batches import BATCHES
from taskloom.views.view import Query, Sort

NO_BATCH: Final = Refusal(404, "not_found", "no such batch", {"param": "batch_id"})

_WINDOW: Final = re.compile(r"([1-9][0-9]{0,6})([mhd])\Z")
_UNIT_S: Final = {"m": 60, "h": 3_600, "d": 86_400}
_MS: Final = 1_000
_PAGE: Final = 20


async def create(request: Request) -> Reply:
    """Make a batch of a file; the file is checked after this is answered."""
    wrong = strict_error(request.body)
    if wrong is not None:
        return invalid(wrong, code="bad_json")
    wanted = decoded(request.body, NewBatch)
    if isinstance(wanted, Refusal):
        return wanted
    file = await _input(request, wanted)
    if isinstance(file, Refusal):
        return file
    key = request.engine.new_key()
    made = await _made(request, wanted, file, key)
    if isinstance(made, Refusal):
        return made
    command = FlowCommand(
        kind=b.KIND,
        name=b.CREATE,
        tenant=request.tenant,
        flow=key,
        body=msgspec.msgpack.encode(made),
        by=request.principal.name,
    )
    outcome = await request.engine.submit(command)
    if isinstance(outcome, Rejection):
        return errors.refused(outcome)
    return await _shown(request, outcome.reply)


async def _input(request: Request, wanted: NewBatch) -> File | Refusal:
    file = await files.find(request.engine, request.wall, wanted.input_file_id)
    if file is None or file.tenant != request.tenant:
        return invalid("no such file", "input_file_id", "file_not_found")
    if file.told.purpose != files.BATCH:
        return invalid("the purpose of the file must be batch", "input_file_id")
    return file


async def _made(request: Request, wanted: NewBatch, file: File, key: int) -> CreateBatch | Refusal:
    window_s = _window_s(wanted.completion_window)
    if window_s is None:
        most = "completion_window must be a number and m, h or d, from 1m to 30d"
        return invalid(most, "completion_window")
    metadata = _metadata(wanted)
    if isinstance(metadata, Refusal):
        return metadata
    queue = request.headers.get("x-bella-queue-name", "").strip()
    known = await _known_queue(request, wanted, file, queue)
    if isinstance(known, Refusal):
        return known
    life = wanted.output_expires_after
    return CreateBatch(
        id=batch_ids.spell(key, known),
        endpoint=wanted.endpoint,
        input_file=wanted.input_file_id,
        input_blob=file.told.blob,
        window=wanted.completion_window,
        window_ms=window_s * _MS,
        lane=f"{request.principal.name}/batch",
        queue=queue,
        metadata=metadata,
        output_expires_ms=life.seconds * _MS if life is not None else 0,
        is_partial=(await switches(request.engine.store, request.tenant)).partial_validation,
    )


async def _known_queue(request: Request, wanted: NewBatch, file: File, named: str) -> int | Refusal:
    """The number of the queue that the id shows: the named one's, or that of the first line's model, or 0."""
    if named:
        known = registry.is_base_name(named)
        queue = await registry.find(request.services, request.tenant, named) if known else None
        return invalid("no such queue", "X-BELLA-QUEUE-NAME") if queue is None else queue.id
    blobs = request.services.resources["blobs"]
    try:
        model = await asyncio.to_thread(batch_input.first_model, blobs, file.told.blob)
    except BlobMissing:
        return invalid("no such file", "input_file_id", "file_not_found")
    route = await registry.route_of(request.services, request.tenant, wanted.endpoint, model)
    queue = await registry.find(request.services, request.tenant, route.queue) if route else None
    return queue.id if queue is not None else 0


def _window_s(text: str) -> int | None:
    found = _WINDOW.match(text)
    if found is None:
        return None
    seconds = int(found[1]) * _UNIT_S[found[2]]
    return seconds if BATCH_WINDOW_S_MIN <= seconds <= BATCH_WINDOW_S_MAX else None


def _metadata(wanted: NewBatch) -> bytes | Refusal:
    pairs = wanted.metadata
    if pairs is None:
        return b""
    if len(pairs) > BATCH_METADATA:
        return invalid(f"metadata has at most {BATCH_METADATA} pairs", "metadata")
    for name, value in pairs.items():
        if len(name) > BATCH_METADATA_NAME_LENGTH or len(value) > BATCH_METADATA_VALUE_LENGTH:
            most = f"{BATCH_METADATA_NAME_LENGTH} characters, its value {BATCH_METADATA_VALUE_LENGTH}"
            return invalid(f"a name in metadata has at most {most}", "metadata")
    return encode(pairs)


async def get(request: Request) -> Reply:
    """A batch as it is now; its counts are exact."""
    key = batch_ids.read(request.parameters["batch_id"])
    return NO_BATCH if key is None else await _shown(request, key)


async def cancel(request: Request) -> Reply:
    """Stop a batch; what is done by now is in its files."""
    key = batch_ids.read(request.parameters["batch_id"])
    if key is None or await _batch(request, key) is None:
        return NO_BATCH
    command = FlowCommand(
        kind=b.KIND, name=b.CANCEL, tenant=request.wall, flow=key, by=request.principal.name
    )
    outcome = await request.engine.submit(command)
    if isinstance(outcome, Rejection):
        if outcome.code == b.NOT_CANCELLABLE:
            return invalid(outcome.detail, "batch_id", outcome.code)
        return errors.refused(outcome)
    return await _shown(request, key)


async def listing(request: Request) -> Reply:
    """The batches of the tenant, the newest first."""
    limit_text = request.query.get("limit", [str(_PAGE)])[-1]
    is_number = limit_text.isascii() and limit_text.isdigit() and len(limit_text) < 10
    if not is_number or not 1 <= int(limit_text) <= BATCHES_PAGE_MAX:
        return invalid(f"limit must be from 1 to {BATCHES_PAGE_MAX}", "limit")
    limit = int(limit_text)
    after = request.query.get("after", [""])[-1]
    after_key = batch_ids.read(after) if after else None
    if after and after_key is None:
        return invalid("after is no id of a batch", "after")
    query = Query(
        view=BATCHES.name,
        tenants=(request.tenant,),
        sort=(Sort("key", descending=True),),
        limit=limit + 1,
        after=(after_key,) if after_key is not None else None,
        total=False,
    )
    page = await request.engine.store.search(query)
    keys = [row["key"] for row in page.rows[:limit]]
    found = [one for one in [await _batch(request, key) for key in keys] if one is not None]
    chosen = await switches(request.engine.store, request.tenant)
    data = [_object(row, chosen) for row in found]
    first, last = (data[0].id, data[-1].id) if data else (None, None)
    answer = BatchList(data=data, first_id=first, last_id=last, has_more=len(page.rows) > limit)
    return Response(body=encode(answer), headers=NO_CACHE)


async def _batch(request: Request, key: int) -> FlowRow | None:
    """The batch behind a key, unless it is none or behind the caller's wall."""
    row = await request.engine.store.flow(key)
    if row is None or row.kind != b.KIND or request.wall not in (None, row.tenant):
        return None
    return row


async def _shown(request: Request, key: int) -> Reply:
    row = await _batch(request, key)
    if row is None:
        return NO_BATCH
    chosen = await switches(request.engine.store, row.tenant)
    return Response(body=encode(_object(row, chosen)), headers=NO_CACHE)


def _object(row: FlowRow, chosen: Switches) -> Shown:
    return shown(msgspec.msgpack.decode(row.state, type=Batch), chosen)
