"""A batch: the rows of a file as tasks, counted down to the files that hold their results.

Three pieces of work around the rows are tasks as well, which the server does itself: *prepare* checks the
file and hands its rows in, *stop* cancels what is still open, *assemble* writes the files of results. So a
server that dies leaves work that another one takes over. Rows come in portions, each named by the number of
its first row; a portion that is there already changes nothing.
"""

from typing import Any, Final

import msgspec
from msgspec import structs

from taskloom.core.commands import Create, Reopen, TaskCommand
from taskloom.core.events import AnyTaskEvent, TaskCancelled, TaskCompleted, TaskFailed
from taskloom.core.ids import spell
from taskloom.core.limits import BATCH_ROW_RETRIES, BATCH_WORK_RETRIES
from taskloom.core.rejections import Kind, Rejection
from taskloom.core.task import Task
from taskloom.flows.batch_state import (
    ASSEMBLE,
    CANCEL,
    CANCELLED,
    CANCELLING,
    COMPLETED,
    CREATE,
    EXPIRE,
    EXPIRED,
    FAILED,
    FINALIZING,
    IN_PROGRESS,
    INVALID,
    KIND,
    NOT_CANCELLABLE,
    PREPARE,
    ROW_DIALECT,
    ROW_LEVEL,
    ROWS,
    STOP,
    VALIDATED,
    VALIDATING,
    Assembled,
    Batch,
    BatchEnded,
    BatchNamed,
    BatchTold,
    CreateBatch,
    Rows,
    Validated,
)
from taskloom.flows.flow import (
    TIMER,
    Announce,
    ClearTimer,
    Effect,
    Emit,
    FlowCommand,
    FlowContext,
    SetTimer,
    Step,
)

_OPEN: Final = frozenset({VALIDATING, IN_PROGRESS})
_ENDS: Final = (TaskCompleted, TaskFailed, TaskCancelled)

_decode: Final = msgspec.msgpack.decode


class BatchFlow:
    """A flow per batch; it stays when the batch has ended, for it is what is known of it."""

    kind = KIND
    state_type = Batch

    def compile(self, key: int, body: bytes) -> Any:
        """A batch has no definition."""
        raise ValueError(f"a batch has no definition, but record {key} of {len(body)} bytes claims to be one")

    def decide(
        self, state: Batch | None, command: FlowCommand, context: FlowContext
    ) -> Step[Batch] | Rejection:
        """`create`, then what the server's own work reports, then perhaps `cancel`."""
        if command.name == CREATE and state is None:
            return _create(_decode(command.body, type=CreateBatch), command.by, context)
        if state is None:
            return Rejection(Kind.NOT_FOUND, command.flow)
        if command.name == TIMER:
            return _expire(state, context)
        if command.name == CANCEL:
            return _cancel(state, context)
        if state.status not in _OPEN:
            return Rejection(Kind.WRONG_STATE, command.flow)
        if command.name == VALIDATED:
            return _validated(state, _decode(command.body, type=Validated), context)
        if command.name == INVALID:
            return _end(structs.replace(state, errors=command.body), FAILED, context)
        if command.name == ROWS:
            return _rows(state, _decode(command.body, type=Rows), command.inputs, context)
        return Rejection(Kind.INVALID, command.flow, f"a batch knows no command {command.name}")

    def admit(
        self, _state: Batch, task: Task, command: TaskCommand, _context: FlowContext
    ) -> Rejection | None:
        """A row that ended was counted and is not begun anew."""
        return Rejection(Kind.CONSUMED, task.key, task=task) if isinstance(command, Reopen) else None

    def react(
        self, state: Batch, task: Task, event: AnyTaskEvent, payload: bytes | None, context: FlowContext
    ) -> Step[Batch]:
        """Count a row; go on when the work around them is done."""
        if not isinstance(event, _ENDS) or state.is_ended:
            return Step(state, [])
        if task.dialect == KIND:
            return _work_ended(state, task, event, payload, context)
        if isinstance(event, TaskCompleted):
            counted = structs.replace(state, completed=state.completed + 1)
        else:
            counted = structs.replace(state, failed=state.failed + 1)
        if context.now >= state.expires_at and state.status in _OPEN:
            return _expire(counted, context)  # rows and the timer are due at one instant, in any order
        return _go_on(counted, context)

    def render(self, _state: Batch, _task: Task, body: bytes, _fetch: tuple[str, ...]) -> bytes:
        """A worker is shown the row as it was in the file."""
        return body


def _create(made: CreateBatch, by: str, context: FlowContext) -> Step[Batch]:
    batch = Batch(made, by, context.now, context.now + made.window_ms)
    effects: list[Effect] = [_work(PREPARE, context), SetTimer(EXPIRE, batch.expires_at), _told(batch)]
    return Step(batch, effects, context.flow)


def _validated(batch: Batch, found: Validated, context: FlowContext) -> Step[Batch] | Rejection:
    if batch.status != VALIDATING:
        return Rejection(Kind.WRONG_STATE, context.flow)
    after = structs.replace(
        batch,
        status=IN_PROGRESS,
        in_progress_at=context.now,
        total=found.total,
        bad=found.bad,
        failed=found.bad,
        model=found.model,
        queue=found.queue,
    )
    step = _go_on(after, context)
    return Step(step.state, [_told(after), *step.effects])


