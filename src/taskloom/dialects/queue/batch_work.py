"""The server's own work on batches: checking and splitting files, stopping rows, writing files of results.

The work is tasks, so it is done once whoever dies. Who begins anew recognises what was done already by the
number of its first row, or because the file of results is there.
"""

import asyncio
import logging
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from taskloom.core import files as core_files
from taskloom.core.commands import Cancel
from taskloom.core.limits import (
    BATCH_COMMANDS,
    BATCH_FILE_BYTES,
    BATCH_WORK_LEASE_MS,
    BATCHES_AT_ONCE,
    FILE_LIFE_S_MAX,
    FILE_SWEEP_S,
    MIB,
)
from taskloom.core.records import PutRecords
from taskloom.core.rejections import Kind, Rejection
from taskloom.core.task import Task, TaskState
from taskloom.dialects.operation import Services
from taskloom.dialects.own_worker import OwnWorker
from taskloom.dialects.queue import batch_check, batch_input, batch_output, files, registry
from taskloom.dialects.queue.batch_check import Good, LineError
from taskloom.dialects.queue.batch_files import ResultFiles, write_page
from taskloom.dialects.queue.batch_input import Portion
from taskloom.dialects.queue.batch_output import Usage
from taskloom.dialects.queue.files import File
from taskloom.dialects.queue.wire import Attributes, encode
from taskloom.flows import batch_state as b
from taskloom.flows.batch_state import Assembled, Batch, Rows, Validated
from taskloom.flows.flow import FlowCommand
from taskloom.ports.blobs import BlobMissing, Blobs
from taskloom.ports.faults import fault_point
from taskloom.views.tasks import TASKS
from taskloom.views.view import And, Compare, In, Query

log = logging.getLogger(__name__)

_QUEUES: Final = ((b.PREPARE, 1), (b.STOP, 1), (b.ASSEMBLE, 1))
_OPEN: Final = tuple(int(state) for state in TaskState if state < TaskState.COMPLETED)
_MODE: Final = "P"
_PAGE_MIN, _PAGE_MAX = 16, 1_000
_PAGE_BYTES: Final = 4 * MIB
_MS: Final = 1_000


