"""What may follow what: the life of a document as a table. The diagram in the docs is drawn from it.

The table says which status each move of pipeline.py needs and which it may lead to. What is not in it is
refused and changes nothing; what it allows is asserted after every move.
"""

from typing import Any, Final

from msgspec import structs

from taskloom.flows.document.state import Document, Effect, Moved, Refusal, Refused, Status, Work

_SAME: Final[tuple[Status, ...]] = ()
_P, _R, _C, _F, _D = (
    Status.PROCESSING,
    Status.REVIEWING,
    Status.COMPLETED,
    Status.FAILED,
    Status.DISCARDED,
)

TRANSITIONS: Final[dict[str, dict[Status, tuple[Status, ...]]]] = {
    "finish_step": {_P: (_P, _R, _C, _D, _F), _C: _SAME},
    "fail_step": {_P: (_F, _C), _C: _SAME},
    "complete_review": {_R: (_P, _R)},
    "proceed": {_P: (_P, _R, _C)},
    "discard": {_R: (_D,)},
    "report": {_R: _SAME},
    "approve": {_R: _SAME, _C: _SAME, _F: _SAME, _D: _SAME, Status.FILTERED: _SAME},
    "retry": {_F: (_P,)},
    "retry_export": {_C: _SAME},
    "note_opened": {_P: _SAME, _R: _SAME, _C: _SAME, _F: _SAME, _D: _SAME, Status.FILTERED: _SAME},
}
"""Move -> status before -> statuses it may lead to; an empty tuple leaves the status as it is."""

_REFUSALS: Final[dict[str, tuple[Refusal, str]]] = {
    "finish_step": (Refusal.STALE, "no step is running"),
    "fail_step": (Refusal.STALE, "no step is running"),
    "proceed": (Refusal.STALE, "nothing is to be continued"),
    "complete_review": (Refusal.NOT_REVIEWING, "only REVIEWING tasks can be completed"),
    "discard": (Refusal.NOT_REVIEWING, "only REVIEWING tasks can be discarded"),
    "report": (Refusal.NOT_REVIEWING, "only REVIEWING tasks can be reported"),
    "approve": (Refusal.PROCESSING, "a task that is PROCESSING cannot be approved"),
    "retry": (Refusal.NOT_FAILED, "only FAILED tasks can be retried"),
    "retry_export": (Refusal.EXPORT_NOT_FAILED, "only COMPLETED tasks are exported again"),
}


def refuse(
    document: Document, name: str, work: Work | None = None, ticket: int | None = None
) -> Refused | None:
    """The refusal of a move that the table or a late ticket forbids, None when it may happen."""
    if document.status not in TRANSITIONS[name]:
        code, rule = _REFUSALS[name]
        return Refused(code, f"Task is {document.status}; {rule}.")
    if work is not None and (document.work is not work or document.ticket != ticket):
        return Refused(Refusal.STALE, "This piece of work is no longer open.")
    return None


def move(document: Document, name: str, status: Status, effects: tuple[Effect, ...], **changes: Any) -> Moved:
    """The document after a move with its version raised; the table is asserted."""
    after = structs.replace(document, status=status, version=document.version + 1, **changes)
    return checked(document, name, Moved(after, effects))


def checked(before: Document, name: str, moved: Moved) -> Moved:
    """The move itself, asserted to be one that the table allows."""
    allowed = TRANSITIONS[name][before.status] or (before.status,)
    assert moved.document.status in allowed, (name, before.status, moved.document.status)
    assert moved.document.version > before.version
    return moved
