"""What a reviewer does to a document: complete, discard, report, approve; and trying again what failed.

Whether a move may happen is decided in the flow. A handler says which move is meant and renders what came of
it. A call repeated with its idempotency key is answered from the first one before the state is looked at.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from taskloom.core.limits import FIELD_LENGTH, REPORT_ISSUES
from taskloom.core.payload import strict_error
from taskloom.core.rejections import Rejection
from taskloom.dialects.documents import wire
from taskloom.dialects.documents.errors import invalid
from taskloom.dialects.documents.extended import is_extended, judged
from taskloom.dialects.documents.idempotency import body_of, once
from taskloom.dialects.documents.lookup import document_of, schema_of, task_seen
from taskloom.dialects.documents.translate import refusal_of, task_shown
from taskloom.dialects.operation import Body, Handler, Operation, Refusal, Reply, Request, Response
from taskloom.flows.document import commands as d
from taskloom.flows.document.state import Document, Status
from taskloom.flows.document.state import Refusal as Why
from taskloom.flows.flow import FlowCommand

_TASK: Final = "/v2/{team_id}/project/{project_id}/task/{task_id}"
_RATE: Final = 600

_MESSAGES: Final[Mapping[Status, str]] = {
    Status.PROCESSING: "Task processing started",
    Status.REVIEWING: "Review recorded, a second reviewer must complete the task",
}

Show = Callable[[Document], wire.TaskShown]
Answer = Callable[[wire.TaskShown], Any]


async def complete(request: Request) -> Reply:
    """Complete the review that is open now; the answer is the document as that very step left it."""
    document = await document_of(request)
    body = msgspec.msgpack.encode(d.CompleteReview(document.task))
    return await _act(request, document, d.COMPLETE, body, answer=_completed)


async def discard(request: Request) -> Reply:
    """End a document in review; in any other status it stays as it is."""
    read = _read(request.body or b"{}", wire.DiscardBody)
    if isinstance(read, Refusal):
        return read
    if len(read.reason) > FIELD_LENGTH:
        return invalid(f"A reason has at most {FIELD_LENGTH} characters.", parameter="reason")
    document = await document_of(request)
    body = msgspec.msgpack.encode(d.Discard(read.reason))
    reply = await _act(request, document, d.DISCARD, body)
    if isinstance(reply, Refusal) and reply.code == Why.NOT_REVIEWING:
        show = await _show(request, document)
        return Response(200, msgspec.json.encode(wire.TaskAnswer(show(await document_of(request)))))
    return reply


async def report(request: Request) -> Reply:
    """Note that a person could not process the document."""
    read = _read(request.body, wire.ReportBody)
    if isinstance(read, Refusal):
        return read
    if not 1 <= len(read.issues) <= REPORT_ISSUES:
        return invalid(f"A report has 1 to {REPORT_ISSUES} issues.", parameter="issues")
    texts = [text for issue in read.issues for text in (issue.label, issue.value)]
    if any(len(text) > FIELD_LENGTH for text in (*texts, read.message or "")):
        return invalid(f"A text has at most {FIELD_LENGTH} characters.", parameter="issues")
    document = await document_of(request)
    body = msgspec.msgpack.encode(d.Report(read.issues, read.message or ""))
    return await _act(request, document, d.REPORT, body)


async def approve(request: Request) -> Reply:
    """Mark a document as training data."""
    return await _act(request, await document_of(request), d.APPROVE)


async def retry(request: Request) -> Reply:
    """Run the step again that failed."""
    return await _act(request, await document_of(request), d.RETRY)


async def retry_export(request: Request) -> Reply:
    """Export again what could not be exported."""
    return await _act(request, await document_of(request), d.RETRY_EXPORT)


async def _act(
    request: Request, document: Document, name: str, body: bytes = b"", answer: Answer = wire.TaskAnswer
) -> Reply:
    """Send a document a command; the answer shows it as the command left it."""
    show = await _show(request, document)

    def rendered(after: Document) -> bytes:
        return msgspec.json.encode(answer(show(after)))

    said = b"" if name == d.COMPLETE else body
    idempotency = once(request, said, rendered)
    if isinstance(idempotency, Refusal):
        return idempotency
    command = FlowCommand(
        kind=d.DOCUMENT,
        name=name,
        tenant=request.tenant,
        flow=document.key,
        root=document.upload,
        body=body,
        by=request.principal.name,
    )
    outcome = await request.engine.submit(command, idempotency=idempotency)
    if isinstance(outcome, Rejection):
        return refusal_of(outcome)
    return Response(200, body_of(outcome.reply, rendered))


async def _show(request: Request, document: Document) -> Show:
    """How this caller is shown a document."""
    if not is_extended(request):
        return task_shown
    schema = await schema_of(request, document.schema_key)
    now_ms = request.engine.clock.now_ms()
    return lambda after: task_shown(after, judged(after, schema, now_ms))


def _completed(shown: wire.TaskShown) -> wire.CompletedAnswer:
    return wire.CompletedAnswer(shown, _MESSAGES[Status(shown.status)])


def _read(body: bytes, kind: type[Any]) -> Any:
    """The body in its type, or the refusal."""
    error = strict_error(body)
    if error is not None:
        return invalid(f"The body is not JSON: {error}")
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as fault:
        return invalid(f"The body is not as it must be: {fault}")


def _operation(
    name: str,
    verb: str,
    handler: Handler,
    summary: str,
    *,
    request: type[Any] | None = None,
    response: type[Any] = wire.TaskAnswer,
) -> Operation:
    return Operation(
        name=f"documents.{name}",
        method="POST",
        path=f"{_TASK}/{verb}",
        handler=handler,
        scope="document.edit",
        summary=summary,
        body=Body.NONE if request is None else Body.JSON,
        rate=_RATE,
        tenant_parameter="team_id",
        visible=task_seen,
        request=request,
        responses={200: response, 400: wire.ErrorAnswer, 404: wire.ErrorAnswer},
    )


OPERATIONS = (
    _operation(
        "complete_task",
        "complete",
        complete,
        "Complete the review, the document moves on",
        response=wire.CompletedAnswer,
    ),
    _operation("discard_task", "discard", discard, "End a document in review", request=wire.DiscardBody),
    _operation(
        "report_task",
        "report",
        report,
        "Say that a document could not be processed",
        request=wire.ReportBody,
    ),
    _operation("approve_task", "approve", approve, "Mark a document as training data"),
    _operation("retry_task", "retry", retry, "Run the step again that failed"),
    _operation("retry_export", "export/retry", retry_export, "Export again what could not be exported"),
)
