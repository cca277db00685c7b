"""What stands around results and refusals: the JSON-RPC answer, and the envelope of the REST mirror.

The answers are joined together from bytes; these types say what comes of it, for OpenAPI.
"""

from typing import Annotated, Any, Generic, Literal, TypeVar

from msgspec import UNSET, Meta, Struct, UnsetType

from taskloom.core.limits import EVENT_PATTERN_LENGTH

T = TypeVar("T")


class RpcFault(Struct):
    """Why a call failed; `data.code` is the symbol to read."""

    code: int
    message: str
    data: dict[str, Any] | UnsetType = UNSET


class RpcAnswer(Struct):
    """The answer to one call: it has a result or an error."""

    jsonrpc: Literal["2.0"]
    id: str | int | float | None
    result: Any = UNSET
    error: RpcFault | UnsetType = UNSET


class Mirrored(Struct, Generic[T]):
    """A result of the REST mirror."""

    success: bool
    data: T
    event: str
    timestamp: str


class MirrorRefusal(Struct):
    """A refusal of the REST mirror; one that came before the method was asked has no timestamp."""

    success: bool
    error: str
    event: str
    code: str | None
    details: list[Any]
    timestamp: str | UnsetType = UNSET


class Listening(Struct):
    """The query string of the event stream."""

    types: list[Annotated[str, Meta(max_length=EVENT_PATTERN_LENGTH)]] = []
    since: Annotated[str, Meta(pattern="^[0-9]{1,18}$")] = ""
