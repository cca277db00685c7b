"""A document as a flow: commands and the ends of its tasks become moves, what moves ask for becomes effects.

Nothing is decided here: what may happen to a document stands in `pipeline`. The automatic part of a step is a
task in the queue `<project>/<step>`, a round of review one in `<project>/review`; whoever completes it, over
whichever protocol, the same check is asked first. Cancelling the task of a review discards the document.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from taskloom.core import commands as c
from taskloom.core.decide import actor
from taskloom.core.events import AnyTaskEvent, TaskCancelled, TaskCompleted, TaskFailed, TaskSuspended
from taskloom.core.rejections import Kind, Rejection
from taskloom.core.task import Task
from taskloom.flows.document import commands as d
from taskloom.flows.document.carrying import DIALECT, Move, carried, reopened
from taskloom.flows.document.inputs import review_input
from taskloom.flows.document.pages import StepResult, result_fault
from taskloom.flows.document.pipeline import (
    approve,
    begin,
    complete_review,
    discard,
    fail_step,
    finish_step,
    note_opened,
    proceed,
    report,
    retry,
    retry_export,
)
from taskloom.flows.document.schema import Schema, StepType
from taskloom.flows.document.state import (
    Document,
    Failure,
    Outcome,
    Refusal,
    Refused,
    Status,
    Work,
)
from taskloom.flows.flow import FlowCommand, FlowContext
from taskloom.flows.flow import Step as FlowStep

__all__ = ["DIALECT", "DocumentFlow"]

_decode: Final = msgspec.msgpack.decode
_members: Final = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_NULL: Final = b"null"
_MEMBERS: Final = frozenset(StepResult.__struct_fields__) - {"label_confidence"}
_WRAPPING: Final = "body"
_NEEDS_A_RESULT: Final = frozenset({StepType.OCR, StepType.CLASSIFY, StepType.EXTRACT})
_CANCELLED: Final = "CANCELLED"


class DocumentFlow:
    """A flow per document; its key is the document's key, its root the upload."""

    kind = d.DOCUMENT
    state_type = Document

    def compile(self, _key: int, body: bytes) -> Schema:
        """The schema of a definition record, which was found right when it was put."""
        return msgspec.json.decode(body, type=Schema)

    def decide(
        self, state: Document | None, command: FlowCommand, context: FlowContext
    ) -> FlowStep[Document] | Rejection:
        """Begin a document, or move one."""
        if command.name == d.BEGIN and state is None:
            return _begin(_decode(command.body, type=d.Begin), context)
        act = _COMMANDS.get(command.name)
        if state is None or act is None:
            return Rejection(Kind.NOT_FOUND, command.flow)
        move = act(state, command, context)
        if isinstance(move, Refused):
            return refusal(state, move)
        step = carried(state, move, context, _schema(state, context))
        step.reply = step.state
        return step

    def admit(
        self, state: Document, task: Task, command: c.TaskCommand, context: FlowContext
    ) -> Rejection | None:
        """A result must be one the step can take; a review is completed when its check passes."""
        if not isinstance(command, c.Complete) or task.key != state.task:
            return None
        schema = _schema(state, context)
        if state.work is Work.REVIEW:
            outcome = complete_review(state, schema, actor(task, command), context.now)
            return refusal(state, outcome) if isinstance(outcome, Refused) else None
        result = _result(command.result, state.current.type)
        fault = result if isinstance(result, str) else result_fault(result, schema, state.pages)
        return Rejection(Kind.INVALID, task.key, fault, task, "INVALID_RESULT") if fault else None

    def react(
        self, state: Document, task: Task, event: AnyTaskEvent, payload: bytes | None, context: FlowContext
    ) -> FlowStep[Document]:
        """What follows the end of the open task; what happens to any other is late and changes nothing."""
        read = _EVENTS.get((state.work, type(event)))
        if read is None or task.key != state.task:
            return FlowStep(state, [])
        move = read(state, event, payload, context)
        if move is None or isinstance(move, Refused):
            return FlowStep(state, [])
        return carried(state, move, context, _schema(state, context))

    def render(self, state: Document, task: Task, body: bytes, fetch: tuple[str, ...]) -> bytes:
        """A review shows the document as it stands now, a step what it was made with."""
        if task.key == state.task and state.work is Work.REVIEW:
            body = review_input(state)
        if not fetch:
            return body
        members = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
        return msgspec.json.encode({name: members[name] for name in fetch if name in members})


def refusal(document: Document, refused: Refused) -> Rejection:
    """A refused move for whoever asked: the code of the flow, and particulars as JSON."""
    data = {"status": document.status, "issues": refused.issues}
    kind = _KINDS.get(refused.code, Kind.WRONG_STATE)
    return Rejection(kind, document.key, refused.message, None, refused.code.value, msgspec.json.encode(data))


def _begin(wanted: d.Begin, context: FlowContext) -> FlowStep[Document]:
    schema: Schema = context.definition(wanted.schema_key)
    document = Document(
        key=context.flow,
        tenant=context.tenant,
        project=wanted.project,
        upload=wanted.upload,
        name=wanted.name,
        created_at=context.now,
        schema_version=schema.version,
        steps=schema.steps,
        schema_key=wanted.schema_key,
        file=wanted.file,
        meta=wanted.meta,
    )
    return carried(document, Move(begin(document, schema, context.now)), context, schema)


def _schema(document: Document, context: FlowContext) -> Schema:
    schema: Schema = context.definition(document.schema_key)
    return schema


def _moved(outcome: Outcome, **more: Any) -> Move | Refused:
    return outcome if isinstance(outcome, Refused) else Move(outcome, **more)


# Commands ------------------------------------------------------------------------------------------------


