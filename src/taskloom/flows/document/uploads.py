"""What an upload's documents make of the upload: one status, derived, and an event on each of its edges.

    any document PROCESSING            -> PROCESSING
    else any REVIEWING or FAILED       -> IN_REVIEW
    else                               -> COMPLETED

The counts live with the upload and change in the transaction that moves a document, so two last documents
that end together give one edge, not none and not two.
"""

import enum

from msgspec import Struct, structs

from taskloom.flows.document.state import Status


class UploadStatus(enum.StrEnum):
    """What an upload's documents are at, taken together."""

    PROCESSING = "PROCESSING"
    IN_REVIEW = "IN_REVIEW"
    COMPLETED = "COMPLETED"


class Counts(Struct, frozen=True):
    """How many documents of an upload work, wait for a person, and have ended."""

    processing: int = 0
    waiting: int = 0
    ended: int = 0

    @property
    def status(self) -> UploadStatus:
        """The derived status; an upload without documents has nothing left to do."""
        if self.processing:
            return UploadStatus.PROCESSING
        return UploadStatus.IN_REVIEW if self.waiting else UploadStatus.COMPLETED


class Counted(Struct, frozen=True):
    """The counts after a document moved; `edge` is the status just reached, None when it stayed."""

    counts: Counts
    edge: UploadStatus | None


_PLACE = {
    Status.PROCESSING: "processing",
    Status.REVIEWING: "waiting",
    Status.FAILED: "waiting",
    Status.COMPLETED: "ended",
    Status.DISCARDED: "ended",
    Status.FILTERED: "ended",
}


def counted(counts: Counts, before: Status, after: Status) -> Counted:
    """Count a document that moved.

    An upload begins with all its documents counted as PROCESSING (`Counts(processing=files)`), before the
    first of them enters a step; so what happens to one never tells of an end that others still delay.
    """
    moved = {_PLACE[before]: -1}
    moved[_PLACE[after]] = moved.get(_PLACE[after], 0) + 1
    changed = structs.replace(counts, **{place: getattr(counts, place) + by for place, by in moved.items()})
    return Counted(changed, changed.status if changed.status is not counts.status else None)
