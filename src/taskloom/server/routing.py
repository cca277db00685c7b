"""From a path to the operation: a table for paths without parameters, a tree of segments for the others.

A literal segment wins over a parameter, and there is no way back: `/v2/jobs/x` never becomes `/v2/{team}/x`.
"""

from collections.abc import Iterable, Sequence
from typing import Final
from urllib.parse import unquote_to_bytes

from taskloom.core.limits import PATH_SEGMENT_LENGTH, PATH_SEGMENTS
from taskloom.dialects.operation import Dialect
from taskloom.server.endpoint import Endpoint

Methods = dict[str, Endpoint]
"""The operations of one path by method."""

Found = tuple[Methods | None, Sequence[str]]
"""The operations of a path, and what stands in the places of its parameters."""

_NOTHING: Final[Found] = (None, ())


class AmbiguousRouteError(Exception):
    """Two operations have the same method and path."""


class _Node:
    __slots__ = ("any", "dialects", "literal", "methods")

    def __init__(self) -> None:
        self.dialects: dict[str, Dialect] = {}
        """Whose operations lie here and below."""
        self.literal: dict[str, _Node] = {}
        self.any: _Node | None = None
        self.methods: Methods = {}


class Router:
    """All routes of one origin."""

    def __init__(self, endpoints: Iterable[Endpoint]) -> None:
        self._plain: dict[str, Methods] = {}
        self._root = _Node()
        for endpoint in endpoints:
            self._add(endpoint)

    def _add(self, endpoint: Endpoint) -> None:
        path = endpoint.operation.path
        node = self._root
        for segment in path.split("/")[1:]:
            if is_parameter(segment):
                node.any = node.any or _Node()
                node = node.any
            else:
                node = node.literal.setdefault(segment, _Node())
            node.dialects[endpoint.dialect.name] = endpoint.dialect
        method = endpoint.operation.method
        if method in node.methods:
            raise AmbiguousRouteError(f"{method} {path} and {node.methods[method].operation.path}")
        node.methods[method] = endpoint
        if "{" not in path:
            self._plain[path] = node.methods

    def find(self, path: str, raw_path: bytes) -> Found:
        """The operations of a path. `raw_path` as it was sent, so that `%2F` separates nothing."""
        methods = self._plain.get(path)
        if methods is not None and b"%" not in raw_path:
            return methods, ()
        segments = _segments(path, raw_path)
        return _NOTHING if segments is None else self._walk(segments)

    def owner(self, path: str) -> Dialect | None:
        """Whose a path is that leads nowhere: the dialect that alone has the place where its words end."""
        node = self._root
        for segment in path.split("/", PATH_SEGMENTS)[1:]:
            below = node.literal.get(segment)
            if below is None:
                break
            node = below
        return next(iter(node.dialects.values())) if len(node.dialects) == 1 else None

    def _walk(self, segments: Sequence[str]) -> Found:
        node = self._root
        values: list[str] = []
        for segment in segments:
            below = node.literal.get(segment)
            if below is None:
                below = node.any
                if below is None or not _is_value(segment):
                    return _NOTHING
                values.append(segment)
            node = below
        return (node.methods, values) if node.methods else _NOTHING


def is_parameter(segment: str) -> bool:
    """Whether a segment of a route is a `{parameter}`."""
    return segment[:1] == "{" and segment[-1:] == "}"


def named(names: Sequence[str], values: Sequence[str]) -> dict[str, str]:
    """The parameters of a call by name."""
    return dict(zip(names, values, strict=True))


def _segments(path: str, raw_path: bytes) -> Sequence[str] | None:
    """The segments, each percent-decoded by itself; None when there are too many or one is no UTF-8."""
    if b"%" not in raw_path:
        segments = path.split("/")
    else:
        try:
            segments = [unquote_to_bytes(part).decode() for part in raw_path.partition(b"?")[0].split(b"/")]
        except UnicodeDecodeError:
            return None
    return segments[1:] if len(segments) <= PATH_SEGMENTS else None


def _is_value(segment: str) -> bool:
    """Whether a parameter may be this: not empty, not long, printable, and no step in a folder."""
    return 0 < len(segment) <= PATH_SEGMENT_LENGTH and segment.isprintable() and segment not in {".", ".."}
