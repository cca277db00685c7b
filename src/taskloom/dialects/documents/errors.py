"""Refusals in the dialect's own shape: `{"error": {code, message, details, request_id}}`."""

from typing import Any, Final

import msgspec

from taskloom.dialects.documents.wire import ErrorAnswer, ErrorBody
from taskloom.dialects.operation import Refusal, Response

_CODES: Final = {
    "unauthorized": "UNAUTHORIZED",
    "forbidden": "FORBIDDEN",
    "not_found": "NOT_FOUND",
    "method_not_allowed": "METHOD_NOT_ALLOWED",
    "unsupported_media_type": "INVALID_PARAMETER",
    "too_large": "PAYLOAD_TOO_LARGE",
    "bad_json": "INVALID_PARAMETER",
    "invalid": "INVALID_PARAMETER",
    "conflict": "VERSION_CONFLICT",
    "rate_limited": "RATE_LIMITED",
    "overloaded": "OVERLOADED",
    "internal": "INTERNAL",
}
"""The server's symbols in the words of this dialect; a code of our own stays as it is."""

NO_TASK: Final = Refusal(404, "not_found", "There is no such task.")
NO_UPLOAD: Final = Refusal(404, "not_found", "There is no such upload.")
NO_PROJECT: Final = Refusal(404, "not_found", "There is no such project.")
NO_FILE: Final = Refusal(404, "not_found", "The file of this task is no longer there.")


def invalid(message: str, **details: Any) -> Refusal:
    """A request that cannot be understood or is not allowed so."""
    return Refusal(400, "invalid", message, details)


def render(refusal: Refusal, _path: str) -> Response:
    """A refusal on the wire."""
    error = ErrorBody(
        code=_CODES.get(refusal.code, refusal.code.upper()),
        message=refusal.message,
        details=dict(refusal.details),
        request_id=f"req_{refusal.request_id}" if refusal.request_id else None,
    )
    return Response(refusal.status, msgspec.json.encode(ErrorAnswer(error)))
