"""The shapes that `openai` clients know: models, files, batches, responses; times in epoch seconds."""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from taskloom.core.limits import FILE_LIFE_S_MAX, FILE_LIFE_S_MIN, NAME_LENGTH
from taskloom.dialects.queue.wire import Text


class Model(Struct, frozen=True, kw_only=True):
    """A model as `openai` clients list it."""

    id: str
    object: str = "model"
    created: int
    owned_by: str


class ModelList(Struct, frozen=True, kw_only=True):
    """All models."""

    object: str = "list"
    data: list[Model]


class FileObject(Struct, frozen=True, kw_only=True):
    """A file as `openai` clients read it; times in seconds."""

    id: str
    object: str = "file"
    bytes: int
    created_at: int
    filename: str
    purpose: str
    status: str = "processed"
    status_details: None = None
    expires_at: int | None


class FileList(Struct, frozen=True, kw_only=True):
    """A page of files."""

    object: str = "list"
    data: list[FileObject]
    first_id: str | None
    last_id: str | None
    has_more: bool


class DeletedFile(Struct, frozen=True, kw_only=True):
    """A file that is gone."""

    id: str
    object: str = "file"
    deleted: bool = True


class OutputLife(Struct, frozen=True):
    """How long the files of results live."""

    anchor: Literal["created_at"]
    seconds: Annotated[int, Meta(ge=FILE_LIFE_S_MIN, le=FILE_LIFE_S_MAX)]


class NewBatch(Struct, frozen=True):
    """A batch to be made."""

    input_file_id: Annotated[str, Meta(max_length=NAME_LENGTH)]
    endpoint: Text
    completion_window: Annotated[str, Meta(max_length=16)]
    metadata: dict[str, str] | None = None
    output_expires_after: OutputLife | None = None


class BatchList(Struct, frozen=True, kw_only=True):
    """A page of batches."""

    object: str = "list"
    data: list[Any]
    first_id: str | None
    last_id: str | None
    has_more: bool


class Question(Struct, frozen=True):
    """What an inference endpoint reads of the body it passes on."""

    model: Any = None
    stream: Any = False
    background: Any = False
    store: Any = True


class ItemList(Struct, frozen=True, kw_only=True):
    """What a response was asked, as items."""

    object: str = "list"
    data: list[dict[str, Any]]
    first_id: str | None
    last_id: str | None
    has_more: bool


class DeletedResponse(Struct, frozen=True, kw_only=True):
    """A response that is gone."""

    id: str
    object: str = "response.deleted"
    deleted: bool = True
