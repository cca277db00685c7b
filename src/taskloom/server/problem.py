"""The one place where a refusal becomes an answer: the dialect gives the shape, this the headers."""

from msgspec import structs

from taskloom.dialects.operation import Dialect, Refusal, Response


def rendered(dialect: Dialect, refusal: Refusal, path: str, request_id: str = "") -> Response:
    """A refusal in the dialect's shape, with the headers that every refusal of its kind carries."""
    response = dialect.render(structs.replace(refusal, request_id=request_id), path)
    headers = dict(response.headers)
    if refusal.retry_after_s:
        headers.setdefault("retry-after", str(refusal.retry_after_s))
    if response.status == 401:
        headers.setdefault("www-authenticate", 'Bearer realm="taskloom", Basic realm="taskloom"')
    if response.status in _CLOSING:
        headers.setdefault("connection", "close")
    return Response(response.status, response.body, response.content_type, headers)


_CLOSING = frozenset({408, 413})
"""After these the rest of the body is not read, so the connection cannot go on."""