class BatchWorker:
    """Does what batches need done."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._engine = services.engine
        self._blobs: Blobs = services.resources["blobs"]
        self._worker = OwnWorker(self._engine, BATCH_WORK_LEASE_MS, losses_max=-1)
        self._duties: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Take back what was left behind, and begin."""
        await self._worker.give_back(b.KIND)
        self._duties = [
            asyncio.create_task(self._worker.serve(_QUEUES, self._do)) for _ in range(BATCHES_AT_ONCE)
        ]
        self._duties.append(asyncio.create_task(self._sweep()))

    async def stop(self) -> None:
        """End; what is being worked on is given back for whoever comes next."""
        for duty in self._duties:
            duty.cancel()
        await asyncio.gather(*self._duties, return_exceptions=True)

    async def _submit(self, command: Any, size: int = 0) -> Any:
        outcome = await self._engine.submit(command, size=size)
        return outcome if isinstance(outcome, Rejection) else outcome.reply

    async def _do(self, task: Task, _input: bytes) -> bytes:
        row = await self._engine.store.flow(task.flow)
        if row is None:
            return b"null"
        batch = msgspec.msgpack.decode(row.state, type=Batch)
        work = {b.PREPARE: self._prepare, b.STOP: self._stop_rows, b.ASSEMBLE: self._assemble}[task.queue]
        return await work(task.flow, row.tenant, batch)

    # Preparing -----------------------------------------------------------------------------------------

    async def _prepare(self, key: int, tenant: str, batch: Batch) -> bytes:
        """Check the file as a whole, then hand its rows in."""
        if batch.status == b.VALIDATING:
            checked = await self._checked(tenant, batch)
            fault_point("rows_checked")
            if isinstance(checked, list):
                await self._tell(key, b.INVALID, encode(checked))
                return b"null"
            if isinstance(await self._tell(key, b.VALIDATED, _pack(checked)), Rejection):
                return b"null"
            batch = await self._read(key)
        if batch.status == b.IN_PROGRESS:
            await self._split(key, tenant, batch)
        return b"null"

    async def _checked(self, tenant: str, batch: Batch) -> Validated | list[LineError]:
        made = batch.made
        found = await files.by_key(self._engine, files.key_of(made.input_file) or 0)
        if found is not None and found.told.bytes > BATCH_FILE_BYTES:
            most = f"The file is larger than {BATCH_FILE_BYTES // MIB} MB."
            return [LineError(code="file_too_large", message=most)]
        try:
            good = await asyncio.to_thread(
                batch_check.check, self._blobs, made.input_blob, made.endpoint, partial=made.is_partial
            )
        except BlobMissing:
            return [LineError(code="file_not_found", message="The input file is gone.")]
        if not isinstance(good, Good):
            return good
        if good.bad == good.total:
            return Validated(good.total, "", "", good.bad)
        route = await registry.route_of(self._services, tenant, made.endpoint, good.model)
        queue = made.queue or (route.queue if route is not None else "")
        if not queue or await registry.find(self._services, tenant, queue) is None:
            message = f"The model {good.model} does not exist at {made.endpoint}."
            return [LineError(code="model_not_found", message=message, param="model", line=1)]
        return Validated(good.total, good.model, queue, good.bad)

    async def _split(self, key: int, tenant: str, batch: Batch) -> None:
        queue = await registry.find(self._services, tenant, batch.queue)
        queue_id = queue.id if queue is not None else 0
        batch_id = batch.made.id
        route = await registry.route_of(self._services, tenant, batch.made.endpoint, batch.model)
        if route is None or route.queue != batch.queue:
            route = registry.Route(batch.queue)
        source = batch_input.portions(self._good(batch), batch.created)
        while (portion := await asyncio.to_thread(_next, source)) is not None:
            attributes = [
                encode(Attributes(batch.made.endpoint, _MODE, queue_id, batch_id, "", custom_id, batch_id))
                for custom_id in portion.custom_ids
            ]
            fault_point("rows_portion")
            rows = _pack(Rows(portion.first, attributes))
            told = await self._tell(key, b.ROWS, rows, tuple(map(route.addressed, portion.bodies)))
            if isinstance(told, Rejection):
                if told.kind is Kind.OVERLOADED:
                    raise OSError("the store cannot take rows now")
                return

    async def _tell(self, key: int, name: str, body: bytes, inputs: tuple[bytes, ...] = ()) -> Any:
        command = FlowCommand(
            kind=b.KIND, name=name, tenant=None, flow=key, body=body, by=self._worker.name, inputs=inputs
        )
        return await self._submit(command, size=len(body) + sum(map(len, inputs)))

    async def _read(self, key: int) -> Batch:
        row = await self._engine.store.flow(key)
        assert row is not None, "a batch stays"
        return msgspec.msgpack.decode(row.state, type=Batch)

    # Stopping ------------------------------------------------------------------------------------------

    async def _stop_rows(self, key: int, tenant: str, _batch: Batch) -> bytes:
        """Cancel every row that is still open; their workers are told when they ask."""
        after: tuple[int, ...] | None = None
        while True:
            rows = await self._rows(key, tenant, after, BATCH_COMMANDS // 2, only_open=True)
            if not rows:
                return b"null"
            commands = [
                Cancel(key=row["key"], tenant=None, reason="batch_cancelled", by=self._worker.name)
                for row in rows
            ]
            await self._engine.submit_many(commands)
            after = (rows[-1]["key"],)

    async def _rows(
        self, key: int, tenant: str, after: tuple[int, ...] | None, limit: int, *, only_open: bool = False
    ) -> list[dict[str, Any]]:
        mine = And((Compare("flow", "eq", key), Compare("dialect", "eq", b.ROW_DIALECT)))
        wanted = And((mine, In("state", _OPEN))) if only_open else mine
        query = Query(
            view=TASKS.name, tenants=(tenant,), filter=wanted, limit=limit, after=after, total=False
        )
        return (await self._engine.store.search(query)).rows

    # Assembling ----------------------------------------------------------------------------------------

    async def _assemble(self, key: int, tenant: str, batch: Batch) -> bytes:
        """Write the files of results, unless they are there, and say what they came to."""
        writer = ResultFiles(self._blobs)
        try:
            usage = Usage()
            await self._write_rows(writer, key, tenant, usage)
            if batch.created < batch.rows:
                await asyncio.to_thread(self._write_unmade, writer, batch)
            if batch.bad:
                await asyncio.to_thread(self._write_bad, writer, batch)
            fault_point("results_written")
            blobs = await asyncio.to_thread(writer.commit)
            await self._keep_files(tenant, batch, blobs)
        except BaseException:
            await asyncio.shield(asyncio.to_thread(writer.discard))
            raise
        return encode(Assembled(writer.output_lines, writer.error_lines, usage.encoded()))

    async def _write_rows(self, writer: ResultFiles, key: int, tenant: str, usage: Usage) -> None:
        """All rows in pages; the bigger their results are, the fewer at once."""
        after: tuple[int, ...] | None = None
        limit = _PAGE_MIN
        while rows := await self._rows(key, tenant, after, limit):
            results = await self._engine.store.payloads(
                [row["result_key"] for row in rows if row["result_key"]]
            )
            size = await asyncio.to_thread(write_page, writer, rows, results, usage)
            limit = min(_PAGE_MAX, 2 * limit) if size < _PAGE_BYTES else max(_PAGE_MIN, limit // 2)
            after = (rows[-1]["key"],)

    def _write_unmade(self, writer: ResultFiles, batch: Batch) -> None:
        code = "batch_expired" if batch.stopping == b.EXPIRED else "batch_cancelled"
        for portion in batch_input.portions(self._good(batch), batch.created):
            for number, custom_id in enumerate(portion.custom_ids, portion.first):
                writer.write(batch_output.unmade(custom_id, number, code), is_output=False)

    def _write_bad(self, writer: ResultFiles, batch: Batch) -> None:
        made = batch.made
        for line in batch_check.judged(self._blobs, made.input_blob, made.endpoint):
            if line.error is not None:
                writer.write(batch_output.bad(line.custom_id, line.error), is_output=False)

    def _good(self, batch: Batch) -> Iterator[bytes]:
        """The lines that become tasks."""
        made = batch.made
        if not batch.bad:
            return (text for _, text in batch_input.lines(self._blobs, made.input_blob))
        every = batch_check.judged(self._blobs, made.input_blob, made.endpoint)
        return (line.text for line in every if line.error is None)

    async def _keep_files(self, tenant: str, batch: Batch, blobs: dict[str, tuple[int, str]]) -> None:
        """Make the files known; those an earlier try made known stay, and what this one wrote goes."""
        now = self._engine.clock.now_ms()
        life_ms = batch.made.output_expires_ms or FILE_LIFE_S_MAX * _MS
        named = {"output": batch.output_key, "error": batch.error_key}
        for kind, (size, blob) in blobs.items():
            if await files.by_key(self._engine, named[kind]) is not None:
                await asyncio.to_thread(self._blobs.delete, blob)
                continue
            told = core_files.stored(
                purpose=files.BATCH_OUTPUT,
                filename=f"{batch.made.id}_{kind}.jsonl",
                size=size,
                blob=blob,
                now=now,
                expires_at=now + life_ms,
            )
            file = File(named[kind], tenant, told)
            event = core_files.told(file.key, tenant, core_files.FILE_STORED, told)
            if isinstance(await self._submit(PutRecords((), (event,))), Rejection):
                raise OSError("the files of results cannot be stored now")
            await asyncio.to_thread(self._blobs.keep, [blob])

    # Sweeping ------------------------------------------------------------------------------------------

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(FILE_SWEEP_S)
            try:
                while await files.sweep(self._engine, self._blobs, asyncio.to_thread):
                    pass
            except Exception:
                log.exception("files that are gone could not be removed; trying again later")


def _pack(value: Any) -> bytes:
    return msgspec.msgpack.encode(value)


def _next(source: Iterator[Portion]) -> Portion | None:
    return next(source, None)
