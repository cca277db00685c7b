"""The query strings of lists, for OpenAPI: each is read parameter by parameter, so a refusal names it."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from taskloom.core.limits import BATCHES_PAGE_MAX, FILES_PAGE_MAX, LETTERS_PAGE_MAX, NAME_LENGTH

After = Annotated[str, Meta(max_length=NAME_LENGTH, description="the id after which the page begins")]


class LettersAsked(Struct):
    """A page of dead letters."""

    after: After = ""
    limit: Annotated[int, Meta(ge=1, le=LETTERS_PAGE_MAX)] = 20


class BatchesAsked(Struct):
    """A page of batches."""

    after: After = ""
    limit: Annotated[int, Meta(ge=1, le=BATCHES_PAGE_MAX)] = 20


class FilesAsked(Struct):
    """A page of files."""

    purpose: str = ""
    order: Literal["asc", "desc"] = "desc"
    after: After = ""
    limit: Annotated[int, Meta(ge=1, le=FILES_PAGE_MAX)] = FILES_PAGE_MAX
