"""Refusals of this wire: `application/problem+json`, its titles and its sentences."""

from collections.abc import Mapping

import msgspec

from taskloom.core.rejections import Kind, Rejection
from taskloom.dialects.operation import Refusal, Response

INVALID_ARGUMENT = "INVALID_ARGUMENT"
INVALID_STATE = "INVALID_STATE"
NOT_FOUND = "NOT_FOUND"
ALREADY_EXISTS = "ALREADY_EXISTS"
FORBIDDEN = "FORBIDDEN"
BAD_REQUEST = "Bad Request"
DEADLINE_EXCEEDED = "DEADLINE_EXCEEDED"
RESOURCE_EXHAUSTED = "RESOURCE_EXHAUSTED"
INTERNAL = "INTERNAL"

DETAIL_CHARS_MAX = 30_000
"""Enough for every fault of a deployed file; what a caller sent is echoed no further."""

_STATUS: Mapping[str, int] = {
    INVALID_ARGUMENT: 400,
    NOT_FOUND: 404,
    INVALID_STATE: 409,
    ALREADY_EXISTS: 409,
}
_TITLES: Mapping[str, str] = {
    "unauthorized": "Unauthorized",
    "forbidden": "FORBIDDEN",
    "not_found": NOT_FOUND,
    "method_not_allowed": "Method Not Allowed",
    "unsupported_media_type": "Unsupported Media Type",
    "too_large": "MAX_MESSAGE_SIZE_EXCEEDED",
    "timeout": "Request Timeout",
    "bad_json": BAD_REQUEST,
    "invalid": BAD_REQUEST,
    "conflict": INVALID_STATE,
    "rate_limited": RESOURCE_EXHAUSTED,
    "overloaded": RESOURCE_EXHAUSTED,
    "internal": INTERNAL,
}
"""The server's own refusals; those of this dialect carry their title as code."""

BODY_MISSING = Refusal(400, BAD_REQUEST, "Required request body is missing")
BODY_UNREADABLE = Refusal(400, BAD_REQUEST, "The request body must be a JSON object")


class Problem(msgspec.Struct, frozen=True):
    """The body of every refusal; all five members are always there."""

    type: str
    title: str
    status: int
    detail: str
    instance: str


def render(refusal: Refusal, path: str) -> Response:
    """A refusal as this wire spells it."""
    title = _TITLES.get(refusal.code, refusal.code)
    problem = Problem("about:blank", title, refusal.status, refusal.message[:DETAIL_CHARS_MAX], path)
    return Response(refusal.status, msgspec.json.encode(problem), "application/problem+json")


def invalid(*violations: str) -> Refusal:
    """What a field may not be. Each violation is a sentence without its full stop."""
    return Refusal(400, INVALID_ARGUMENT, ". ".join(violations) + ".")


def bad_request(detail: str) -> Refusal:
    """What could not be read at all."""
    return Refusal(400, BAD_REQUEST, detail)


def bad_json(error: str) -> Refusal:
    """A body that is no JSON, or JSON that could mean two things."""
    return bad_request(f"The request body cannot be parsed as JSON: {error}")


def unparsable(path: str) -> Refusal:
    """A property of a wrong type, or one that nobody knows."""
    return bad_request(f"Request property [{path}] cannot be parsed")


def not_provided(*names: str) -> Refusal:
    """Fields that must be there."""
    return invalid(*(f"No {name} provided" for name in names))


def must_be(field: str, value: object, condition: str) -> Refusal:
    """A value out of its range."""
    return invalid(f"The value for {field} is '{value}' but must be {condition}")


def rejected(intent: str, code: str, reason: str) -> Refusal:
    """A command that the rules refuse."""
    return Refusal(_STATUS[code], code, f"Command '{intent}' rejected with code '{code}': {reason}")


def no_such(entity: str, key: int | str) -> Refusal:
    """A read of what is not there, or is another tenant's."""
    return Refusal(404, NOT_FOUND, f"{entity} with key '{key}' not found")


def unexpected(rejection: Rejection) -> Refusal:
    """A rejection that has nothing to do with what was asked."""
    if rejection.kind is Kind.OVERLOADED:
        return Refusal(503, RESOURCE_EXHAUSTED, "The server has too much to do", retry_after_s=1)
    if rejection.kind is Kind.INVALID:  # what owns the job would not take the result
        return invalid(rejection.detail or "The command is not valid")
    return Refusal(500, INTERNAL, f"The command failed: {rejection.detail}")
