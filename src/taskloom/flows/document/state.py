"""Where a document is, and what a move makes the engine do. Values only; the rules are in pipeline.py."""

import enum

from msgspec import Struct

from taskloom.flows.document.check import Issue, Reason
from taskloom.flows.document.pages import Page
from taskloom.flows.document.schema import Step


class Status(enum.StrEnum):
    """Where a document is in its life."""

    PROCESSING = "PROCESSING"
    REVIEWING = "REVIEWING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    DISCARDED = "DISCARDED"
    FILTERED = "FILTERED"


class Work(enum.StrEnum):
    """What is open for a document: a step's task, a review's task, or the way to the next step."""

    NONE = "none"
    STEP = "step"
    REVIEW = "review"
    CONTINUATION = "continuation"


class Meta(Struct, frozen=True):
    """A pair the sender gave along; order is kept and names may repeat."""

    name: str
    value: str


class Failure(Struct, frozen=True):
    """Why a step ended badly."""

    code: str
    message: str


class File(Struct, frozen=True):
    """An uploaded file: what was said of it, what was found, and where the blob store keeps it."""

    id: str
    name: str
    size: int
    mime: str
    sha256: str
    blob: str


class Document(Struct, frozen=True, omit_defaults=True):
    """One document in its pipeline. Instants are Unix milliseconds, 0 means "never".

    `schema_version` and `steps` are those of its start. `ticket` numbers the open work: what arrives for any
    other ticket is late and changes nothing. What judges its values (entities, rules) comes with the version.
    """

    key: int
    tenant: str
    project: str
    upload: int
    name: str
    created_at: int
    schema_version: int
    steps: tuple[Step, ...]
    schema_key: int = 0
    """The definition that holds this version."""
    file: File | None = None
    status: Status = Status.PROCESSING
    step: int = 0
    """The place in `steps`."""
    work: Work = Work.NONE
    ticket: int = 0
    task: int = 0
    """The core task of the open work; kept by whoever carries out the effects."""
    pages: tuple[Page, ...] = ()
    label: str | None = None
    label_confidence: float = 1.0
    meta: tuple[Meta, ...] = ()
    reasons: tuple[Reason, ...] = ()
    review_round: int = 0
    reviewed_by: tuple[str, ...] = ()
    """Who has completed a round of the open review."""
    was_reviewed: bool = False
    is_approved: bool = False
    is_reported: bool = False
    failure: Failure | None = None
    discard_reason: str = ""
    last_opened_at: int = 0
    exported_at: int = 0
    export_failed_at: int = 0
    ended_at: int = 0
    version: int = 1

    @property
    def current(self) -> Step:
        """The step the document is at."""
        return self.steps[self.step]


class Announcement(enum.StrEnum):
    """What the outside is told about a document."""

    IN_REVIEW = "IN_REVIEW"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    DISCARDED = "DISCARDED"
    REPORTED = "REPORTED"
    APPROVED = "APPROVED"
    EXPORTED = "EXPORTED"
    EXPORT_FAILED = "EXPORT_FAILED"


class RunStep(Struct, frozen=True):
    """Offer the automatic part of a step to workers."""

    ticket: int
    step: Step


class OpenReview(Struct, frozen=True):
    """Offer the document to a person."""

    ticket: int
    step: Step
    round: int
    reasons: tuple[Reason, ...]


class Continue(Struct, frozen=True):
    """Go on to the next step in a transaction of its own, durably."""

    ticket: int


class CloseWork(Struct, frozen=True):
    """Withdraw the open task: nobody needs to finish it any more."""

    ticket: int


class Announce(Struct, frozen=True):
    """Tell the outside."""

    what: Announcement


Effect = RunStep | OpenReview | Continue | CloseWork | Announce


class Moved(Struct, frozen=True):
    """The document after a move, and what the engine must do about it in the same transaction."""

    document: Document
    effects: tuple[Effect, ...] = ()


class Refusal(enum.StrEnum):
    """Why a move is refused."""

    NOT_REVIEWING = "TASK_NOT_REVIEWING"
    PROCESSING = "TASK_PROCESSING"
    NOT_FAILED = "TASK_NOT_FAILED"
    WRONG_STATUS = "WRONG_STATUS"
    ALREADY_APPROVED = "ALREADY_APPROVED"
    VALIDATION_FAILED = "VALIDATION_FAILED"
    SAME_REVIEWER = "SAME_REVIEWER"
    EXPORT_NOT_FAILED = "EXPORT_NOT_FAILED"
    STALE = "STALE"


class Refused(Struct, frozen=True):
    """A move that is not allowed; the document stays as it is."""

    code: Refusal
    message: str
    issues: tuple[Issue, ...] = ()


Outcome = Moved | Refused
