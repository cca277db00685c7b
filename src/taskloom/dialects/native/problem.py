"""Problems of RFC 9457: how refusals look where no dialect has a shape of its own."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import msgspec

from taskloom.dialects.operation import Refusal, Response

MEDIA_TYPE = "application/problem+json"


def problem(refusal: Refusal, path: str) -> Response:
    """A refusal as a problem; `type` is stable per kind of refusal."""
    document: dict[str, Any] = {
        "type": f"urn:taskloom:problem:{refusal.code}",
        "title": _title(refusal.status),
        "status": refusal.status,
        "detail": refusal.message,
        "instance": path,
        "code": refusal.code,
    }
    details: Mapping[str, Any] = refusal.details
    if details:
        document["details"] = details
    return Response(refusal.status, msgspec.json.encode(document), MEDIA_TYPE)


def _title(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"