def _rows(
    batch: Batch, rows: Rows, inputs: tuple[bytes, ...], context: FlowContext
) -> Step[Batch] | Rejection:
    """Make tasks of a portion, unless it is there already."""
    count = len(rows.attributes)
    if batch.status != IN_PROGRESS or rows.first + count > batch.rows or rows.first > batch.created:
        return Rejection(Kind.WRONG_STATE, context.flow)
    if rows.first < batch.created:
        return Step(batch, [], batch.created)
    effects: list[Effect] = [
        Create(
            tenant=context.tenant,
            queue=batch.queue,
            dialect=ROW_DIALECT,
            level=ROW_LEVEL,
            lane=batch.made.lane,
            input=body,
            attributes=attributes,
            expires_at=batch.expires_at,
            losses_max=BATCH_ROW_RETRIES,
            by=batch.by,
        )
        for attributes, body in zip(rows.attributes, inputs, strict=True)
    ]
    after = structs.replace(batch, created=batch.created + count)
    return Step(after, effects, after.created)


def _expire(batch: Batch, context: FlowContext) -> Step[Batch]:
    """The window ends: rows end by themselves at this instant, and what is not a task yet becomes none."""
    if batch.status not in _OPEN:
        return Step(batch, [])
    return _stop(structs.replace(batch, status=FINALIZING, finalizing_at=context.now), EXPIRED, context)


def _cancel(batch: Batch, context: FlowContext) -> Step[Batch] | Rejection:
    if batch.status in (CANCELLING, CANCELLED):
        return Step(batch, [], context.flow)
    if batch.status not in _OPEN:
        detail = f"a batch that is {batch.status} cannot be cancelled"
        return Rejection(Kind.INVALID, context.flow, detail, code=NOT_CANCELLABLE)
    step = _stop(structs.replace(batch, status=CANCELLING, cancelling_at=context.now), CANCELLED, context)
    after = step.state
    assert after is not None, "a batch stays"
    if not after.is_ended and not after.assembling:
        step.effects.append(_work(STOP, context))
    step.reply = context.flow
    return step


def _stop(batch: Batch, stopping: str, context: FlowContext) -> Step[Batch]:
    after = structs.replace(batch, stopping=stopping)
    if not after.total:
        return _end(after, stopping, context)
    step = _go_on(after, context)
    step.effects.append(_told(after))
    return step


def _go_on(batch: Batch, context: FlowContext) -> Step[Batch]:
    """Assemble the files once every row that will ever be a task has ended."""
    done = batch.completed + batch.failed == batch.created + batch.bad
    if batch.assembling or not done or (not batch.stopping and batch.created < batch.rows):
        return Step(batch, [])
    after = structs.replace(
        batch,
        assembling=True,
        failed=batch.failed + batch.rows - batch.created,
        status=batch.status if batch.stopping else FINALIZING,
        finalizing_at=batch.finalizing_at or context.now,
        output_key=context.new_key(),
        error_key=context.new_key(),
    )
    return Step(after, [_work(ASSEMBLE, context), _told(after)])


def _work_ended(
    batch: Batch, task: Task, event: AnyTaskEvent, payload: bytes | None, context: FlowContext
) -> Step[Batch]:
    if not isinstance(event, TaskCompleted):
        # Somebody took the server's own work away; it is begun anew, for the rows depend on it.
        return Step(batch, [_work(task.queue, context)])
    if task.queue != ASSEMBLE:
        return Step(batch, [])
    files = msgspec.json.decode(payload or b"", type=Assembled)
    after = structs.replace(
        batch,
        has_output=files.output_lines > 0,
        has_errors=files.error_lines > 0,
        usage=bytes(files.usage),
    )
    return _end(after, batch.stopping or COMPLETED, context)


def _end(batch: Batch, status: str, context: FlowContext) -> Step[Batch]:
    changes: dict[str, Any] = {"status": status, f"{status}_at": context.now}
    after = structs.replace(batch, **changes)
    name = f"batch.{status}"
    event = BatchEnded(
        id=spell("evt_", context.new_key()),
        created_at=context.now // 1000,
        type=name,
        data=BatchNamed(batch.made.id),
    )
    return Step(after, [ClearTimer(EXPIRE), _told(after), Announce(name, msgspec.json.encode(event))])


def _work(queue: str, context: FlowContext) -> Create:
    """A piece of work for the server itself."""
    return Create(
        tenant=context.tenant, queue=queue, dialect=KIND, losses_max=-1, retries=BATCH_WORK_RETRIES, by=KIND
    )


def _told(batch: Batch) -> Emit:
    told = BatchTold(
        batch.status,
        batch.made.endpoint,
        batch.made.input_blob,
        batch.created_at,
        batch.ended_at,
        batch.total,
        batch.completed,
        batch.failed,
    )
    return Emit(f"batch.{batch.status}", msgspec.json.encode(told))
