"""What may be said to a document and to an upload: names of commands, and what their bodies hold."""

from typing import Final

from msgspec import Struct

from taskloom.flows.document.state import File, Meta, Status

DOCUMENT: Final = "document"
"""The kind of flow of one document; records of this kind hold schemas, one per version."""
UPLOAD: Final = "upload"
"""The kind of flow of an upload, the root of its documents."""

# To an upload
CREATE: Final = "create"
MOVED: Final = "moved"

# To a document
BEGIN: Final = "begin"
COMPLETE: Final = "complete"
PROCEED: Final = "proceed"
DISCARD: Final = "discard"
REPORT: Final = "report"
APPROVE: Final = "approve"
RETRY: Final = "retry"
RETRY_EXPORT: Final = "retry export"
NOTE_OPENED: Final = "note opened"


class CreateUpload(Struct, frozen=True, array_like=True):
    """Make an upload with a document for each file, under the schema of that definition."""

    project: str
    schema_key: int
    name: str
    meta: tuple[Meta, ...]
    files: tuple[File, ...]


class DocumentMoved(Struct, frozen=True, array_like=True):
    """A document of the upload went from one status to another, or its pages were counted."""

    document: int
    before: Status
    after: Status
    pages: int
    is_reported: bool = False


class Begin(Struct, frozen=True, array_like=True):
    """Make a document of one file and let it enter its first step."""

    upload: int
    project: str
    schema_key: int
    name: str
    meta: tuple[Meta, ...]
    file: File


class CompleteReview(Struct, frozen=True, array_like=True):
    """Complete the open review; `task` is the core task that the caller saw open."""

    task: int


class Proceed(Struct, frozen=True, array_like=True):
    """Carry out the continuation of that ticket."""

    ticket: int


class Discard(Struct, frozen=True, array_like=True):
    """End the review without going on."""

    reason: str = ""


class ReportedIssue(Struct, frozen=True):
    """What somebody could not make of the document."""

    label: str
    value: str


class Report(Struct, frozen=True, array_like=True):
    """Note that the document could not be processed by a person."""

    issues: tuple[ReportedIssue, ...]
    message: str = ""
