"""The shapes of the wire. Member names and their order are those of the public interface; null is sent."""

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from taskloom.core.limits import DOCUMENTS_PAGE_MAX, NAME_LENGTH
from taskloom.flows.document.commands import ReportedIssue
from taskloom.flows.document.schema import StepType
from taskloom.flows.document.state import Status

Point = tuple[float, float]


class Pair(Struct, frozen=True):
    """A pair of the sender's own."""

    name: str
    value: str


class AnnotationExtra(Struct, frozen=True):
    """What a caller gets with `Prefer: extended`."""

    normalized: str | None
    type: str | None
    coordinates: tuple[Point, ...] | None
    origin: str
    page_words: tuple[int, ...]
    reviewed_by: str | None


class AnnotationShown(Struct, frozen=True):
    """A value on a page."""

    id: str
    entity_id: str
    confidence: float
    content: str
    top: float
    left_of_line: float
    x: AnnotationExtra | UnsetType = UNSET


class CheckboxShown(Struct, frozen=True):
    """A box to tick."""

    id: str
    confidence: float
    checked: bool
    coordinates: tuple[Point, ...]


class RegionShown(Struct, frozen=True):
    """A segment or a signature."""

    id: str
    confidence: float
    coordinates: tuple[Point, ...]


class PageShown(Struct, frozen=True):
    """A page and what was found on it."""

    id: str
    width: int
    height: int
    annotations: tuple[AnnotationShown, ...]
    checkboxes: tuple[CheckboxShown, ...]
    segments: tuple[RegionShown, ...]
    signatures: tuple[RegionShown, ...]


class IssueShown(Struct, frozen=True):
    """A failed check."""

    rule_id: str
    code: str
    severity: str
    entity_ids: tuple[str, ...]
    annotation_ids: tuple[str, ...]
    message: str


class FailureShown(Struct, frozen=True):
    """Why a step has failed."""

    code: str
    message: str


class TaskExtra(Struct, frozen=True):
    """What a caller gets with `Prefer: extended`."""

    version: int
    label: str | None
    locked_by: str | None
    locked_until: str | None
    assignee: str | None
    issues: tuple[IssueShown, ...]
    review_reasons: tuple[str, ...]
    review_round: int
    parent_task_id: str | None
    pipeline_version: int
    failure: FailureShown | None


class TaskShown(Struct, frozen=True):
    """A document; in lists without its pages."""

    id: str
    name: str
    created_at: str
    meta: tuple[Pair, ...]
    status: str
    step_type: str
    upload_id: str
    project_id: str
    approved: bool
    exported_at: str | None
    export_failed_at: str | None
    last_opened_at: str | None
    pages: tuple[PageShown, ...] | UnsetType = UNSET
    x: TaskExtra | UnsetType = UNSET


class TaskAnswer(Struct, frozen=True):
    """One document."""

    payload: TaskShown


class CompletedAnswer(Struct, frozen=True):
    """A document whose review was completed."""

    payload: TaskShown
    message: str


class TaskListAnswer(Struct, frozen=True):
    """A page of a list; the cursor leads to the next one."""

    payload: tuple[TaskShown, ...]
    next_cursor: str | None


class IssuesShown(Struct, frozen=True):
    """What keeps a review from being completed, warnings included."""

    issues: tuple[IssueShown, ...]


class IssuesAnswer(Struct, frozen=True):
    """The answer of a check that changes nothing."""

    payload: IssuesShown


class FileShown(Struct, frozen=True):
    """A file of an upload; `pages` is null until they are counted."""

    name: str
    size: int
    mime: str
    sha256: str
    pages: int | None


class UploadShown(Struct, frozen=True):
    """An upload."""

    id: str
    name: str
    status: str
    files: dict[str, FileShown]
    meta: tuple[Pair, ...]
    folder_id: str
    created_at: str
    tasks: tuple[str, ...] | UnsetType = UNSET
    """The ids of its documents in the order of the files, with `Prefer: extended`."""


class UploadAnswer(Struct, frozen=True):
    """One upload."""

    payload: UploadShown


class UploadCreated(Struct, frozen=True, rename="camel"):
    """The answer to an upload: flat, and in camel case."""

    id: str
    name: str
    project_id: str
    status: str
    file_type: str
    file_size: int
    created_at: str
    updated_at: str


class SchemaAnswer(Struct, frozen=True):
    """The stored schema with its version."""

    payload: dict[str, Any]


class DiscardBody(Struct, frozen=True):
    """Why; may be left out."""

    reason: str = ""


class ReportBody(Struct, frozen=True):
    """What could not be made of the document."""

    issues: tuple[ReportedIssue, ...]
    message: str | None = None


class TasksAsked(Struct):
    """The query string of a list of documents."""

    status: tuple[Status, ...] = ()
    step_type: tuple[StepType, ...] = ()
    upload_id: str = ""
    q: Annotated[str, Meta(min_length=1, max_length=NAME_LENGTH)] | UnsetType = UNSET
    sort: Literal["created_at", "-created_at"] = "created_at"
    limit: Annotated[int, Meta(ge=1, le=DOCUMENTS_PAGE_MAX)] = 50
    cursor: str = ""


class ErrorBody(Struct, frozen=True):
    """A refusal."""

    code: str
    message: str
    details: dict[str, Any]
    request_id: str | None


class ErrorAnswer(Struct, frozen=True):
    """A refusal on the wire."""

    error: ErrorBody