def _complete(document: Document, command: FlowCommand, context: FlowContext) -> Move | Refused:
    """Of several who saw the same review open, one completes it, also when the next one opens at once."""
    seen = _decode(command.body, type=d.CompleteReview).task
    if document.status is Status.REVIEWING and seen != document.task:
        return Refused(Refusal.NOT_REVIEWING, "This review has been completed; another one is open now.")
    outcome = complete_review(document, _schema(document, context), command.by, context.now)
    return _moved(outcome, finishes=command.by)


def _proceed(document: Document, command: FlowCommand, context: FlowContext) -> Move | Refused:
    ticket = _decode(command.body, type=d.Proceed).ticket
    return _moved(proceed(document, _schema(document, context), ticket, context.now))


def _discard(document: Document, command: FlowCommand, context: FlowContext) -> Move | Refused:
    return _moved(discard(document, _decode(command.body, type=d.Discard).reason, context.now))


def _report(document: Document, command: FlowCommand, _context: FlowContext) -> Move | Refused:
    reported = _decode(command.body, type=d.Report)
    return _moved(report(document), issues=reported.issues, message=reported.message)


def _approve(document: Document, _command: FlowCommand, _context: FlowContext) -> Move | Refused:
    return _moved(approve(document))


def _retry(document: Document, _command: FlowCommand, _context: FlowContext) -> Move | Refused:
    return _moved(retry(document))


def _retry_export(document: Document, _command: FlowCommand, _context: FlowContext) -> Move | Refused:
    return _moved(retry_export(document))


def _note_opened(document: Document, _command: FlowCommand, context: FlowContext) -> Move | Refused:
    return _moved(note_opened(document, context.now))


_COMMANDS: Final[Mapping[str, Callable[[Document, FlowCommand, FlowContext], Move | Refused]]] = {
    d.COMPLETE: _complete,
    d.PROCEED: _proceed,
    d.DISCARD: _discard,
    d.REPORT: _report,
    d.APPROVE: _approve,
    d.RETRY: _retry,
    d.RETRY_EXPORT: _retry_export,
    d.NOTE_OPENED: _note_opened,
}

_KINDS: Final[Mapping[Refusal, Kind]] = {
    Refusal.VALIDATION_FAILED: Kind.INVALID,
    Refusal.SAME_REVIEWER: Kind.INVALID,
}


# Ends of tasks -------------------------------------------------------------------------------------------


def _result(payload: bytes | None, kind: StepType) -> StepResult | str:
    """What a worker handed in, or why it is nothing a step of this kind can take.

    Workers of a queue wrap what they found in the `body` of an answer; then that is the result.
    """
    if payload is None or payload == _NULL:
        payload = b"{}"
    try:
        members = _members(payload)
        if _MEMBERS.isdisjoint(members) and _WRAPPING in members:
            payload = bytes(members[_WRAPPING])
            members = _members(payload)
        if _MEMBERS.isdisjoint(members) and kind in _NEEDS_A_RESULT:
            return f"a result has at least one of the members {', '.join(sorted(_MEMBERS))}"
        return msgspec.json.decode(payload, type=StepResult)
    except msgspec.DecodeError as error:
        return str(error)


def _step_completed(
    document: Document, _event: TaskCompleted, payload: bytes | None, context: FlowContext
) -> Move | Refused:
    result = _result(payload, document.current.type)
    if isinstance(result, str):
        return _moved(fail_step(document, document.ticket, Failure("INVALID_RESULT", result), context.now))
    schema = _schema(document, context)
    return _moved(finish_step(document, schema, document.ticket, result, context.now))


def _step_failed(
    document: Document, event: TaskFailed, _payload: bytes | None, context: FlowContext
) -> Move | Refused:
    failure = Failure(event.code or "STEP_FAILED", event.message)
    return _moved(fail_step(document, document.ticket, failure, context.now))


def _step_cancelled(
    document: Document, event: TaskCancelled, _payload: bytes | None, context: FlowContext
) -> Move | Refused:
    failure = Failure(_CANCELLED, event.reason)
    return _moved(fail_step(document, document.ticket, failure, context.now))


def _step_suspended(
    document: Document, event: TaskSuspended, _payload: bytes | None, context: FlowContext
) -> Move | Refused | None:
    """Out of retries, or an error thrown, is the end of the step; a pause with retries left is none."""
    if event.retries > 0 and not event.thrown:
        return None
    failure = Failure(event.code or "STEP_FAILED", event.message)
    outcome = fail_step(document, document.ticket, failure, context.now)
    return _moved(outcome, withdraws="the step has failed")


def _review_completed(
    document: Document, event: TaskCompleted, _payload: bytes | None, context: FlowContext
) -> Move | Refused:
    outcome = complete_review(document, _schema(document, context), event.by, context.now)
    return _moved(outcome)


def _review_cancelled(
    document: Document, event: TaskCancelled, _payload: bytes | None, context: FlowContext
) -> Move | Refused:
    return _moved(discard(document, event.reason, context.now))


def _review_failed(
    document: Document, _event: TaskFailed, _payload: bytes | None, _context: FlowContext
) -> Move | Refused:
    """Nobody can fail a review: it is offered anew."""
    return reopened(document)


_EVENTS: Final[
    Mapping[
        tuple[Work, type],
        Callable[[Document, Any, bytes | None, FlowContext], Move | Refused | None],
    ]
] = {
    (Work.STEP, TaskCompleted): _step_completed,
    (Work.STEP, TaskFailed): _step_failed,
    (Work.STEP, TaskCancelled): _step_cancelled,
    (Work.STEP, TaskSuspended): _step_suspended,
    (Work.REVIEW, TaskCompleted): _review_completed,
    (Work.REVIEW, TaskCancelled): _review_cancelled,
    (Work.REVIEW, TaskFailed): _review_failed,
}
