"""From what a move asks for to what the engine does about it, in the same transaction.

Tasks are made and withdrawn, the upload is told, the continuation leaves as a durable follow-up, and views
and listeners get the document as it stands after the move.
"""

from typing import Final

import msgspec
from msgspec import Struct, structs

from taskloom.core import commands as c
from taskloom.core.limits import EXPORT_RETRIES, LEVEL_DEFAULT, RETRIES_MAX, STEP_RETRIES
from taskloom.flows.document import commands as d
from taskloom.flows.document.inputs import attributes, review_input, step_input
from taskloom.flows.document.schema import Schema, Step, StepType
from taskloom.flows.document.state import (
    Announce,
    CloseWork,
    Continue,
    Document,
    Moved,
    OpenReview,
    RunStep,
    Work,
)
from taskloom.flows.document.told import told
from taskloom.flows.flow import Effect, Emit, FlowCommand, FlowContext, FollowUp
from taskloom.flows.flow import Step as FlowStep

DIALECT: Final = "documents"
REVIEW_QUEUE: Final = "review"
_LEASES_WITHOUT_END: Final = -1
_STEP_LEASES: Final = 3


class Move(Struct, frozen=True):
    """A move to be carried out, and what it does to the task that was open before it."""

    moved: Moved
    finishes: str = ""
    """Who completes the open task by this move; "" where the end of the task is what caused it."""
    withdraws: str = ""
    """Why the open task is wanted no longer."""
    issues: tuple[d.ReportedIssue, ...] = ()
    message: str = ""


def queue_of(project: str, step: str) -> str:
    """The queue of a step's tasks; `review` is that of the reviews."""
    return f"{project}/{step}"


def carried(before: Document, move: Move, context: FlowContext, schema: Schema) -> FlowStep[Document]:
    """The document after the move, and the effects of it."""
    after = move.moved.document
    effects: list[Effect] = _endings(before, move)
    opened = 0
    for wanted in move.moved.effects:
        if isinstance(wanted, RunStep):
            opened = context.new_key()
            effects.append(_step_task(opened, after, wanted.step, schema, context.now))
        elif isinstance(wanted, OpenReview):
            opened = context.new_key()
            effects.append(_review_task(opened, after))
        elif isinstance(wanted, CloseWork):
            effects.append(c.Cancel(key=before.task, tenant=None, reason="the document was discarded"))
        elif isinstance(wanted, Continue):
            effects.append(_continuation(context, wanted.ticket))
    is_open = after.work in {Work.STEP, Work.REVIEW}
    after = structs.replace(after, task=opened or (after.task if is_open else 0))
    effects += _announcements(after, move)
    if (before.status, len(before.pages), before.is_reported) != (
        after.status,
        len(after.pages),
        after.is_reported,
    ):
        effects.append(_to_upload(before, after))
    return FlowStep(after, effects)


def reopened(document: Document) -> Move:
    """The open review anew, as another task."""
    ticket = document.version + 1
    again = structs.replace(document, ticket=ticket, version=ticket)
    review = OpenReview(ticket, document.current, document.review_round, document.reasons)
    return Move(Moved(again, (review,)))


def _endings(before: Document, move: Move) -> list[Effect]:
    """The end of the task that was open, where the move itself ends it.

    A task that is held under a lease token, or suspended, cannot be completed from here; then it is
    withdrawn. Of the two effects the second one changes nothing when the first one did.
    """
    if move.finishes:
        done = c.Complete(
            key=before.task, tenant=None, by=move.finishes, rule=c.HolderRule.ANYONE, unclaimed=True
        )
        return [done, c.Cancel(key=before.task, tenant=None, reason="the review was completed")]
    if move.withdraws:
        return [c.Cancel(key=before.task, tenant=None, reason=move.withdraws)]
    return []


def _step_task(key: int, document: Document, step: Step, schema: Schema, now_ms: int) -> c.Create:
    return c.Create(
        tenant="",
        queue=queue_of(document.project, step.id),
        dialect=DIALECT,
        key=key,
        level=LEVEL_DEFAULT,
        attributes=attributes(document, step),
        input=step_input(document, step, schema, now_ms),
        retries=EXPORT_RETRIES if step.type is StepType.EXPORT else STEP_RETRIES,
        losses_max=_STEP_LEASES,
    )


def _review_task(key: int, document: Document) -> c.Create:
    step = document.current
    return c.Create(
        tenant="",
        queue=queue_of(document.project, REVIEW_QUEUE),
        dialect=DIALECT,
        key=key,
        level=LEVEL_DEFAULT,
        attributes=attributes(document, step, document.review_round),
        input=review_input(structs.replace(document, pages=())),
        retries=RETRIES_MAX,
        losses_max=_LEASES_WITHOUT_END,
    )


def _continuation(context: FlowContext, ticket: int) -> FollowUp:
    body = msgspec.msgpack.encode(d.Proceed(ticket))
    return FollowUp(
        FlowCommand(
            kind=d.DOCUMENT,
            name=d.PROCEED,
            tenant=context.tenant,
            flow=context.flow,
            root=context.root,
            body=body,
        )
    )


def _announcements(after: Document, move: Move) -> list[Effect]:
    body = told(after, move.issues, move.message)
    names = [
        f"document.{wanted.what.lower()}" for wanted in move.moved.effects if isinstance(wanted, Announce)
    ]
    return [Emit(name, body) for name in names or ["document.changed"]]


def _to_upload(before: Document, after: Document) -> FlowCommand:
    moved = d.DocumentMoved(after.key, before.status, after.status, len(after.pages), after.is_reported)
    return FlowCommand(
        kind=d.UPLOAD, name=d.MOVED, tenant=None, flow=after.upload, body=msgspec.msgpack.encode(moved)
    )
